import pytest
from tests.builders import NOW, a_service, a_starting_task, a_state, a_task, a_task_definition

from culm.core.decide.health import verdict
from culm.core.decide.state import TargetHealth
from culm.core.model.tasks import Status

CHECKED = (a_task_definition("web:1", checked=True),)


def seen(task, service, target=None, definitions=()):
    health = {task.task_arn: TargetHealth(state=target)} if target else {}
    return verdict(task, service, a_state(service, tasks=[task], target_health=health, definitions=definitions))


@pytest.mark.parametrize(("age", "expected"), [(0, "starting"), (39.9, "starting"), (40, "healthy")])
def test_a_task_that_nobody_checks_is_healthy_after_40_seconds(age, expected):
    assert seen(a_task(started_at=NOW - age), a_service()) == expected


def test_a_task_that_does_not_run_yet_is_starting():
    assert seen(a_starting_task(), a_service()) == "starting"
    assert seen(a_task(last_status=Status.RUNNING, started_at=None), a_service()) == "starting"


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (None, "starting"),
        ("initial", "starting"),
        ("draining", "starting"),
        ("healthy", "healthy"),
        ("unhealthy", "unhealthy"),
    ],
)
def test_behind_a_target_group_its_verdict_counts(target, expected):
    assert seen(a_task(started_at=NOW), a_service(balanced=True), target) == expected


@pytest.mark.parametrize(
    ("health", "target", "expected"),
    [
        ("UNKNOWN", None, "starting"),
        ("HEALTHY", None, "healthy"),
        ("UNHEALTHY", None, "unhealthy"),
        ("HEALTHY", "initial", "starting"),
        ("UNKNOWN", "healthy", "starting"),
        ("HEALTHY", "healthy", "healthy"),
        ("HEALTHY", "unhealthy", "unhealthy"),
        ("UNHEALTHY", "healthy", "unhealthy"),
    ],
)
def test_a_container_health_check_and_a_target_group_must_both_agree(health, target, expected):
    service = a_service(balanced=target is not None)
    assert seen(a_task(health_status=health), service, target, CHECKED) == expected


def test_a_check_of_a_container_that_is_not_essential_does_not_count():
    definition = a_task_definition("web:1", checked=True)
    (container,) = definition.container_definitions
    lazy = a_task_definition("web:1", containers=(type(container)(name="a", image="i", essential=False),))
    assert seen(a_task(health_status="UNHEALTHY"), a_service(), definitions=(lazy,)) == "healthy"


@pytest.mark.parametrize(("age", "expected"), [(59, "starting"), (60, "unhealthy")])
def test_failed_checks_are_ignored_in_the_grace_period(age, expected):
    service = a_service(balanced=True, health_check_grace_period_seconds=60)
    assert seen(a_task(started_at=NOW - age), service, "unhealthy") == expected
