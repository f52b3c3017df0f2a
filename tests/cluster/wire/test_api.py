"""How a request finds its operation, and what it is told when it finds none."""

import gzip
import json
import logging
import mmap
import re
from dataclasses import replace

import pytest
from botocore.exceptions import ClientError

from culm.cluster import operations
from culm.cluster.wire import operations as wire_operations
from culm.cluster.wire.api import Api, Ready
from culm.cluster.wire.errors import modelled
from culm.cluster.wire.http import LONGEST_HELD, Large, Request, Response, held
from culm.cluster.wire.models import Service
from culm.cluster.wire.operations import OPERATIONS, Call, operation
from culm.errors import AwsError

ECS = "AmazonEC2ContainerServiceV20141113"
FORM = "application/x-www-form-urlencoded"


def signed(service: str) -> dict[str, str]:
    scope = f"AKIAEXAMPLE/20260101/eu-west-1/{service}/aws4_request"
    return {"authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}


def post(headers: dict[str, str], body: str | bytes = b"", query: str = "") -> Request:
    body = body.encode() if isinstance(body, str) else body
    return Request(method="POST", path="/", query=query, headers=headers, body=body)


def test_an_unsigned_request_is_for_the_service_of_its_target(cloud):
    answer = cloud.answer(post({"x-amz-target": f"{ECS}.ListClusters"}, "{}"))

    assert (answer.status, json.loads(answer.body)) == (200, {"clusterArns": []})


def test_an_unsigned_form_is_for_the_service_of_its_version(cloud):
    answer = cloud.answer(post({"content-type": FORM}, "Action=GetCallerIdentity&Version=2011-06-15"))

    assert answer.status == 200
    assert b"<GetCallerIdentityResult>" in answer.body


def test_a_form_is_answered_in_json_where_that_is_accepted(cloud):
    headers = {"content-type": FORM, "accept": "application/json"}
    answer = cloud.answer(post(headers, "Action=GetSessionToken&Version=2011-06-15"))
    refused = cloud.answer(post(headers, "Action=GetSessionToken&Version=2011-06-15&DurationSeconds=1"))

    body = json.loads(answer.body)["GetSessionTokenResponse"]
    assert answer.headers["content-type"] == "application/json"
    assert isinstance(body["GetSessionTokenResult"]["Credentials"]["Expiration"], int | float)
    assert body["ResponseMetadata"]["RequestId"] == answer.headers["x-amzn-requestid"]
    assert (refused.status, json.loads(refused.body)["Error"]["Code"]) == (400, "ValidationError")


def test_a_get_may_carry_a_form_in_its_query(cloud):
    query = "Action=GetCallerIdentity&Version=2011-06-15"
    answer = cloud.answer(Request(method="GET", path="/", query=query, headers={}))

    assert answer.status == 200


def test_a_presigned_request_is_for_the_service_of_its_scope(cloud):
    query = (
        "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256"
        "&X-Amz-Credential=AKIAEXAMPLE%2F20260101%2Fus-east-1%2Fsts%2Faws4_request&X-Amz-Signature=0"
    )

    assert cloud.answer(Request(method="GET", path="/", query=query, headers={})).status == 200


def test_the_region_is_that_of_the_signature(cloud):
    body = '{"clusterName": "web"}'
    answer = cloud.answer(post(signed("ecs") | {"x-amz-target": f"{ECS}.CreateCluster"}, body))

    assert ":eu-west-1:" in json.loads(answer.body)["cluster"]["clusterArn"]


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        (post(signed("lambda")), 501, b"culm does not serve requests signed for lambda"),
        (post({"x-amz-target": "Kinesis_2013.PutRecord"}), 501, b"X-Amz-Target Kinesis_2013.PutRecord"),
        (
            post({"content-type": FORM}, "Action=Publish&Version=2010-03-31"),
            501,
            b"for Publish of API version 2010-03-31",
        ),
        (post({"content-type": FORM}, "Action=Publish"), 501, b"API version (none)"),
        (post({"x-amz-target": f"{ECS}.CreateTheImpossible"}), 400, b"UnknownOperationException"),
        (post(signed("sts") | {"content-type": FORM}, "Action=Nap"), 400, b"<Code>InvalidAction</Code>"),
        (post(signed("ssm") | {"x-amz-target": "AmazonSSM.CreateDocument"}), 501, b"ssm:CreateDocument"),
        (post(signed("s3"), query="select&select-type=2"), 405, b"<Code>MethodNotAllowed</Code>"),
        (
            Request(method="GET", path="/vault", query="website", headers=signed("s3")),
            501,
            b"culm does not serve s3:GetBucketWebsite",
        ),
        (post({"x-amz-target": f"{ECS}.ListClusters"}, "{"), 400, b"SerializationException"),
        (Request(method="GET", path="/vault/key", query="", headers={}), 404, b"<Code>NoSuchBucket</Code>"),
        (
            Request(method="PUT", path="/vault", query="versioning", headers=signed("s3"), body=b"<a"),
            400,
            b"<Code>MalformedXML</Code>",
        ),
    ],
)
def test_what_is_not_served_is_told_so(cloud, request_, status, said):
    answer = cloud.answer(request_)

    assert answer.status == status
    assert said in answer.body


def test_a_compressed_body_is_read(cloud):
    headers = {"x-amz-target": f"{ECS}.ListClusters", "content-encoding": "gzip"}

    assert cloud.answer(post(headers, gzip.compress(b"{}"))).status == 200
    broken = cloud.answer(post(headers, b"{}"))
    assert (broken.status, b"The body is not gzip" in broken.body) == (400, True)


def test_a_signature_that_cannot_be_read_counts_as_none(cloud):
    headers = {"authorization": "AWS4-HMAC-SHA256 Credential=x, Signature=y", "x-amz-target": f"{ECS}.ListClusters"}

    assert cloud.answer(post(headers, "{}")).status == 200


def test_members_that_do_not_validate_have_the_service_s_own_code(cloud):
    asked = '{"serviceName": "web", "volumeConfigurations": [{"name": "a"}]}'
    ecs = cloud.answer(post({"x-amz-target": f"{ECS}.CreateService"}, asked))
    elbv2 = cloud.answer(post(signed("elasticloadbalancing") | {"content-type": FORM}, "Action=CreateRule"))
    ec2 = cloud.answer(post(signed("ec2") | {"content-type": FORM}, "Action=CreateSecurityGroup"))

    assert json.loads(ecs.body) == {
        "__type": "InvalidParameterException",
        "message": "culm does not support volumeConfigurations",
    }
    assert b"<Code>ValidationError</Code>" in elbv2.body
    assert b"<Errors><Error><Code>MissingParameter</Code>" in ec2.body


def test_a_bug_is_logged_and_named_by_its_request_id(cloud, monkeypatch, caplog):
    def broken(call, req):
        raise KeyError("no such thing")

    served = OPERATIONS["sts", "GetCallerIdentity"]
    monkeypatch.setitem(OPERATIONS, ("sts", "GetCallerIdentity"), replace(served, function=broken))
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(ClientError, match=r"\(InternalFailure\).*a bug in culm") as error,
    ):
        cloud.client("sts").get_caller_identity()

    request_id = error.value.response["ResponseMetadata"]["RequestId"]
    assert request_id in error.value.response["Error"]["Message"]
    assert request_id in caplog.text
    assert "no such thing" in caplog.text


def test_a_failed_operation_leaves_nothing_behind(cloud):
    ecs = cloud.client("ecs")
    with pytest.raises(ClientError):
        ecs.register_task_definition(family="web", containerDefinitions=[{"name": "a"}])

    assert ecs.list_task_definitions()["taskDefinitionArns"] == []


def test_only_operations_that_wake_the_loops_do(cloud):
    ecs = cloud.client("ecs")
    ecs.list_clusters()
    assert cloud.woken == 0
    ecs.create_cluster(clusterName="web")
    assert cloud.woken == 1


def test_an_operation_is_served_once():
    with pytest.raises(ValueError, match="sts:GetCallerIdentity is served twice, the second time by"):
        operation("sts", "GetCallerIdentity")(lambda call, req: None)


def test_an_error_has_the_code_status_and_members_that_its_model_says():
    elbv2 = modelled(Service("elbv2"), AwsError("TargetGroupNotFoundException", "gone"))
    ecs = modelled(Service("ecs"), AwsError("ConflictException", "taken", resource_ids=["a"]))
    s3 = modelled(Service("s3"), AwsError("NoSuchKey", "gone", 404, bucket_name="vault"))

    assert (elbv2.code, elbv2.status) == ("TargetGroupNotFound", 400)
    assert ecs.members == {"resourceIds": ["a"]}
    assert (s3.status, s3.members) == (404, {"BucketName": "vault"})


def test_what_grows_with_the_data_is_long_and_so_is_a_large_body(cloud):
    def long(target: str, body: str) -> bool:
        ready = cloud.open_api.prepare(post({"x-amz-target": target}, body))
        assert isinstance(ready, Ready)
        return ready.long

    events = [{"timestamp": 1, "message": "x" * (1 << 18)}]
    put = {"logGroupName": "web", "logStreamName": "1", "logEvents": events}

    assert not long(f"{ECS}.ListClusters", "{}")
    assert long("Logs_20140328.FilterLogEvents", '{"logGroupName": "web"}')
    assert not long("Logs_20140328.PutLogEvents", json.dumps(put | {"logEvents": [{"timestamp": 1, "message": "x"}]}))
    assert long("Logs_20140328.PutLogEvents", json.dumps(put))


def test_a_service_is_loaded_before_its_first_request_and_only_then(cloud):
    loaded: list[str] = []

    def load(service: str) -> None:
        loaded.append(service)
        operations.load(service)

    api = Api(region="us-east-1", endpoint="http://127.0.0.1", now=cloud.clock, new_id=cloud.new_id, load=load)
    for _ in range(2):
        assert isinstance(api.prepare(post({"x-amz-target": f"{ECS}.ListClusters"}, "{}")), Ready)
    assert loaded == ["ecs"]

    answer = api.prepare(post({"x-amz-target": "TrentService.ListKeys"}, "{}"))
    assert isinstance(answer, Response)
    assert (answer.status, loaded) == (501, ["ecs", "kms"])


def test_a_request_id_is_written_as_a_uuid(cloud):
    answer = cloud.answer(post({"x-amz-target": f"{ECS}.ListClusters"}))
    assert re.fullmatch(r"\w{8}-\w{4}-\w{4}-\w{4}-\w{12}", answer.headers["x-amzn-requestid"])


def test_a_body_is_held_up_to_the_limit_and_no_further(tmp_path):
    def large(size: int) -> Request:
        with (tmp_path / "body").open("w+b") as file:
            file.truncate(size)
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return replace(post({}), large=Large(mapped))

    assert len(held(large(LONGEST_HELD)).body) == LONGEST_HELD
    with pytest.raises(AwsError, match="more than") as refused:
        held(large(LONGEST_HELD + 1))
    assert (refused.value.code, refused.value.status) == ("RequestEntityTooLarge", 413)


def test_serving_an_operation_leaves_its_function_as_it_is(monkeypatch):
    monkeypatch.setattr("culm.cluster.wire.operations.OPERATIONS", {})

    def list_things(call: Call, given: dict) -> None:
        """Nothing."""

    served = operation("ecs", "ListThings", long=True)(list_things)
    assert served is list_things
    [entry] = wire_operations.OPERATIONS.values()
    assert (entry.function, entry.wakes, entry.long, entry.receive) == (list_things, False, True, None)


@pytest.mark.parametrize(
    ("service", "call"),
    [
        ("lambda", lambda client: client.list_functions()),
        ("apigateway", lambda client: client.get_rest_apis()),
        ("eks", lambda client: client.list_clusters()),
        ("efs", lambda client: client.create_file_system()),
        ("route53", lambda client: client.list_hosted_zones()),
        ("dynamodb", lambda client: client.list_tables()),
        ("sqs", lambda client: client.list_queues()),
        ("sns", lambda client: client.list_topics()),
    ],
)
def test_a_client_of_a_service_that_is_not_served_reads_so_in_its_own_protocol(cloud, service, call):
    client = cloud.client(service)
    with pytest.raises(ClientError) as refused:
        call(client)
    error = refused.value.response["Error"]
    assert error["Code"] == "NotImplementedException"
    assert error["Message"].startswith("culm does not serve requests signed for ")


def test_a_refusal_of_a_wrapping_rest_xml_service_is_in_an_error_response(cloud):
    """Go's SDK, which Terraform has, reads the error of Route 53 there alone."""
    bodies = []
    client = cloud.client("route53")
    client.meta.events.register("after-call", lambda http_response, **_: bodies.append(http_response.content))
    with pytest.raises(ClientError, match="culm does not serve requests signed for route53"):
        client.list_hosted_zones()
    assert b"<ErrorResponse><Error><Type>" in bodies[0]
    assert b"<Code>NotImplemented" in bodies[0]
