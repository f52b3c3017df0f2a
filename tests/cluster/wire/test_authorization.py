"""What a role's session may do: asked by boto3, with its own keys."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/web"
SESSION = "arn:aws:sts::000000000000:assumed-role/web/task"
TRUST = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}}


class Web:
    """The role `web`, and clients that are it."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.iam = cloud.client("iam")
        self.iam.create_role(RoleName="web", AssumeRolePolicyDocument=json.dumps(TRUST))

    def may(self, *actions: str, resource: Any = "*", effect: str = "Allow", **more: Any) -> None:
        statement = {"Effect": effect, "Action": list(actions), "Resource": resource, **more}
        name = f"p{len(self.iam.list_role_policies(RoleName='web')['PolicyNames'])}"
        self.iam.put_role_policy(
            RoleName="web",
            PolicyName=name,
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        )

    def client(self, service: str) -> Any:
        now = self.cloud.now
        keys = self.cloud.keys.issue(role_arn=ROLE, role_id="AROAWEB", name="task", expiration=now + 3600, seed="1")
        return self.cloud.client(service, keys=keys)


@pytest.fixture
def web(cloud):
    s3 = cloud.client("s3")
    for bucket in ("vault", "other"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="stg/web/a", Body=b"a")
    return Web(cloud)


def refused(call: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as error:
        call()
    answer = error.value.response
    return answer["Error"]["Code"], answer["Error"].get("Message", ""), answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_role_without_policies_may_only_know_who_it_is(web):
    assert web.client("sts").get_caller_identity()["Arn"] == SESSION
    code, message, status = refused(lambda: web.client("s3").get_object(Bucket="vault", Key="stg/web/a"))
    assert (code, status) == ("AccessDenied", 403)
    assert message == (
        f"User: {SESSION} is not authorized to perform: s3:GetObject on resource:"
        ' "arn:aws:s3:::vault/stg/web/a" because no identity-based policy allows the s3:GetObject action'
    )


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("ecs", lambda c: c.list_clusters(), "AccessDeniedException", 400),
        ("iam", lambda c: c.list_roles(), "AccessDenied", 403),
        ("ec2", lambda c: c.describe_vpcs(), "UnauthorizedOperation", 403),
        ("s3", lambda c: c.list_buckets(), "AccessDenied", 403),
    ],
)
def test_each_protocol_has_its_own_word_for_it(web, service, call, code, status):
    found = refused(lambda: call(web.client(service)))
    assert (found[0], found[2]) == (code, status)


def test_a_role_may_do_what_its_policy_allows_where_it_allows_it(web):
    web.may("s3:GetObject", resource="arn:aws:s3:::vault/stg/web/*")
    s3 = web.client("s3")

    assert s3.get_object(Bucket="vault", Key="stg/web/a")["Body"].read() == b"a"
    assert s3.head_object(Bucket="vault", Key="stg/web/a")["ContentLength"] == 1
    for call in (
        lambda: s3.get_object(Bucket="other", Key="stg/web/a"),
        lambda: s3.put_object(Bucket="vault", Key="stg/web/a", Body=b""),
        lambda: s3.delete_object(Bucket="vault", Key="stg/web/a"),
        lambda: s3.list_objects_v2(Bucket="vault", Prefix="stg/web/"),
        lambda: s3.get_object(Bucket="vault", Key="stg/web/a", VersionId="null"),
    ):
        assert refused(call)[0] == "AccessDenied"


def test_a_list_is_allowed_by_its_prefix(web):
    web.may("s3:ListBucket", resource="arn:aws:s3:::vault", Condition={"StringLike": {"s3:prefix": "stg/web/*"}})
    s3 = web.client("s3")

    assert s3.list_objects_v2(Bucket="vault", Prefix="stg/web/")["KeyCount"] == 1
    assert s3.list_objects(Bucket="vault", Prefix="stg/web/a")["Contents"][0]["Key"] == "stg/web/a"
    for prefix in ({}, {"Prefix": "stg/"}, {"Prefix": "stg/web"}):
        assert refused(lambda prefix=prefix: s3.list_objects_v2(Bucket="vault", **prefix))[0] == "AccessDenied"


def test_a_copy_reads_what_it_copies(web):
    web.may("s3:PutObject", resource="arn:aws:s3:::vault/*")
    s3 = web.client("s3")
    copy = {"Bucket": "vault", "Key": "b", "CopySource": {"Bucket": "other", "Key": "stg/web/a"}}

    assert '"arn:aws:s3:::other/stg/web/a"' in refused(lambda: s3.copy_object(**copy))[1]
    web.may("s3:GetObject", resource="arn:aws:s3:::other/*")
    s3.copy_object(**copy)


def test_every_key_of_a_deletion_must_be_allowed(web):
    web.may("s3:DeleteObject", resource="arn:aws:s3:::vault/stg/web/*")
    s3 = web.client("s3")
    s3.delete_objects(Bucket="vault", Delete={"Objects": [{"Key": "stg/web/a"}]})
    both = {"Objects": [{"Key": "stg/web/b"}, {"Key": "prd/web/a"}]}

    assert '"arn:aws:s3:::vault/prd/web/a"' in refused(lambda: s3.delete_objects(Bucket="vault", Delete=both))[1]


def test_an_upload_in_parts_is_a_write(web):
    web.may("s3:PutObject", resource="arn:aws:s3:::vault/*")
    s3 = web.client("s3")
    id = s3.create_multipart_upload(Bucket="vault", Key="big")["UploadId"]
    part = s3.upload_part(Bucket="vault", Key="big", UploadId=id, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket="vault", Key="big", UploadId=id, MultipartUpload=parts)

    assert refused(lambda: s3.list_multipart_uploads(Bucket="vault"))[0] == "AccessDenied"


def test_a_bucket_s_own_policy_counts(web, cloud):
    statement = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": "arn:aws:s3:::vault/*"}
    owner = cloud.client("s3")
    owner.put_bucket_policy(Bucket="vault", Policy=json.dumps({"Statement": [statement]}))
    assert web.client("s3").get_object(Bucket="vault", Key="stg/web/a")["Body"].read() == b"a"
    assert json.loads(owner.get_bucket_policy(Bucket="vault")["Policy"]) == {"Statement": [statement]}

    owner.put_bucket_policy(Bucket="vault", Policy=json.dumps({"Statement": [statement | {"Effect": "Deny"}]}))
    web.may("s3:*")
    message = refused(lambda: web.client("s3").get_object(Bucket="vault", Key="stg/web/a"))[1]
    assert message.endswith("with an explicit deny in a resource-based policy")
    assert owner.get_object(Bucket="vault", Key="stg/web/a")["Body"].read() == b"a"  # the operator is not asked

    owner.delete_bucket_policy(Bucket="vault")
    assert web.client("s3").get_object(Bucket="vault", Key="stg/web/a")["Body"].read() == b"a"
    assert refused(lambda: owner.get_bucket_policy(Bucket="vault"))[0] == "NoSuchBucketPolicy"
    elsewhere = [statement | {"Resource": f"arn:aws:s3:::{name}"} for name in ("other/*", "vault2", "v*x/a", "vaul?t")]
    for inside in ("*", "arn:aws:s3:::vault", "arn:aws:s3:::v*/a", "arn:aws:s3:::vaul?/*", "arn:aws:s3:::*"):
        owner.put_bucket_policy(Bucket="vault", Policy=json.dumps({"Statement": statement | {"Resource": inside}}))
    nobody = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    for wrong in ("{", *(json.dumps({"Statement": each}) for each in (nobody, *elsewhere))):
        assert (
            refused(lambda wrong=wrong: owner.put_bucket_policy(Bucket="vault", Policy=wrong))[0] == "MalformedPolicy"
        )


def test_resources_of_other_services_are_named_by_their_arns(web, cloud):
    cloud.client("ecs").create_cluster(clusterName="stg")
    cloud.client("logs").create_log_group(logGroupName="/culm/web")
    web.may("ecs:DescribeClusters", resource="arn:aws:ecs:us-east-1:000000000000:cluster/stg")
    web.may("logs:CreateLogStream", resource="arn:aws:logs:us-east-1:000000000000:log-group:/culm/web:*")
    ecs, logs = web.client("ecs"), web.client("logs")

    assert ecs.describe_clusters(clusters=["stg"])["clusters"][0]["clusterName"] == "stg"
    logs.create_log_stream(logGroupName="/culm/web", logStreamName="a")
    assert "cluster/prd" in refused(lambda: ecs.describe_clusters(clusters=["stg", "prd"]))[1]
    assert "log-group:/other" in refused(lambda: logs.create_log_stream(logGroupName="/other", logStreamName="a"))[1]


def test_who_starts_tasks_cannot_give_them_more_than_he_may_hand_over(web):
    web.may("ecs:RegisterTaskDefinition")
    container = {"name": "web", "image": "web:1", "memory": 64}
    given = {
        "family": "web",
        "containerDefinitions": [container],
        "taskRoleArn": "arn:aws:iam::000000000000:role/admin",
    }

    assert "iam:PassRole" in refused(lambda: web.client("ecs").register_task_definition(**given))[1]
    web.may("iam:PassRole", resource="arn:aws:iam::000000000000:role/*")
    web.client("ecs").register_task_definition(**given)


def test_tags_of_a_request_are_conditions(web):
    web.may("ecs:CreateCluster", Condition={"StringEquals": {"aws:RequestTag/team": "green"}})
    ecs = web.client("ecs")

    assert refused(lambda: ecs.create_cluster(clusterName="a"))[0] == "AccessDeniedException"
    ecs.create_cluster(clusterName="a", tags=[{"key": "team", "value": "green"}])


def test_the_operator_may_assume_a_role_and_is_then_no_more_than_that(web, cloud):
    made = cloud.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="me", DurationSeconds=900)
    assert made["AssumedRoleUser"]["Arn"].endswith("assumed-role/web/me")
    assert made["Credentials"]["Expiration"].timestamp() == cloud.now + 900
    from culm.core.model.agent import RoleCredentials

    given = made["Credentials"]
    keys = RoleCredentials(
        credentials_id="",
        role_arn=ROLE,
        access_key_id=given["AccessKeyId"],
        secret_access_key=given["SecretAccessKey"],
        session_token=given["SessionToken"],
        expiration=0.0,
    )
    assert cloud.client("sts", keys=keys).get_caller_identity()["Arn"].endswith("assumed-role/web/me")
    assert refused(lambda: cloud.client("s3", keys=keys).list_buckets())[0] == "AccessDenied"


def test_a_role_assumes_another_that_trusts_it(web, cloud):
    sts = web.client("sts")
    wanted = {"RoleArn": ROLE, "RoleSessionName": "again"}
    assert refused(lambda: sts.assume_role(**wanted))[0] == "AccessDenied"
    web.may("sts:AssumeRole")
    sts.assume_role(**wanted)
    assert refused(lambda: sts.assume_role(**wanted | {"RoleArn": f"{ROLE}2"}))[0] == "AccessDenied"
    assert refused(lambda: sts.assume_role(**wanted, DurationSeconds=7200))[0] == "ValidationError"


def test_a_role_may_pass_another_to_tasks_alone_and_work_in_one_cluster_alone(web):
    cluster = "arn:aws:ecs:us-east-1:000000000000:cluster/mine"
    web.may("ecs:ListTasks", Condition={"ArnEquals": {"ecs:cluster": cluster}})
    web.may("application-autoscaling:*", Condition={"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}})
    ecs = web.client("ecs")
    for named in ("mine", cluster):  # there is none: the request was let in
        assert refused(lambda named=named: ecs.list_tasks(cluster=named))[0] == "ClusterNotFoundException"
    for call in (lambda: ecs.list_tasks(cluster="other"), lambda: ecs.list_tasks()):
        assert refused(call)[0] == "AccessDeniedException"
    scaling = web.client("application-autoscaling")
    assert refused(lambda: scaling.describe_scalable_targets(ServiceNamespace="ecs"))[0] == "AccessDeniedException"


def test_scaling_may_be_allowed_for_one_kind_of_resource(web):
    of = "application-autoscaling:"
    wanted = {f"{of}service-namespace": "ecs", f"{of}scalable-dimension": "ecs:service:DesiredCount"}
    web.may(f"{of}DescribeScalableTargets", Condition={"StringEquals": wanted})
    scaling = web.client("application-autoscaling")
    named = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    assert scaling.describe_scalable_targets(**named)["ScalableTargets"] == []
    assert refused(lambda: scaling.describe_scalable_targets(ServiceNamespace="ecs"))[0] == "AccessDeniedException"
