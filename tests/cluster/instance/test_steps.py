"""What an agent does next, from tables."""

from dataclasses import replace
from typing import Any

import pytest

from culm.cluster.instance import shared_network
from culm.cluster.instance.steps import GiveUp, Progress, Start, Stop, next_steps, status
from culm.core.model.agent import ContainerPayload, TaskPayload
from culm.core.model.task_definitions import ContainerDependency, ContainerRestartPolicy

WAITING, STARTING, RUNNING = Progress(), Progress(state="starting"), Progress(state="running")


def ended(exit_code: int = 0, **changed: Any) -> Progress:
    return Progress(state="stopped", **{"exit_code": exit_code, "ran_seconds": 1.0, **changed})


def a_container(name: str, *after: tuple[str, Any], **changed: Any) -> ContainerPayload:
    depends_on = tuple(ContainerDependency(container_name=n, condition=c) for n, c in after)
    return ContainerPayload(name=name, image=name, container_arn=name, depends_on=depends_on, **changed)


def a_task(*containers: ContainerPayload) -> TaskPayload:
    return TaskPayload(arn="task/1", desired_status="RUNNING", containers=containers)


def steps(task: TaskPayload, wanted: Any = "RUNNING", waited: float = 0.0, **progress: Progress) -> list[Any]:
    return list(next_steps(task, wanted, progress, waited))


def test_containers_without_dependencies_start_together():
    task = a_task(a_container("a"), a_container("b"))
    assert steps(task, a=WAITING, b=WAITING) == [Start(container="a"), Start(container="b")]


def test_start_waits_until_the_other_has_started():
    task = a_task(a_container("a", ("b", "START")), a_container("b"))
    assert steps(task, a=WAITING, b=STARTING) == []
    assert steps(task, a=WAITING, b=RUNNING) == [Start(container="a")]


def test_complete_takes_any_exit_code_and_success_only_zero():
    after = a_container("b", essential=False)
    assert steps(a_task(a_container("a", ("b", "COMPLETE")), after), a=WAITING, b=ended(2)) == [Start(container="a")]
    given_up = steps(a_task(a_container("a", ("b", "SUCCESS")), after), a=WAITING, b=ended(2))
    assert given_up == [
        GiveUp(
            container="a",
            reason="DependencyFailedToStart: container b is what it waits for (SUCCESS), and it has ended: exit code 2",
        )
    ]


def test_an_unhealthy_dependency_is_given_up():
    task = a_task(a_container("a", ("b", "HEALTHY")), a_container("b"))
    assert steps(task, a=WAITING, b=Progress(state="running", health="HEALTHY")) == [Start(container="a")]
    [step] = steps(task, a=WAITING, b=Progress(state="running", health="UNHEALTHY"))
    assert isinstance(step, GiveUp) and step.reason.endswith("to be HEALTHY, and it is UNHEALTHY")


def test_a_stop_goes_from_those_that_depend_to_those_they_depend_on():
    task = a_task(a_container("web", ("db", "START")), a_container("db"))
    assert steps(task, "STOPPED", web=RUNNING, db=RUNNING) == [Stop(container="web")]
    assert steps(task, "STOPPED", web=Progress(state="stopping"), db=RUNNING) == []
    assert steps(task, "STOPPED", web=ended(), db=RUNNING) == [Stop(container="db")]


def test_a_task_that_is_told_to_stop_while_it_starts_starts_nothing_more():
    task = a_task(a_container("a"), a_container("b"))
    assert steps(task, "STOPPED", a=STARTING, b=WAITING) == []
    assert status(task, "STOPPED", {"a": STARTING, "b": WAITING}) == "PENDING"
    assert status(task, "STOPPED", {"a": WAITING, "b": WAITING}) == "STOPPED"


def test_a_container_restarts_when_its_policy_says_so_and_it_ran_long_enough():
    policy = ContainerRestartPolicy(enabled=True, ignored_exit_codes=(0,), restart_attempt_period=60)
    task = a_task(a_container("a", restart_policy=policy))
    assert steps(task, a=ended(1, ran_seconds=61.0)) == [Start(container="a", attempt=1)]
    assert steps(task, a=ended(1, ran_seconds=59.0)) == []
    assert steps(task, a=ended(0, ran_seconds=61.0)) == []
    assert status(task, "RUNNING", {"a": ended(0, ran_seconds=61.0)}) == "STOPPED"


def test_a_task_runs_when_every_container_has_started():
    task = a_task(a_container("a"), a_container("b", essential=False))
    assert status(task, "RUNNING", {"a": RUNNING, "b": STARTING}) == "PENDING"
    assert status(task, "RUNNING", {"a": RUNNING, "b": RUNNING}) == "RUNNING"
    assert status(task, "RUNNING", {"a": RUNNING, "b": ended()}) == "RUNNING"
    assert status(task, "RUNNING", {"a": ended(), "b": RUNNING}) == "RUNNING"
    assert status(task, "RUNNING", {"a": ended(), "b": ended()}) == "STOPPED"


def test_a_container_that_could_not_start_is_given_up_by_those_that_wait_for_it_with_its_reason():
    reason = "CannotPullContainerError: no such image"
    lost = Progress(state="stopped", reason=reason)
    for condition in ("START", "COMPLETE", "SUCCESS", "HEALTHY"):
        task = a_task(a_container("a", ("b", condition)), a_container("b", essential=False))
        [step] = steps(task, a=WAITING, b=lost)
        assert isinstance(step, GiveUp)
        assert step.reason.endswith(f"({condition}), and it has ended: {reason}")


def test_start_holds_of_one_that_has_run_and_ended():
    task = a_task(a_container("a", ("b", "START")), a_container("b", essential=False))
    assert steps(task, a=WAITING, b=ended(3)) == [Start(container="a")]
    killed = ended(137, reason="OutOfMemoryError: Container killed due to memory usage")
    assert steps(task, a=WAITING, b=killed) == [Start(container="a")]


def test_complete_and_success_wait_for_the_end_and_healthy_for_a_running_container():
    task = a_task(a_container("a", ("b", "SUCCESS")), a_container("b", essential=False))
    assert steps(task, a=WAITING, b=RUNNING) == []
    assert steps(task, a=WAITING, b=ended(0)) == [Start(container="a")]
    task = a_task(a_container("a", ("b", "COMPLETE")), a_container("b", essential=False))
    assert steps(task, a=WAITING, b=RUNNING) == []
    task = a_task(a_container("a", ("b", "HEALTHY")), a_container("b", essential=False))
    assert steps(task, a=WAITING, b=RUNNING) == []
    assert isinstance(steps(task, a=WAITING, b=ended(0))[0], GiveUp)


def test_a_dependency_has_until_its_start_timeout_and_no_longer():
    task = a_task(a_container("a", ("b", "HEALTHY")), a_container("b", start_timeout=30))
    assert steps(task, waited=30.0, a=WAITING, b=RUNNING) == []
    [step] = steps(task, waited=30.1, a=WAITING, b=RUNNING)
    assert isinstance(step, GiveUp)
    assert step.reason.endswith("(HEALTHY), longer than its startTimeout of 30 s")


def test_every_dependency_has_to_hold():
    task = a_task(a_container("a", ("b", "START"), ("c", "START")), a_container("b"), a_container("c"))
    assert steps(task, a=WAITING, b=RUNNING, c=STARTING) == []
    assert steps(task, a=WAITING, b=RUNNING, c=RUNNING) == [Start(container="a")]


def test_the_container_that_holds_a_tasks_network_starts_before_those_that_join_it():
    task = replace(a_task(a_container("a"), a_container("b")), address="127.80.0.1")
    assert steps(task, a=WAITING, b=WAITING) == [Start(container="a")]
    assert steps(task, a=STARTING, b=WAITING) == []
    assert steps(task, a=RUNNING, b=WAITING) == [Start(container="b")]


@pytest.mark.parametrize(
    ("containers", "holder", "joining"),
    [
        ([a_container("a")], None, set()),
        ([a_container("a", essential=False), a_container("b")], "b", {"a"}),
        ([a_container("a", restart_policy=ContainerRestartPolicy(enabled=True)), a_container("b")], "b", {"a"}),
        ([a_container("app", ("migrate", "COMPLETE"), ("proxy", "HEALTHY")), a_container("migrate", essential=False),
          a_container("proxy"), a_container("logs", essential=False)], "proxy", {"app", "logs"}),
        ([a_container("app", ("migrate", "SUCCESS")), a_container("migrate", ("proxy", "START"), essential=False),
          a_container("proxy", essential=False)], "proxy", {"app", "migrate"}),
    ],
)  # fmt: skip
def test_the_holder_of_a_network_waits_for_none_that_stays(
    containers: list[ContainerPayload], holder: str | None, joining: set[str]
):
    task = replace(a_task(*containers), address="127.80.0.1")
    assert (shared_network.holder(task), shared_network.joining(task)) == (holder, joining)
    assert shared_network.holder(replace(task, address="")) is None
