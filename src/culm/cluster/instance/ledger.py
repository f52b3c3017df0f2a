"""The agent's own account of its instance: a task that does not fit waits until one ends."""

from collections.abc import Iterable, Iterator

from culm.cluster.instance.machine import Machine
from culm.core.model.agent import TaskPayload


def fits(task: TaskPayload, others: Iterable[TaskPayload], machine: Machine) -> bool:
    """Return whether the machine has room for a task besides the others."""
    taken = list(others)
    cpu = sum(_cpu(t) for t in taken) + _cpu(task)
    memory = sum(_memory(t) for t in taken) + _memory(task)
    ports = {port for t in taken for port in _ports(t)} | {(port, "tcp") for port in machine.ports}
    return cpu <= machine.cpu and memory <= machine.memory and ports.isdisjoint(_ports(task))


def _cpu(task: TaskPayload) -> int:
    return sum(c.cpu for c in task.containers)


def _memory(task: TaskPayload) -> int:
    if task.memory is not None:
        return task.memory
    return sum(c.memory_reservation if c.memory_reservation is not None else c.memory or 0 for c in task.containers)


def _ports(task: TaskPayload) -> Iterator[tuple[int, str]]:
    if task.address:  # its own: its ports are not the machine's
        return
    for container in task.containers:
        for mapping in container.port_mappings:
            if mapping.host_port:
                yield mapping.host_port, mapping.protocol
