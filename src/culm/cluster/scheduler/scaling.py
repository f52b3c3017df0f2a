"""Looks at every scalable target's metrics, and changes counts as its policies say."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.loop import Isolated
from culm.cluster.scheduler.apply import tell
from culm.cluster.store import metrics, scaling
from culm.cluster.store.db import savepoint
from culm.cluster.store.ecs import services
from culm.core.decide.scaling import IN_MINUTES, OUT_MINUTES, Tracked, desired
from culm.core.model.metrics import MINUTE, Metric, Point, metric
from culm.core.model.scaling import CPU, REQUESTS, ScalableTarget, ScalingActivity, ScalingPolicy, TargetTracking
from culm.core.model.services import Service

EVERY_SECONDS = 10.0
LATE_SECONDS = 10.0
"""How long after a minute's end its last sample may come."""

_isolated = Isolated("scalable target")


def look(db: Connection, now: float, new_id: Callable[[], str]) -> int:
    """Scale every service whose policies say so; returns how many that were.

    A target whose service is gone goes with it.
    """
    scaled = 0
    for resource_id in scaling.resource_ids(db):
        with _isolated.item(resource_id), savepoint(db):
            service = services.find_by_resource(db, resource_id)
            target = scaling.find_target(db, resource_id)
            if target is None:
                continue
            if service is None or service.status != "ACTIVE":
                scaling.delete_target(db, target.resource_id)
                continue
            scaled += _scale(db, target, service, now, new_id)
    return scaled


def _scale(db: Connection, target: ScalableTarget, service: Service, now: float, new_id: Callable[[], str]) -> int:
    policies = scaling.policies(db, target.resource_id)
    tracked = [Tracked(tracking=p.tracking, values=tuple(_values(db, p, service, now))) for p in policies]
    deploying = any(d.rollout_state == "IN_PROGRESS" for d in service.deployments)
    count = desired(target, tracked, service.desired_count, now, deploying=deploying)
    if count == service.desired_count:
        return 0
    out = count > service.desired_count
    scaling.save_target(db, replace(target, scaled_out_at=now) if out else replace(target, scaled_in_at=now))
    services.save_wish(db, replace(service, desired_count=count))
    description = f"Setting desired count to {count}."
    cause = "; ".join(_cause(each, tracked_policy) for each, tracked_policy in zip(policies, tracked, strict=True))
    scaling.add_activity(
        db,
        ScalingActivity(
            activity_id=new_id(), resource_id=target.resource_id, description=description, cause=cause, at=now
        ),
    )
    verb = "up" if out else "down"
    message = f"(service {service.service_name}) scales {verb} from {service.desired_count} to {count} tasks: {cause}"
    tell(db, service.service_arn, message, now, new_id)
    return 1


def _values(db: Connection, policy: ScalingPolicy, service: Service, now: float) -> Iterator[float]:
    """Return the policy's metric in the last complete minutes, the oldest first, from the first after a gap."""
    end = math.floor((now - LATE_SECONDS) / MINUTE) * MINUTE
    begin = end - MINUTE * max(OUT_MINUTES, IN_MINUTES)
    points = {int(point.at): point for point in metrics.find(db, _metric(policy.tracking, service), begin, end)}
    minutes = range(int(begin), int(end), MINUTE)
    requests = policy.tracking.predefined_metric_specification.predefined_metric_type == REQUESTS
    if requests:  # a minute without requests has no point
        yield from (points[minute].sum if minute in points else 0.0 for minute in minutes)
        return
    known: list[Point] = []
    for minute in minutes:
        known = [*known, points[minute]] if minute in points else []
    yield from (point.sum / point.samples for point in known)


def _metric(tracking: TargetTracking, service: Service) -> Metric:
    given = tracking.predefined_metric_specification
    if given.predefined_metric_type == REQUESTS:
        balancer, _, group = (given.resource_label or "").partition("/targetgroup/")
        name = f"targetgroup/{group}"
        return metric("AWS/ApplicationELB", "RequestCountPerTarget", LoadBalancer=balancer, TargetGroup=name)
    name = "CPUUtilization" if given.predefined_metric_type == CPU else "MemoryUtilization"
    cluster = service.cluster_arn.rpartition("/")[2]
    return metric("AWS/ECS", name, ClusterName=cluster, ServiceName=service.service_name)


def _cause(policy: ScalingPolicy, tracked: Tracked) -> str:
    kind = policy.tracking.predefined_metric_specification.predefined_metric_type
    values = ", ".join(f"{value:.0f}" for value in tracked.values) or "nothing"
    return f"{kind} was {values} in the last minutes, and is to be {policy.tracking.target_value:g}"
