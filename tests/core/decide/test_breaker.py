from dataclasses import replace

import pytest
from tests.builders import NOW, a_deployment, a_failed_task, a_service, a_task

from culm.core.decide import backoff, breaker
from culm.core.model.services import DeploymentCircuitBreaker, ThresholdConfiguration
from culm.core.model.tasks import StopCode, Task

WEB = a_service("web", a_deployment("ecs-svc/web"))
DEPLOYMENT = WEB.deployments[0]


@pytest.mark.parametrize(
    ("kind", "value", "desired", "expected"),
    [
        ("BOUNDED_PERCENT", 50, 1, 3),
        ("BOUNDED_PERCENT", 50, 6, 3),
        ("BOUNDED_PERCENT", 50, 7, 4),
        ("BOUNDED_PERCENT", 50, 25, 13),
        ("BOUNDED_PERCENT", 50, 400, 200),
        ("BOUNDED_PERCENT", 50, 800, 200),
        ("UNBOUNDED_PERCENT", 50, 1, 1),
        ("UNBOUNDED_PERCENT", 50, 800, 400),
        ("UNBOUNDED_PERCENT", 50, 0, 1),
        ("COUNT", 2, 800, 2),
        ("COUNT", 0, 1, 1),
    ],
)
def test_the_threshold_follows_the_desired_count(kind, value, desired, expected):
    setting = DeploymentCircuitBreaker(
        enable=True, rollback=True, threshold_configuration=ThresholdConfiguration(type=kind, value=value)
    )
    assert breaker.threshold(setting, desired) == expected


@pytest.mark.parametrize(
    ("code", "reason", "healthy_at", "failed"),
    [
        (StopCode.TASK_FAILED_TO_START, "CannotPullContainerError: not found", None, True),
        (StopCode.ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited", None, True),
        (StopCode.ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited", 1.0, False),
        (StopCode.SERVICE_SCHEDULER_INITIATED, "Task failed ELB health checks in (target-group x)", 1.0, True),
        (StopCode.SERVICE_SCHEDULER_INITIATED, "Task failed container health checks", None, True),
        (StopCode.SERVICE_SCHEDULER_INITIATED, "Scaling activity initiated by (deployment x)", None, False),
        (StopCode.SERVICE_SCHEDULER_INITIATED, None, None, False),
        (StopCode.USER_INITIATED, "Task stopped by user", None, False),
        (None, None, None, False),
    ],
)
def test_tasks_that_never_became_healthy_or_failed_checks_count_as_failures(code, reason, healthy_at, failed):
    assert breaker.has_failed(a_task(stop_code=code, stopped_reason=reason, healthy_at=healthy_at)) is failed


def test_counts_the_failures_since_a_task_was_last_healthy():
    tasks = [
        a_failed_task("a", of=WEB, at=NOW - 30),
        a_task("ok", of=WEB, healthy_at=NOW - 20),
        a_failed_task("c", of=WEB, at=NOW - 5),
        a_failed_task("b", of=WEB, at=NOW - 10),
        a_failed_task("d", of=WEB, at=NOW, deployment="ecs-svc/other"),
    ]
    assert [t.task_arn for t in breaker.failures(DEPLOYMENT, tasks)] == ["b", "c"]
    every = breaker.failures(DEPLOYMENT, tasks, reset_on_healthy_task=False)
    assert [t.task_arn for t in every] == ["a", "b", "c"]


def test_a_roll_back_starts_with_no_failures_counted():
    back = replace(DEPLOYMENT, rolls_back="ecs-svc/broken", updated_at=NOW - 10)
    tasks = [a_failed_task("old", of=WEB, at=NOW - 20), a_failed_task("new", of=WEB, at=NOW)]
    assert [t.task_arn for t in breaker.failures(back, tasks, reset_on_healthy_task=False)] == ["new"]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (8, 64), (12, 1024), (13, 1620), (10_000, 1620)]
)
def test_the_delay_grows_to_27_minutes(failures, seconds):
    assert backoff.delay_seconds(failures) == seconds


def test_the_delay_counts_from_the_last_failure():
    assert backoff.starts_again_at(DEPLOYMENT, [], NOW) == 0
    failed = [a_failed_task(str(n), of=WEB, at=NOW + n) for n in range(3)]
    assert backoff.starts_again_at(DEPLOYMENT, failed, NOW + 3) == NOW + 2 + 2


def a_death(name: str, at: float, lived: float = 3.0) -> Task:
    """A task that became healthy and exited by itself."""
    failed = a_failed_task(name, of=WEB, at=at)
    exited = replace(failed, stop_code=StopCode.ESSENTIAL_CONTAINER_EXITED)
    return replace(exited, started_at=at - lived, healthy_at=at - lived / 2)


def test_pauses_grow_for_tasks_that_die_after_they_were_healthy():
    dying = [a_death(str(n), at=NOW + 4 * n) for n in range(5)]
    assert breaker.failures(DEPLOYMENT, dying) == []
    pauses = [
        backoff.starts_again_at(DEPLOYMENT, dying[: n + 1], NOW + 4 * n) - (dying[n].stopped_at or 0) for n in range(5)
    ]
    assert pauses == [0, 1, 2, 4, 8]


def test_a_task_that_ran_steadily_ends_the_count_of_deaths():
    dying = [a_death(str(n), at=NOW + n) for n in range(4)]
    running = replace(a_task("steady", of=WEB), started_at=NOW + 10, healthy_at=NOW + 12)
    soon, later = NOW + 20, NOW + 10 + backoff.STEADY_SECONDS
    assert len(backoff.deaths(DEPLOYMENT, [*dying, running], soon)) == 4
    assert backoff.deaths(DEPLOYMENT, [*dying, running], later) == []
    beside = replace(running, started_at=NOW - 1000)
    assert len(backoff.deaths(DEPLOYMENT, [*dying, beside], later)) == 4


def test_a_task_that_ran_long_is_replaced_at_once():
    tired = [a_death(str(n), at=NOW + n, lived=backoff.STEADY_SECONDS) for n in range(5)]
    assert backoff.starts_again_at(DEPLOYMENT, tired, NOW + 5) == 0


def test_a_clock_that_is_set_back_does_not_stop_starts():
    """The ends of the last tasks were written by a clock an hour ahead."""
    failed = [a_failed_task(str(n), of=WEB, at=NOW + 3600 + n) for n in range(6)]
    assert backoff.starts_again_at(DEPLOYMENT, failed, NOW) <= NOW
    again = [*failed, a_failed_task("again", of=WEB, at=NOW - 1)]
    assert backoff.starts_again_at(DEPLOYMENT, again, NOW) == NOW - 1 + backoff.delay_seconds(7)
