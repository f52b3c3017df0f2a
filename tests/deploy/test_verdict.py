"""Done, doomed or still going: told from what AWS describes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from culm.deploy.verdict import NO_ROOM_SECONDS, Done, Doomed, Going, Look, verdict
from culm.plan.trouble import LOOP

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def a_deployment(**fields: Any) -> dict[str, Any]:
    return {
        "id": "ecs-svc/new",
        "status": "PRIMARY",
        "rolloutState": "IN_PROGRESS",
        "runningCount": 0,
        "pendingCount": 1,
        "desiredCount": 1,
        "createdAt": BEGAN,
        **fields,
    }


def a_task(**fields: Any) -> dict[str, Any]:
    return {
        "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/bamboo/1",
        "startedBy": "ecs-svc/new",
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "stoppedAt": BEGAN,
        "containers": [{"name": "web", "exitCode": 3}],
        **fields,
    }


def a_look(*deployments: dict[str, Any], **fields: Any) -> Look:
    return Look(
        service={"deployments": list(deployments or [a_deployment()]), "events": fields.pop("events", [])}, **fields
    )


def doomed(look: Look) -> Doomed:
    found = verdict(look)
    assert isinstance(found, Doomed)
    return found


OLD = a_deployment(id="ecs-svc/old", status="ACTIVE", rolloutState="COMPLETED", runningCount=1)


def test_it_is_done_when_the_newest_deployment_is_all_there_is() -> None:
    completed = a_deployment(rolloutState="COMPLETED", runningCount=1)
    assert verdict(a_look(completed)) == Done()
    assert isinstance(verdict(a_look(completed, OLD)), Going)


BACK = {**OLD, "status": "PRIMARY", "taskDefinition": "web:1", "rolloutState": "IN_PROGRESS"}
UNDONE = a_deployment(
    status="ACTIVE", taskDefinition="web:2", rolloutState="FAILED", rolloutStateReason="tasks failed to start."
)


def test_that_ecs_went_back_is_no_success_however_steady_it_is() -> None:
    steady = {**BACK, "rolloutState": "COMPLETED", "rolloutStateReason": "rolling back to deploymentId ecs-svc/old"}
    task = a_task(taskDefinitionArn="web:2")
    assert isinstance(verdict(a_look(steady, revision="web:2", stopped=[task])), Going)  # only described late
    found = doomed(a_look(steady, revision="web:2", stopped=[task], left=True))
    assert (found.why, found.task) == ("ECS's circuit breaker ended its deployment", task)
    assert verdict(a_look(steady, revision="web:1")) == Done()


def test_the_deployment_that_failed_tells_why_as_long_as_it_is_shown() -> None:
    assert doomed(a_look(BACK, UNDONE, revision="web:2")).why == "tasks failed to start."


def test_a_completed_deployment_whose_tasks_are_gone_is_not_done() -> None:
    assert isinstance(verdict(a_look(a_deployment(rolloutState="COMPLETED", runningCount=0))), Going)


@pytest.mark.parametrize(("state", "expected"), [("healthy", Done), ("initial", Going), ("unhealthy", Going)])
def test_behind_a_load_balancer_it_is_done_when_requests_reach_it(state: str, expected: type) -> None:
    look = a_look(a_deployment(rolloutState="COMPLETED", runningCount=1), targets=[{"TargetHealth": {"State": state}}])
    balanced = {**look.service, "loadBalancers": [{"targetGroupArn": "arn:1"}]}
    assert isinstance(verdict(replace(look, service=balanced)), expected)


def test_progress_tells_tasks_targets_and_the_old_version() -> None:
    targets = [{"TargetHealth": {"State": state}} for state in ("initial", "draining")]
    assert verdict(a_look(a_deployment(runningCount=1), OLD, targets=targets)) == Going(
        progress="1 of 1 running, target initial, 1 old task still there"
    )
    stopped_first = {**OLD, "runningCount": 0}
    assert verdict(a_look(a_deployment(runningCount=1), stopped_first, targets=targets)) == Going(
        progress="1 of 1 running, target initial"
    )


def test_one_crash_may_be_chance_two_are_a_loop() -> None:
    assert isinstance(verdict(a_look(stopped=[a_task()])), Going)
    newer = a_task(stoppedAt=BEGAN + timedelta(seconds=1))
    found = doomed(a_look(stopped=[newer, *[a_task()] * (LOOP - 1)]))
    assert (found.why, found.task) == (f"it starts and stops again ({LOOP} times)", newer)


def test_tasks_of_another_deployment_say_nothing_about_this_one() -> None:
    assert isinstance(verdict(a_look(stopped=[a_task(startedBy="ecs-svc/old")] * 5)), Going)


def test_tasks_that_the_scheduler_stopped_for_newer_ones_have_not_failed() -> None:
    stopped = a_task(stopCode="ServiceSchedulerInitiated", stoppedReason="Scaling activity initiated by deployment")
    assert isinstance(verdict(a_look(stopped=[stopped] * 5)), Going)


def test_a_task_that_failed_its_health_checks_is_told_at_once() -> None:
    unwell = a_task(
        stopCode="ServiceSchedulerInitiated",
        stoppedReason="Task failed ELB health checks in (target-group arn:1)",
    )
    found = doomed(a_look(stopped=[unwell]))
    assert found.why == "it runs, but never gets healthy"
    assert "`health:`" in found.hint


def test_the_breakers_own_reason_is_passed_on() -> None:
    failed = a_deployment(
        rolloutState="FAILED", rolloutStateReason="ECS deployment circuit breaker: task failed to start."
    )
    assert doomed(a_look(failed)).why == "ECS deployment circuit breaker: task failed to start."


@pytest.mark.parametrize(
    ("task", "hint"),
    [
        (
            a_task(containers=[{"exitCode": 137, "reason": "OutOfMemoryError: Container killed due to memory usage"}]),
            "`memory:`",
        ),
        (a_task(containers=[{"exitCode": 78}]), "configuration"),
        (a_task(stopCode="TaskFailedToStart", containers=[{"reason": "CannotPullContainerError"}]), "the image"),
        (a_task(), "its last lines"),
    ],
)
def test_the_hint_follows_how_the_container_ended(task: dict[str, Any], hint: str) -> None:
    assert hint in doomed(a_look(stopped=[task] * LOOP)).hint


NO_ROOM = "(service web) was unable to place a task because no container instance met all of its requirements."


def test_a_role_that_cannot_be_assumed_is_told_at_once() -> None:
    event = {"createdAt": BEGAN, "message": "(service web) failed to launch a task with (error ECS was unable to ...)."}
    found = doomed(a_look(a_deployment(pendingCount=0), events=[event]))
    assert (found.why, found.hint) == (
        event["message"],
        "see that the role is there and trusts ecs-tasks.amazonaws.com",
    )
    assert isinstance(verdict(a_look(a_deployment(pendingCount=1), events=[event])), Going), "it is there by now"


def test_no_room_is_a_failure_when_nobody_makes_any() -> None:
    events = [{"createdAt": BEGAN + timedelta(seconds=1), "message": NO_ROOM}]
    assert isinstance(verdict(a_look(events=events, stuck_seconds=NO_ROOM_SECONDS - 1)), Going)
    assert doomed(a_look(events=events, stuck_seconds=NO_ROOM_SECONDS)).why == NO_ROOM


def test_an_event_from_before_this_deployment_does_not_count() -> None:
    events = [{"createdAt": BEGAN - timedelta(seconds=1), "message": NO_ROOM}]
    assert isinstance(verdict(a_look(events=events, stuck_seconds=NO_ROOM_SECONDS)), Going)
