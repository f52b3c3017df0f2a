"""Malformed input gets the service's own error: never a 500, and always an answer that the SDK can read."""

import logging
import math
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.wire import hostile
from tests.cluster.wire.hostile import ODD, broken, least, model, places, protocols, unreadable, valid

from culm.cluster import operations
from culm.cluster.wire.http import Request
from culm.cluster.wire.operations import OPERATIONS

operations.load()
SERVED = sorted(OPERATIONS)
LONGEST_SECONDS = 2.0

COUNTED = os.environ.get("CULM_FUZZ_COUNT")
"""A file to which a byte is written for each request; bench/fuzz.py counts them."""
fuzzing = settings(max_examples=int(os.environ.get("CULM_FUZZ", "60")), suppress_health_check=list(HealthCheck))


@given(st.data())
@fuzzing
def test_every_operation_with_one_value_broken_answers_what_its_sdk_can_read(cloud, data):
    service, name = data.draw(st.sampled_from(SERVED))
    operation = model(service).operation_model(name)
    whole = valid(operation)
    base = data.draw(st.sampled_from([least(whole, operation), whole]))
    paths = list(places(base))
    members = broken(base, data.draw(st.sampled_from(paths)), data.draw(st.sampled_from(ODD))) if paths else base
    for protocol in protocols(service):
        request = hostile.request(service, protocol, operation, members)
        if request is None:
            continue
        began = time.process_time()  # of this process: the machine may be busy with others
        response = cloud.answer(request)
        assert response.status != 500, response.body
        assert unreadable(protocol, operation, response) is None, response.body
        assert time.process_time() - began < LONGEST_SECONDS
        counted()


@given(st.data())
@fuzzing
def test_every_operation_with_bytes_broken_answers_what_its_sdk_can_read(cloud, data):
    service, name = data.draw(st.sampled_from(SERVED))
    operation = model(service).operation_model(name)
    for protocol in protocols(service):
        request = hostile.request(service, protocol, operation, valid(operation))
        if request is None:
            continue
        body = bytearray(request.body)
        for _ in range(data.draw(st.integers(1, 3))):
            at = data.draw(st.integers(0, len(body)))
            body[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=4))
        odd = ["X-Amz-Credential=", "AWSAccessKeyId=", "=&&=", "a%zz=%ff"] if protocol == "rest-xml" else []
        query = data.draw(st.sampled_from([request.query, *odd]))
        sent = Request(method=request.method, path=request.path, query=query, headers=request.headers, body=bytes(body))
        response = cloud.answer(sent)
        assert response.status != 500, response.body
        assert unreadable(protocol, operation, response) is None, response.body
        counted()


def counted() -> None:
    if COUNTED:
        with open(COUNTED, "ab") as file:
            file.write(b".")


streamed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
presigned = "X-Amz-Credential=a/20260101/r/s3/aws4_request&X-Amz-Date=²&X-Amz-Expires=²"
chunks = [b"-5;a=b\r\n", b"0x1\r\na\r\n0\r\n", b"1_0\r\n", b"5\r\nab", b"\x1f\x8b"]
CREDENTIAL = "Credential=AKIAEXAMPLE/20260101/us-east-1/{}/aws4_request, SignedHeaders=host;x-amz-date, Signature={}"
odd_text = st.text(max_size=30) | st.sampled_from(
    ["", "²", "٣", "20269901T000000Z", "20260101T000000Z", "AWS4-HMAC-SHA256"]
)


@given(
    service=st.sampled_from(["ecs", "s3", "ec2", "elasticloadbalancing", "iam", "monitoring", "none", ""]),
    signature=odd_text,
    date=odd_text,
    sha=st.sampled_from(["", "UNSIGNED-PAYLOAD", streamed, "STREAMING-UNSIGNED-PAYLOAD-TRAILER"]),
    query=st.sampled_from(["", presigned, "AWSAccessKeyId=&Expires=²"]),
    body=st.binary(max_size=40) | st.sampled_from(chunks),
    encoding=st.sampled_from(["", "gzip", "aws-chunked"]),
)  # fmt: skip
@fuzzing
def test_unbelievable_signatures_are_refused_and_never_an_error_of_ours(
    cloud, service, signature, date, sha, query, body, encoding
):
    headers = {
        "host": "h",
        "x-amz-date": date,
        "authorization": f"AWS4-HMAC-SHA256 {CREDENTIAL.format(service, signature)}",
    }
    headers |= {name: v for name, v in (("x-amz-content-sha256", sha), ("content-encoding", encoding)) if v}
    request = Request(method="POST", path="/", query=query, headers=headers, body=body)
    assert 400 <= cloud.answer(request, verified=True).status < 600
    assert cloud.answer(request, verified=True).status != 500
    assert cloud.answer(request).status != 500
    counted()


@pytest.mark.parametrize("body", [b"[]", b"null", b"3", b'"a"', b"[" * 3000, b'{"a":' * 3000, b"\xff", b"NaN"])
@pytest.mark.parametrize(
    "target", ["AmazonEC2ContainerServiceV20141113.ListClusters", "Logs_20140328.DescribeLogGroups"]
)
def test_a_body_that_is_no_object_is_a_serialization_or_validation_error(cloud, target, body):
    response = cloud.answer(Request(method="POST", path="/", query="", headers={"x-amz-target": target}, body=body))
    assert response.status == 400
    assert b"Exception" in response.body


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_metrics_that_are_no_numbers_are_refused(cloud, value):
    cloudwatch = cloud.client("cloudwatch")
    with pytest.raises(cloudwatch.exceptions.ClientError) as refusal:
        cloudwatch.put_metric_data(Namespace="N", MetricData=[{"MetricName": "m", "Value": value}])
    assert refusal.value.response["Error"]["Code"] == "InvalidParameterValue"


@pytest.mark.parametrize("text", ["\x1b[0m", "\x00", "￾"])
def test_text_that_xml_cannot_carry_is_refused_where_answers_are_xml(cloud, text):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    with pytest.raises(ec2.exceptions.ClientError, match="regular expression pattern"):
        ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": text}])
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["VpcId"] == vpc


def test_what_was_stored_before_it_was_refused_is_described_without_what_xml_cannot_carry(cloud):
    ec2 = cloud.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "a", "Value": "good\rway"}])
    cloud.db.execute("UPDATE ec2_tag SET value = replace(value, 'good', char(27) || '&')")
    [tag] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"]
    assert tag["Value"] == "\ufffd&\rway"


def test_json_services_keep_control_characters_in_logs(cloud):
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    event = {"timestamp": int(cloud.now * 1000), "message": "\x1b[31mred\x1b[0m"}
    logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[event])
    [found] = logs.get_log_events(logGroupName="g", logStreamName="s")["events"]
    assert found["message"] == "\x1b[31mred\x1b[0m"


def test_a_bug_of_ours_is_logged_and_still_readable(cloud, caplog):
    caplog.set_level(logging.CRITICAL)
    cloud.db.execute("DROP TABLE ecs_cluster")
    response = cloud.answer(
        Request(
            method="POST", path="/", query="", body=b"{}",
            headers={"x-amz-target": "AmazonEC2ContainerServiceV20141113.ListClusters"},
        )
    )  # fmt: skip
    assert response.status == 500
    assert b"This is a bug in culm" in response.body
