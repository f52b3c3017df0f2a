"""What `culm advise` goes by: hours of CloudWatch's figures of each service, and what is stored for the project."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from culm import render
from culm.core.decide.ledger import Need, need_of
from culm.core.model.arn import resource
from culm.core.model.record import record
from culm.operate import bench
from culm.operate.snapshot.metrics import BALANCER, ECS, MOST_AT_ONCE, Query, answered
from culm.operate.snapshot.observed import Graph
from culm.plan.advised import Peaks, ServicePeaks, Situation, StoredImage, StoredLogs
from culm.plan.described import task_definition
from culm.plan.observed import Described, Survey
from culm.project.previews import preview_of
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import or_none
from culm.target.survey import survey

LOOK_BACK = timedelta(days=14)
HOUR = 3600
MOST_REVISIONS = 30
"""How many revisions of a service are looked at for how long it has had its memory."""
OF_SERVICE = (("memory", "MemoryUtilization", "Maximum"), ("cpu", "CPUUtilization", "Maximum"))


@record
class Sized:
    """A service as it runs."""

    name: str
    need: Need
    """Of one task."""
    since: float
    """Epoch seconds: since when its tasks reserve that. CloudWatch's per cent are of what was reserved then."""
    balanced: bool
    """Whether the load balancer sends it requests."""


def situation(target: Target, project: Project, now: float) -> Situation:
    """Return what is on the target, and what is stored for it. Raises what boto3 raises."""
    surveyed = survey(target, project)
    with ThreadPoolExecutor(max_workers=8) as pool:
        images = pool.map(lambda name: stored_images(target, name), surveyed.observed.repositories)
        logs = stored_logs(target, project)
        listed = tuple(image for some in images for image in some)
    return Situation(
        settings=target.settings, survey=surveyed, now=now, images=listed, running=running(surveyed), logs=logs
    )


def running(surveyed: Survey) -> frozenset[str]:
    """Return the digests of images that live revisions of services and jobs name."""
    jobs = [job.revision for job in surveyed.observed.jobs.values() if job.revision is not None]
    containers = [c for each in (*surveyed.task_definitions, *jobs) for c in each["containerDefinitions"]]
    return frozenset(container["image"].rpartition("@")[2] for container in containers)


def stored_images(target: Target, repository: str) -> list[StoredImage]:
    pages = target.client("ecr").get_paginator("describe_images").paginate(repositoryName=repository)
    return [
        StoredImage(
            repository=repository,
            digest=image["imageDigest"],
            size=int(image.get("imageSizeInBytes", 0)),
            pushed_at=image["imagePushedAt"].timestamp(),
        )
        for page in pages
        for image in page["imageDetails"]
    ]


def stored_logs(target: Target, project: Project) -> tuple[StoredLogs, ...]:
    prefix = f"/culm/{project.name}/"
    pages = target.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
    groups = [group for page in pages for group in page["logGroups"]]
    return tuple(StoredLogs(name=group["logGroupName"], size=int(group.get("storedBytes", 0))) for group in groups)


def peaks(target: Target, project: Project, surveyed: Survey, now: float) -> Peaks:
    """Return what CloudWatch has of every live service, and what `culm bench` measured. Raises what boto3 raises."""
    live = surveyed.observed.services
    names = [name for name in project.services if name in live]
    with ThreadPoolExecutor(max_workers=8) as pool:
        services = list(pool.map(lambda name: sized(target, project, name, surveyed), names))
    graphs = measured(target, [*queries(project, services, surveyed), *of_previews(project, surveyed)], now)
    benched = {name: each.peak_memory for name, each in bench.read(project).items()}
    summed = summed_up(services, graphs, benched)
    return replace(summed, services={**summed.services, **calls_of_previews(graphs)})


def of_previews(project: Project, surveyed: Survey) -> list[Query]:
    """Return what CloudWatch is asked of previews: whether their tasks ran, and the requests for them."""
    asked: list[Query] = []
    balancer = surveyed.observed.load_balancer
    for service in surveyed.services:
        name = service["serviceName"]
        if preview_of(name) is None or balancer is None or len(service.get("loadBalancers", ())) != 1:
            continue
        own = (("ClusterName", project.name), ("ServiceName", name))
        group = resource(service["loadBalancers"][0]["targetGroupArn"])
        behind = (
            ("LoadBalancer", resource(balancer["LoadBalancerArn"]).removeprefix("loadbalancer/")),
            ("TargetGroup", group),
        )
        asked += [
            Query(of=name, what="memory", namespace=ECS, name="MemoryUtilization", statistic="Maximum", dimensions=own),
            Query(
                of=name, what="requests", namespace=BALANCER, name="RequestCount", statistic="Sum", dimensions=behind
            ),
        ]
    return asked


def calls_of_previews(graphs: Mapping[tuple[str, str], Graph]) -> dict[str, ServicePeaks]:
    """Return the hours in which previews' services ran, and the requests for them, by service. Pure.

    One that had no request has no such figure at CloudWatch: that is none, as it ran.
    """
    ran = {name: graph for (name, what), graph in graphs.items() if what == "memory" and preview_of(name) is not None}
    asked = {name: graphs.get((name, "requests")) for name in ran}
    return {
        name: ServicePeaks(
            hours=len(graph.values),
            requests=sum(requests.values.values()) if (requests := asked[name]) is not None else 0.0,
        )
        for name, graph in ran.items()
    }


def sized(target: Target, project: Project, name: str, surveyed: Survey) -> Sized:
    """Return a live service with how long its tasks have reserved what they do."""
    live = surveyed.observed.services[name]
    definition = surveyed.observed.task_definitions[live["taskDefinition"]]
    need, since = need_of(task_definition(definition)), registered_at(definition)
    family, newest = definition["family"], int(definition["revision"])
    ecs = target.client("ecs")
    for number in range(newest - 1, max(newest - MOST_REVISIONS, 0), -1):
        which = f"{family}:{number}"
        answer = or_none(partial(ecs.describe_task_definition, taskDefinition=which), "ClientException")
        if answer is None or _reserves(need_of(task_definition(answer["taskDefinition"]))) != _reserves(need):
            break
        since = registered_at(answer["taskDefinition"])
    return Sized(name=name, need=need, since=since, balanced=project.services[name].balanced)


def _reserves(need: Need) -> tuple[int, int]:
    return need.memory, need.cpu


def registered_at(definition: Described) -> float:
    at = definition.get("registeredAt")
    return at.timestamp() if isinstance(at, datetime) else 0.0


def queries(project: Project, services: Iterable[Sized], surveyed: Survey) -> list[Query]:
    """Return what CloudWatch is asked."""
    live = surveyed.observed
    asked: list[Query] = []
    for service in services:
        own = (("ClusterName", project.name), ("ServiceName", service.name))
        asked += [
            Query(of=service.name, what=what, namespace=ECS, name=name, statistic=statistic, dimensions=own)
            for what, name, statistic in OF_SERVICE
        ]
        group = live.target_groups.get(render.group_name(project, project.services[service.name]))
        if service.balanced and group is not None and live.load_balancer is not None:
            balancer = resource(live.load_balancer["LoadBalancerArn"]).removeprefix("loadbalancer/")
            behind = (("LoadBalancer", balancer), ("TargetGroup", resource(group["TargetGroupArn"])))
            asked.append(
                Query(
                    of=service.name,
                    what="requests",
                    namespace=BALANCER,
                    name="RequestCount",
                    statistic="Sum",
                    dimensions=behind,
                )
            )
    return asked


def measured(target: Target, asked: Sequence[Query], now: float) -> dict[tuple[str, str], Graph]:
    """Return CloudWatch's answers, a value an hour."""
    end = datetime.fromtimestamp(now, UTC)
    graphs: dict[tuple[str, str], Graph] = {}
    for start in range(0, len(asked), MOST_AT_ONCE):
        some = asked[start : start + MOST_AT_ONCE]
        pages: Iterable[Mapping[str, Any]] = (
            target.client("cloudwatch")
            .get_paginator("get_metric_data")
            .paginate(
                MetricDataQueries=[query.asked(f"q{index}", HOUR) for index, query in enumerate(some)],
                StartTime=end - LOOK_BACK,
                EndTime=end,
            )
        )
        graphs |= answered(some, pages)
    return graphs


def summed_up(
    services: Sequence[Sized], graphs: Mapping[tuple[str, str], Graph], benched: Mapping[str, int | None]
) -> Peaks:
    """Return the peaks of graphs with a value an hour. Pure.

    Hours that began before a service had its present memory count for its requests alone.

    Args:
        services: those that run.
        graphs: of each service `memory` and `cpu`, in per cent of what its tasks reserve, and `requests`.
        benched: MiB that `culm bench` measured, by service; None: it did not.
    """
    services_peaks: dict[str, ServicePeaks] = {}
    by_hour = [0.0] * 24
    hours: set[float] = set()
    known = False
    for service in services:
        memory, cpu, requests = (graphs.get((service.name, what)) for what in ("memory", "cpu", "requests"))
        every = memory.values if memory is not None else {}
        hours |= set(every)
        if requests is not None:
            known = True
            for at, count in requests.values.items():
                by_hour[int(at // HOUR) % 24] += count
        recent = {at: percent for at, percent in every.items() if at >= service.since}
        busy = [percent for at, percent in (cpu.values if cpu is not None else {}).items() if at >= service.since]
        peaks_of = [percent / 100 * service.need.memory for percent in recent.values()]
        most = max((*peaks_of, float(benched.get(service.name) or 0)), default=0.0)
        services_peaks[service.name] = ServicePeaks(
            hours=len(recent),
            memory=round(most) if peaks_of else None,
            cpu=max(busy) / 100 * service.need.cpu if busy else None,
            requests=sum(requests.values.values()) if requests is not None else None,
        )
    return Peaks(services=services_peaks, hours=len(hours), calls_by_hour=tuple(by_hour) if known else ())
