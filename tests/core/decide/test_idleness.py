"""Which services sleep because nobody has asked for them."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.idleness import AwakeService, idle

NOW = 10_000.0
NAMES = "abcd"


def a_service(name: str, minutes: float, *calls: str, busy: bool = False) -> AwakeService:
    """Asked for the last time so many minutes ago, and idle after 30."""
    return AwakeService(name=name, calls=calls, after=1800.0, last_request=NOW - minutes * 60, busy=busy)


@pytest.mark.parametrize(
    ("services", "sleeping"),
    [
        ([a_service("front", 29.99)], ()),
        ([a_service("front", 30)], ("front",)),
        ([a_service("front", 40, busy=True)], ()),
        ([a_service("front", 40, "catalog"), a_service("catalog", 35)], ("front", "catalog")),
        ([a_service("front", 10, "catalog"), a_service("catalog", 35)], ()),
        ([a_service("front", 40, "catalog"), a_service("catalog", 10)], ("front",)),
        ([a_service("a", 10, "b"), a_service("b", 40, "c"), a_service("c", 40), a_service("d", 40)], ("d",)),
        ([a_service("a", 40, "b"), a_service("b", 40, "a")], ("a", "b")),
        ([a_service("front", 40, "asleep already")], ("front",)),
    ],
)
def test_a_service_sleeps_when_it_and_all_that_call_it_are_idle(
    services: list[AwakeService], sleeping: tuple[str, ...]
) -> None:
    assert idle(services, NOW) == sleeping


@given(
    st.lists(st.integers(20, 40), min_size=4, max_size=4),
    st.sets(st.sampled_from([pair for pair in product(NAMES, NAMES) if pair[0] != pair[1]])),
)
def test_who_sleeps_is_whoever_no_service_in_use_reaches(minutes: list[int], calls: set[tuple[str, str]]) -> None:
    services = [
        a_service(name, ago, *(b for a, b in sorted(calls) if a == name))
        for name, ago in zip(NAMES, minutes, strict=True)
    ]
    reached = {name for name, ago in zip(NAMES, minutes, strict=True) if ago < 30}
    for _ in NAMES:
        reached |= {b for a, b in calls if a in reached}
    assert set(idle(services, NOW)) == set(NAMES) - reached
