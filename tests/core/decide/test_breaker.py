from dataclasses import replace

import pytest
from tests.builders import NOW, a_deployment, a_failed_task, a_service, a_task

from culm.core.decide import backoff, breaker
from culm.core.model.services import DeploymentCircuitBreaker, ThresholdConfiguration
from culm.core.model.tasks import StopCode

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
def test_a_failure_is_a_task_that_never_served_or_served_badly(code, reason, healthy_at, failed):
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


def test_a_roll_back_begins_with_a_clean_slate():
    back = replace(DEPLOYMENT, rolls_back="ecs-svc/broken", updated_at=NOW - 10)
    tasks = [a_failed_task("old", of=WEB, at=NOW - 20), a_failed_task("new", of=WEB, at=NOW)]
    assert [t.task_arn for t in breaker.failures(back, tasks, reset_on_healthy_task=False)] == ["new"]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 1), (3, 2), (4, 4), (8, 64), (12, 1024), (13, 1620), (10_000, 1620)]
)
def test_the_delay_grows_to_27_minutes(failures, seconds):
    assert backoff.delay_seconds(failures) == seconds


def test_the_delay_counts_from_the_last_failure():
    assert backoff.starts_again_at([]) == 0
    failed = [a_failed_task(str(n), of=WEB, at=NOW + n) for n in range(3)]
    assert backoff.starts_again_at(failed) == NOW + 2 + 2
