"""What clients set on a bucket, read back and take away again."""

import pytest
from botocore.exceptions import ClientError


def code_of(problem):
    return problem.value.response["Error"]["Code"]


def encryption(algorithm, **more):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}, **more}]}


def test_objects_are_sealed_and_whether_a_bucket_key_is_wanted_is_kept(s3):
    assert s3.get_bucket_encryption(Bucket="vault")["ServerSideEncryptionConfiguration"] == encryption(
        "AES256", BucketKeyEnabled=False
    )
    with_key = encryption("AES256", BucketKeyEnabled=True)
    s3.put_bucket_encryption(Bucket="vault", ServerSideEncryptionConfiguration=with_key)
    assert s3.get_bucket_encryption(Bucket="vault")["ServerSideEncryptionConfiguration"] == with_key
    s3.delete_bucket_encryption(Bucket="vault")
    [rule] = s3.get_bucket_encryption(Bucket="vault")["ServerSideEncryptionConfiguration"]["Rules"]
    assert not rule["BucketKeyEnabled"]


@pytest.mark.parametrize("owner", ["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"])
def test_ownership_controls_are_kept_and_taken_away(s3, owner):
    new = s3.get_bucket_ownership_controls(Bucket="vault")["OwnershipControls"]
    assert new == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket="vault", OwnershipControls={"Rules": [{"ObjectOwnership": owner}]})
    [rule] = s3.get_bucket_ownership_controls(Bucket="vault")["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": owner}
    s3.delete_bucket_ownership_controls(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_ownership_controls(Bucket="vault")
    assert code_of(problem) == "OwnershipControlsNotFoundError"


def test_tags_of_a_bucket_are_replaced_and_taken_away(s3):
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_tagging(Bucket="vault")
    assert code_of(problem) == "NoSuchTagSet"
    for tags in ([{"Key": "team", "Value": "a"}, {"Key": "env", "Value": "stg"}], [{"Key": "team", "Value": "b"}]):
        s3.put_bucket_tagging(Bucket="vault", Tagging={"TagSet": tags})
        assert s3.get_bucket_tagging(Bucket="vault")["TagSet"] == tags
    with pytest.raises(ClientError) as problem:
        s3.put_bucket_tagging(
            Bucket="vault", Tagging={"TagSet": [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]}
        )
    assert code_of(problem) == "InvalidTag"
    s3.delete_bucket_tagging(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_tagging(Bucket="vault")
    assert code_of(problem) == "NoSuchTagSet"


def test_lifecycle_rules_are_kept_as_they_were_given(s3):
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_lifecycle_configuration(Bucket="vault")
    assert code_of(problem) == "NoSuchLifecycleConfiguration"
    rules = [
        {
            "ID": "logs",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "alb/", "Tags": [{"Key": "kind", "Value": "log"}]}},
            "Expiration": {"Days": 30},
            "Transitions": [{"Days": 10, "StorageClass": "STANDARD_IA"}],
            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 3},
        },
        {
            "ID": "all",
            "Status": "Disabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"ExpiredObjectDeleteMarker": True},
        },
    ]
    s3.put_bucket_lifecycle_configuration(Bucket="vault", LifecycleConfiguration={"Rules": rules})
    kept = s3.get_bucket_lifecycle_configuration(Bucket="vault")
    assert kept["Rules"] == rules
    assert kept["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    with pytest.raises(ClientError) as problem:
        s3.put_bucket_lifecycle_configuration(Bucket="vault", LifecycleConfiguration={"Rules": [rules[0], rules[0]]})
    assert code_of(problem) == "InvalidArgument"
    s3.delete_bucket_lifecycle(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_lifecycle_configuration(Bucket="vault")
    assert code_of(problem) == "NoSuchLifecycleConfiguration"


def test_a_lifecycle_rule_may_name_a_date(s3):
    rule = {"ID": "once", "Status": "Enabled", "Filter": {}, "Expiration": {"Date": "2030-01-01T00:00:00Z"}}
    s3.put_bucket_lifecycle_configuration(Bucket="vault", LifecycleConfiguration={"Rules": [rule]})
    [kept] = s3.get_bucket_lifecycle_configuration(Bucket="vault")["Rules"]
    assert kept["Expiration"]["Date"].isoformat() == "2030-01-01T00:00:00+00:00"


def test_cors_rules_are_kept(s3):
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_cors(Bucket="vault")
    assert code_of(problem) == "NoSuchCORSConfiguration"
    rule = {"AllowedMethods": ["PUT", "GET"], "AllowedOrigins": ["https://shop.example"], "MaxAgeSeconds": 60}
    s3.put_bucket_cors(Bucket="vault", CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket="vault")["CORSRules"] == [rule]
    s3.delete_bucket_cors(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_cors(Bucket="vault")
    assert code_of(problem) == "NoSuchCORSConfiguration"


def test_public_access_is_blocked_until_the_block_is_taken_away(s3):
    members = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    assert s3.get_public_access_block(Bucket="vault")["PublicAccessBlockConfiguration"] == dict.fromkeys(members, True)
    s3.put_public_access_block(Bucket="vault", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    kept = s3.get_public_access_block(Bucket="vault")["PublicAccessBlockConfiguration"]
    assert [member for member in members if kept[member]] == ["BlockPublicAcls"]
    s3.delete_public_access_block(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_public_access_block(Bucket="vault")
    assert code_of(problem) == "NoSuchPublicAccessBlockConfiguration"


def test_settings_go_with_their_bucket(s3):
    s3.put_bucket_tagging(Bucket="vault", Tagging={"TagSet": [{"Key": "team", "Value": "a"}]})
    s3.delete_bucket(Bucket="vault")
    s3.create_bucket(Bucket="vault")
    with pytest.raises(ClientError) as problem:
        s3.get_bucket_tagging(Bucket="vault")
    assert code_of(problem) == "NoSuchTagSet"


def test_keys_of_others_are_refused_by_name(s3):
    with pytest.raises(ClientError, match="SSEAlgorithm = aws:kms"):
        s3.put_bucket_encryption(Bucket="vault", ServerSideEncryptionConfiguration=encryption("aws:kms"))
