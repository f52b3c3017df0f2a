"""What a service was measured to do: taken through its load balancer, kept in the project."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from culm.deploy.observe import or_none
from culm.deploy.target import Target
from culm.errors import CulmError, UsageError
from culm.manifest.project import Project, Service
from culm.planner.throughput import Measured

FILE = ".culm/bench.json"
PERIOD_SECONDS = 60
LONGEST_SECONDS = 3600
"""No bench takes longer."""


def read(project: Project) -> dict[str, Measured]:
    """By service; empty when nothing was measured."""
    path = project.root / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Measured])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} cannot be read: {error}", "remove it and measure again: culm bench SERVICE") from None


def keep(project: Project, name: str, measured: Measured) -> None:
    path = project.root / FILE
    known = {**read(project), name: measured}
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(msgspec.to_builtins(dict(sorted(known.items()))), indent=2) + "\n"
    draft = path.with_suffix(".new")
    draft.write_text(text)
    draft.replace(path)


def running(target: Target, project: Project, one: Service) -> Mapping[str, Any]:
    """The service as ECS describes it; an error unless it runs."""
    ecs = target.client("ecs")
    answer = or_none(
        lambda: ecs.describe_services(cluster=project.name, services=[one.name]), "ClusterNotFoundException"
    )
    for service in answer["services"] if answer else ():
        if service["status"] == "ACTIVE" and service["runningCount"]:
            found: Mapping[str, Any] = service
            return found
    raise CulmError(f"{one.name} does not run", f"culm deploy {one.name}")


def usage(target: Target, project: Project, one: Service, since: datetime) -> tuple[int | None, float | None]:
    """Peak memory (MiB) and mean CPU (per cent of what is reserved) as CloudWatch saw them; None: it did not.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/available-metrics.html
    """
    if target.endpoint_url:
        return None, None  # the local cluster has no CloudWatch metrics

    def query(id: str, metric: str, statistic: str) -> dict[str, Any]:
        dimensions = [{"Name": "ClusterName", "Value": project.name}, {"Name": "ServiceName", "Value": one.name}]
        return {
            "Id": id,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/ECS", "MetricName": metric, "Dimensions": dimensions},
                "Period": PERIOD_SECONDS,
                "Stat": statistic,
            },
        }

    found = target.client("cloudwatch").get_metric_data(
        MetricDataQueries=[query("memory", "MemoryUtilization", "Maximum"), query("cpu", "CPUUtilization", "Average")],
        StartTime=since,
        EndTime=since + timedelta(seconds=LONGEST_SECONDS),
    )
    values = {result["Id"]: result["Values"] for result in found["MetricDataResults"]}
    memory = max(values.get("memory", ()), default=None)
    cpu = max(values.get("cpu", ()), default=None)
    return (None if memory is None else round(memory / 100 * one.memory)), cpu
