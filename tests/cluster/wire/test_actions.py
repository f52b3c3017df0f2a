"""What a request needs to be allowed: IAM's names of actions, and the ARNs that they are for."""

from typing import Any

import pytest

from culm.cluster.wire.actions import Need, Place, needs

PLACE = Place(region="us-east-1", account="000000000000")
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret"


def needed(service: str, operation: str, **members: Any) -> list[tuple[str, str]]:
    return [(need.action, need.resource) for need in needs(service, operation, members, PLACE)]


def test_anybody_may_ask_who_he_is_and_a_role_says_itself_who_may_assume_it():
    assert needs("sts", "GetCallerIdentity", {}, PLACE) == []
    assert needs("sts", "AssumeRole", {"RoleArn": "arn:aws:iam::000000000000:role/web"}, PLACE) == []


def test_what_names_nothing_is_about_everything():
    assert needs("ecs", "ListClusters", {}, PLACE) == [Need(action="ecs:ListClusters")]
    assert Need(action="ecs:ListClusters").resource == "*"


def test_a_batch_of_secrets_needs_each_of_them_and_one_without_names_needs_all():
    named = needed("secretsmanager", "BatchGetSecretValue", SecretIdList=["a", f"{SECRET}:b-123456"])
    assert [each for each in named if each[0] == "secretsmanager:GetSecretValue"] == [
        ("secretsmanager:GetSecretValue", f"{SECRET}:a-??????"),
        ("secretsmanager:GetSecretValue", f"{SECRET}:b-123456"),
    ]
    assert ("secretsmanager:GetSecretValue", "*") in needed("secretsmanager", "BatchGetSecretValue")


def test_who_hands_a_role_to_a_task_may_pass_it_also_as_an_override():
    passed = needed(
        "ecs", "RunTask", taskRoleArn="role/a", overrides={"taskRoleArn": "role/b", "executionRoleArn": "role/c"}
    )
    assert [each for each in passed if each[0] == "iam:PassRole"] == [
        ("iam:PassRole", "role/a"),
        ("iam:PassRole", "role/b"),
        ("iam:PassRole", "role/c"),
    ]
    assert ("iam:PassRole", "role/a") in needed("ecs", "RegisterTaskDefinition", taskRoleArn="role/a", overrides="x")
    assert ("iam:PassRole", "role/a") not in needed("logs", "CreateLogGroup", taskRoleArn="role/a")


@pytest.mark.parametrize(
    ("operation", "members", "expected"),
    [
        ("ListBuckets", {}, [("s3:ListAllMyBuckets", "*")]),
        ("ListObjectsV2", {}, [("s3:ListBucket", "arn:aws:s3:::b")]),
        ("GetObject", {"Key": "k"}, [("s3:GetObject", "arn:aws:s3:::b/k")]),
        ("GetObject", {"Key": "k", "VersionId": "1"}, [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        (
            "DeleteObjects",
            {"Delete": {"Objects": [{"Key": "k"}, {"Key": "l", "VersionId": "1"}]}},
            [("s3:DeleteObject", "arn:aws:s3:::b/k"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/l")],
        ),
        ("DeleteObjects", {}, []),
        (
            "CopyObject",
            {"Key": "k", "CopySource": "/c/l%20m"},
            [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObject", "arn:aws:s3:::c/l m")],
        ),
        (
            "CopyObject",
            {"Key": "k", "CopySource": "c/l?versionId=1"},
            [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObjectVersion", "arn:aws:s3:::c/l")],
        ),
        (
            "PutObject",
            {"Key": "k", "Tagging": "a=b"},
            [("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:PutObjectTagging", "arn:aws:s3:::b/k")],
        ),
        ("PutObjectTagging", {"Key": "k", "Tagging": {}}, [("s3:PutObjectTagging", "arn:aws:s3:::b/k")]),
        ("PutBucketTagging", {"Tagging": {"TagSet": []}}, [("s3:PutBucketTagging", "arn:aws:s3:::b")]),
    ],
)
def test_actions_of_s3_have_iam_s_names_and_are_for_buckets_or_objects(operation, members, expected):
    bucket = {} if operation == "ListBuckets" else {"Bucket": "b"}
    assert needed("s3", operation, **bucket, **members) == expected
