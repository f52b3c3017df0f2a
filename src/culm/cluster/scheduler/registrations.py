"""Tasks in and out of their services' target groups, and the states around it.

A task is registered when it runs, and deregistered before it is stopped: its containers are told only when no request
can reach it any more. All of it is rows; `culm.cluster.balancer.balancer` makes them true.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from sqlite3 import Connection

from culm.cluster.loop import Isolated
from culm.cluster.scheduler.apply import tell
from culm.cluster.store.db import savepoint
from culm.cluster.store.ecs import container_instances, deployments, scheduling, services, task_targets, tasks
from culm.cluster.store.ecs.task_targets import TaskTarget
from culm.cluster.store.elbv2 import target_groups, targets
from culm.core.decide import events as words
from culm.core.model.load_balancers import INNER
from culm.core.model.services import LoadBalancer
from culm.core.model.tasks import Status, Task

_isolated = Isolated("task")


def register(db: Connection, service_arns: Sequence[str], now: float, new_id: Callable[[], str]) -> int:
    """Register each running task of these services that is not in their target groups yet.

    A task whose agent reported another host port since is registered there instead. A host process may listen where it
    likes, and where that is shows only some time after it runs. On AWS
    a host port never changes: each container has a network of its own there.
    """
    registered: dict[tuple[str, str], int] = defaultdict(int)
    for task, target in scheduling.registered(db, service_arns):
        ports = [binding.host_port for container in task.containers for binding in container.network_bindings]
        if ports and target.port not in ports:
            targets.deregister(db, target.target_group_arn, id=target.id, port=target.port, now=now)
            task_targets.remove(db, target)
    for task, service_arn in scheduling.unregistered(db, service_arns):
        instance = container_instances.find(db, task.container_instance_arn or "")
        for balancer in _load_balancers(db, service_arn, task.started_by or ""):
            port = _host_port(task, balancer)
            arn = balancer.target_group_arn
            if instance is None or port is None or arn is None or target_groups.find(db, arn) is None:
                continue
            id = task.interface.address if task.interface else instance.ec2_instance_id
            target = TaskTarget(task_arn=task.task_arn, target_group_arn=arn, id=id, port=port)
            task_targets.add(db, target)
            targets.register(db, arn, id=target.id, port=port, now=now)
            registered[service_arn, arn] += 1
    for (service_arn, arn), count in _public(registered):
        tell(db, service_arn, words.registered(_name(service_arn), count, arn), now, new_id)
    return sum(registered.values())


def deregister(db: Connection, cluster: str, now: float, new_id: Callable[[], str]) -> int:
    """Move every task that is to stop as far as it may: drain its targets, then let its agent stop it."""
    moved = 0
    deregistered: dict[tuple[str, str], int] = defaultdict(int)
    draining: dict[str, set[str]] = defaultdict(set)
    for arn, status, service_arn in scheduling.leaving(db, cluster):
        with _isolated.item(arn), savepoint(db):
            left = _still_there(db, task_targets.of(db, arn))
            for target in left:
                if not target.deregistered:
                    targets.deregister(db, target.target_group_arn, id=target.id, port=target.port, now=now)
                    task_targets.mark_deregistered(db, target)
                    deregistered[service_arn, target.target_group_arn] += 1
                    draining[service_arn].add(arn)
                    moved += 1
            step = Status.STOPPING if not left else Status.DEACTIVATING
            if status not in (step, Status.STOPPING, Status.STOPPED):
                tasks.set_last_status(db, arn, step)
                moved += 1
    for service_arn, arns in draining.items():
        tell(db, service_arn, words.draining(_name(service_arn), sorted(arns)), now, new_id)
    for (service_arn, group), count in _public(deregistered):
        tell(db, service_arn, words.deregistered(_name(service_arn), count, group), now, new_id)
    return moved


def _still_there(db: Connection, known: Sequence[TaskTarget]) -> list[TaskTarget]:
    """Return the registrations whose target still drains, and forget the others."""
    left = []
    for target in known:
        if any((t.id, t.port) == (target.id, target.port) for t in targets.in_group(db, target.target_group_arn)):
            left.append(target)
        else:
            task_targets.remove(db, target)
    return left


def _load_balancers(db: Connection, service_arn: str, deployment_id: str) -> tuple[LoadBalancer, ...]:
    """Return those of the deployment that started the task; a service's may have changed since."""
    kept = deployments.find(db, deployment_id)
    if kept is not None:
        return kept.revision.balancers
    service = services.find(db, service_arn)
    return service.balancers if service else ()


def _host_port(task: Task, balancer: LoadBalancer) -> int | None:
    """Return where a balancer reaches the task. Containers that share an address share its ports, which differ."""
    for container in task.containers:
        for binding in container.network_bindings:
            named = container.name == balancer.container_name or task.interface is not None
            if named and binding.container_port == balancer.container_port:
                return binding.host_port
    return None


def _public(counts: Mapping[tuple[str, str], int]) -> list[tuple[tuple[str, str], int]]:
    """Return the counts for load balancers: of Service Connect's endpoints, which are the cluster's own, none."""
    return [(key, count) for key, count in counts.items() if not key[1].startswith(INNER)]


def _name(service_arn: str) -> str:
    return service_arn.rpartition("/")[2]
