"""How placement's cost grows: tasks on instances in steps of ten, a table of seconds and microseconds a task.

.venv/bin/python bench/placement.py
"""

import gc
import time
from collections.abc import Sequence

from culm.decide.ledger import Fleet, Need
from culm.decide.placement import Chooser, Placed, Request
from culm.decide.schedule import schedule
from culm.decide.state import ClusterState
from culm.model.instances import Attribute, ContainerInstance
from culm.model.services import Deployment, Service
from culm.model.task_definitions import ContainerDefinition, PlacementStrategy, TaskDefinition

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
    request = Request(need=Need(cpu=256, memory=512), group="service:bench", strategies=chain)
    began = time.perf_counter()
    chooser = Chooser(request, fleet)
    assert all(isinstance(chooser.place(), Placed) for _ in range(tasks))
    return time.perf_counter() - began


def look(tasks: int, nodes: int, chain: tuple[PlacementStrategy, ...], services: int) -> float:
    """Seconds for one pass of the scheduler that starts the tasks of so many services."""
    revision = TaskDefinition(
        task_definition_arn="bench:1",
        family="bench",
        revision=1,
        container_definitions=(ContainerDefinition(name="app", image="image", cpu=256, memory=512),),
    )
    each = tasks // services
    wanted = tuple(
        Service(
            service_arn=f"service/{n}",
            service_name=f"bench-{n}",
            cluster_arn="cluster/bench",
            task_definition="bench:1",
            desired_count=each,
            placement_strategy=chain,
            deployments=(
                Deployment(
                    id=f"ecs-svc/{n}",
                    status="PRIMARY",
                    task_definition="bench:1",
                    desired_count=each,
                    created_at=0.0,
                    updated_at=0.0,
                ),
            ),
        )
        for n in range(services)
    )
    state = ClusterState(
        now=0.0, instances=tuple(instances(nodes)), services=wanted, task_definitions={"bench:1": revision}
    )
    began = time.perf_counter()
    actions = schedule(state)
    seconds = time.perf_counter() - began
    assert sum(type(a).__name__ == "StartTask" for a in actions) == each * services
    return seconds


def main() -> None:
    print(f"{'what':<38}{'tasks':>8}{'instances':>11}{'seconds':>10}{'us a task':>11}")
    worst = 0.0
    for name, pairs in STRATEGIES.items():
        chain = strategies(pairs)
        for tasks, nodes in STEPS:
            gc.collect()
            seconds = choose(tasks, nodes, chain)
            print(f"{name:<38}{tasks:>8}{nodes:>11}{seconds:>10.4f}{seconds / tasks * 1e6:>11.1f}")
            worst = max(worst, seconds)
    for services in (1, 10, 100):
        gc.collect()
        seconds = look(10_000, 1_000, strategies(STRATEGIES["spread by zone, instance"]), services)
        print(
            f"{f'one look, {services} services':<38}{10_000:>8}{1_000:>11}{seconds:>10.4f}{seconds / 1e4 * 1e6:>11.1f}"
        )
        worst = max(worst, seconds)
    print(f"slowest {worst:.2f} s; the budget is {BUDGET_SECONDS} s")


if __name__ == "__main__":
    main()
