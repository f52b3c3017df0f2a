from itertools import pairwise

import pytest
from tests.builders import a_container, a_task, a_task_definition

from culm.decide import lifecycle
from culm.model.task_definitions import ContainerDependency, ContainerRestartPolicy
from culm.model.tasks import Container, Status, StopCode


def seen(name="app", status="RUNNING", **fields) -> Container:
    return Container(container_arn=name, name=name, image="image", last_status=status, **fields)


def waits(name, on, condition):
    return a_container(name, depends_on=(ContainerDependency(container_name=on, condition=condition),))


PAIR = a_task_definition(containers=(a_container("app"), a_container("helper", essential=False)))


def test_every_task_ends_and_none_goes_back():
    for status, following in lifecycle.TRANSITIONS.items():
        assert all(lifecycle.is_ahead(status, next_one) for next_one in following)
        assert following or status == Status.DELETED
    for earlier, later in pairwise(lifecycle.ORDER):
        assert lifecycle.is_ahead(earlier, later)
        assert not lifecycle.is_ahead(later, earlier)


def test_every_state_of_aws_has_its_transitions():
    assert set(lifecycle.TRANSITIONS) == set(Status)


@pytest.mark.parametrize(
    ("fields", "stopping"),
    [
        ({}, False),
        ({"desired_status": "STOPPED"}, True),
        ({"last_status": Status.DEACTIVATING}, True),
        ({"last_status": Status.PENDING}, False),
    ],
)
def test_a_task_is_stopping_when_told_or_when_it_ends_by_itself(fields, stopping):
    assert lifecycle.is_stopping(a_task(**fields)) is stopping


@pytest.mark.parametrize(
    ("app", "helper", "expected"),
    [
        ("PENDING", "RUNNING", Status.PENDING),
        ("RUNNING", "PENDING", Status.PENDING),
        ("RUNNING", "RUNNING", Status.RUNNING),
        ("RUNNING", "STOPPED", Status.RUNNING),
        ("STOPPED", "RUNNING", Status.PENDING),
        ("STOPPED", "STOPPED", Status.STOPPED),
    ],
)
def test_the_containers_make_the_task_s_status(app, helper, expected):
    assert lifecycle.task_status([seen("app", app), seen("helper", helper)], PAIR) == expected


def test_the_end_of_an_essential_container_ends_the_task():
    assert lifecycle.stop_of([seen("app"), seen("helper", "STOPPED", exit_code=0)], PAIR) is None
    ended = [seen("app", "STOPPED", exit_code=1), seen("helper")]
    assert lifecycle.essential_exit(ended, PAIR) is ended[0]
    assert lifecycle.stop_of(ended, PAIR) == (
        StopCode.ESSENTIAL_CONTAINER_EXITED,
        "Essential container in task exited",
    )


@pytest.mark.parametrize("reason", ["CannotPullContainerError: pull access denied", None])
def test_a_container_that_never_ran_failed_to_start(reason):
    code, said = lifecycle.stop_of([seen("app", "STOPPED", reason=reason), seen("helper")], PAIR)
    assert (code, said) == (StopCode.TASK_FAILED_TO_START, reason or "Task failed to start")


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        (("HEALTHY", "HEALTHY"), "HEALTHY"),
        (("HEALTHY", "UNKNOWN"), "UNKNOWN"),
        (("UNKNOWN", "UNHEALTHY"), "UNHEALTHY"),
    ],
)
def test_a_task_is_as_healthy_as_its_checked_essential_containers(states, expected):
    (check,) = (c.health_check for c in a_task_definition(checked=True).container_definitions)
    definition = a_task_definition(
        containers=(
            a_container("a", health_check=check),
            a_container("b", health_check=check),
            a_container("extra", health_check=check, essential=False),
            a_container("unchecked"),
        )
    )
    containers = [seen(n, health_status=s) for n, s in zip(("a", "b"), states, strict=True)]
    assert lifecycle.health_of([*containers, seen("extra", health_status="UNHEALTHY")], definition) == expected


def test_a_task_without_checks_has_no_known_health():
    assert lifecycle.health_of([seen()], a_task_definition()) == "UNKNOWN"


@pytest.mark.parametrize(
    ("condition", "other", "met", "hopeless"),
    [
        ("START", seen("db", "PENDING"), False, False),
        ("START", seen("db"), True, False),
        ("START", seen("db", "STOPPED", exit_code=1), True, False),
        ("COMPLETE", seen("db"), False, False),
        ("COMPLETE", seen("db", "STOPPED", exit_code=1), True, False),
        ("COMPLETE", seen("db", "STOPPED"), False, True),
        ("SUCCESS", seen("db", "STOPPED", exit_code=0), True, False),
        ("SUCCESS", seen("db", "STOPPED", exit_code=1), False, True),
        ("HEALTHY", seen("db"), False, False),
        ("HEALTHY", seen("db", health_status="HEALTHY"), True, False),
        ("HEALTHY", seen("db", "STOPPED", exit_code=0), False, True),
    ],
)
def test_a_container_waits_for_its_dependency_s_condition(condition, other, met, hopeless):
    container = waits("app", "db", condition)
    assert lifecycle.may_start(container, {"db": other}) is met
    reason = lifecycle.never_starts(container, {"db": other})
    assert (reason is not None) is hopeless
    assert reason is None or f"it never becomes {condition}" in reason


def test_a_container_that_depends_on_nothing_may_always_start():
    assert lifecycle.may_start(a_container(), {})
    assert lifecycle.never_starts(a_container(), {}) is None


def test_containers_start_after_what_they_depend_on():
    definition = a_task_definition(
        containers=(waits("web", "app", "START"), waits("app", "db", "HEALTHY"), a_container("db"))
    )
    assert [c.name for c in lifecycle.start_order(definition)] == ["db", "app", "web"]


def test_a_circle_of_dependencies_is_named():
    definition = a_task_definition(containers=(waits("a", "b", "START"), waits("b", "a", "START")))
    with pytest.raises(ValueError, match="a -> b -> a"):
        lifecycle.start_order(definition)


@pytest.mark.parametrize(
    ("policy", "code", "ran", "again"),
    [
        (None, 1, 1000, False),
        (ContainerRestartPolicy(enabled=False), 1, 1000, False),
        (ContainerRestartPolicy(enabled=True), 1, 299, False),
        (ContainerRestartPolicy(enabled=True), 1, 300, True),
        (ContainerRestartPolicy(enabled=True), 0, 300, True),
        (ContainerRestartPolicy(enabled=True, ignored_exit_codes=(0,)), 0, 300, False),
        (ContainerRestartPolicy(enabled=True, restart_attempt_period=60), 1, 60, True),
    ],
)
def test_the_restart_policy_decides_whether_a_container_comes_back(policy, code, ran, again):
    assert lifecycle.restarts(policy, code, ran) is again
