"""What a service was measured to do: taken through its load balancer, kept in the project."""

import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from culm.core.decide.ledger import need_of
from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.plan.capacity import Demand
from culm.plan.described import task_definition
from culm.plan.throughput import Measured
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.observe import or_none

FILE = ".culm/bench.json"
PERIOD_SECONDS = 60
LONGEST_LOOK_BACK = timedelta(days=1)
LOOK_EVERY_SECONDS = 1.0
PATIENCE_SECONDS = 240.0
"""Amazon's figures come minutes later, the local cluster's within seconds."""


def read(project: Project) -> dict[str, Measured]:
    """Return the last measurements by service; empty when nothing was measured."""
    path = project.root / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Measured])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} cannot be read: {error}", "remove it and measure again: culm bench SERVICE") from None


def demands(project: Project) -> list[Demand]:
    """Return what culm.yml and the last measurements say that each service takes."""
    measured = read(project)
    return [
        Demand(
            name=service.name,
            load=service.load,
            throughput=measured[service.name].throughput if service.name in measured else None,
            memory=service.memory,
            cpu=service.cpu,
            count=service.count,
            migrates=service.migrates,
        )
        for service in project.services.values()
    ]


def keep(project: Project, name: str, measured: Measured) -> None:
    """Write what was measured of a service beside what is known of the others.

    A reader sees the old file or the new.
    """
    path = project.root / FILE
    known = {**read(project), name: measured}
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(msgspec.to_builtins(dict(sorted(known.items()))), indent=2) + "\n"
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.replace(path)


def running(target: Target, project: Project, own: Service) -> Mapping[str, Any]:
    """Return the service as ECS describes it. Raises CulmError unless it runs."""
    ecs = target.client("ecs")
    answer = or_none(
        lambda: ecs.describe_services(cluster=project.name, services=[own.name]), "ClusterNotFoundException"
    )
    for service in answer["services"] if answer else ():
        if service["status"] == "ACTIVE" and service["runningCount"]:
            described: Mapping[str, Any] = service
            return described
    raise CulmError(f"{own.name} does not run", f"culm deploy {own.name}")


@record
class Figures:
    """What CloudWatch knows of a service, in per cent of what its tasks reserve."""

    samples: float
    """How many were taken since the bench's last minute began."""
    memory: float | None
    """The most that a task had, its start included."""
    cpu: float | None
    """The most that a task took during the bench."""


def figures(target: Target, cluster: str, service: Mapping[str, Any], began: datetime, ended: datetime) -> Figures:
    """Read memory and CPU of a service; `service` is as ECS describes it.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    """

    def query(id: str, metric: str, statistic: str) -> dict[str, Any]:
        dimensions = [
            {"Name": "ClusterName", "Value": cluster},
            {"Name": "ServiceName", "Value": service["serviceName"]},
        ]
        return {
            "Id": id,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ECS", "MetricName": metric, "Dimensions": dimensions},
                "Period": PERIOD_SECONDS,
                "Stat": statistic,
            },
        }

    queries = [
        query("memory", "MemoryUtilization", "Maximum"),
        query("cpu", "CPUUtilization", "Maximum"),
        query("samples", "MemoryUtilization", "SampleCount"),
    ]
    deployed = min(deployment["createdAt"] for deployment in service["deployments"])
    answer = target.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries,
        StartTime=max(deployed, ended - LONGEST_LOOK_BACK),
        EndTime=ended + timedelta(seconds=PATIENCE_SECONDS + PERIOD_SECONDS),
    )
    results = {result["Id"]: result for result in answer["MetricDataResults"]}
    return Figures(
        samples=sum(_since(results["samples"], ended)),
        memory=max(results["memory"]["Values"], default=None),
        cpu=max(_since(results["cpu"], began), default=None),
    )


def _since(result: Mapping[str, Any], moment: datetime) -> list[float]:
    """Return a metric's values from the period on that the moment is in."""
    first = moment.timestamp() // PERIOD_SECONDS * PERIOD_SECONDS
    pairs = zip(result["Timestamps"], result["Values"], strict=True)
    return [value for at, value in pairs if at.timestamp() >= first]


def usage(
    target: Target, cluster: str, service: Mapping[str, Any], began: datetime, ended: datetime
) -> tuple[int | None, float | None]:
    """Return peak memory (MiB) and CPU (per cent) of one task; None when CloudWatch has no data in time.

    It is asked until it has a sample that was taken after the bench's end.
    """
    first = figures(target, cluster, service, began, ended)
    for _ in range(int(PATIENCE_SECONDS / LOOK_EVERY_SECONDS)):
        time.sleep(LOOK_EVERY_SECONDS)
        now = figures(target, cluster, service, began, ended)
        if now.samples > first.samples and now.memory is not None:
            return round(now.memory / 100 * reserved(target, service)), now.cpu
    return None, None


def reserved(target: Target, service: Mapping[str, Any]) -> int:
    """Return the MiB that one task reserves."""
    ecs = target.client("ecs")
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    return need_of(task_definition(definition)).memory
