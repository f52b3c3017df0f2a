"""Results may be records or mappings; what they lack is left out."""

import json

import pytest

from culm.cluster.wire.models import Service
from culm.cluster.wire.protocols import PROTOCOLS
from culm.core.model.record import record


@record
class Cluster:
    cluster_name: str
    status: str | None = None
    unknown_to_aws: int = 1


@record
class Reply:
    cluster: Cluster


def test_a_record_is_written_as_json():
    encode = PROTOCOLS["json"].encoder(Service("ecs", ["CreateCluster"]).operations["CreateCluster"])

    for _ in range(2):  # a record's members are looked up once
        response = encode(Reply(cluster=Cluster(cluster_name="web")), "id")
    assert json.loads(response.body) == {"cluster": {"clusterName": "web"}}


@record
class Identity:
    account: str
    arn: str | None = None


@record
class Subnet:
    subnet_id: str


@pytest.mark.parametrize(
    ("service", "name", "result", "expected"),
    [
        ("sts", "GetCallerIdentity", Identity(account="1&1"), "<Account>1&amp;1</Account>"),
        ("ec2", "DescribeSubnets", {"subnets": [Subnet(subnet_id="a")]}, "<item><subnetId>a</subnetId></item>"),
        ("sts", "GetCallerIdentity", None, "<GetCallerIdentityResult></GetCallerIdentityResult>"),
    ],
)
def test_a_record_is_written_as_xml(service, name, result, expected):
    model = Service(service, [name])
    encode = PROTOCOLS[model.protocol].encoder(model.operations[name])

    for _ in range(2):
        assert expected in encode(result, "id").body.decode()


def test_an_operation_without_output_has_an_empty_reply():
    logs, sts = Service("logs", ["CreateLogGroup"]), Service("iam", ["DeleteUser"])

    assert PROTOCOLS["json"].encoder(logs.operations["CreateLogGroup"])(None, "id").body == b"{}"
    assert b"<DeleteUserResponse" in PROTOCOLS["query"].encoder(sts.operations["DeleteUser"])(None, "id").body
