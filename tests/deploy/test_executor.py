"""Steps are carried out in the order that they ask for, by a few threads, and taken back when their lane fails."""

import io
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from tests.quick_clock import Quick

from culm.console import Console
from culm.deploy.executor import Executor, Work
from culm.deploy.job import BrokenOff, Job
from culm.errors import CulmError
from culm.plan.calls import Call, ResultOf, resolved
from culm.plan.steps import GiveBack, ScaleBack, Step, Undo
from culm.project.project import Project
from culm.target.connection import Target


class Actor:
    """Does what the steps' texts say: `fail`, `wait 3`, anything else at once. `acted` is what happened, in order."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.acted: list[str] = []
        self.undone: list[str] = []
        self.interrupt_at = ""
        self._counting = threading.Lock()

    def act(self, step: Step, results: Mapping[str, Any]) -> Work:
        assert isinstance(step.act, Call)
        verb, _, argument = step.act.what.partition(" ")
        with self._counting:
            self.acted.append(step.key)
        if verb == "wait":
            yield float(argument)
        if step.key == self.interrupt_at:
            raise KeyboardInterrupt
        if verb == "fail":
            raise CulmError(f"{step.key} failed", "try it")
        return {"name": step.key}

    def undo(self, undo: Undo, failure: CulmError, results: Mapping[str, Any]) -> Work:
        yield 1.0
        self.undone.append(str(getattr(undo, "service", "")))
        return CulmError(f"{failure.what}, and was undone", failure.hint)

    def undo_at_once(self, undo: Undo) -> None:
        self.undone.append(f"at once {getattr(undo, 'service', '')}")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def job(project: Project, stream: io.StringIO) -> Job:
    return Job(project, Target(project.targets["local"], "http://127.0.0.1:1"), Console(stream), Quick())


@pytest.fixture
def actor(job: Job) -> Actor:
    return Actor(job)


def a_step(key: str, does: str = "go", **fields: Any) -> Step:
    """`a: roll` is in lane `a`."""
    call = Call(what=does, client="ecs", operation="nothing", input={})
    return Step(key=key, lane=key.partition(":")[0], act=call, **fields)


def run(job: Job, actor: Actor, *steps: Step, threads: int = 2) -> dict[str, str]:
    """How each lane ended; empty: well."""
    ended = Executor(job, actor, threads).run(steps)
    return {name: error.what if error else "" for name, error in ended.items()}


def test_more_lanes_than_threads_may_all_wait_for_each_other(job: Job, actor: Actor) -> None:
    names = [f"s{number}" for number in range(100)]
    everybody = tuple(f"{name}: migrate" for name in names)
    steps = [a_step(f"{name}: migrate", "wait 3") for name in names]
    steps += [
        a_step(f"{name}: roll", after=tuple(k for k in everybody if not k.startswith(f"{name}:"))) for name in names
    ]
    assert set(run(job, actor, *steps, threads=1).values()) == {""}
    assert actor.acted[:100] == list(everybody), "nobody rolls before all have migrated"
    assert job.clock.seconds() < 4, "they waited side by side"


def test_a_lane_that_fails_ends_alone_and_holds_nobody(job: Job, actor: Actor, stream: io.StringIO) -> None:
    ended = run(
        job,
        actor,
        *(a_step("a: migrate", "fail"), a_step("a: roll")),
        *(a_step("b: migrate"), a_step("b: roll", after=("a: migrate", "a: roll"))),
    )
    assert ended == {"a": "a: migrate failed", "b": ""}
    assert actor.acted == ["a: migrate", "b: migrate", "b: roll"]
    assert "a failed: a: migrate failed\n" in stream.getvalue()


def test_what_comes_after_a_service_that_failed_is_not_deployed(job: Job, actor: Actor, stream: io.StringIO) -> None:
    steps = [a_step("a: roll", "fail"), a_step("b: roll", needs=("a",)), a_step("c: roll", needs=("b",))]
    assert run(job, actor, *steps) == {
        "a": "a: roll failed",
        "b": "b was not deployed, because a failed",
        "c": "c was not deployed, because b failed",
    }
    before = Executor(job, actor).run([a_step("d: roll", needs=("x",))], {"x": CulmError("it did not build")})
    assert str(before["d"]) == "d was not deployed, because x failed"
    assert "b not deployed, because a failed\n" in stream.getvalue()


def test_what_a_failed_lane_has_done_is_undone_the_latest_first(job: Job, actor: Actor) -> None:
    def back(name: str) -> Undo:
        return ScaleBack(service=name, count=1)

    ended = run(
        job,
        actor,
        *(a_step("a: one", undo=back("one")), a_step("a: two", undo=back("two")), a_step("a: three", "fail")),
        a_step("b: one", after=("a: three",)),
    )
    assert actor.undone == ["two", "one"]
    assert ended["a"] == "a: three failed, and was undone, and was undone"
    assert actor.acted[-1] == "b: one"


def test_nothing_from_before_a_step_that_commits_is_undone(job: Job, actor: Actor) -> None:
    lent = GiveBack(service="slot", arn="arn", count=1)
    rolled = ScaleBack(service="roll", count=1)
    steps = [a_step("a: lend", undo=lent), a_step("a: roll", commits=True, undo=rolled), a_step("a: steady", "fail")]
    run(job, actor, *steps)
    assert actor.undone == ["roll"]


def test_a_ctrl_c_takes_back_at_once_what_must_not_stay(job: Job, actor: Actor) -> None:
    actor.interrupt_at = "a: migrate"
    lent = GiveBack(service="a", arn="arn", count=1)
    with pytest.raises(BrokenOff):
        run(job, actor, a_step("a: lend", undo=lent), a_step("a: migrate"), a_step("b: roll", "wait 99"))
    assert actor.undone == ["at once a"]
    with pytest.raises(BrokenOff):
        job.say("anything")


def test_steps_that_wait_for_each_other_are_an_error_and_no_standstill(job: Job, actor: Actor) -> None:
    with pytest.raises(AssertionError, match="steps wait for each other: a: roll, b: roll"):
        run(job, actor, a_step("a: roll", after=("b: roll",)), a_step("b: roll", after=("a: roll",)))


def test_what_is_said_names_what_the_step_returned(job: Job, actor: Actor, stream: io.StringIO) -> None:
    run(job, actor, a_step("a: register", begins="registering", ends="registered {name}"))
    assert stream.getvalue() == "a registering\na registered a: register\n"


def test_an_input_names_an_earlier_step_s_result() -> None:
    given = {
        "taskDefinition": ResultOf(step="a: register", path=("taskDefinition", "arn")),
        "tags": [ResultOf(step="b")],
    }
    assert resolved(given, {"a: register": {"taskDefinition": {"arn": "arn:1"}}, "b": "two"}) == {
        "taskDefinition": "arn:1",
        "tags": ["two"],
    }
