"""Every kind of change by hand is found, and nothing else; and `up` mends those of which it is said."""

import fnmatch
from dataclasses import replace

import pytest
from tests.operate.drift.deployed import Deployed
from tests.operate.drift.seeds import QUIET, ROUNDS

from culm.deploy.base import answer
from culm.plan import scaling
from culm.target.survey import survey


def test_what_has_just_been_deployed_does_not_differ(deployed: Deployed) -> None:
    assert deployed.differences() == []


@pytest.mark.parametrize("number", ROUNDS)
def test_each_change_by_hand_is_found_and_who_wins_is_true(deployed: Deployed, number: int) -> None:
    seeds = [seed for seed in ROUNDS[number] if (seed.local if deployed.registry else seed.moto)]
    expected = [difference for seed in seeds for difference in seed.differences]
    undo = [seed.plant(deployed) for seed in seeds]
    match(deployed.differences(), expected)
    deployed.up()
    match(deployed.differences(), [line for line in expected if stays(line, rolls=number != QUIET)])
    for step in reversed(undo):
        if step is not None:
            step()
    assert deployed.differences() == []


def test_scaling_that_was_taken_away_comes_back_as_it_was(deployed: Deployed) -> None:
    accounts = deployed.project.services["accounts"]
    live = survey(deployed.target, deployed.project).observed
    removal = scaling.removal(deployed.project, replace(accounts, scaling=None), live)
    assert removal is not None
    answer(deployed.target, removal.call)
    assert deployed.differences() == ["scaling of accounts : there, live None (culm.yml)"]
    for call in removal.back:
        answer(deployed.target, call)
    assert deployed.differences() == []


def stays(line: str, *, rolls: bool) -> bool:
    return line.endswith("(live)") or (line.endswith("(culm.yml at the next roll)") and not rolls)


def match(found: list[str], patterns: list[str]) -> None:
    """Each line is one of the patterns', each pattern's is there, in whichever order."""
    left = list(found)
    for pattern in patterns:
        fitting = [line for line in left if fnmatch.fnmatchcase(literal(line), literal(pattern))]
        assert fitting, f"{pattern!r} is not among {left}"
        left.remove(fitting[0])
    assert left == []


def literal(text: str) -> str:
    """Brackets would be choices of characters."""
    return text.replace("[", "(")
