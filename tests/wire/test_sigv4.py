from culm.wire.http import Request
from culm.wire.sigv4 import Signature, signature

EXPECTED = Signature(
    access_key="AKIA/with/slashes",
    date="20260101",
    region="us-east-1",
    service="ecs",
    signed_headers=("host", "x-amz-date"),
    signature="abc",
)


def test_the_authorization_header_is_taken_apart():
    scope = "AKIA/with/slashes/20260101/us-east-1/ecs/aws4_request"
    header = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date,Signature=abc"

    assert signature(Request(method="GET", path="/", query="", headers={"authorization": header})) == EXPECTED


def test_basic_credentials_are_no_signature():
    assert signature(Request(method="GET", path="/", query="", headers={"authorization": "Basic QVdTOng="})) is None
