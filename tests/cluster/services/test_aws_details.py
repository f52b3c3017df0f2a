"""Small answers of AWS's that clients rely on, a case each."""

import pytest
from botocore.exceptions import ClientError


def code_of(act):
    with pytest.raises(ClientError) as refusal:
        act()
    return refusal.value.response["Error"]["Code"]


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="bucket")
    client.put_object(Bucket="bucket", Key="k", Body=b"0123")
    return client


def test_every_object_is_encrypted(s3):
    s3.put_object(Bucket="bucket", Key="j", Body=b"", ServerSideEncryption="AES256")
    assert s3.put_object(Bucket="bucket", Key="j", Body=b"")["ServerSideEncryption"] == "AES256"
    assert s3.get_object(Bucket="bucket", Key="k")["ServerSideEncryption"] == "AES256"
    assert s3.head_object(Bucket="bucket", Key="k")["ServerSideEncryption"] == "AES256"


def test_copies_and_uploads_in_parts_may_ask_for_the_encryption_that_they_have(s3):
    copied = s3.copy_object(Bucket="bucket", Key="c", CopySource="bucket/k", ServerSideEncryption="AES256")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="m", ServerSideEncryption="AES256")
    part = s3.upload_part(Bucket="bucket", Key="m", UploadId=upload["UploadId"], PartNumber=1, Body=b"1")
    assert {answer["ServerSideEncryption"] for answer in (copied, upload, part)} == {"AES256"}


def test_an_upload_that_is_completed_twice_is_answered_twice_the_same(s3):
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    upload = s3.create_multipart_upload(Bucket="bucket", Key="m")["UploadId"]
    part = s3.upload_part(Bucket="bucket", Key="m", UploadId=upload, PartNumber=1, Body=b"1")
    named = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}

    def complete():
        answer = s3.complete_multipart_upload(Bucket="bucket", Key="m", UploadId=upload, MultipartUpload=named)
        return answer["ETag"], answer["VersionId"], answer["Location"]

    first = complete()
    s3.put_object(Bucket="bucket", Key="m", Body=b"newer")
    assert complete() == first
    assert s3.get_object(Bucket="bucket", Key="m")["Body"].read() == b"newer"


def test_the_only_part_of_a_plain_object_is_a_part(s3):
    found = s3.get_object(Bucket="bucket", Key="k", PartNumber=1)
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["ContentRange"]) == (206, "bytes 0-3/4")


def test_a_range_that_ends_before_it_begins_is_ignored(s3):
    found = s3.get_object(Bucket="bucket", Key="k", Range="bytes=1-0")
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Body"].read()) == (200, b"0123")


def test_a_bucket_is_in_the_region_that_is_asked(s3):
    elsewhere = {"LocationConstraint": "eu-west-1"}
    refusal = code_of(lambda: s3.create_bucket(Bucket="other", CreateBucketConfiguration=elsewhere))
    assert refusal == "IllegalLocationConstraintException"


def test_a_condition_on_an_object_that_is_not_there_finds_none(s3):
    assert code_of(lambda: s3.delete_object(Bucket="bucket", Key="none", IfMatch="x")) == "NoSuchKey"
    assert code_of(lambda: s3.delete_object(Bucket="bucket", Key="k", IfMatch="x")) == "PreconditionFailed"


def test_tags_of_the_system_are_not_for_callers(s3):
    tagging = {"TagSet": [{"Key": "aws:x", "Value": "y"}]}
    assert code_of(lambda: s3.put_object_tagging(Bucket="bucket", Key="k", Tagging=tagging)) == "InvalidTag"


def test_a_version_that_becomes_current_keeps_its_other_labels(cloud):
    secrets = cloud.client("secretsmanager")
    first = secrets.create_secret(Name="s", SecretString="1")["VersionId"]
    second = secrets.put_secret_value(SecretId="s", SecretString="2", VersionStages=["AWSPENDING"])["VersionId"]
    secrets.update_secret_version_stage(
        SecretId="s", VersionStage="AWSCURRENT", MoveToVersionId=second, RemoveFromVersionId=first
    )
    stages = secrets.describe_secret(SecretId="s")["VersionIdsToStages"]
    assert set(stages[second]) == {"AWSCURRENT", "AWSPENDING"}


def test_a_log_group_is_not_identified_by_its_streams(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    wrong = "arn:aws:logs:us-east-1:000000000000:log-group:g:*"
    assert code_of(lambda: logs.filter_log_events(logGroupIdentifier=wrong)) == "InvalidParameterException"


def test_a_security_group_of_another_vpc_is_named_as_such(cloud):
    ec2, elbv2 = cloud.client("ec2"), cloud.client("elbv2")
    other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    group = ec2.create_security_group(GroupName="g", Description="d", VpcId=other)["GroupId"]
    default = [{"Name": "default-for-az", "Values": ["true"]}]
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets(Filters=default)["Subnets"]]
    with pytest.raises(ClientError, match=f"Security group '{group}' does not belong to VPC") as refusal:
        elbv2.create_load_balancer(Name="lb", Subnets=subnets[:2], SecurityGroups=[group])
    assert refusal.value.response["Error"]["Code"] == "InvalidConfigurationRequest"


def test_repositories_are_made_in_ones_own_registry_with_policies_that_are_some(cloud):
    ecr = cloud.client("ecr")
    refusal = code_of(lambda: ecr.create_repository(repositoryName="web", registryId="1" * 12))
    assert refusal == "InvalidParameterException"
    ecr.create_repository(repositoryName="web")
    for wrong in "{}", "[]", '{"Statement": []}', '{"Statement": {"Effect": "Allow", "Action": "ecr:*"}}':
        refusal = code_of(lambda text=wrong: ecr.set_repository_policy(repositoryName="web", policyText=text))
        assert refusal == "InvalidParameterException"
