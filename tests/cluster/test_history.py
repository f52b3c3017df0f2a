"""The checker of histories: what it lets pass, and what it finds."""

import pytest
from tests.history import Event, linearizable


def write(value: str | None, begun: float, ended: float = float("inf")) -> Event:
    return Event("write", value, begun, ended)


def read(value: str | None, begun: float, ended: float) -> Event:
    return Event("read", value, begun, ended)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [write("1", 0, 1), read("1", 2, 3)],
        [write("1", 0, 3), write("2", 1, 4), read("1", 5, 6)],
        [write("1", 0, 3), read(None, 1, 2), read("1", 4, 5)],
        [write("1", 0), read("1", 5, 6), read("1", 7, 8)],
        [write("1", 0), read(None, 5, 6), read("1", 7, 8)],
        [write("1", 0, 1), write(None, 2, 3), read(None, 4, 5)],
    ],
    ids=["none", "in turn", "two at once", "early and late", "unanswered", "unanswered and late", "deleted"],
)
def test_what_one_value_in_memory_could_have_done_is_believed(events: list[Event]) -> None:
    assert linearizable(events)


@pytest.mark.parametrize(
    "events",
    [
        [write("1", 0, 1), read(None, 2, 3)],
        [write("1", 0, 1), write("2", 2, 3), read("1", 4, 5)],
        [write("1", 0, 3), write("2", 1, 4), read("1", 5, 6), read("2", 7, 8)],
        [write("1", 0), read("1", 1, 2), read(None, 3, 4)],
        [read("3", 0, 1)],
        [write("1", 0, 1), write(None, 2, 3), read("1", 4, 5)],
    ],
    ids=["lost", "an older one", "it changes its mind", "it was there", "never written", "come back"],
)
def test_what_it_could_not_is_found(events: list[Event]) -> None:
    assert not linearizable(events)
