from itertools import pairwise
from pathlib import Path

import pytest
from tests.builders import a_container, a_task, a_task_definition

from culm.core.decide import lifecycle
from culm.core.model.task_definitions import ContainerRestartPolicy
from culm.core.model.tasks import Container, Status, StopCode


def seen(name="app", status="RUNNING", **fields) -> Container:
    return Container(container_arn=name, name=name, image="image", last_status=status, **fields)


def test_every_state_leads_to_stopped_and_none_leads_back():
    for status, following in lifecycle.TRANSITIONS.items():
        assert all(lifecycle.is_ahead(status, next_one) for next_one in following)
        assert following or status == Status.DELETED
    for earlier, later in pairwise(lifecycle.ORDER):
        assert lifecycle.is_ahead(earlier, later)
        assert not lifecycle.is_ahead(later, earlier)


def test_every_state_of_aws_has_its_transitions():
    assert set(lifecycle.TRANSITIONS) == set(Status)


@pytest.mark.parametrize(
    ("started_at", "reason", "expected"),
    [
        (1.0, "", (StopCode.ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited")),
        (None, "", (StopCode.ESSENTIAL_CONTAINER_EXITED, "Essential container in task exited")),
        (None, "CannotPullContainerError: x", (StopCode.TASK_FAILED_TO_START, "CannotPullContainerError: x")),
        (1.0, "its instance restarted", (StopCode.ESSENTIAL_CONTAINER_EXITED, "its instance restarted")),
    ],
)
def test_a_task_that_ends_by_itself_says_why(started_at, reason, expected):
    assert lifecycle.why_stopped(a_task(started_at=started_at), reason) == expected


def test_an_out_of_memory_stop_has_the_reason_of_ecs():
    assert lifecycle.out_of_memory_reason() == "OutOfMemoryError: Container killed due to memory usage"


def test_the_diagram_in_the_documentation_is_this_one():
    page = Path(__file__).parents[3] / "docs" / "reference" / "task-lifecycle.md"
    assert f"```mermaid\n{lifecycle.diagram()}\n```" in page.read_text(), (
        "make it again: python -m culm.core.decide.lifecycle"
    )


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
