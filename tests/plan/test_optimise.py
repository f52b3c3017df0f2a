"""The fleet optimiser against brute force."""

from itertools import combinations_with_replacement

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.share import examples

from culm.plan.optimise import InstanceMix, Offer, Size, cheapest, single
from culm.plan.simplex import maximise


def fits(tasks: list[Size], machines: list[Offer]) -> bool:
    """Whether single tasks find places on these very machines; every way is tried."""
    if not tasks:
        return True
    task, rest = tasks[0], tasks[1:]
    tried = set()
    for i, machine in enumerate(machines):
        if machine in tried or task.memory > machine.memory or task.cpu > machine.cpu or machine.most_tasks == 0:
            continue
        tried.add(machine)
        left = Offer(
            name=machine.name,
            memory=machine.memory - task.memory,
            cpu=machine.cpu - task.cpu,
            price=machine.price,
            most_tasks=None if machine.most_tasks is None else machine.most_tasks - 1,
        )
        if fits(rest, [*machines[:i], left, *machines[i + 1 :]]):
            return True
    return False


def brute_force(sizes: list[Size], offers: list[Offer]) -> float | None:
    tasks = [size for size in sizes for _ in range(size.count)]
    best = None
    for number in range(1, len(tasks) + 1):
        for machines in combinations_with_replacement(offers, number):
            price = sum(machine.price for machine in machines)
            if (best is None or price < best) and fits(tasks, list(machines)):
                best = price
    return best


OFFERS = st.lists(
    st.builds(
        Offer,
        name=st.sampled_from("abc"),
        memory=st.sampled_from([400, 900, 1900]),
        cpu=st.sampled_from([256, 1024, 2048]),
        price=st.sampled_from([3.0, 5.5, 8.0, 14.0]),
        most_tasks=st.sampled_from([None, None, 2]),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda offer: offer.name,
)
SIZES = st.lists(
    st.builds(
        Size, memory=st.sampled_from([128, 256, 300, 512]), cpu=st.sampled_from([0, 64, 256]), count=st.integers(1, 2)
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda size: (size.memory, size.cpu),
)


@settings(max_examples=examples(150), deadline=None)
@given(SIZES, OFFERS)
@example(
    sizes=[Size(memory=256, cpu=64, count=2), Size(memory=300, cpu=64, count=2), Size(memory=300, cpu=256, count=1)],
    offers=[
        Offer(name="a", memory=900, cpu=1024, price=5.5, most_tasks=None),
        Offer(name="b", memory=900, cpu=256, price=3.0, most_tasks=None),
    ],
)
def test_no_fleet_is_cheaper_than_the_one_that_is_found(sizes: list[Size], offers: list[Offer]) -> None:
    found = cheapest(sizes, offers)
    expected = brute_force(sizes, offers)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found.proven
        assert found.dollars == pytest.approx(expected)
        prices = {offer.name: offer.price for offer in offers}
        assert sum(prices[name] * number for name, number in found.instances) == pytest.approx(found.dollars)


def test_tasks_with_a_fixed_port_stand_apart() -> None:
    offers = [
        Offer(name="small", memory=1000, cpu=1024, price=5.0),
        Offer(name="big", memory=9000, cpu=9000, price=9.0),
    ]
    assert str(cheapest([Size(memory=100, cpu=0, count=3, apart=True)], offers)) == "3 x small"
    assert str(cheapest([Size(memory=100, cpu=0, count=3)], offers)) == "1 x small"
    assert single([Size(memory=100, cpu=0, count=3, apart=True)], offers) is None
    one_apart = Size(memory=100, cpu=0, count=1, apart=True)
    assert str(single([one_apart, Size(memory=100, cpu=0, count=2)], offers)) == "1 x small"
    assert single([Size(memory=100, cpu=0, count=3, apart=True), Size(memory=50, cpu=0, count=1)], offers) is None


def test_an_interface_for_each_task_limits_how_many_there_are() -> None:
    offers = [Offer(name="t3.medium", memory=3828, cpu=2048, price=30.0, most_tasks=2)]
    assert str(cheapest([Size(memory=256, cpu=128, count=5)], offers)) == "3 x t3.medium"


def test_the_search_that_ends_early_says_how_far_it_may_be_off() -> None:
    offers = [
        Offer(name=name, memory=memory, cpu=cpu, price=price)
        for name, memory, cpu, price in (("a", 916, 2048, 12.2), ("b", 1843, 2048, 18.3), ("c", 3835, 2048, 30.6))
    ]
    sizes = [Size(memory=m, cpu=128, count=n) for m, n in ((700, 9), (512, 12), (300, 20), (256, 40))]
    hurried, patient = cheapest(sizes, offers, looks=1), cheapest(sizes, offers)
    assert hurried is not None
    assert patient is not None
    assert not hurried.proven
    assert 0 < hurried.gap < 0.25
    assert hurried.bound <= patient.dollars <= hurried.dollars
    assert patient.bound >= hurried.bound - 0.01


def test_what_fits_nowhere_has_no_fleet() -> None:
    offers = [Offer(name="a", memory=500, cpu=1024, price=1.0)]
    assert cheapest([Size(memory=501, cpu=0, count=1)], offers) is None
    assert single([Size(memory=256, cpu=0, count=2)], offers) is None


def test_one_instance_is_enough_when_the_tasks_fill_it_to_the_last_unit() -> None:
    offers = [Offer(name="a", memory=512, cpu=256, price=1.0, most_tasks=2)]
    assert str(single([Size(memory=256, cpu=128, count=2)], offers)) == "1 x a"
    assert single([Size(memory=257, cpu=128, count=2)], offers) is None
    assert single([Size(memory=256, cpu=129, count=2)], offers) is None
    assert single([Size(memory=128, cpu=64, count=3)], offers) is None


def test_nothing_to_place_costs_nothing() -> None:
    nothing = cheapest([], [Offer(name="a", memory=500, cpu=1024, price=1.0)])
    assert nothing == InstanceMix(instances=(), dollars=0.0, bound=0.0)
    assert str(nothing) == "nothing"


def test_the_simplex_finds_the_best_corner() -> None:
    assert maximise([3, 5], [[1, 0], [0, 2], [3, 2]], [4, 12, 18]) == pytest.approx((2.0, 6.0))


def test_a_variable_without_a_bound_is_refused() -> None:
    with pytest.raises(ValueError, match="without a bound"):
        maximise([1, 1], [[1, 0]], [4])


def test_cpu_that_larger_tasks_take_is_not_there_for_smaller_ones() -> None:
    machine = Offer(name="a", memory=1000, cpu=1024, price=10.0)
    fleet = cheapest([Size(memory=300, cpu=1024, count=2), Size(memory=200, cpu=512, count=2)], [machine])
    assert fleet is not None
    assert (fleet.instances, fleet.proven) == ((("a", 3),), True)
