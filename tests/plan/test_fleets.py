"""Which fleets carry a load, by the scheduler's own decisions, and what they cost."""

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import a_service, a_state, a_task_definition
from tests.plan.test_moves import scaled, wanted

from culm.cli.price_lists import load
from culm.core.decide.ledger import Need
from culm.plan.bill import Assumptions
from culm.plan.fleets import LENDS, STARTS_FIRST, STOPS_FIRST, Limits, Load, Outcome, Pricing, cheapest, played

NOTHING = a_state(instances=())
PRICING = Pricing(prices=load("us-east-1"), assumed=Assumptions())
T2, SMALL = ("t2.micro",), ("t3.small",)


def a_load(*names: str, memory: int = 256, **more: Any) -> Load:
    wishes = tuple(wanted(NOTHING, name, memory=memory) for name in names)
    return Load(**{"others": NOTHING, "wanted": wishes, **more})


def test_a_load_takes_the_memory_of_all_its_tasks_at_their_most_and_of_the_others() -> None:
    assert a_load("a", "b").memory == 2 * 256
    of_three = replace(wanted(NOTHING, "a"), service=a_service("a", desired=3))
    assert Load(others=NOTHING, wanted=(scaled(of_three, 5), wanted(NOTHING, "b"))).memory == 6 * 256
    others = a_state(a_service("kept", desired=2), definitions=[a_task_definition("kept:1", memory=100)], instances=())
    assert a_load("a", others=others).memory == 256 + 2 * 100


@pytest.mark.parametrize(("tasks", "degree"), [(2, STARTS_FIRST), (3, STOPS_FIRST), (4, None)])
def test_a_load_fits_where_a_deploy_does_and_says_how_much_it_disturbs(tasks: int, degree: int | None) -> None:
    names = [f"s{n}" for n in range(tasks)]
    outcome = played(a_load(*names), T2)
    assert (outcome and max(outcome.degrees.values())) == degree
    if outcome is not None:
        assert set(outcome.degrees) == set(names)
        assert outcome.free == ((995 - tasks * 256, 1024 - tasks * 128),)


def test_a_service_that_migrates_lends_its_slot_where_there_is_no_other() -> None:
    three = tuple(wanted(NOTHING, f"s{n}", migrates=n == 0) for n in range(3))
    outcome = played(Load(others=NOTHING, wanted=three), T2)
    assert outcome is not None
    assert outcome.degrees["s0"] == LENDS


def test_others_that_find_no_room_are_no_load_that_fits() -> None:
    def beside(count: int) -> Outcome | None:
        return played(a_load("a", others=a_state(a_service("kept", desired=count), instances=())), T2)

    assert beside(2) is not None
    assert beside(3) is None


@pytest.mark.parametrize(("memory", "fits"), [(739, True), (740, False)])
def test_a_run_of_every_job_needs_room_beside_what_runs(memory: int, fits: bool) -> None:
    jobs = (("small", Need(memory=1, cpu=1)), ("large", Need(memory=memory, cpu=1)))
    assert (played(a_load("a", jobs=jobs), T2) is not None) == fits


@pytest.mark.parametrize(("busy", "fits"), [(0.0, True), (1024.0, True), (1025.0, False)])
def test_a_fleet_has_the_cpu_that_was_measured(busy: float, fits: bool) -> None:
    assert (played(a_load("a", busy=busy), T2) is not None) == fits


def test_free_slots_are_those_of_the_scarcer_of_memory_and_cpu_on_each_instance() -> None:
    outcome = Outcome(degrees={}, free=((512, 1024), (255, 1024), (1024, 128)))
    assert outcome.slots((256, 128)) == 2 + 0 + 1
    assert outcome.slots((256, 0)) == 2 + 0 + 4


def test_what_disturbs_more_than_before_is_not_bearable() -> None:
    outcome = Outcome(degrees={"a": STOPS_FIRST, "b": STARTS_FIRST}, free=())
    assert outcome.bearable({"a": STOPS_FIRST})
    assert outcome.bearable({"a": LENDS, "b": LENDS})
    assert not outcome.bearable({"b": LENDS}), "a started first before"


def test_the_cheapest_fleet_that_carries_the_load_is_found_within_the_limits() -> None:
    limits = Limits(kinds=("t2.micro", "t3.small"), most=2, price=1000.0, degrees={})
    assert cheapest(a_load("a"), limits, PRICING) == T2
    assert cheapest(a_load("a", "b", "c"), limits, PRICING) == SMALL
    only_small = replace(limits, kinds=("t2.micro",), most=1)
    assert cheapest(a_load("a", "b", "c"), only_small, PRICING) is None
    bearing = replace(only_small, degrees={name: STOPS_FIRST for name in "abc"})
    assert cheapest(a_load("a", "b", "c"), bearing, PRICING) == T2


def test_a_fleet_has_to_be_cheaper_than_the_price() -> None:
    price = PRICING.of(T2)
    limits = Limits(kinds=("t2.micro",), most=1, price=price, degrees={})
    assert cheapest(a_load("a"), limits, PRICING) is None
    assert cheapest(a_load("a"), replace(limits, price=price + 0.01), PRICING) == T2
    assert cheapest(a_load("a"), replace(limits, price=price + 0.004), PRICING) is None, "by less than half a cent"


def test_types_that_another_betters_in_everything_are_not_looked_at() -> None:
    listed = PRICING.listed("x86_64")
    assert {"t3a.nano", "t3a.medium"} <= set(listed)
    assert not {"t3.nano", "t3.medium"} & set(listed), "t3a has the same for less"
    assert "c5.large" not in listed, "t3.medium has the same for less, which t3a.medium betters"
    assert "t3a.nano" not in PRICING.listed("arm64")
