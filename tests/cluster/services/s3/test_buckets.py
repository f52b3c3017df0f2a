import pytest
from botocore.exceptions import ClientError

from culm.cluster.services.s3.references import check_bucket_name
from culm.errors import AwsError


def test_buckets_are_listed_by_name(s3):
    s3.create_bucket(Bucket="attic")

    listed = s3.list_buckets()
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["attic", "vault"]
    assert [bucket["Name"] for bucket in s3.list_buckets(Prefix="va")["Buckets"]] == ["vault"]
    assert [bucket["Name"] for bucket in s3.list_buckets(MaxBuckets=1)["Buckets"]] == ["attic"]


def test_a_bucket_has_a_region(s3, cloud):
    cloud.client("s3", "eu-west-1").create_bucket(
        Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )

    assert s3.get_bucket_location(Bucket="far")["LocationConstraint"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket="vault")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="far")["BucketRegion"] == "eu-west-1"
    with pytest.raises(ClientError, match=r"\(404\)"):
        s3.head_bucket(Bucket="nowhere")


def test_making_a_bucket_again_is_an_error_outside_of_us_east_1(s3, cloud):
    s3.create_bucket(Bucket="vault")
    far = cloud.client("s3", "eu-west-1")
    with pytest.raises(far.exceptions.BucketAlreadyOwnedByYou):
        far.create_bucket(Bucket="vault", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})


@pytest.mark.parametrize("name", ["ab", "A-b", "a..b", "-ab", "10.0.0.1", "xn--ab", "a" * 64])
def test_bucket_names_follow_the_rules(name):
    with pytest.raises(AwsError, match="InvalidBucketName"):
        check_bucket_name(name)


def test_only_an_empty_bucket_is_deleted(s3):
    s3.put_object(Bucket="vault", Key="a", Body=b"")
    s3.create_multipart_upload(Bucket="vault", Key="b")

    with pytest.raises(ClientError, match="BucketNotEmpty"):
        s3.delete_bucket(Bucket="vault")
    s3.delete_object(Bucket="vault", Key="a")
    s3.delete_bucket(Bucket="vault")
    assert s3.list_buckets()["Buckets"] == []


def test_a_bad_name_is_refused(cloud):
    with pytest.raises(ClientError, match="InvalidBucketName"):
        cloud.client("s3").create_bucket(Bucket="Not_A_Bucket")
