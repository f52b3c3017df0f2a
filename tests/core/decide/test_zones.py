"""Availability Zone rebalancing, as decisions and played to its end."""

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import a_service, a_starting_task, a_state, a_task, an_instance

from culm.core.decide import zones
from culm.core.decide.roster import limits
from culm.core.decide.simulate import Simulation, simulate, text_of
from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.services import Service
from culm.core.model.task_definitions import PlacementStrategy
from culm.plan.moves import gradual


def a_balanced_service(desired: int, **fields: Any) -> Service:
    service = a_service("web", desired=desired, availability_zone_rebalancing="ENABLED", **fields)
    [primary] = service.deployments
    return replace(service, deployments=(replace(primary, rollout_state="COMPLETED"),))


def in_zones(*names: str, memory: int = 3000) -> list[Any]:
    return [
        an_instance(f"i-{n}", memory=memory, attributes={"ecs.availability-zone": f"us-east-1{zone}"})
        for n, zone in enumerate(names)
    ]


def uneven(service: Service, on: str = "i-0", **fields: Any) -> ClusterState:
    """All tasks of the service are on one instance."""
    tasks = [a_task(f"t{n}", of=service, on=on, created_at=float(n)) for n in range(service.desired_count)]
    return a_state(service, tasks=tasks, **fields)


def by_zone(outcome: Simulation) -> dict[str, int]:
    place = {i.container_instance_arn: i.attribute(zones.ZONE) or "" for i in outcome.state.instances}
    found: dict[str, int] = {}
    for task in outcome.state.tasks:
        if not is_gone(task):
            zone = place[task.container_instance_arn or ""]
            found[zone] = found.get(zone, 0) + 1
    return found


def test_tasks_move_one_at_a_time_and_the_new_one_comes_first() -> None:
    outcome = simulate(uneven(a_balanced_service(4), instances=in_zones("a", "b")), gradual)
    assert text_of(outcome) == "\n".join(
        [
            "start web:1 on i-1, 2744 MiB left",
            "stop web:1 on i-0, 1976 MiB left",
            "gone web:1 on i-0, 2232 MiB left",
            "start web:1 on i-1, 2488 MiB left",
            "stop web:1 on i-0, 2232 MiB left",
            "gone web:1 on i-0, 2488 MiB left",
        ]
    )
    assert by_zone(outcome) == {"us-east-1a": 2, "us-east-1b": 2}
    [first, *_, last] = [message for _, message in outcome.messages if "balanced" in message]
    zones_now = "4 tasks in us-east-1a and 0 tasks in us-east-1b"
    assert first == f"(service web) is not AZ balanced with {zones_now}. AZ Rebalancing in progress."
    assert last == "(service web) is AZ balanced with 2 tasks in us-east-1a and 2 tasks in us-east-1b."


def test_never_below_the_minimum_nor_above_the_maximum() -> None:
    service = a_balanced_service(5, percents=(100, 120))
    state = uneven(service, instances=in_zones("a", "b", "c"))
    low, high = limits(service, 5)
    for _ in range(60):
        outcome = simulate(state, gradual, looks=1)
        state = replace(outcome.state, now=outcome.state.now + 41)
        there = [t for t in state.tasks if not is_gone(t) and t.desired_status == "RUNNING"]
        assert low <= len(there) <= high
    assert by_zone(simulate(state, gradual)) == {"us-east-1a": 2, "us-east-1b": 2, "us-east-1c": 1}


@pytest.mark.parametrize(
    ("changed", "fleet"),
    [
        ({"availability_zone_rebalancing": "DISABLED"}, in_zones("a", "b")),
        ({}, in_zones("a", "a")),
        ({}, [*in_zones("a"), *in_zones("a", "b", memory=200)[1:]]),
        ({}, [*in_zones("a"), replace(in_zones("a", "b")[1], status="DRAINING")]),
    ],
    ids=["off", "one zone", "no room in the other", "the other drains"],
)
def test_uneven_zones_stay_when_nothing_can_move(changed: dict[str, Any], fleet: list[Any]) -> None:
    service = replace(a_balanced_service(3), **changed)
    outcome = simulate(uneven(service, instances=fleet), gradual)
    assert (outcome.settled, text_of(outcome)) == (True, "")


def test_a_difference_of_one_is_even() -> None:
    service = a_balanced_service(3)
    tasks = [a_task(f"t{n}", of=service, on=f"i-{n % 2}") for n in range(3)]
    outcome = simulate(a_state(service, tasks=tasks, instances=in_zones("a", "b")), gradual)
    assert text_of(outcome) == ""


def test_a_task_that_starts_for_another_reason_is_waited_for() -> None:
    """It is missing in the fuller zone, so it is no successor of one that moves."""
    service = a_balanced_service(4)
    tasks = [a_task(f"t{n}", of=service, on="i-0") for n in range(3)] + [a_starting_task("t3", of=service, on="i-0")]
    state = a_state(service, tasks=tasks, instances=in_zones("a", "b"))
    assert text_of(simulate(state, lambda world: world, looks=1)) == ""


@pytest.mark.parametrize(
    ("strategies", "spread"),
    [
        ((), True),
        ((PlacementStrategy(type="spread", field="attribute:ecs.availability-zone"),), True),
        ((PlacementStrategy(type="spread", field="instanceId"),), False),
        ((PlacementStrategy(type="binpack", field="memory"),), False),
    ],
)
def test_only_services_that_spread_over_zones_first_are_rebalanced(strategies: Any, spread: bool) -> None:
    assert zones.is_spread(strategies) is spread
