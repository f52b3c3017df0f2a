from collections.abc import Mapping
from typing import Any, Literal

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from tests.cluster.wire.samples import sample

from culm.cluster.wire import scalar_input
from culm.cluster.wire.input import compile_input, compile_members
from culm.cluster.wire.invalid import Invalid
from culm.cluster.wire.models import Service, newest
from culm.core.model.record import Stored, record


@pytest.fixture(scope="module")
def ecs() -> Service:
    return Service("ecs", ["CreateService", "RegisterTaskDefinition", "DescribeServices", "PutAccountSetting"])


@record
class Strategy:
    type: Literal["spread", "binpack"]
    field: str | None = None


@record
class CreateServiceInput:
    service_name: str
    desired_count: int | None = None
    placement_strategy: tuple[Strategy, ...] = ()
    tags: Stored[tuple[dict[str, Any], ...]] = ()


@record
class Rotation:
    secret_id: str


def test_members_become_a_record(ecs):
    read = compile_input(ecs.operations["CreateService"], CreateServiceInput)

    value = read({"serviceName": "web", "desiredCount": 2.0, "placementStrategy": [{"type": "spread"}], "tags": None})

    assert value == CreateServiceInput(
        service_name="web", desired_count=2, placement_strategy=(Strategy(type="spread"),)
    )


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"serviceName": "web", "role": "r"}, "culm does not support role"),
        (
            {"serviceName": "web", "placementStrategy": [{"type": "random"}]},
            "culm does not support placementStrategy[0].type = random; it takes spread, binpack",
        ),
    ],
)
def test_what_the_record_lacks_is_refused_by_name(ecs, members, message):
    read = compile_input(ecs.operations["CreateService"], CreateServiceInput)

    with pytest.raises(Invalid) as refusal:
        read(members)
    assert refusal.value.unsupported
    assert refusal.value.message() == message


def test_what_no_model_of_aws_has_is_ignored_as_aws_ignores_it(ecs):
    read = compile_input(ecs.operations["CreateService"], CreateServiceInput)
    placement = [{"type": "spread", "colour": "red"}]

    assert read({"serviceName": "web", "colour": "red", "placementStrategy": placement}) == CreateServiceInput(
        service_name="web", placement_strategy=(Strategy(type="spread"),)
    )


def test_a_field_deep_inside_is_refused_by_its_path(ecs):
    @record
    class Container:
        name: str
        image: str

    @record
    class RegisterInput:
        family: str
        container_definitions: tuple[Container, ...]

    read = compile_input(ecs.operations["RegisterTaskDefinition"], RegisterInput)
    container = {"name": "web", "image": "nginx", "linuxParameters": {"initProcessEnabled": True}}

    with pytest.raises(Invalid) as refusal:
        read({"family": "web", "containerDefinitions": [container]})
    assert refusal.value.message() == "culm does not support containerDefinitions[0].linuxParameters"


def test_a_value_that_only_amazon_takes_is_refused_by_name(ecs):
    @record
    class RegisterInput:
        family: str
        container_definitions: tuple[dict[str, str], ...] = ()
        network_mode: Literal["bridge", "host"] = "bridge"

    read = compile_input(ecs.operations["RegisterTaskDefinition"], RegisterInput)

    with pytest.raises(Invalid) as refusal:
        read({"family": "web", "containerDefinitions": [], "networkMode": "awsvpc"})
    assert refusal.value.message() == "culm does not support networkMode = awsvpc; it takes bridge, host"


def test_what_a_record_needs_is_required_though_the_model_does_not_say_so():
    @record
    class CreateListenerInput:
        load_balancer_arn: str
        port: int
        default_actions: tuple[dict[str, str], ...]

    model = Service("elbv2", ["CreateListener"]).operations["CreateListener"]

    with pytest.raises(Invalid) as refusal:
        compile_input(model, CreateListenerInput)({"LoadBalancerArn": "a", "DefaultActions": []})
    assert refusal.value.missing
    assert "Value null at 'port' failed to satisfy" in refusal.value.message()


def test_an_empty_list_or_map_says_nothing(ecs):
    read = compile_input(ecs.operations["CreateService"], CreateServiceInput)

    assert read({"serviceName": "web", "loadBalancers": [], "networkConfiguration": {}}).service_name == "web"


def test_false_says_nothing_but_of_what_aws_does_by_itself(ecs):
    read = compile_input(ecs.operations["CreateService"], CreateServiceInput)

    assert read({"serviceName": "web", "enableExecuteCommand": False}).service_name == "web"
    with pytest.raises(Invalid) as refusal:
        read({"serviceName": "web", "enableExecuteCommand": True})
    assert refusal.value.message() == "culm does not support enableExecuteCommand"
    rotate = compile_input(Service("secretsmanager", ["RotateSecret"]).operations["RotateSecret"], Rotation)
    with pytest.raises(Invalid) as refusal:
        rotate({"SecretId": "key", "RotateImmediately": False})
    assert refusal.value.message() == "culm does not support RotateImmediately"


def test_empty_text_says_nothing_where_it_is_optional_and_aws_takes_any_text(ecs):
    @record
    class Limited:
        service_name: str
        launch_type: Literal["EC2"] | None = None
        platform_version: Literal["LATEST"] | None = None

    read = compile_input(ecs.operations["CreateService"], Limited)
    assert read({"serviceName": "", "platformVersion": ""}) == Limited(service_name="")
    with pytest.raises(Invalid, match="EC2, FARGATE"):
        read({"serviceName": "web", "launchType": ""})


CONTAINER = {"name": "web", "image": "nginx"}


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({}, "Value null at 'family' failed to satisfy constraint: Member must not be null"),
        ([], "Value at '' must be of type structure, not list"),
        ({"family": 1, "containerDefinitions": []}, "Value at 'family' must be of type string, not int"),
        ({"family": "f", "containerDefinitions": "x"}, "Value at 'containerDefinitions' must be of type list, not str"),
        (
            {"family": "f", "containerDefinitions": [{"cpu": "1"}]},
            "Value at 'containerDefinitions.1.member.cpu' must be of type integer, not str",
        ),
        (
            {"family": "f", "containerDefinitions": [{"essential": "true"}]},
            "Value at 'containerDefinitions.1.member.essential' must be of type boolean, not str",
        ),
        (
            {"family": "f", "containerDefinitions": [{"dockerLabels": []}]},
            "Value at 'containerDefinitions.1.member.dockerLabels' must be of type map, not list",
        ),
        (
            {"family": "f", "containerDefinitions": [{"dockerLabels": {"a": 1}}]},
            "Value at 'containerDefinitions.1.member.dockerLabels.a' must be of type string, not int",
        ),
        (
            {"family": "f", "containerDefinitions": [], "networkMode": "token-ring"},
            "Value 'token-ring' at 'networkMode' failed to satisfy constraint: "
            "Member must satisfy enum value set: [bridge, host, awsvpc, none]",
        ),
    ],
)
def test_what_the_model_forbids_is_invalid(ecs, members, problem):
    read = compile_members(ecs.operations["RegisterTaskDefinition"].input)

    with pytest.raises(Invalid) as refusal:
        read(members)
    assert refusal.value.message() == f"1 validation error detected: {problem}"


def test_bounds_are_checked_and_secrets_are_not_shown():
    logs = Service("logs", ["CreateLogGroup", "PutRetentionPolicy", "GetLogEvents", "DescribeLogGroups"])
    secrets = Service("secretsmanager", ["CreateSecret"])

    with pytest.raises(Invalid, match=r"Value '' at .* Member must have length greater than or equal to 1"):
        compile_members(logs.operations["CreateLogGroup"].input)({"logGroupName": ""})
    with pytest.raises(Invalid, match=r"Value '51' at .* Member must have value less than or equal to 50"):
        compile_members(logs.operations["DescribeLogGroups"].input)({"limit": 51})
    with pytest.raises(Invalid, match=r"Value '\*\*\*' at .* less than or equal to 65536"):
        members = {"Name": "n", "SecretString": "s" * 70_000}
        compile_members(secrets.operations["CreateSecret"].input)(members)


def test_timestamps_blobs_and_numbers_take_the_forms_that_clients_send():
    kms = compile_members(Service("kms", ["ImportKeyMaterial"]).operations["ImportKeyMaterial"].input)
    least = {"KeyId": "k", "ImportToken": "AA==", "EncryptedKeyMaterial": b"\x01"}

    assert kms(least | {"ValidTo": 1.5}) == {
        "key_id": "k",
        "import_token": b"\x00",
        "encrypted_key_material": b"\x01",
        "valid_to": 1.5,
    }
    assert kms(least | {"ValidTo": "2026-01-01T00:00:00Z"})["valid_to"] == 1767225600
    with pytest.raises(Invalid, match="must be of type timestamp, not str"):
        kms(least | {"ValidTo": "tomorrow"})
    with pytest.raises(Invalid, match="must be of type blob, not str"):
        kms(least | {"ImportToken": "?"})

    tasks = compile_members(Service("ecs", ["UpdateTaskSet"]).operations["UpdateTaskSet"].input)
    named = {"cluster": "c", "service": "s", "taskSet": "t"}
    assert tasks(named | {"scale": {"value": 50, "unit": "PERCENT"}})["scale"]["value"] == 50.0
    with pytest.raises(Invalid, match="must be of type number, not str"):
        tasks(named | {"scale": {"value": "much"}})


def test_of_a_union_exactly_one_member_is_set():
    read = compile_members(Service("ssm").shape("ExecutionInputs"))

    assert read({"Automation": {}}) == {"automation": {}}
    with pytest.raises(Invalid, match="Exactly one of Automation must be set"):
        read({})


def test_an_operation_without_input_takes_none():
    @record
    class NoInput:
        pass

    read = compile_input(Service("iam", ["GetAccountSummary"]).operations["GetAccountSummary"], NoInput)
    assert read({}) == NoInput()


def test_records_take_maps_and_untyped_values_as_they_are(ecs):
    @record
    class Container:
        name: str
        docker_labels: Mapping[str, str] | None = None
        environment: tuple[dict[str, str] | str, ...] = ()

    @record
    class RegisterInput:
        family: str
        container_definitions: tuple[Container, ...]

    read = compile_input(ecs.operations["RegisterTaskDefinition"], RegisterInput)
    container = {"name": "web", "dockerLabels": {"someLabel": "x"}, "environment": [{"name": "A", "value": "b"}]}

    [made] = read({"family": "f", "containerDefinitions": [container]}).container_definitions
    assert made.docker_labels == {"someLabel": "x"}
    assert list(made.environment) == [{"name": "A", "value": "b"}]


def wrong(value: Any) -> Any:
    """Of another type than `value`."""
    return [] if isinstance(value, dict) else {"wrong": "type"}


@pytest.mark.parametrize("service", ["ecr", "ecs", "kms", "logs", "secretsmanager", "ssm"])
def test_botocore_s_own_validator_judges_alike(service, monkeypatch):
    monkeypatch.setattr(scalar_input, "PATTERNED", ())  # botocore leaves patterns to AWS
    theirs = ServiceModel(Loader().load_data(f"{service}/{newest(service).name}/service-2"), service)
    ours = Service(service)
    for name, operation in ours.operations.items():
        shape = theirs.operation_model(name).input_shape
        if shape is None:
            continue
        valid = sample(shape, full=True)
        cases = [valid]
        cases += [{k: v for k, v in valid.items() if k != left_out} for left_out in shape.required_members]
        cases += [valid | {member: wrong(valid[member])} for member in valid]
        read = compile_members(operation.input)
        for case in cases:
            expected = not ParamValidator().validate(case, shape).has_errors()
            assert accepted(read, as_json(case)) == expected, (name, case)


def accepted(read: Any, members: Any) -> bool:
    try:
        read(members)
    except Invalid:
        return False
    return True


def as_json(value: Any) -> Any:
    """With timestamps as the protocol has them."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_json(item) for item in value]
    return value.timestamp() if hasattr(value, "timestamp") else value
