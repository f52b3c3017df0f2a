"""How placement's cost grows: tasks on instances in steps of ten, a table of seconds and microseconds a task.

.venv/bin/python bench/placement.py
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from culm.core.decide import deployments
from culm.core.decide.actions import StartTask
from culm.core.decide.ledger import Fleet, Need
from culm.core.decide.placement import Chooser, Placed, PlacementRequest
from culm.core.decide.schedule import schedule
from culm.core.decide.simulate import simulate
from culm.core.decide.state import ClusterState
from culm.core.model.instances import Attribute, ContainerInstance
from culm.core.model.services import Service
from culm.core.model.task_definitions import ContainerDefinition, PlacementStrategy, TaskDefinition

T = TypeVar("T")
BUDGET_SECONDS = 2.0
ZONE = "attribute:ecs.availability-zone"
STRATEGIES = {
    "spread by zone": [("spread", ZONE)],
    "spread by zone, instance": [("spread", ZONE), ("spread", "instanceId")],
    "binpack memory": [("binpack", "memory")],
    "spread by zone, binpack cpu": [("spread", ZONE), ("binpack", "cpu")],
    "random": [("random", None)],
}
STEPS = [(10, 1), (100, 10), (1_000, 100), (10_000, 1_000)]


def instances(count: int) -> list[ContainerInstance]:
    return [
        ContainerInstance(
            container_instance_arn=f"arn:aws:ecs:us-east-1:000000000000:container-instance/bench/{n:032x}",
            ec2_instance_id=f"i-{n:017x}",
            cpu=4096,
            memory=15_000,
            attributes=(Attribute(name="ecs.availability-zone", value=f"us-east-1{'abc'[n % 3]}"),),
        )
        for n in range(count)
    ]


def strategies(pairs: Sequence[tuple[str, str | None]]) -> tuple[PlacementStrategy, ...]:
    return tuple(PlacementStrategy(type=kind, field=field) for kind, field in pairs)  # type: ignore[arg-type]


def choose(tasks: int, nodes: int, chain: tuple[PlacementStrategy, ...]) -> float:
    """Seconds to place the tasks of one service."""
    fleet = Fleet(instances(nodes))
    request = PlacementRequest(need=Need(cpu=256, memory=512), group="service:bench", strategies=chain)
    began = time.perf_counter()
    chooser = Chooser(request, fleet)
    assert all(isinstance(chooser.place(), Placed) for _ in range(tasks))
    return time.perf_counter() - began


def cluster(tasks: int, nodes: int, services: int) -> ClusterState:
    """So many services that want their share of the tasks, and have none."""
    each = tasks // services
    container = ContainerDefinition(name="app", image="image", cpu=256, memory=512)
    revision = TaskDefinition(
        task_definition_arn="bench:1", family="bench", revision=1, container_definitions=(container,)
    )
    unwanted = Service(
        service_arn="",
        service_name="",
        cluster_arn="arn:aws:ecs:us-east-1:000000000000:cluster/bench",
        task_definition="bench:1",
        desired_count=each,
        placement_strategy=strategies(STRATEGIES["spread by zone, instance"]),
    )
    wanted = (
        deployments.begin(
            replace(unwanted, service_arn=f"service/{n}", service_name=f"bench-{n}"), f"ecs-svc/{n}", "bench:1", 0.0
        )
        for n in range(services)
    )
    return ClusterState(
        now=0.0, instances=tuple(instances(nodes)), services=tuple(wanted), task_definitions={"bench:1": revision}
    )


def rolled(state: ClusterState) -> ClusterState:
    """The same a while later, with a new deployment of every service wanted."""
    services = (deployments.begin(s, f"{s.service_name}-2", "bench:1", state.now) for s in state.services)
    return replace(state, services=tuple(services), now=state.now + 3600)


def timed(state: ClusterState, what: Callable[[ClusterState], T]) -> tuple[float, T]:
    gc.collect()
    began = time.perf_counter()
    result = what(state)
    return time.perf_counter() - began, result


def main() -> None:
    print(f"{'what':<38}{'tasks':>8}{'instances':>11}{'seconds':>10}{'us a task':>11}")
    worst = 0.0
    for name, pairs in STRATEGIES.items():
        chain = strategies(pairs)
        for tasks, nodes in STEPS:
            gc.collect()
            seconds = choose(tasks, nodes, chain)
            report(name, tasks, nodes, seconds)
            worst = max(worst, seconds)
    print(f"slowest placement {worst:.2f} s; the budget is {BUDGET_SECONDS} s")
    print()
    for services in (1, 10, 100, 1_000):
        state = cluster(10_000, 1_000, services)
        seconds, actions = timed(state, schedule)
        assert sum(isinstance(a, StartTask) for a in actions) == 10_000
        report(f"first look, {services} services", 10_000, 1_000, seconds)
        seconds, outcome = timed(state, simulate)
        assert outcome.settled and not outcome.unfinished
        report(f"plan from nothing, {services} services", 10_000, 1_000, seconds)
        seconds, outcome = timed(rolled(outcome.state), simulate)
        assert outcome.settled and not outcome.unfinished
        report(f"plan of rolling all, {services} services", 10_000, 1_000, seconds)


def report(what: str, tasks: int, nodes: int, seconds: float) -> None:
    print(f"{what:<38}{tasks:>8}{nodes:>11}{seconds:>10.4f}{seconds / tasks * 1e6:>11.1f}")


if __name__ == "__main__":
    main()
