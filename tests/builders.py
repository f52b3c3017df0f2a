"""Values for tests: each builder fills in what a test does not care about."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from culm.core.decide.state import ClusterState, TargetHealth
from culm.core.model.instances import Attribute, ContainerInstance
from culm.core.model.services import Deployment, DeploymentConfiguration, LoadBalancer, Service
from culm.core.model.task_definitions import ContainerDefinition, HealthCheck, PortMapping, TaskDefinition
from culm.core.model.tasks import Status, StopCode, Task

CLUSTER = "arn:aws:ecs:us-east-1:000000000000:cluster/bamboo"
TARGET_GROUP = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/web/0123456789abcdef"
LONG_AGO = 0.0
NOW = 10_000.0


def an_instance(name: str = "i-1", *, memory: int = 995, cpu: int = 1024, **fields: Any) -> ContainerInstance:
    """A t2.micro unless told otherwise; `attributes={"ecs.availability-zone": "us-east-1a"}`."""
    attributes = tuple(Attribute(name=k, value=v) for k, v in fields.pop("attributes", {}).items())
    return ContainerInstance(
        container_instance_arn=name,
        ec2_instance_id=name,
        cpu=cpu,
        memory=memory,
        attributes=attributes,
        **fields,
    )


def a_container(name: str = "app", *, memory: int | None = 256, cpu: int = 128, **fields: Any) -> ContainerDefinition:
    return ContainerDefinition(name=name, image="image", memory=memory, cpu=cpu, **fields)


def a_task_definition(
    name: str = "web:1", *, ports: Iterable[int] = (), checked: bool = False, **fields: Any
) -> TaskDefinition:
    """One container of 256 MiB and 128 CPU units; `ports` are fixed host ports, `checked` gives it a health check."""
    family, _, revision = name.partition(":")
    container: dict[str, Any] = {key: fields.pop(key) for key in ("memory", "cpu") if key in fields}
    container["port_mappings"] = tuple(PortMapping(container_port=p, host_port=p) for p in ports)
    if checked:
        container["health_check"] = HealthCheck(command=("CMD", "true"))
    containers = fields.pop("containers", (a_container(**container),))
    return TaskDefinition(
        task_definition_arn=name,
        family=family,
        revision=int(revision or 1),
        container_definitions=containers,
        **fields,
    )


def a_deployment(id: str = "ecs-svc/1", revision: str = "web:1", **fields: Any) -> Deployment:
    values: dict[str, Any] = {"status": "PRIMARY", "desired_count": 1, "created_at": LONG_AGO, "updated_at": LONG_AGO}
    return Deployment(id=id, task_definition=revision, **{**values, **fields})


def a_service(name: str = "web", *deployments: Deployment, desired: int = 1, **fields: Any) -> Service:
    """`percents=(0, 100)` are minimumHealthyPercent and maximumPercent; `balanced` puts it behind a target group."""
    deployments = deployments or (a_deployment(f"ecs-svc/{name}", f"{name}:1", desired_count=desired),)
    floor, ceiling = fields.pop("percents", (100, 200))
    configuration = DeploymentConfiguration(
        minimum_healthy_percent=floor, maximum_percent=ceiling, deployment_circuit_breaker=fields.pop("breaker", None)
    )
    if fields.pop("balanced", False):
        fields["load_balancers"] = (
            LoadBalancer(target_group_arn=TARGET_GROUP, container_name="app", container_port=8080),
        )
    return Service(
        service_arn=f"arn:aws:ecs:us-east-1:000000000000:service/bamboo/{name}",
        service_name=name,
        cluster_arn=CLUSTER,
        task_definition=deployments[0].task_definition,
        desired_count=desired,
        deployments=deployments,
        deployment_configuration=configuration,
        **fields,
    )


def a_task(name: str = "t1", *, of: Service | None = None, on: str = "i-1", **fields: Any) -> Task:
    """A task that has been RUNNING for long: healthy where nothing checks it. `deployment` is a deployment's id."""
    of = of or a_service()
    primary = of.primary
    deployment = fields.pop("deployment", primary.id if primary else None)
    revision = next((d.task_definition for d in of.deployments if d.id == deployment), of.task_definition)
    values: dict[str, Any] = {
        "group": f"service:{of.service_name}",
        "task_definition_arn": revision,
        "last_status": Status.RUNNING,
        "started_at": LONG_AGO,
        "healthy_at": LONG_AGO,
    }
    return Task(
        task_arn=name,
        cluster_arn=CLUSTER,
        container_instance_arn=on,
        started_by=deployment,
        **{**values, **fields},
    )


def a_starting_task(name: str = "t1", **fields: Any) -> Task:
    return replace(a_task(name, **fields), last_status=Status.PENDING, started_at=None, healthy_at=None)


def a_failed_task(name: str, *, at: float = NOW, **fields: Any) -> Task:
    """One that never started."""
    stopped = a_starting_task(name, **fields)
    return replace(
        stopped,
        last_status=Status.STOPPED,
        desired_status="STOPPED",
        stopped_at=at,
        stop_code=StopCode.TASK_FAILED_TO_START,
    )


def a_state(*services: Service, tasks: Iterable[Task] = (), now: float = NOW, **fields: Any) -> ClusterState:
    """Two t2.micro and the services' revisions at 256 MiB, unless told otherwise."""
    known: dict[str, TaskDefinition] = {
        d.task_definition: a_task_definition(d.task_definition) for s in services for d in s.deployments
    }
    known |= {d.task_definition_arn: d for d in fields.pop("definitions", ())}
    instances = fields.pop("instances", (an_instance("i-1"), an_instance("i-2")))
    return ClusterState(
        now=now,
        instances=tuple(instances),
        tasks=tuple(tasks),
        services=services,
        task_definitions=known,
        **fields,
    )


def all_healthy(*tasks: Task) -> dict[str, TargetHealth]:
    return {t.task_arn: TargetHealth(state="healthy") for t in tasks}
