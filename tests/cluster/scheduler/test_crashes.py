"""The control plane and its agents die between any two of their effects, and the next life puts it right."""

from collections.abc import Callable
from sqlite3 import Connection
from typing import Any

import pytest

from culm.cluster.instance.specs import TASK_ARN


class Killed(BaseException):
    """kill -9, at this very line."""


class Fuse:
    """Kills at the nth effect: a transaction that wrote something, or a call of the runtime, before it and after it."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise Killed


def fused(fuse: Fuse, effect: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        fuse.burn()
        result = await effect(*args, **kwargs)
        fuse.burn()
        return result

    return wrapped


def fused_store(fuse: Fuse, db: Connection, run: Callable[..., Any]) -> Callable[..., Any]:
    async def wrapped(work: Callable[[Connection], Any]) -> Any:
        before = db.total_changes
        result = await run(work)
        if db.total_changes != before:
            fuse.burn()
        return result

    return wrapped


@pytest.fixture
def fuse(world) -> Fuse:
    fuse = Fuse()
    world.store.run = fused_store(fuse, world.cloud.db, world.store.run)
    for effect in ("start", "stop", "remove"):
        setattr(world.runtime, effect, fused(fuse, getattr(world.runtime, effect)))
    return fuse


async def live(world: Any, fuse: Fuse) -> bool:
    """Settle, unless the fuse burns through; then everything is dead and a new life begins. Whether it survived."""
    try:
        await world.settle()
    except BaseExceptionGroup:
        pass
    except Killed:
        pass
    else:
        return True
    finally:
        fuse.left = None
    await world.crash()
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()
    return False


async def every_crash(world: Any, fuse: Fuse, act: Callable[[], Any], check: Callable[[], Any]) -> int:
    """Do it again and again, dying one effect later each time, until it gets through; returns how often it died."""
    for effects in range(1000):
        await act()
        fuse.left = effects
        survived = await live(world, fuse)
        await check()
        if survived:
            return effects
    raise AssertionError("it never gets through")


async def nothing_is_lost_or_twice(world: Any, running: int) -> None:
    tasks = world.tasks()
    assert [task["lastStatus"] for task in tasks] == ["RUNNING"] * running
    containers = await world.containers()
    assert sorted(c.labels[TASK_ARN] for c in containers) == sorted(task["taskArn"] for task in tasks)


async def test_run_task_runs_it_once(world, fuse):
    world.register()
    count = 0

    async def act() -> None:
        nonlocal count
        for task in world.tasks():
            world.ecs.stop_task(task=task["taskArn"])
        count += 1
        world.ecs.run_task(taskDefinition="web", startedBy=str(count))

    async def check() -> None:
        await nothing_is_lost_or_twice(world, 1)
        assert world.tasks()[0]["startedBy"] == str(count)

    assert await every_crash(world, fuse, act, check) > 5


async def test_a_service_rolls_through(world, fuse):
    world.register(memory=900)
    configuration = {"minimumHealthyPercent": 0, "maximumPercent": 100}
    world.ecs.create_service(
        serviceName="web", taskDefinition="web", desiredCount=2, deploymentConfiguration=configuration
    )
    await world.settle()

    async def act() -> None:
        world.ecs.update_service(service="web", forceNewDeployment=True)

    async def check() -> None:
        await world.advance(41)
        await world.settle()
        await nothing_is_lost_or_twice(world, 2)
        deployments = world.service()["deployments"]
        assert [d["rolloutState"] for d in deployments] == ["COMPLETED"]
        assert {task["startedBy"] for task in world.tasks()} == {deployments[0]["id"]}

    assert await every_crash(world, fuse, act, check) > 7


async def test_a_deleted_service_leaves_nothing(world, fuse):
    world.register()

    async def act() -> None:
        world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2)
        await world.settle()
        world.ecs.delete_service(service="web", force=True)

    async def check() -> None:
        await nothing_is_lost_or_twice(world, 0)
        assert world.service()["status"] == "INACTIVE"

    assert await every_crash(world, fuse, act, check) > 7


async def test_a_task_that_ended_while_nobody_looked_is_known_by_its_exit_code(world):
    world.register()
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    await world.crash()
    world.runtime.exit((await world.container_of(arn)).name, 3)
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()
    assert world.task(arn)["containers"][0]["exitCode"] == 3


async def test_a_container_that_vanished_is_a_task_that_stopped_and_it_does_not_run_twice(world):
    world.register()
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    await world.crash()
    await world.runtime.remove((await world.container_of(arn)).name)
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()
    assert world.task(arn)["lastStatus"] == "STOPPED"
    assert await world.containers() == []


async def test_a_container_of_a_task_that_the_control_plane_does_not_know_is_stopped(world):
    world.register()
    arn = world.ecs.run_task(taskDefinition="web")["tasks"][0]["taskArn"]
    await world.settle()
    await world.crash()
    world.cloud.db.execute("DELETE FROM ecs_task WHERE arn = ?", (arn,))
    world.add_instance(1)
    world.add_instance(2)
    await world.settle()
    assert await world.containers() == []
