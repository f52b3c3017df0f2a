"""Tasks of several containers: order, health, restarts, logs, images and credentials."""

import json
from typing import Any

import pytest

from culm.cluster.instance.runtime.fake import Script
from culm.cluster.instance.specs import CONTAINER_NAME


def container(name: str, **changed: Any) -> dict[str, Any]:
    return {"name": name, "image": f"{name}:1", "memory": 64, **changed}


def run(world: Any, *containers: dict[str, Any], **changed: Any) -> str:
    world.ecs.register_task_definition(family="many", containerDefinitions=list(containers))
    return str(world.ecs.run_task(taskDefinition="many", **changed)["tasks"][0]["taskArn"])


def containers_of(world: Any, arn: str) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for c in world.task(arn)["containers"]}


async def names(world: Any) -> list[str]:
    return sorted(c.labels[CONTAINER_NAME] for c in await world.containers())


def depends(name: str, condition: str) -> dict[str, Any]:
    return {"dependsOn": [{"containerName": name, "condition": condition}]}


async def test_what_must_succeed_first_has_ended_before_the_other_starts(world):
    world.runtime.scripts["init:1"] = Script(exit_code=0)
    arn = run(world, container("web", **depends("init", "SUCCESS")), container("init", essential=False))
    await world.settle()
    assert containers_of(world, arn)["init"]["exitCode"] == 0
    assert await names(world) == ["web"]
    assert world.task(arn)["lastStatus"] == "RUNNING"


async def test_what_should_have_succeeded_and_did_not_ends_the_task(world):
    world.runtime.scripts["init:1"] = Script(exit_code=2)
    arn = run(world, container("web", **depends("init", "SUCCESS")), container("init", essential=False))
    await world.settle()
    task = world.task(arn)
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert "exit code 2" in containers_of(world, arn)["web"]["reason"]


async def test_a_container_waits_until_the_other_is_healthy(world):
    check = {"command": ["CMD-SHELL", "true"]}
    world.runtime.scripts["db:1"] = Script(health="UNKNOWN")
    arn = run(world, container("web", **depends("db", "HEALTHY")), container("db", healthCheck=check))
    await world.settle()
    assert await names(world) == ["db"]
    world.runtime.set_health((await world.container_of(arn, "db")).name, "HEALTHY")
    await world.settle()
    assert await names(world) == ["db", "web"]
    assert world.task(arn)["healthStatus"] == "HEALTHY"


async def test_a_wait_longer_than_the_start_timeout_ends_the_task(world):
    check = {"command": ["CMD-SHELL", "true"]}
    world.runtime.scripts["db:1"] = Script(health="UNKNOWN")
    db = container("db", healthCheck=check, startTimeout=10)
    arn = run(world, container("web", **depends("db", "HEALTHY")), db)
    await world.settle()
    world.cloud.clock.advance(11)
    world.runtime.write((await world.container_of(arn, "db")).name, b"still starting")
    await world.settle()
    assert world.task(arn)["lastStatus"] == "STOPPED"
    assert "longer than its startTimeout of 10 s" in world.task(arn)["stoppedReason"]


async def test_the_end_of_an_essential_container_ends_the_others(world):
    arn = run(world, container("web"), container("side", essential=False))
    await world.settle()
    world.runtime.exit((await world.container_of(arn)).name, 1)
    await world.settle()
    assert await names(world) == []
    assert {name: c["exitCode"] for name, c in containers_of(world, arn).items()} == {"web": 1, "side": 143}


async def test_the_end_of_another_one_does_not(world):
    arn = run(world, container("web"), container("side", essential=False))
    await world.settle()
    world.runtime.exit((await world.container_of(arn, "side")).name, 1)
    await world.settle()
    assert world.task(arn)["lastStatus"] == "RUNNING"
    assert containers_of(world, arn)["side"]["lastStatus"] == "STOPPED"


async def test_its_restart_policy_starts_a_container_again_within_the_task(world):
    policy = {"enabled": True, "restartAttemptPeriod": 60}
    arn = run(world, container("web", restartPolicy=policy))
    await world.settle()
    first = await world.container_of(arn)
    world.cloud.clock.advance(61)
    world.runtime.exit(first.name, 1)
    await world.settle()
    second = await world.container_of(arn)
    assert second.state == "running" and second.name == f"{first.name}-1"
    world.runtime.exit(second.name, 1)
    await world.settle()
    assert world.task(arn)["lastStatus"] == "STOPPED"


async def test_an_unhealthy_task_of_a_service_is_replaced(world):
    check = {"command": ["CMD-SHELL", "true"]}
    world.register(healthCheck=check)
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1)
    await world.settle()
    first = world.tasks(serviceName="web")[0]["taskArn"]
    world.runtime.set_health((await world.container_of(first)).name, "UNHEALTHY")
    await world.settle()
    assert world.task(first)["stoppedReason"] == "Task failed container health checks"
    assert [task["lastStatus"] for task in world.tasks(serviceName="web")] == ["RUNNING"]


async def test_every_line_reaches_the_log_stream_of_the_task_even_over_a_crash(world):
    options = {"awslogs-group": "/there", "awslogs-stream-prefix": "ecs", "awslogs-region": "us-east-1"}
    world.runtime.scripts["web:1"] = Script(output=b"one\ntwo\n")
    arn = run(world, container("web", logConfiguration={"logDriver": "awslogs", "options": options}))
    await world.settle()
    await world.crash()
    world.runtime.write((await world.container_of(arn)).name, b"three\n")
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()
    world.runtime.write((await world.container_of(arn)).name, b"four\n")
    world.runtime.exit((await world.container_of(arn)).name, 0)
    await world.settle()
    stream = ("/there", f"ecs/web/{arn.rpartition('/')[2]}")
    assert world.logs.lines == {stream: ["one", "two", "three", "four"]}
    assert world.task(arn)["lastStatus"] == "STOPPED"


async def test_without_its_log_group_a_container_does_not_start(world):
    options = {"awslogs-group": "/nowhere", "awslogs-stream-prefix": "ecs"}
    arn = run(world, container("web", logConfiguration={"logDriver": "awslogs", "options": options}))
    await world.settle()
    assert world.task(arn)["stoppedReason"] == ("CannotStartContainerError: The specified log group does not exist.")


async def test_stopped_containers_stay_a_while_and_then_go(world):
    world.register()
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    world.ecs.stop_task(task=arn)
    await world.settle()
    assert len(await world.containers(running=False)) == 1
    world.cloud.clock.advance(181)
    world.ecs.run_task(taskDefinition="web")
    await world.settle()
    assert len(await world.containers(running=False)) == 1
    assert world.task(arn)["lastStatus"] == "STOPPED"
    await world.advance(3600)
    assert world.ecs.describe_tasks(tasks=[arn])["failures"][0]["reason"] == "MISSING"


@pytest.fixture
def asked(world):
    def path_of(arn: str) -> str:
        """As its containers are told; the way stays the same for as long as there is a task."""
        return paths.setdefault(arn, world.credentials.path_of(arn))

    paths: dict[str, str] = {}

    async def asked(arn: str) -> tuple[int, dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError("a GET has no body")

        await world.credentials({"path": path_of(arn)}, receive, send)
        return sent[0]["status"], json.loads(sent[1]["body"])

    return asked


async def test_a_task_gets_credentials_of_its_role_that_are_renewed_and_end_with_it(world, asked):
    world.register()
    overrides = {"taskRoleArn": world.make_role("web")}
    arn = world.ecs.run_task(taskDefinition="web", overrides=overrides)["tasks"][0]["taskArn"]
    await world.settle()
    status, first = await asked(arn)
    assert (status, first["RoleArn"]) == (200, overrides["taskRoleArn"])
    assert first.keys() == {"RoleArn", "AccessKeyId", "SecretAccessKey", "Token", "Expiration"}
    environment = (await world.container_of(arn)).labels
    assert first["SecretAccessKey"] not in json.dumps(dict(environment))

    await world.advance(5.6 * 3600)
    _, second = await asked(arn)
    assert second["SecretAccessKey"] != first["SecretAccessKey"]
    world.ecs.stop_task(task=arn)
    await world.settle()
    world.cloud.clock.advance(181)
    world.ecs.run_task(taskDefinition="web")
    await world.settle()
    assert (await asked(arn))[0] == 404


async def test_a_volume_of_its_own_is_there_before_the_task_and_goes_with_it(world, tmp_path):
    world.volumes = str(tmp_path)
    await world.crash()
    world.add_instance(1)
    await world.settle()
    volumes = [{"name": "data"}]
    mounts = [{"sourceVolume": "data", "containerPath": "/data"}]
    world.ecs.register_task_definition(
        family="many", containerDefinitions=[container("web", mountPoints=mounts)], volumes=volumes
    )
    arn = world.ecs.run_task(taskDefinition="many")["tasks"][0]["taskArn"]
    await world.until(lambda: world.task(arn)["lastStatus"] == "RUNNING")
    folder = tmp_path / arn.rpartition("/")[2]
    assert (folder / "data").is_dir()
    world.ecs.stop_task(task=arn)
    await world.until(lambda: world.task(arn)["lastStatus"] == "STOPPED")
    world.cloud.clock.advance(181)
    world.ecs.run_task(taskDefinition="many")
    await world.until(lambda: not folder.exists())
