"""Count what each instance has left (CPU, memory, host ports) as the ECS control plane counts it.

A task counts from the moment it is placed until it is STOPPED.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/memory-management.html
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.instances import ContainerInstance
from culm.core.model.record import record
from culm.core.model.task_definitions import ContainerDefinition, PortMapping, TaskDefinition
from culm.core.model.tasks import ContainerOverride, Status, Task, TaskOverride


@record
class Need:
    """What one task takes from its instance: MiB, CPU units, host ports."""

    cpu: int = 0
    """CPU units, 1024 a vCPU."""
    memory: int = 0
    """MiB."""
    ports: tuple[int, ...] = ()
    """TCP host ports; dynamic ones are not counted."""
    ports_udp: tuple[int, ...] = ()
    attributes: tuple[str, ...] = ()
    """What the instance's agent must be able to do (`requiresAttributes`)."""


def need_of(task_definition: TaskDefinition, overrides: TaskOverride | None = None) -> Need:
    """Return what a task of this revision takes, with RunTask's overrides applied."""
    overrides = overrides or TaskOverride()
    changed = {o.name: o for o in overrides.container_overrides}
    cpu, memory = overrides.cpu or task_definition.cpu, overrides.memory or task_definition.memory
    containers = task_definition.container_definitions
    mappings = [(m, task_definition.network_mode) for c in containers for m in c.port_mappings]
    return Need(
        cpu=int(cpu) if cpu else sum(_container_cpu(c, changed.get(c.name)) for c in containers),
        memory=int(memory) if memory else sum(_container_memory(c, changed.get(c.name)) for c in containers),
        ports=tuple(p for m, mode in mappings if m.protocol == "tcp" and (p := host_port(m, mode))),
        ports_udp=tuple(p for m, mode in mappings if m.protocol == "udp" and (p := host_port(m, mode))),
        attributes=tuple(a.name for a in task_definition.requires_attributes),
    )


def host_port(mapping: PortMapping, network_mode: str) -> int:
    """Return the instance's port that the mapping takes; 0 for a dynamic one, or with `awsvpc` (its own address)."""
    match network_mode:
        case "host":
            return mapping.container_port
        case "bridge":
            return mapping.host_port
        case _:
            return 0


def _container_cpu(container: ContainerDefinition, override: ContainerOverride | None) -> int:
    return override.cpu if override and override.cpu is not None else container.cpu


def _container_memory(container: ContainerDefinition, override: ContainerOverride | None) -> int:
    """Return the MiB that count: the reservation where there is one, else the hard limit."""
    if override is None:
        return container.counted_memory
    if override.memory_reservation is not None:
        return override.memory_reservation
    if container.memory_reservation is None and override.memory is not None:
        return override.memory
    return container.counted_memory


class Node:
    """An instance and what it has left."""

    __slots__ = (
        "_attributes",
        "absent",
        "cpu",
        "groups",
        "instance",
        "memory",
        "place",
        "ports",
        "ports_udp",
        "running",
        "staying",
    )

    def __init__(self, instance: ContainerInstance, place: int) -> None:
        self.instance = instance
        self.place = place
        """Its turn when everything else is equal."""
        self.absent = _absence(instance)
        """Why it takes no tasks at all, if so."""
        self.cpu = instance.cpu
        self.memory = instance.memory
        self.ports = set(instance.ports)
        self.ports_udp = set(instance.ports_udp)
        self._attributes: dict[str, str | None] | None = None
        self.groups: dict[str, int] = {}
        """Tasks by task group, until they are STOPPED."""
        self.staying: dict[str, int] = {}
        """Those of them that are to go on."""
        self.running = 0
        """Tasks that are RUNNING."""

    @property
    def arn(self) -> str:
        return self.instance.container_instance_arn

    @property
    def attributes(self) -> Mapping[str, str | None]:
        """The instance's attributes by name, made when they are first asked for: most instances are passed over."""
        if self._attributes is None:
            self._attributes = {a.name: a.value for a in self.instance.attributes}
        return self._attributes

    def attribute(self, name: str) -> str | None:
        """Return one attribute's value, None if the instance lacks it."""
        return self.instance.attribute(name) if self._attributes is None else self._attributes.get(name)

    def take(self, need: Need, group: str, *, stays: bool = True, runs: bool = False) -> None:
        """Count a task on this instance. `stays`: it is to go on running; `runs`: it is RUNNING."""
        self.cpu -= need.cpu
        self.memory -= need.memory
        self.ports.update(need.ports)
        self.ports_udp.update(need.ports_udp)
        self.groups[group] = self.groups.get(group, 0) + 1
        self.staying[group] = self.staying.get(group, 0) + stays
        self.running += runs

    def give_back(self, need: Need, group: str) -> None:
        """Add the room of a task that leaves to what the instance has left."""
        self.cpu += need.cpu
        self.memory += need.memory
        self.ports.difference_update(need.ports)
        self.ports_udp.difference_update(need.ports_udp)
        self.groups[group] -= 1
        self.staying[group] -= 1

    def copy(self) -> "Node":
        twin = Node(self.instance, self.place)
        twin.cpu, twin.memory, twin.running = self.cpu, self.memory, self.running
        twin.ports, twin.ports_udp = set(self.ports), set(self.ports_udp)
        twin.groups, twin.staying = dict(self.groups), dict(self.staying)
        return twin


def _absence(instance: ContainerInstance) -> str | None:
    if instance.status != "ACTIVE":
        return instance.status
    return None if instance.agent_connected else "AGENT"


class Nodes:
    """Instances, grouped by the values of their attributes once for all rankings of a pass."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = tuple(nodes)
        self._cells: dict[tuple[str, ...], list[list[Node]]] = {}

    def cells(self, attributes: tuple[str, ...]) -> Sequence[list[Node]]:
        """Return the instances grouped by equal values of all these attributes."""
        if attributes not in self._cells:
            cells: dict[Hashable, list[Node]] = {}
            for node in self._nodes:
                cells.setdefault(tuple(node.attribute(name) for name in attributes), []).append(node)
            self._cells[attributes] = list(cells.values())
        return self._cells[attributes]


class Fleet:
    """The instances of a cluster as one pass of decisions fills them; every pass begins with a new one."""

    def __init__(self, instances: Iterable[ContainerInstance]) -> None:
        ordered = sorted(instances, key=lambda i: (i.registered_at, i.container_instance_arn))
        self.nodes = {i.container_instance_arn: Node(i, place) for place, i in enumerate(ordered)}
        self.shared = Nodes(self.nodes.values())
        self._holders: dict[str, dict[str, Node]] = {}
        self._needs: dict[str, Need] = {}

    @classmethod
    def of(cls, state: ClusterState) -> "Fleet":
        """Return the fleet with every task of the snapshot placed on it."""
        fleet = cls(state.instances)
        for task in state.tasks:
            node = fleet.nodes.get(task.container_instance_arn or "")
            if node is not None and not is_gone(task):
                stays, runs = task.desired_status == "RUNNING", task.last_status == Status.RUNNING
                fleet.take(node, fleet.need(task, state.task_definitions), task.group, stays=stays, runs=runs)
        return fleet

    def need(self, task: Task, task_definitions: Mapping[str, TaskDefinition]) -> Need:
        """Return what the task takes; nothing where its task definition is unknown."""
        definition = task_definitions.get(task.task_definition_arn)
        if definition is None:
            return Need()
        if task.overrides != _NONE:
            return need_of(definition, task.overrides)
        if task.task_definition_arn not in self._needs:
            self._needs[task.task_definition_arn] = need_of(definition)
        return self._needs[task.task_definition_arn]

    def take(self, node: Node, need: Need, group: str, *, stays: bool = True, runs: bool = False) -> None:
        """Put a task on an instance."""
        node.take(need, group, stays=stays, runs=runs)
        self._holders.setdefault(group, {})[node.arn] = node

    def load(self, node: Node, need: Need, group: str, *, tasks: int, staying: int, running: int) -> None:
        """Put several tasks of a group on an instance at once; `need` is what they take together."""
        self.take(node, need, group)
        node.groups[group] += tasks - 1
        node.staying[group] += staying - 1
        node.running += running

    def holders(self, group: str) -> Iterable[Node]:
        """Return the instances that have tasks of the group."""
        return self._holders.get(group, {}).values()

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes.values())

    def __getitem__(self, container_instance_arn: str) -> Node:
        return self.nodes[container_instance_arn]


_NONE = TaskOverride()
