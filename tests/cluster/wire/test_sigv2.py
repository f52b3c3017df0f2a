"""S3's older presigned URLs: botocore makes them, we verify."""

from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from culm.cluster.wire import sigv2
from culm.cluster.wire.http import Request
from culm.cluster.wire.sigv4 import Rejected, session_token, signature

ENDPOINT = "http://127.0.0.1:4566"
KEY = Credentials("AKIAEXAMPLE", "secret")


def presigned(method="GET", path="/vault/stg/a%20b.conf", key=KEY, sent=None, **headers) -> Request:
    """`headers` go into the signature; `sent` are what whoever has the URL sends."""
    request = AWSRequest(method=method, url=f"{ENDPOINT}{path}", headers=headers)
    HmacV1QueryAuth(key, expires=60).add_auth(request)
    path, _, query = request.url.removeprefix(ENDPOINT).partition("?")
    return Request(method=method, path=path, query=query, headers={"host": "127.0.0.1:4566", **(sent or {})}, body=b"")


def check(request: Request, *, secret="secret", after=0.0) -> None:
    """`after` seconds from when it was signed."""
    found = signature(request)
    assert found is not None and found.version == 2
    sigv2.verify(request, found, secret, float(parse_qs(request.query)["Expires"][0]) - 60 + after)


def why(request: Request, **given) -> str:
    with pytest.raises(Rejected) as rejected:
        check(request, **given)
    return rejected.value.why


@pytest.mark.parametrize(
    "request_",
    [
        presigned(),
        presigned(path="/vault/a?versionId=abc&response-content-type=text%2Fplain"),
        presigned("PUT", **{"Content-Type": "text/plain", "x-amz-acl": "private"}),
        presigned("PUT", path="/vault/a?partNumber=1&uploadId=u"),
        presigned("DELETE"),
        presigned("GET", path="/vault?prefix=stg/"),
    ],
)
def test_what_botocore_signs_is_good(request_):
    check(request_)


def test_a_session_s_token_is_in_the_url_and_signed():
    request = presigned(key=Credentials("ASIAEXAMPLE", "secret", "token"))
    check(request)
    found = signature(request)
    assert found is not None and session_token(request, found) == "token"
    assert why(replace(request, query=request.query.replace("=token", "=other"))) == "mismatch"


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "DELETE"},
        {"path": "/vault/prd/a%20b.conf"},
        {"headers": {"host": "127.0.0.1:4566", "x-amz-acl": "public-read"}},
        {"headers": {"host": "127.0.0.1:4566", "content-type": "text/html"}},
    ],
)
def test_another_request_is_refused(changed):
    assert why(replace(presigned(), **changed)) == "mismatch"


def test_another_subresource_secret_or_life_is_refused():
    request = presigned()
    assert why(replace(request, query=f"{request.query}&acl")) == "mismatch"
    assert why(request, secret="other") == "mismatch"
    assert why(request, after=61) == "expired"
    assert why(replace(request, query=request.query.replace("Expires=", "Expires=9"))) == "mismatch"


def test_half_of_it_is_none():
    request = presigned()
    found = signature(request)
    assert found is not None
    with pytest.raises(Rejected) as rejected:
        sigv2.verify(replace(request, query="AWSAccessKeyId=AKIAEXAMPLE&Signature=a"), found, "secret", 0.0)
    assert rejected.value.why == "incomplete"
