"""Who comes in, and what those who do not are told: through boto3, in each protocol's own words."""

import json
from dataclasses import replace
from typing import get_args

import pytest
from botocore.exceptions import ClientError

from culm.cluster.wire.gate import CODES
from culm.cluster.wire.http import Request
from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.cluster.wire.sigv4 import Why
from culm.core.model.agent import RoleCredentials

ROLE = "arn:aws:iam::000000000000:role/web"
CALLS = {
    "ecs": lambda client: client.list_clusters(),
    "sts": lambda client: client.get_caller_identity(),
    "ec2": lambda client: client.describe_vpcs(),
    "s3": lambda client: client.list_buckets(),
}


def session(cloud, lifetime: float = 3600.0) -> RoleCredentials:
    return cloud.keys.issue(role_arn=ROLE, role_id="AROAWEB", name="task", expiration=cloud.now + lifetime, seed="1")


def refused(cloud, service: str, keys: RoleCredentials) -> tuple[str, int]:
    with pytest.raises(ClientError) as error:
        CALLS[service](cloud.client(service, keys=keys))
    answer = error.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_session_is_whose_it_is(cloud):
    told = cloud.client("sts", keys=session(cloud)).get_caller_identity()

    assert told["Arn"] == "arn:aws:sts::000000000000:assumed-role/web/task"
    assert told["UserId"] == "AROAWEB:task"


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("ecs", ("UnrecognizedClientException", 400)),
        ("sts", ("InvalidClientTokenId", 403)),
        ("ec2", ("AuthFailure", 401)),
        ("s3", ("InvalidAccessKeyId", 403)),
    ],
)
def test_a_key_that_nobody_has_is_refused(cloud, service, expected):
    nobody = replace(session(cloud), access_key_id="ASIANOBODY", session_token=None)

    assert refused(cloud, service, nobody) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("ecs", ("InvalidSignatureException", 400)),
        ("sts", ("SignatureDoesNotMatch", 403)),
        ("ec2", ("AuthFailure", 401)),
        ("s3", ("SignatureDoesNotMatch", 403)),
    ],
)
def test_a_wrong_secret_is_refused(cloud, service, expected):
    operator = replace(session(cloud), access_key_id="AKIAEXAMPLE", secret_access_key="wrong", session_token=None)

    assert refused(cloud, service, replace(session(cloud), secret_access_key="wrong")) == expected
    assert refused(cloud, service, operator) == expected


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        ("ecs", ("ExpiredTokenException", 400)),
        ("sts", ("ExpiredToken", 403)),
        ("ec2", ("RequestExpired", 400)),
        ("s3", ("ExpiredToken", 400)),
    ],
)
def test_a_session_ends(cloud, service, expected):
    keys = session(cloud, lifetime=900)
    cloud.clock.advance(899)
    CALLS["sts"](cloud.client("sts", keys=keys))
    cloud.clock.advance(1)

    assert refused(cloud, service, keys) == expected


def test_a_token_that_was_changed_is_none(cloud):
    keys = session(cloud)
    other = replace(keys, access_key_id=f"{keys.access_key_id[:-1]}2", session_token=keys.session_token)
    torn = replace(
        keys, access_key_id=f"{keys.access_key_id[:-1]}3", session_token=keys.session_token[:-8] + "AAAAAAA="
    )
    text = replace(keys, access_key_id=f"{keys.access_key_id[:-1]}4", session_token="not base64!")

    assert refused(cloud, "s3", other) == ("InvalidAccessKeyId", 403)
    assert refused(cloud, "s3", torn) == ("InvalidToken", 400)
    assert refused(cloud, "ecs", text) == ("UnrecognizedClientException", 400)


def test_another_cluster_s_session_is_none_here(cloud):
    elsewhere = Keyring(AccessKey(access_key_id="AKIAOTHER", secret_access_key="other"), b"another key")
    keys = elsewhere.issue(role_arn=ROLE, role_id="", name="task", expiration=cloud.now + 900, seed="1")

    assert refused(cloud, "s3", keys) == ("InvalidToken", 400)


STATUS = {
    400: {
        "AuthorizationHeaderMalformed",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "UnrecognizedClientException",
        "XAmzContentSHA256Mismatch",
    },
    401: {"AuthFailure"},
    403: {
        "AccessDenied",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "MissingAuthenticationToken",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    },
}
"""Of each code, whatever was wrong. ExpiredToken has two: 400 of S3, 403 of the services of the query protocol.

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""


def test_a_code_has_the_same_status_whatever_was_wrong():
    for protocol, codes in CODES.items():
        for code, status in codes.values():
            if code == "ExpiredToken":
                assert status == (400 if protocol == "rest-xml" else 403)
            else:
                assert code in STATUS[status]


def test_every_protocol_has_a_word_for_all_that_can_be_wrong_with_a_signature():
    for codes in CODES.values():
        assert set(codes) == set(get_args(Why))


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"}, b"MissingAuthenticationTokenException"),
        ({}, b"<Code>AccessDenied</Code><Message>Access Denied</Message>"),
    ],
)
def test_an_unsigned_request_is_refused(cloud, headers, code):
    answer = cloud.answer(Request(method="GET", path="/", query="", headers=headers), verified=True)

    assert answer.status in (400, 403)
    assert code in answer.body


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a"]
)
def test_what_a_page_of_another_site_can_send_is_refused_and_cannot_be_read(cloud, content_type):
    """A form, or a request that asks nobody first; and the question that a browser asks before any other."""
    headers = {"origin": "https://evil.example", "content-type": content_type, "cookie": "a=b"}
    for method, body in (("POST", b"Action=DeleteVpc&Version=2016-11-15&VpcId=vpc-1"), ("OPTIONS", b""), ("GET", b"")):
        asked = {**headers, "access-control-request-method": "PUT"} if method == "OPTIONS" else headers
        answer = cloud.answer(Request(method=method, path="/", query="", headers=asked, body=body), verified=True)
        assert answer.status in (400, 401, 403, 405), method
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


def test_a_signature_is_not_good_for_another_time(cloud):
    """A request that was overheard is replayed."""
    cloud.client("ecs").list_clusters()
    request = cloud.heard
    assert cloud.answer(request, verified=True).status == 200

    cloud.clock.advance(301)
    late = cloud.answer(request, verified=True)

    assert (late.status, json.loads(late.body)["__type"]) == (400, "InvalidSignatureException")


def test_keys_are_the_same_whenever_they_are_made_and_others_for_others(cloud):
    assert session(cloud) == session(cloud)
    assert session(cloud, 1.0).secret_access_key != session(cloud, 2.0).secret_access_key
    assert session(cloud, 1.0).credentials_id == session(cloud, 2.0).credentials_id
