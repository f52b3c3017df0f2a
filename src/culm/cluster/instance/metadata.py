"""What a task can ask about itself: the task metadata endpoint, version 4.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-response.html
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from culm.cluster.instance.http import Receive, Scope, Send, answer
from culm.cluster.instance.machine import Machine
from culm.cluster.instance.runtime.interface import Seen, Usage
from culm.cluster.instance.specs import METADATA, container_name, log_stream, metadata_path
from culm.cluster.instance.task import KnownTask
from culm.core.model.agent import ContainerPayload
from culm.core.model.record import record

MEBIBYTE = 1 << 20
NANOSECONDS = 1_000_000_000
HIDDEN = "culm."
"""Labels that are the agent's own notes, the task's environment among them."""


class Stats(Protocol):
    async def stats(self, name: str) -> Usage | None: ...


@record
class Host:
    """Where a task runs."""

    machine: Machine
    region: str
    stats: Stats


@record
class Reading:
    """Of one container's CPU."""

    at: float
    cpu_seconds: float


class Metadata:
    """The tasks of all agents of this process; also the ASGI application that tells them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._tasks: dict[str, tuple[KnownTask, Host]] = {}
        self._paths: dict[str, tuple[str, str]] = {}
        """By path: the task's ARN and the container's name."""
        self._readings: dict[str, Reading] = {}

    def know(self, task: KnownTask, host: Host) -> None:
        self._tasks[task.arn] = task, host
        for container in task.payload.containers:
            self._paths[metadata_path(task.payload, container)] = task.arn, container.name

    def forget(self, task: KnownTask) -> None:
        self._tasks.pop(task.arn, None)
        for container in task.payload.containers:
            self._paths.pop(metadata_path(task.payload, container), None)
        for snapshot in task.snapshots.values():
            self._readings.pop(snapshot.runtime_id, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        id, _, what = scope["path"].removeprefix(METADATA).rstrip("/").partition("/")
        arn, container = self._paths.get(f"{METADATA}{id}", ("", ""))
        if arn not in self._tasks:
            return await answer(send, 404, f"V4 metadata handler: no container has the endpoint id {id!r}")
        task, host = self._tasks[arn]
        now = self._now()
        match what:
            case "":
                await answer(send, 200, of_container(task, container, host, now))
            case "task":
                await answer(send, 200, of_task(task, host, now))
            case "stats":
                readings = await self._stats(task, host)
                snapshot = task.snapshots.get(container)
                await answer(send, 200, readings.get(snapshot.runtime_id) if snapshot else None)
            case "task/stats":
                await answer(send, 200, await self._stats(task, host))
            case _:
                await answer(send, 404, f"V4 metadata handler: there is no {what!r} here")

    async def _stats(self, task: KnownTask, host: Host) -> dict[str, Any]:
        """Return statistics by runtime id; null for a container that does not run."""
        containers = list(task.snapshots.values())
        usages = await asyncio.gather(*(host.stats.stats(snapshot.name) for snapshot in containers))
        limits = {c.name: c.memory or task.payload.memory or host.machine.memory for c in task.payload.containers}
        names = {snapshot.name: name for name, snapshot in task.snapshots.items()}
        return {
            snapshot.runtime_id: self._reading(snapshot, usage, limits[names[snapshot.name]]) if usage else None
            for snapshot, usage in zip(containers, usages, strict=True)
        }

    def _reading(self, snapshot: Seen, usage: Usage, limit: int) -> dict[str, Any]:
        """Return a reading as Docker's stats, with the one before it, from which clients compute the CPU's load."""
        now = Reading(at=self._now(), cpu_seconds=usage.cpu_seconds)
        before = self._readings.get(snapshot.runtime_id, Reading(at=snapshot.started_at or now.at, cpu_seconds=0.0))
        self._readings[snapshot.runtime_id] = now
        return {
            "id": snapshot.runtime_id,
            "name": f"/{snapshot.name}",
            "read": moment(now.at),
            "preread": moment(before.at),
            "cpu_stats": _cpu(now),
            "precpu_stats": _cpu(before),
            "memory_stats": {
                "usage": int(usage.memory * MEBIBYTE),
                "max_usage": int(usage.memory_peak * MEBIBYTE),
                "limit": limit * MEBIBYTE,
            },
        }


def of_task(task: KnownTask, host: Host, now: float) -> dict[str, Any]:
    payload = task.payload
    return without_nothing(
        {
            "Cluster": payload.task_cluster_arn.rpartition("/")[2],
            "TaskARN": payload.arn,
            "Family": payload.family,
            "Revision": payload.version,
            "ServiceName": payload.service_name,
            "DesiredStatus": task.wanted,
            "KnownStatus": task.status(now),
            "Limits": {"Memory": payload.memory} if payload.memory else None,
            "PullStartedAt": moment(task.pull_started_at),
            "PullStoppedAt": moment(task.pull_stopped_at),
            "ExecutionStoppedAt": moment(task.ended_at),
            "AvailabilityZone": host.machine.availability_zone,
            "LaunchType": "EC2",
            "Containers": [of_container(task, container.name, host, now) for container in payload.containers],
        }
    )


def of_container(task: KnownTask, name: str, host: Host, now: float) -> dict[str, Any]:
    container = next(c for c in task.payload.containers if c.name == name)
    snapshot = task.snapshots.get(name)
    known = {"created": "CREATED", "running": "RUNNING", "stopped": "STOPPED"}[snapshot.state] if snapshot else "NONE"
    return without_nothing(
        {
            "DockerId": snapshot.runtime_id if snapshot else None,
            "Name": name,
            "DockerName": snapshot.name if snapshot else container_name(task.payload, name),
            "Image": container.image,
            "ImageID": snapshot.image_digest if snapshot else None,
            "Ports": _ports(snapshot),
            "Labels": {k: v for k, v in snapshot.labels.items() if not k.startswith(HIDDEN)} if snapshot else None,
            "DesiredStatus": task.wanted,
            "KnownStatus": known,
            "ExitCode": snapshot.exit_code if snapshot else None,
            "Limits": {"CPU": container.cpu} | ({"Memory": container.memory} if container.memory else {}),
            "CreatedAt": moment(snapshot.started_at) if snapshot else None,
            "StartedAt": moment(snapshot.started_at) if snapshot else None,
            "FinishedAt": moment(snapshot.stopped_at) if snapshot else None,
            "Type": "NORMAL",
            "RestartCount": task.progress(now)[name].attempt if container.restart_policy else None,
            "Health": {"status": snapshot.health} if snapshot and container.health_check else None,
            **_logs(task, container, host.region),
            "ContainerARN": container.container_arn,
            "Networks": _networks(task, snapshot),
        }
    )


def without_nothing(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body without its empty members (None, "" and []), which AWS leaves out."""
    return {name: value for name, value in body.items() if value is not None and value != "" and value != []}


def moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def _networks(task: KnownTask, snapshot: Seen | None) -> list[dict[str, Any]] | None:
    """Return a container's network; a task's own address is that of all its containers."""
    if snapshot is not None and task.payload.address:
        return [{"NetworkMode": "awsvpc", "IPv4Addresses": [task.payload.address]}]
    if snapshot is None or not snapshot.address:
        return None
    return [{"NetworkMode": "bridge", "IPv4Addresses": [snapshot.address]}]


def _ports(snapshot: Seen | None) -> list[dict[str, Any]]:
    """Return ports with the host's beside them, as the agent shows them in bridge mode."""
    return [
        {"ContainerPort": p.container_port, "Protocol": p.protocol, "HostPort": p.host_port, "HostIp": "0.0.0.0"}
        for p in (snapshot.ports if snapshot else ())
    ]


def _logs(task: KnownTask, container: ContainerPayload, region: str) -> dict[str, Any]:
    configuration = container.log_configuration
    if configuration is None:
        return {}
    options = dict(configuration.options)
    if (where := log_stream(task.payload, container, container_name(task.payload, container.name))) is not None:
        options |= {"awslogs-group": where[0], "awslogs-stream": where[1]}
        options.setdefault("awslogs-region", region)
    return {"LogDriver": configuration.log_driver, "LogOptions": options}


def _cpu(reading: Reading) -> dict[str, Any]:
    """Return CPU figures as Docker does; `system_cpu_usage` is what all of the machine's CPUs could have done."""
    cpus = os.cpu_count() or 1
    return {
        "cpu_usage": {"total_usage": int(reading.cpu_seconds * NANOSECONDS)},
        "system_cpu_usage": int(reading.at * cpus * NANOSECONDS),
        "online_cpus": cpus,
    }
