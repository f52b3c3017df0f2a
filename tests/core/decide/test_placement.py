from collections import Counter
from dataclasses import replace

import pytest
from tests.builders import an_instance

from culm.core.decide.ledger import Fleet, Need
from culm.core.decide.placement import (
    Chooser,
    Placed,
    PlacementRequest,
    Sitting,
    Unplaceable,
    chance_of,
    closest,
    leaving_order,
    place,
)
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy

SMALL = Need(cpu=128, memory=256)
ZONE = "attribute:ecs.availability-zone"


def strategies(*names: str) -> tuple[PlacementStrategy, ...]:
    """`binpack:memory`, `spread:instanceId`, `spread:attribute:x`, `random`."""
    pairs = (name.partition(":") for name in names)
    return tuple(PlacementStrategy(type=kind, field=field or None) for kind, _, field in pairs)


def zoned(**zones: str) -> list:
    """`zoned(a1="a", a2="a", b1="b")`: instances and their zones."""
    return [an_instance(name, attributes={"ecs.availability-zone": zone}) for name, zone in zones.items()]


def places(count: int, fleet: Fleet, need: Need = SMALL, **request) -> list[str]:
    """Where `count` tasks go, one after the other; `-` where nothing takes one."""
    chooser = Chooser(PlacementRequest(need=need, group="service:web", **request), fleet)
    outcomes = [chooser.place() for _ in range(count)]
    return [o.container_instance_arn if isinstance(o, Placed) else "-" for o in outcomes]


@pytest.mark.parametrize(
    ("chain", "expected"),
    [
        ((), "a1 a2 b1 a1 a2 b1"),
        (("spread:" + ZONE,), "a1 b1 a2 b1 a1 b1"),
        (("spread:instanceId",), "a1 a2 b1 a1 a2 b1"),
        (("spread:host",), "a1 a2 b1 a1 a2 b1"),
        (("binpack:memory",), "a1 a1 a1 a2 a2 a2"),
        (("binpack:cpu",), "a1 a1 a1 a2 a2 a2"),
        (("spread:" + ZONE, "binpack:memory"), "a1 b1 a1 b1 a1 b1"),
        (("spread:" + ZONE, "spread:instanceId"), "a1 b1 a2 b1 a1 b1"),
        (("binpack:memory", "spread:" + ZONE), "a1 a1 a1 b1 b1 b1"),
        (("spread:attribute:absent",), "a1 a2 b1 a1 a2 b1"),
    ],
)
def test_each_strategy_chooses_its_instance(chain, expected):
    fleet = Fleet(zoned(a1="a", a2="a", b1="b"))
    assert places(6, fleet, strategies=strategies(*chain)) == expected.split()


def test_a_full_zone_is_passed_over():
    fleet = Fleet(zoned(a1="a", b1="b"))
    assert places(7, fleet, strategies=strategies("spread:" + ZONE)) == ["a1", "b1", "a1", "b1", "a1", "b1", "-"]


def test_spread_counts_the_tasks_that_are_there_and_stay():
    fleet = Fleet(zoned(a1="a", b1="b"))
    fleet.take(fleet["a1"], SMALL, "service:web")
    fleet.take(fleet["b1"], SMALL, "service:web", stays=False)
    fleet.take(fleet["b1"], SMALL, "service:other")
    assert places(1, fleet, strategies=strategies("spread:" + ZONE)) == ["b1"]


def test_spread_counts_a_zone_s_tasks_on_instances_that_can_take_no_more():
    fleet = Fleet([*zoned(a1="a", b1="b"), *zoned(a2="a")])
    for _ in range(3):
        fleet.take(fleet["a1"], SMALL, "service:web")
    fleet.take(fleet["b1"], SMALL, "service:web")
    assert places(2, fleet, strategies=strategies("spread:" + ZONE)) == ["b1", "b1"]


def test_random_takes_every_instance_now_and_then():
    fleet = Fleet([an_instance(f"i-{n}", memory=100_000, cpu=100_000) for n in range(5)])
    counts = Counter(places(200, fleet, strategies=strategies("random")))
    assert set(counts) == {f"i-{n}" for n in range(5)}
    assert max(counts.values()) < 70


def test_random_placement_follows_the_chance_it_is_given():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    request = PlacementRequest(need=SMALL, group="g", strategies=strategies("random"))
    assert place(request, fleet, lambda text: 0.0) == Placed(container_instance_arn="i-1")
    assert place(request, fleet, lambda text: 0.9) == Placed(container_instance_arn="i-2")


def test_random_breaks_the_ties_that_binpack_leaves():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    chain = strategies("binpack:memory", "random")
    outcome = place(
        PlacementRequest(need=SMALL, group="g", strategies=chain), fleet, lambda text: 0.1 if "i-2" in text else 0.9
    )
    assert outcome == Placed(container_instance_arn="i-2")


def test_random_passes_over_the_full():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    went = places(7, fleet, strategies=strategies("random"))
    assert sorted(went) == ["-", "i-1", "i-1", "i-1", "i-2", "i-2", "i-2"]


def test_chance_is_the_same_for_the_same_text():
    assert chance_of("a") == chance_of("a") != chance_of("b")
    assert 0 <= chance_of("anything") < 1


def test_one_instance_takes_no_second_task_of_the_group_when_they_must_be_distinct():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    fleet.take(fleet["i-1"], SMALL, "service:web", stays=False)  # until it is STOPPED it is there
    assert places(2, fleet, constraints=(PlacementConstraint(type="distinctInstance"),)) == ["i-2", "-"]


def test_only_members_of_the_expression_are_chosen():
    fleet = Fleet(zoned(a1="a", b1="b"))
    constraint = PlacementConstraint(type="memberOf", expression="attribute:ecs.availability-zone == b")
    assert places(2, fleet, constraints=(constraint,)) == ["b1", "b1"]


def test_an_expression_over_tasks_is_asked_again_after_each_placement():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    fleet.take(fleet["i-2"], SMALL, "family:seed")
    together = PlacementConstraint(type="memberOf", expression="task:group == family:seed or task:group == service:web")
    assert places(3, fleet, constraints=(together,)) == ["i-2", "i-2", "-"]
    apart = PlacementConstraint(type="memberOf", expression="not(task:group == service:web)")
    assert places(2, fleet, constraints=(apart,)) == ["i-1", "-"]


@pytest.mark.parametrize(
    ("instance", "need", "constraints", "reason"),
    [
        (an_instance(cpu=100), SMALL, (), "RESOURCE:CPU"),
        (an_instance(memory=255), SMALL, (), "RESOURCE:MEMORY"),
        (an_instance(ports=(80,)), Need(ports=(80,)), (), "RESOURCE:PORTS"),
        (an_instance(ports_udp=(53,)), Need(ports_udp=(53,)), (), "RESOURCE:PORTS"),
        (an_instance(), Need(attributes=("gpu",)), (), "ATTRIBUTE"),
        (an_instance(agent_connected=False), SMALL, (), "AGENT"),
        (an_instance(status="DRAINING"), SMALL, (), "DRAINING"),
        (an_instance(status="INACTIVE"), SMALL, (), "INACTIVE"),
        (
            an_instance(),
            SMALL,
            (PlacementConstraint(type="memberOf", expression="attribute:a exists"),),
            "MemberOf placement constraint unsatisfied.",
        ),
    ],
)
def test_an_instance_that_refuses_says_why_in_the_words_of_run_task(instance, need, constraints, reason):
    request = PlacementRequest(need=need, group="g", constraints=constraints)
    assert place(request, Fleet([instance])) == Unplaceable(reasons={"i-1": reason})


def test_an_instance_that_has_one_already_says_so():
    fleet = Fleet([an_instance()])
    request = PlacementRequest(need=SMALL, group="g", constraints=(PlacementConstraint(type="distinctInstance"),))
    assert isinstance(place(request, fleet), Placed)
    assert place(request, fleet) == Unplaceable(reasons={"i-1": "DistinctInstance placement constraint unsatisfied."})


def test_two_fixed_ports_need_two_instances():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    assert places(3, fleet, need=replace(SMALL, ports=(8080,))) == ["i-1", "i-2", "-"]


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ({"i-1": "RESOURCE:MEMORY", "i-2": "RESOURCE:CPU"}, ("i-1", "RESOURCE:MEMORY")),
        ({"i-1": "RESOURCE:MEMORY", "i-2": "RESOURCE:MEMORY"}, ("i-2", "RESOURCE:MEMORY")),
        ({"i-1": "AGENT", "i-3": "DRAINING"}, ("i-1", "AGENT")),
        ({"i-3": "DRAINING"}, (None, "")),
        ({}, (None, "")),
    ],
)
def test_the_closest_instance_is_the_one_that_lacks_least(reasons, expected):
    fleet = Fleet([an_instance("i-1"), an_instance("i-2", memory=2000), an_instance("i-3", status="DRAINING")])
    assert closest(reasons, fleet) == expected


def leavers(fleet: Fleet, *chain: str, tasks: str) -> str:
    """The order in which tasks like `1@a1` (on a1) leave."""
    sitting = [Sitting(task_arn=t, container_instance_arn=t.partition("@")[2], need=SMALL) for t in tasks.split()]
    for task in sitting:
        if task.container_instance_arn in fleet.nodes:
            fleet.take(fleet[task.container_instance_arn], SMALL, "g")
    return " ".join(leaving_order(sitting, "g", strategies(*chain), fleet))


def test_scale_in_keeps_the_zones_balanced():
    fleet = Fleet(zoned(a1="a", a2="a", b1="b"))
    assert leavers(fleet, "spread:" + ZONE, tasks="1@a1 2@a1 3@a2 4@b1") == "2@a1 3@a2 4@b1 1@a1"


def test_scale_in_of_binpack_leaves_the_most_room():
    fleet = Fleet([an_instance("i-1"), an_instance("i-2")])
    assert leavers(fleet, "binpack:memory", tasks="1@i-1 2@i-1 3@i-2") == "3@i-2 2@i-1 1@i-1"


def test_tasks_of_instances_that_are_gone_leave_first():
    assert leavers(Fleet([an_instance("i-1")]), tasks="1@i-1 2@lost") == "2@lost 1@i-1"


def test_leaving_order_does_not_change_the_fleet():
    fleet = Fleet([an_instance("i-1")])
    leavers(fleet, "binpack:cpu", tasks="1@i-1 2@i-1")
    assert fleet["i-1"].memory == 995 - 512
