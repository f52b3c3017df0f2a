"""What is wrong with a service, told by its deployments and the tasks that died."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from culm.plan.trouble import trouble

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_death(seconds_ago: float, lived: float = 3.0, **fields: Any) -> dict[str, Any]:
    at = NOW - timedelta(seconds=seconds_ago)
    return {
        "taskArn": f"arn:task/{seconds_ago:g}",
        "startedBy": "ecs-svc/1",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "startedAt": at - timedelta(seconds=lived),
        "stoppedAt": at,
        "containers": [{"name": "web", "exitCode": 1}],
        **fields,
    }


def a_service(**fields: Any) -> dict[str, Any]:
    deployment = {"id": "ecs-svc/1", "status": "PRIMARY", "taskDefinition": "arn/web:3", "rolloutState": "COMPLETED"}
    return {"serviceName": "web", "deployments": [deployment | fields]}


def told(service: dict[str, Any], *deaths: dict[str, Any]) -> str:
    problem = trouble(service, deaths, NOW.timestamp())
    return problem.text if problem else ""


def test_a_service_whose_tasks_die_again_and_again_keeps_dying() -> None:
    deaths = [a_death(4), a_death(8), a_death(12)]
    assert told(a_service(), *deaths) == "keeps dying: 3 tasks in a minute, the last with exit code 1"
    slow = [a_death(150, lived=100), a_death(400, lived=160)]
    assert told(a_service(), *slow) == "keeps dying: 2 tasks in 7 minutes, the last with exit code 1"


def test_one_death_soon_after_the_start_is_told_for_a_minute() -> None:
    assert told(a_service(), a_death(4)) == "a task died 3 s after its start with exit code 1"
    unplaced = a_death(4, stopCode="TaskFailedToStart", stoppedReason="CannotPullContainerError", startedAt=None)
    assert told(a_service(), unplaced | {"containers": []}).endswith("with CannotPullContainerError")
    assert told(a_service(), a_death(70)) == ""
    assert told(a_service(), a_death(4, lived=31)) == ""


def a_kill(seconds_ago: float = 20, **fields: Any) -> dict[str, Any]:
    scaled = {"stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity", "startedBy": "ecs-svc/0"}
    container = {"name": "app", "exitCode": 137, "reason": "it did not end within 30 s"}
    return a_death(seconds_ago, group="service:web", containers=[container], **scaled) | fields


def test_a_task_that_was_killed_at_its_stop_is_told_with_what_to_do() -> None:
    assert told(a_service(), a_kill()).startswith("app took no notice of SIGTERM and was killed")
    assert told(a_service(), a_kill(), a_death(30), a_death(40)).startswith("keeps dying")


@pytest.mark.parametrize(
    "kill",
    [
        a_kill(700),
        a_kill(group="service:other"),
        a_kill(stopCode="EssentialContainerExited"),
        a_kill(containers=[{"name": "app", "exitCode": 0}]),
        a_kill(containers=[{"name": "app", "exitCode": 137, "reason": "OutOfMemoryError: killed"}]),
    ],
)
def test_a_kill_long_ago_or_of_another_cause_is_none_at_its_stop(kill: dict[str, Any]) -> None:
    assert told(a_service(), kill) == ""


@pytest.mark.parametrize(
    "deaths",
    [
        [],
        [a_death(4, lived=50)],
        [a_death(100), a_death(104)],
        [a_death(900), a_death(4, lived=50)],
        [a_death(4, startedBy="ecs-svc/0"), a_death(8, startedBy="ecs-svc/0")],
        [a_death(n, stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling activity") for n in (1, 2, 3)],
    ],
    ids=["none", "one may be chance", "calm since", "long ago", "of another deployment", "not of themselves"],
)
def test_what_is_no_loop_is_no_trouble(deaths: list[dict[str, Any]]) -> None:
    assert told(a_service(), *deaths) == ""


def test_a_roll_out_that_failed_or_is_not_complete_is_told_with_its_tasks() -> None:
    failed = a_service(rolloutState="FAILED", rolloutStateReason="tasks failed to start.")
    assert told(failed) == "its roll-out of web:3 failed: tasks failed to start."
    rolling = a_service(rolloutState="IN_PROGRESS")
    assert told(rolling) == ""
    assert (
        told(rolling, a_death(4))
        == "its roll-out of web:3 is not complete: 1 task has failed, the last with exit code 1"
    )
    assert told(a_service(rolloutState="IN_PROGRESS", failedTasks=5)) == (
        "its roll-out of web:3 is not complete: 5 tasks have failed"
    )
    unhealthy = a_death(4, stopCode="ServiceSchedulerInitiated", stoppedReason="Task failed ELB health checks")
    assert told(rolling, unhealthy).endswith("1 task has failed, the last with Task failed ELB health checks")


def test_the_last_task_that_failed_is_the_one_whose_ending_is_named() -> None:
    first, last = a_death(8, containers=[{"name": "web", "exitCode": 9}]), a_death(4)
    rolling = a_service(rolloutState="IN_PROGRESS")
    for order in ((first, last), (last, first)):
        assert told(rolling, *order).endswith("2 tasks have failed, the last with exit code 1")
