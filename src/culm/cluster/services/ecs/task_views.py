"""Tasks as ECS describes them."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any

from culm.cluster.services.ecs import awsvpc
from culm.cluster.store.ecs import container_instances, tags
from culm.cluster.wire.operations import Call
from culm.core.model import fargate
from culm.core.model.tasks import Task

ZONE = "ecs.availability-zone"
ARCHITECTURE = "ecs.cpu-architecture"


def views(call: Call, tasks: Iterable[Task], *, with_tags: bool = False) -> list[dict[str, Any]]:
    """Return tasks as they are described; each instance is looked up once."""
    instances: dict[str, dict[str, Any]] = {}
    result = []
    for task in tasks:
        arn = task.container_instance_arn
        if arn and arn not in instances:
            instances[arn] = _of_instance(call, arn)
        view = _view(task) | instances.get(arn or "", {}) | _placed_by_fargate(task)
        view["tags"] = tags.of(call.db, task.task_arn) if with_tags else []
        result.append(view)
    return result


def _placed_by_fargate(task: Task) -> dict[str, Any]:
    """Return what a task on Fargate shows in the place of its instance."""
    if not fargate.is_host(task.container_instance_arn):
        return {}
    region, zone = task.task_arn.split(":")[3], task.interface.zone if task.interface else "a"
    own = {"container_instance_arn": None, "availability_zone": f"{region}{zone}"}
    return own | {"ephemeral_storage": {"size_in_gi_b": 20}, **awsvpc.platform(task.launch_type)}


def _of_instance(call: Call, arn: str) -> dict[str, Any]:
    instance = container_instances.find(call.db, arn)
    if instance is None:
        return {}
    return {
        "availability_zone": instance.attribute(ZONE),
        "attributes": [a for a in instance.attributes if a.name == ARCHITECTURE],
    }


def _view(task: Task) -> dict[str, Any]:
    shown = {f.name: getattr(task, f.name) for f in fields(task)}
    started = task.pull_started_at is not None or task.started_at is not None
    return shown | {
        "attachments": awsvpc.attachment(task),
        "containers": [_container(task, container) for container in task.containers],
        "connectivity": "CONNECTED" if started else None,
        "connectivity_at": task.pull_started_at or task.started_at,
        "overrides": {
            "container_overrides": task.overrides.container_overrides or [{"name": c.name} for c in task.containers],
            "inference_accelerator_overrides": [],
            "cpu": task.overrides.cpu,
            "memory": task.overrides.memory,
            "task_role_arn": task.overrides.task_role_arn,
            "execution_role_arn": task.overrides.execution_role_arn,
        },
    }


def _container(task: Task, container: Any) -> dict[str, Any]:
    shown = {f.name: getattr(container, f.name) for f in fields(container)}
    view = shown | {"task_arn": task.task_arn, "network_interfaces": []}
    if (eni := task.interface) is not None:  # its ports are its own: nothing is bound on an instance
        interface = {"attachment_id": eni.attachment_id, "private_ipv4_address": eni.address}
        view |= {"network_bindings": [], "network_interfaces": [interface]}
    return view | {"managed_agents": [_exec_agent(task, container)]} if task.enable_execute_command else view


def _exec_agent(task: Task, container: Any) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedAgent.html"""
    status = container.last_status if container.last_status in ("RUNNING", "STOPPED") else "PENDING"
    agent = {"name": "ExecuteCommandAgent", "last_status": status}
    return agent | {"last_started_at": task.started_at} if status == "RUNNING" and task.started_at else agent
