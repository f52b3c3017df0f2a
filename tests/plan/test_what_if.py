"""The plan's sliders: a load on so many instances of one type."""

from typing import Any

import pytest

from culm.plan.bill import Each, Hourly, Monthly, PriceList
from culm.plan.capacity import Demand
from culm.plan.what_if import MOST_SIZES, Question, answer, kinds, wanted

PRICES = PriceList(
    region="us-east-1",
    date="2026-01-01",
    source="test",
    hours_a_month=730,
    hourly=Hourly(load_balancer=0.02, lcu=0.008, ipv4=0.005, instances={"t2.micro": 0.01}),
    monthly=Monthly(gp3_gb=0.08, ecr_gb=0.1, logs_stored_gb=0.03),
    each=Each(logs_ingested_gb=0.5),
)


def demand(name: str, memory: int = 256, **changes: Any) -> Demand:
    return Demand(name=name, memory=memory, **{"load": None, "throughput": None, "cpu": 128, "count": 1, **changes})


FIVE = [demand(name) for name in "abcde"]


def asked(factor: float, count: int, demands: list[Demand] = FIVE) -> Any:
    return answer(Question(factor=factor, instance_type="t2.micro", count=count), demands, PRICES)


def test_tasks_are_spread_and_what_finds_no_room_is_named():
    now = asked(1, 2)
    assert [len(machine.tasks) for machine in now.machines] == [3, 2]
    assert [machine.free for machine in now.machines] == [995 - 768, 995 - 512]
    assert now.homeless == ()
    twice = asked(2, 2)
    assert sum(number for _, number in twice.homeless) == 10 - 6
    assert twice.tasks == tuple((name, 1, 2) for name in "abcde")


def test_cpu_counts_as_memory_does():
    hungry = [demand("a", memory=32, cpu=600, count=2)]
    assert asked(1, 1, hungry).homeless == (("a", 1),)
    assert asked(1, 2, hungry).homeless == ()


@pytest.mark.parametrize(
    ("given", "factor", "tasks"),
    [
        ({"count": 3}, 1.0, 3),
        ({"count": 3}, 0.5, 2),
        ({"count": 1}, 2.5, 3),
        ({"count": 1, "load": 10.0}, 2.0, 2),
        ({"count": 1, "load": 10.0, "throughput": 4.0}, 2.0, 5),
    ],
)
def test_tasks_grow_by_what_was_measured_or_in_proportion(given, factor, tasks):
    assert wanted(demand("a", **given), factor) == tasks


def test_the_price_is_that_of_the_instances_and_the_cheapest_holds_a_migration_too():
    alone = asked(1, 1, [demand("a")])
    assert asked(1, 3, [demand("a")]).dollars == pytest.approx(alone.dollars + 2 * (7.3 + 3.65 + 2.4))
    moving = asked(1, 1, [demand("a", memory=900, migrates=True)])
    assert moving.best is not None and moving.best.instances == (("t2.small", 1),)


def test_of_many_sizes_of_tasks_the_cheapest_fleet_is_not_looked_for():
    many = [demand(f"s{number}", memory=64 + number) for number in range(MOST_SIZES + 1)]
    assert asked(1, 2, many).best is None


def test_types_are_in_the_order_of_their_price():
    assert kinds(PRICES, "x86_64")[:2] == ["t2.nano", "t2.micro"]
