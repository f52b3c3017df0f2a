"""What a request looks like where its service does not tell."""

import pytest

from culm.cluster.wire import query
from culm.cluster.wire.errors import query_compatible
from culm.cluster.wire.http import Request
from culm.cluster.wire.models import Service
from culm.cluster.wire.protocols import spoken
from culm.errors import AwsError


def posted(body: bytes = b"", **headers: str) -> Request:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(method="POST", path="/", query="", headers=given, body=body, source=None)


FORM = {"content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize(
    ("request_", "of_several", "of_nobody"),
    [
        (posted(smithy_protocol="rpc-v2-cbor"), "smithy-rpc-v2-cbor", "smithy-rpc-v2-cbor"),
        (posted(x_amz_target="GraniteServiceVersion20100801.PutMetricData"), "json", "json"),
        (posted(b"Action=PutMetricData", **FORM), "query", "query"),
        (posted(b"a=b", **FORM), "query", "rest-xml"),
    ],
)
def test_a_request_tells_its_protocol_where_its_service_speaks_several(request_, of_several, of_nobody):
    assert spoken(request_, Service("cloudwatch", [])) == of_several
    assert spoken(request_) == of_nobody


def test_a_service_of_one_protocol_needs_no_telling():
    assert spoken(posted(x_amz_target="nonsense"), Service("s3", [])) == "rest-xml"


@pytest.mark.parametrize(("status", "fault"), [(400, "Sender"), (404, "Sender"), (500, "Receiver")])
def test_an_error_says_whose_fault_it_is_in_both_protocols_that_query_clients_read(status, fault):
    error = AwsError("Throttled", "no", status)
    answer = query.failure(error, "1")
    assert f"<Type>{fault}</Type>" in answer.body.decode()
    assert query_compatible(answer, error).headers["x-amzn-query-error"] == f"Throttled;{fault}"
