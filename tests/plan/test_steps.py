"""A step in words: what people read in a plan, for every act and every undo."""

import pytest

from culm.plan import steps
from culm.plan.calls import Call

ACTS: list[tuple[steps.Act, str]] = [
    (Call(what="register a:2", client="ecs", operation="register_task_definition", input={}), "register a:2"),
    (steps.Build(service="a", migration=True, dockerfile="Dockerfile.migrate"), "build Dockerfile.migrate"),
    (steps.Configure(), "write the files that only the target can tell"),
    (steps.AwaitInstances(), "wait for an instance that takes tasks"),
    (steps.RunMigration(service="a", task_definition="arn", patience=0.0), "run its migration"),
    (steps.AwaitMigration(service="a", task="arn"), "wait for its migration to end"),
    (steps.AwaitStopped(service="a"), "wait until its tasks have stopped"),
    (steps.AwaitSteady(service="a", revision=None, fresh=False), "wait until it is steady"),
    (steps.Settle(service="a", seconds=2.5), "watch it for 2.5 s"),
]
UNDOS: list[tuple[steps.Undo, str]] = [
    (steps.GiveBack(service="a", arn="arn", count=1), "its 1 task starts again"),
    (steps.GiveBack(service="a", arn="arn", count=2), "its 2 tasks start again"),
    (steps.GoBack(service="a", failed="arn", before="arn:aws:ecs:::task-definition/a:7"), "back to a:7"),
    (steps.Stays(), "nothing, as its migration has run"),
    (steps.ScaleBack(service="a", count=3), "3 tasks again"),
]


@pytest.mark.parametrize(("act", "words"), ACTS, ids=lambda value: type(value).__name__)
def test_an_act_is_said_in_the_imperative(act: steps.Act, words: str) -> None:
    assert steps.text_of([steps.Step(key="k", lane="a", act=act)]) == f"1  a  {words}"


@pytest.mark.parametrize(("undo", "words"), UNDOS, ids=lambda value: type(value).__name__)
def test_an_undo_says_what_it_leads_back_to(undo: steps.Undo, words: str) -> None:
    assert steps.undoing(undo) == words


def test_only_calls_and_migrations_change_the_target() -> None:
    writing = {type(act).__name__ for act, _ in ACTS if steps.Step(key="k", lane="a", act=act).writes}
    assert writing == {"Call", "RunMigration"}


def test_lanes_and_numbers_stand_in_columns() -> None:
    settle = steps.Settle(service="a", seconds=2.5)
    several = [steps.Step(key=str(n), lane="a" if n else "longer", act=settle) for n in range(10)]
    lines = steps.text_of(several).splitlines()
    assert lines[0] == " 1  longer  watch it for 2.5 s"
    assert lines[9] == "10  a       watch it for 2.5 s"
    assert steps.text_of([]) == ""


def test_steps_that_follow_one_another_are_named_as_a_span() -> None:
    assert steps.spans([3, 1, 2, 7]) == "1-3, 7"
    assert steps.spans([5]) == "5"
    assert steps.spans([2, 4]) == "2, 4"
