"""ExecuteCommand: who gets a session, and what a token is good for."""

import json

import pytest
from botocore.exceptions import ClientError

from culm.cluster.exec import sessions
from culm.cluster.exec.operation import TOKEN_SECONDS
from culm.core.model.agent import RoleCredentials


@pytest.fixture
def running(ecs, add_instance, register, report):
    """Starts a task of one container that runs; gives its ARN."""

    def run(**given):
        add_instance()
        register()
        arn = ecs.run_task(taskDefinition="web", **given)["tasks"][0]["taskArn"]
        report(arn, "RUNNING", containers=[{"containerName": "web", "status": "RUNNING", "runtimeId": "r"}])
        return arn

    return run


def ask(ecs, task, **given):
    return ecs.execute_command(**{"task": task, "command": "sh -c 'exit 7'", "interactive": True, **given})


def test_a_session_has_a_stream_and_a_token(cloud, ecs, running):
    task = running(enableExecuteCommand=True)
    answer = ask(ecs, task.rpartition("/")[2], container="web")
    assert (answer["taskArn"], answer["containerName"], answer["interactive"]) == (task, "web", True)
    assert answer["clusterArn"].endswith(":cluster/default")
    session = answer["session"]
    assert session["sessionId"].startswith("ecs-execute-command-")
    assert session["streamUrl"] == (
        f"ws://127.0.0.1:4566/v1/data-channel/{session['sessionId']}?role=publish_subscribe"
    )
    kept = sessions.redeem(cloud.db, session["sessionId"], session["tokenValue"], cloud.now)
    assert kept is not None
    assert (kept.task_arn, kept.container, kept.command) == (task, "web", "sh -c 'exit 7'")


def test_a_token_is_good_once_for_a_minute_and_for_its_own_session(cloud, ecs, running):
    task = running(enableExecuteCommand=True)
    one, other = (ask(ecs, task)["session"] for _ in range(2))
    assert sessions.redeem(cloud.db, one["sessionId"], other["tokenValue"], cloud.now) is None
    assert sessions.redeem(cloud.db, one["sessionId"], one["tokenValue"], cloud.now) is not None
    assert sessions.redeem(cloud.db, one["sessionId"], one["tokenValue"], cloud.now) is None
    cloud.clock.advance(TOKEN_SECONDS)
    assert sessions.redeem(cloud.db, other["sessionId"], other["tokenValue"], cloud.now) is None
    ask(ecs, task)
    assert cloud.db.execute("SELECT count(*) FROM ecs_exec_session").fetchone()[0] == 1
    kept = cloud.db.execute("SELECT token_digest FROM ecs_exec_session").fetchone()[0]
    assert other["tokenValue"] not in kept


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"interactive": False}, "Interactive is the only mode supported"),
        ({"command": " "}, "Command cannot be empty"),
        ({"container": "other"}, "The container other was not found in the task"),
        ({"task": "0" * 32}, "The task was not found"),
    ],
)
def test_what_cannot_be_executed_is_refused(ecs, running, given, message):
    task = running(enableExecuteCommand=True)
    with pytest.raises(ClientError, match=message) as refused:
        ask(ecs, **{"task": task, **given})
    assert refused.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_task_that_was_not_started_for_it_cannot_be_entered(ecs, running):
    with pytest.raises(ClientError, match="execute command was not enabled when the task was run"):
        ask(ecs, running())


def test_a_container_that_does_not_run_cannot_be_entered(ecs, add_instance, register):
    add_instance()
    register()
    [task] = ecs.run_task(taskDefinition="web", enableExecuteCommand=True)["tasks"]
    with pytest.raises(ClientError, match="or the execute command agent isn’t running"):
        ask(ecs, task["taskArn"])


def test_of_several_containers_one_must_be_named(ecs, add_instance):
    add_instance()
    containers = [{"name": name, "image": "web:1", "memory": 64} for name in ("a", "b")]
    ecs.register_task_definition(family="two", containerDefinitions=containers)
    [task] = ecs.run_task(taskDefinition="two", enableExecuteCommand=True)["tasks"]
    with pytest.raises(ClientError, match="container name is required"):
        ask(ecs, task["taskArn"])


def test_the_agent_is_described_where_there_is_one(ecs, running):
    [task] = ecs.describe_tasks(tasks=[running(enableExecuteCommand=True)])["tasks"]
    assert task["enableExecuteCommand"] is True
    [agent] = task["containers"][0]["managedAgents"]
    assert (agent["name"], agent["lastStatus"]) == ("ExecuteCommandAgent", "RUNNING")
    [plain] = ecs.describe_tasks(tasks=[running()])["tasks"]
    assert plain["enableExecuteCommand"] is False
    assert plain["containers"][0].get("managedAgents", []) == []


def test_the_agent_starts_and_ends_with_its_container(ecs, add_instance, register, report):
    add_instance()
    register()
    [task] = ecs.run_task(taskDefinition="web", enableExecuteCommand=True)["tasks"]
    assert task["containers"][0]["managedAgents"] == [{"name": "ExecuteCommandAgent", "lastStatus": "PENDING"}]
    report(task["taskArn"], "STOPPED", containers=[{"containerName": "web", "status": "STOPPED", "exitCode": 0}])
    [ended] = ecs.describe_tasks(tasks=[task["taskArn"]])["tasks"]
    assert ended["containers"][0]["managedAgents"] == [{"name": "ExecuteCommandAgent", "lastStatus": "STOPPED"}]


def test_it_takes_the_right_for_that_very_task(cloud, ecs, running):
    task = running(enableExecuteCommand=True)
    iam, sts = cloud.client("iam"), cloud.client("sts")
    anybody = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [anybody]})
    arn = iam.create_role(RoleName="me", AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def may(resource):
        allowed = {"Effect": "Allow", "Action": "ecs:ExecuteCommand", "Resource": resource}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_role_policy(RoleName="me", PolicyName="p", PolicyDocument=document)

    made = sts.assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    keys = RoleCredentials(
        credentials_id="",
        role_arn=arn,
        access_key_id=made["AccessKeyId"],
        secret_access_key=made["SecretAccessKey"],
        session_token=made["SessionToken"],
        expiration=0.0,
    )
    mine = cloud.client("ecs", keys=keys)
    may(f"{task}-another")
    with pytest.raises(ClientError, match="not authorized to perform: ecs:ExecuteCommand on resource"):
        ask(mine, task)
    may(task)
    assert ask(mine, task)["session"]["tokenValue"]
