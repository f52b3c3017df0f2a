"""What becomes of requests for a service that wakes."""

from dataclasses import replace

import pytest

from culm.core.decide.waking import Failing, Held, Served, WakingLook, verdict

LOOK = WakingLook(name="front", desired=1, healthy=0, statuses=("PENDING",))


def test_a_healthy_target_takes_them_whatever_failed_before() -> None:
    assert verdict(replace(LOOK, healthy=1, stopped=("exit code 1",) * 3)) == Served()


@pytest.mark.parametrize(
    ("look", "what"),
    [
        (LOOK, "front has 1 task PENDING"),
        (replace(LOOK, statuses=("PENDING", "PENDING")), "front has 2 tasks PENDING"),
        (replace(LOOK, statuses=("RUNNING",)), "front runs, and the load balancer does not find it healthy yet"),
        (replace(LOOK, statuses=()), "front waits for its task to be placed"),
        (
            replace(LOOK, statuses=(), stopped=("exit code 1",)),
            "front waits for its task to be placed, after exit code 1",
        ),
        (replace(LOOK, statuses=(), unplaced="no MEMORY", seconds=4.9), "front waits for room: no MEMORY"),
    ],
)
def test_they_are_held_and_the_log_says_what_for(look: WakingLook, what: str) -> None:
    assert verdict(look) == Held(what=what)


@pytest.mark.parametrize(
    ("look", "why"),
    [
        (replace(LOOK, stopped=("exit code 1", "exit code 2")), "front does not start: exit code 2"),
        (replace(LOOK, unplaced="no MEMORY", seconds=5.0), "front finds no room: no MEMORY"),
        (replace(LOOK, desired=0), "front was stopped before it was awake"),
    ],
)
def test_they_are_answered_when_it_does_not_start(look: WakingLook, why: str) -> None:
    judged = verdict(look)
    assert isinstance(judged, Failing)
    assert judged.why.startswith(why)
