"""Tasks, as SDK users see them."""

import json
from functools import partial

import pytest
from botocore.exceptions import ClientError


def test_run_task_answers_with_pending_tasks_on_instances(ecs, add_instance, register):
    instance = add_instance()
    register()
    answer = ecs.run_task(taskDefinition="web", count=2, startedBy="me", tags=[{"key": "a", "value": "b"}])
    assert answer["failures"] == []
    first = answer["tasks"][0]
    assert first["containerInstanceArn"] == instance
    assert (first["lastStatus"], first["desiredStatus"], first["group"]) == ("PENDING", "RUNNING", "family:web")
    assert (first["memory"], first["launchType"], first["startedBy"]) == ("256", "EC2", "me")
    assert first["containers"][0]["taskArn"] == first["taskArn"]
    assert first["overrides"]["containerOverrides"] == [{"name": "web"}]
    described = ecs.describe_tasks(tasks=[first["taskArn"].rpartition("/")[2]], include=["TAGS"])["tasks"][0]
    assert described["tags"] == [{"key": "a", "value": "b"}]


def test_without_instances_run_task_is_an_error(ecs, register):
    register()
    with pytest.raises(ClientError, match=r"No Container Instances were found in your cluster\."):
        ecs.run_task(taskDefinition="web")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"taskDefinition": "nothing"}, "Unable to find task definition"),
        ({"count": 11}, "Count must be between 1 and 10"),
        ({"group": "service:web"}, "reserved"),
        ({"launchType": "FARGATE"}, "Task definition does not support launch_type FARGATE"),
        (
            {"overrides": {"containerOverrides": [{"name": "other"}]}},
            "Override for container named other is not a container in the TaskDefinition",
        ),
        ({"placementConstraints": [{"type": "memberOf", "expression": "x =="}]}, "Invalid expression"),
        ({"placementStrategy": [{"type": "spread", "field": "colour"}]}, "Invalid field"),
        ({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["a"]}}}, "Network Configuration is not valid"),
    ],
)
def test_what_cannot_run_is_refused(ecs, add_instance, register, given, message):
    add_instance()
    register()
    with pytest.raises(ClientError, match=message):
        ecs.run_task(**{"taskDefinition": "web", **given})


@pytest.mark.parametrize("kind", ["taskRoleArn", "executionRoleArn"])
@pytest.mark.parametrize("where", ["definition", "overrides"])
@pytest.mark.parametrize("principal", [None, "lambda.amazonaws.com"])
def test_a_role_that_ecs_cannot_assume_is_refused_in_its_own_words(cloud, ecs, add_instance, kind, where, principal):
    instance = add_instance()
    role = {kind: "arn:aws:iam::000000000000:role/web"}
    container = {"name": "web", "image": "web:1", "memory": 64}
    ecs.register_task_definition(
        family="web", containerDefinitions=[container], **(role if where == "definition" else {})
    )
    if principal:
        cloud.client("iam").create_role(RoleName="web", AssumeRolePolicyDocument=trust(principal))
    given = {"taskDefinition": "web", "overrides": role if where == "overrides" else {}}
    for start in (ecs.run_task, partial(ecs.start_task, containerInstances=[instance])):
        with pytest.raises(ClientError) as refused:
            start(**given)
        assert refused.value.response["Error"] == {
            "Code": "ClientException",
            "Message": "ECS was unable to assume the role 'arn:aws:iam::000000000000:role/web' that was provided for "
            "this task. Please verify that the role being passed has the proper trust relationship and permissions and "
            "that your IAM user has permissions to pass this role.",
        }


def trust(principal):
    statement = {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_what_has_no_room_is_a_failure_by_name(ecs, add_instance, register):
    instance = add_instance(memory=300)
    register()
    answer = ecs.run_task(taskDefinition="web", count=2)
    assert len(answer["tasks"]) == 1
    assert answer["failures"] == [{"arn": instance, "reason": "RESOURCE:MEMORY"}]


def test_a_host_port_is_taken_once_per_instance(ecs, add_instance, register):
    add_instance()
    register(portMappings=[{"containerPort": 80, "hostPort": 80}])
    answer = ecs.run_task(taskDefinition="web", count=2)
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:PORTS"]


def test_a_client_token_starts_the_tasks_once(ecs, add_instance, register):
    add_instance()
    register()
    first = ecs.run_task(taskDefinition="web", clientToken="t")["tasks"][0]["taskArn"]
    assert ecs.run_task(taskDefinition="web", clientToken="t")["tasks"][0]["taskArn"] == first
    with pytest.raises(ecs.exceptions.ConflictException):
        ecs.run_task(taskDefinition="web", clientToken="t", count=2)
    assert len(ecs.list_tasks()["taskArns"]) == 1


def test_overrides_count_and_are_described(ecs, add_instance, register):
    add_instance(memory=300)
    register()
    overrides = {"containerOverrides": [{"name": "web", "command": ["ls"], "memory": 100}]}
    answer = ecs.run_task(taskDefinition="web", overrides=overrides, count=3)
    assert len(answer["tasks"]) == 3
    assert answer["tasks"][0]["overrides"]["containerOverrides"][0]["command"] == ["ls"]
    assert answer["tasks"][0]["containers"][0]["memory"] == "100"


def test_sizes_of_overrides_are_kept_in_units_and_mebibytes(ecs, add_instance, register):
    add_instance()
    register()
    task = ecs.run_task(taskDefinition="web", overrides={"cpu": ".25 vCPU", "memory": "0.25 GB"})["tasks"][0]
    assert (task["overrides"]["cpu"], task["overrides"]["memory"]) == ("256", "256")
    assert (task["cpu"], task["memory"]) == ("256", "256")


def test_start_task_goes_where_it_is_told(ecs, add_instance, register):
    add_instance()
    second = add_instance()
    register()
    answer = ecs.start_task(taskDefinition="web", containerInstances=[second, "nothing"])
    assert [task["containerInstanceArn"] for task in answer["tasks"]] == [second]
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_lists_by_every_filter(ecs, add_instance, register, report):
    instance = add_instance()
    register()
    register("other")
    first = ecs.run_task(taskDefinition="web", startedBy="me")["tasks"][0]["taskArn"]
    second = ecs.run_task(taskDefinition="other")["tasks"][0]["taskArn"]
    assert ecs.list_tasks()["taskArns"] == [first, second]
    assert ecs.list_tasks(family="other")["taskArns"] == [second]
    assert ecs.list_tasks(startedBy="me")["taskArns"] == [first]
    assert ecs.list_tasks(containerInstance=instance)["taskArns"] == [first, second]
    assert ecs.list_tasks(launchType="FARGATE")["taskArns"] == []
    assert ecs.list_tasks(desiredStatus="PENDING")["taskArns"] == []
    report(first, "STOPPED")
    assert ecs.list_tasks(desiredStatus="STOPPED")["taskArns"] == [first]
    with pytest.raises(ecs.exceptions.ServiceNotFoundException):
        ecs.list_tasks(serviceName="nothing")


def test_stopping_keeps_the_first_reason_and_an_unknown_task_is_an_error(ecs, add_instance, register):
    add_instance()
    register()
    arn = ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    ecs.stop_task(task=arn, reason="first")
    assert ecs.stop_task(task=arn, reason="second")["task"]["stoppedReason"] == "first"
    with pytest.raises(ClientError, match="The referenced task was not found"):
        ecs.stop_task(task="nothing")


def test_what_its_agent_reports_is_described(cloud, ecs, add_instance, register, report):
    add_instance()
    register(portMappings=[{"containerPort": 80}])
    arn = ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    binding = {"bindIP": "0.0.0.0", "containerPort": 80, "hostPort": 32768, "protocol": "tcp"}
    container = {"containerName": "web", "status": "RUNNING", "runtimeId": "abc", "networkBindings": [binding]}
    cloud.clock.advance(2)
    report(arn, "RUNNING", containers=[container])
    task = ecs.describe_tasks(tasks=[arn])["tasks"][0]
    assert (task["lastStatus"], task["startedAt"].timestamp()) == ("RUNNING", cloud.now)
    assert task["containers"][0]["networkBindings"] == [binding]

    stopped = {"containerName": "web", "status": "STOPPED", "exitCode": 3}
    report(arn, "STOPPED", containers=[stopped])
    report(arn, "RUNNING", containers=[container])
    task = ecs.describe_tasks(tasks=[arn])["tasks"][0]
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "EssentialContainerExited")
    assert task["containers"][0]["exitCode"] == 3


def test_an_unknown_task_is_a_failure(ecs):
    answer = ecs.describe_tasks(tasks=["nothing"])
    assert [failure["reason"] for failure in answer["failures"]] == ["MISSING"]


def test_only_running_tasks_of_services_can_be_protected(ecs, add_instance, register):
    add_instance()
    register()
    arn = ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    answer = ecs.update_task_protection(cluster="default", tasks=[arn], protectionEnabled=True)
    assert [failure["reason"] for failure in answer["failures"]] == ["TASK_NOT_VALID"]
    assert ecs.get_task_protection(cluster="default", tasks=["x"])["protectedTasks"] == []


def test_tasks_bear_the_names_of_their_strategy_s_capacity_providers(ecs, add_instance, register):
    add_instance()
    register(memory=64)
    group = {"autoScalingGroupArn": "arn:aws:autoscaling:us-east-1:000000000000:autoScalingGroup:1:group/a"}
    for name in ("a", "b"):
        ecs.create_capacity_provider(name=name, autoScalingGroupProvider=group)
    strategy = [{"capacityProvider": "a", "base": 1, "weight": 1}, {"capacityProvider": "b", "weight": 3}]
    started = ecs.run_task(taskDefinition="web", count=5, capacityProviderStrategy=strategy)["tasks"]
    assert [task["capacityProviderName"] for task in started] == ["a", "b", "b", "a", "b"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"launchType": "EC2"}, "Specifying both a launch type and capacity provider strategy is not supported"),
        (
            {"capacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
            "Task definition does not support launch_type FARGATE",
        ),
        ({"capacityProviderStrategy": [{"capacityProvider": "absent"}]}, "was not found"),
    ],
)
def test_a_strategy_that_nothing_can_be_started_with_is_refused(ecs, add_instance, register, given, message):
    add_instance()
    register()
    strategy = [{"capacityProvider": "a", "weight": 1}]
    with pytest.raises(ClientError, match=message):
        ecs.run_task(**{"taskDefinition": "web", "capacityProviderStrategy": strategy, **given})
