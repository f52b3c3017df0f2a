"""The making of a task: the same for RunTask, StartTask and the service scheduler."""

from collections.abc import Callable
from sqlite3 import Connection

from culm.cluster.services.ecs import awsvpc
from culm.cluster.store.ecs import tags as tag_store
from culm.cluster.store.ecs import tasks
from culm.core.decide.ledger import need_of
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.core.model.services import NetworkConfiguration
from culm.core.model.task_definitions import ContainerDefinition, Tag, TaskDefinition
from culm.core.model.tasks import Container, ContainerOverride, Status, Task, TaskOverride


@record
class Launch:
    """What the new tasks of one request have in common."""

    cluster_arn: str
    definition: TaskDefinition
    group: str
    started_by: str | None = None
    service_arn: str | None = None
    launch_type: str = "EC2"
    capacity_provider_name: str | None = None
    overrides: TaskOverride = TaskOverride()
    tags: tuple[Tag, ...] = ()
    load_balanced: bool = False
    enable_execute_command: bool = False
    network: NetworkConfiguration | None = None


def launch(db: Connection, what: Launch, container_instance_arn: str, now: float, new_id: Callable[[], str]) -> Task:
    """Keep a PENDING task on that instance; its agent is told when this is committed."""
    prefix = what.cluster_arn.partition(":cluster/")[0]
    cluster, id = last(what.cluster_arn), new_id()
    need = need_of(what.definition, what.overrides)
    changed = {override.name: override for override in what.overrides.container_overrides}
    task = Task(
        task_arn=f"{prefix}:task/{cluster}/{id}",
        cluster_arn=what.cluster_arn,
        task_definition_arn=what.definition.task_definition_arn,
        group=what.group,
        container_instance_arn=container_instance_arn,
        last_status=Status.PENDING,
        containers=tuple(
            _container(c, changed.get(c.name), f"{prefix}:container/{cluster}/{id}/{_dashed(new_id())}")
            for c in what.definition.container_definitions
        ),
        cpu=str(need.cpu),
        memory=str(need.memory),
        started_by=what.started_by,
        launch_type=what.launch_type,
        capacity_provider_name=what.capacity_provider_name,
        created_at=now,
        overrides=what.overrides,
        enable_execute_command=what.enable_execute_command,
        interface=awsvpc.interface(db, what.definition, what.network, new_id),
        tags=what.tags,
    )
    tasks.insert(
        db,
        task,
        service_arn=what.service_arn,
        need=need,
        load_balanced=what.load_balanced,
    )
    tag_store.put(db, task.task_arn, what.tags)
    return task


def _container(definition: ContainerDefinition, override: ContainerOverride | None, arn: str) -> Container:
    override = override or ContainerOverride()
    memory = override.memory if override.memory is not None else definition.memory
    reservation = (
        override.memory_reservation if override.memory_reservation is not None else definition.memory_reservation
    )
    return Container(
        container_arn=arn,
        name=definition.name,
        image=definition.image,
        cpu=str(override.cpu if override.cpu is not None else definition.cpu),
        memory=str(memory) if memory is not None else None,
        memory_reservation=str(reservation) if reservation is not None else None,
    )


def _dashed(id: str) -> str:
    return f"{id[:8]}-{id[8:12]}-{id[12:16]}-{id[16:20]}-{id[20:]}"
