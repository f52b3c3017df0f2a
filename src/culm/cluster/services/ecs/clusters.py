"""Clusters: groups of services, tasks and container instances.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from culm.cluster.services.ecs.references import DEFAULT_CLUSTER, cluster_arn, find_cluster
from culm.cluster.store import machines
from culm.cluster.store.ecs import capacity_providers, clusters, container_instances, tags
from culm.cluster.store.ecs.clusters import Cluster, Counts
from culm.cluster.wire.operations import Call, operation
from culm.core.model import fargate
from culm.core.model.arn import last
from culm.core.model.record import Stored, record
from culm.core.model.services import CapacityProviderStrategyItem
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
SETTINGS = {"containerInsights": ("enabled", "disabled", "enhanced")}


@record
class ClusterSetting:
    name: str = ""
    value: str = ""


@record
class CreateClusterInput:
    cluster_name: str = DEFAULT_CLUSTER
    tags: Stored[tuple[Tag, ...]] = ()
    settings: Stored[tuple[ClusterSetting, ...]] = ()
    configuration: Stored[Mapping[str, Any] | None] = None
    capacity_providers: tuple[str, ...] = ()
    default_capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...] = ()
    service_connect_defaults: Stored[Mapping[str, Any] | None] = None


@operation("ecs", "CreateCluster", wakes=True)
def create_cluster(call: Call, req: CreateClusterInput) -> dict[str, Any]:
    """Create a cluster; one that is there already is the answer, unchanged."""
    if not NAME.fullmatch(req.cluster_name):
        raise AwsError("InvalidParameterException", "Invalid cluster name.")
    cluster = clusters.find(call.db, req.cluster_name)
    if cluster is None or cluster.deleted_at is not None:
        cluster = Cluster(
            name=req.cluster_name,
            created_at=call.now,
            settings=_settings(req.settings),
            configuration=req.configuration,
            service_connect_defaults=req.service_connect_defaults,
            capacity_providers=_known_providers(call, req.capacity_providers),
            default_capacity_provider_strategy=_strategy(
                req.capacity_providers, req.default_capacity_provider_strategy
            ),
        )
        clusters.save(call.db, cluster)
        tags.clear(call.db, cluster_arn(call, cluster.name))
        tags.put(call.db, cluster_arn(call, cluster.name), req.tags)
    return {"cluster": _view(call, cluster, include=("TAGS", "SETTINGS", "CONFIGURATIONS"))}


@record
class DescribeClustersInput:
    clusters: tuple[str, ...] = (DEFAULT_CLUSTER,)
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeClusters")
def describe_clusters(call: Call, req: DescribeClustersInput) -> dict[str, Any]:
    """Return the named clusters; unknown ones are in `failures` as MISSING."""
    matching, failures = [], []
    for reference in req.clusters:
        cluster = clusters.find(call.db, last(reference))
        if cluster is None:
            failures.append({"arn": cluster_arn(call, last(reference)), "reason": "MISSING"})
        else:
            matching.append(_view(call, cluster, req.include))
    return {"clusters": matching, "failures": failures}


@record
class ListClustersInput:
    pass


@operation("ecs", "ListClusters")
def list_clusters(call: Call, req: ListClustersInput) -> dict[str, Any]:
    return {"cluster_arns": [cluster_arn(call, cluster.name) for cluster in clusters.list_all(call.db)]}


@record
class DeleteClusterInput:
    cluster: str


@operation("ecs", "DeleteCluster", wakes=True)
def delete_cluster(call: Call, req: DeleteClusterInput) -> dict[str, Any]:
    """Delete a cluster.

    The simulated instances, which came with the cluster, go with it; others must be deregistered first.
    """
    cluster = find_cluster(call, req.cluster)
    counts = clusters.counts(call.db, cluster.name)
    simulated = {machine.ec2_instance_id for machine in machines.every(call.db)}
    instances = container_instances.in_cluster(call.db, cluster.name)
    if any(instance.ec2_instance_id not in simulated for instance in instances):
        raise AwsError(
            "ClusterContainsContainerInstancesException",
            "The Cluster cannot be deleted while Container Instances are active or draining.",
        )
    if counts.active_services:
        raise AwsError("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if counts.running_tasks or counts.pending_tasks:
        raise AwsError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    for instance in instances:
        container_instances.set_status(call.db, instance.container_instance_arn, "INACTIVE")
    cluster = replace(cluster, deleted_at=call.now)
    clusters.save(call.db, cluster)
    return {"cluster": _view(call, cluster)}


@record
class UpdateClusterInput:
    cluster: str
    settings: Stored[tuple[ClusterSetting, ...] | None] = None
    configuration: Stored[Mapping[str, Any] | None] = None
    service_connect_defaults: Stored[Mapping[str, Any] | None] = None


@operation("ecs", "UpdateCluster")
def update_cluster(call: Call, req: UpdateClusterInput) -> dict[str, Any]:
    """Change those settings of a cluster that are given. Raises ClusterNotFoundException."""
    cluster = find_cluster(call, req.cluster)
    cluster = replace(
        cluster,
        settings=cluster.settings if req.settings is None else _settings(req.settings),
        configuration=req.configuration or cluster.configuration,
        service_connect_defaults=req.service_connect_defaults or cluster.service_connect_defaults,
    )
    clusters.save(call.db, cluster)
    return {"cluster": _view(call, cluster, include=("SETTINGS", "CONFIGURATIONS"))}


@record
class UpdateClusterSettingsInput:
    cluster: str
    settings: Stored[tuple[ClusterSetting, ...]]


@operation("ecs", "UpdateClusterSettings")
def update_cluster_settings(call: Call, req: UpdateClusterSettingsInput) -> dict[str, Any]:
    """Replace a cluster's settings. Raises ClusterNotFoundException."""
    cluster = replace(find_cluster(call, req.cluster), settings=_settings(req.settings))
    clusters.save(call.db, cluster)
    return {"cluster": _view(call, cluster, include=("SETTINGS",))}


@record
class PutClusterCapacityProvidersInput:
    cluster: str
    capacity_providers: tuple[str, ...]
    default_capacity_provider_strategy: tuple[CapacityProviderStrategyItem, ...]


@operation("ecs", "PutClusterCapacityProviders")
def put_cluster_capacity_providers(call: Call, req: PutClusterCapacityProvidersInput) -> dict[str, Any]:
    """Replace a cluster's providers and its default strategy.

    Raises InvalidParameterException for an unknown provider, and for a strategy with one that is not the
    cluster's.
    """
    cluster = replace(
        find_cluster(call, req.cluster),
        capacity_providers=_known_providers(call, req.capacity_providers),
        default_capacity_provider_strategy=_strategy(req.capacity_providers, req.default_capacity_provider_strategy),
    )
    clusters.save(call.db, cluster)
    return {"cluster": _view(call, cluster)}


def _settings(settings: tuple[ClusterSetting, ...]) -> tuple[Mapping[str, str], ...]:
    for setting in settings:
        if setting.value not in SETTINGS.get(setting.name, ()):
            raise AwsError("InvalidParameterException", f"Invalid value for setting {setting.name}: {setting.value}")
    given = {s.name: s.value for s in settings}
    return ({"name": "containerInsights", "value": given.get("containerInsights", "disabled")},)


def _known_providers(call: Call, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if last(name) not in fargate.PROVIDERS and capacity_providers.find(call.db, last(name)) is None:
            raise AwsError("InvalidParameterException", "The specified capacity provider was not found.")
    return names


def _strategy(
    providers: tuple[str, ...], items: tuple[CapacityProviderStrategyItem, ...]
) -> tuple[Mapping[str, Any], ...]:
    for item in items:
        if item.capacity_provider not in providers:
            raise AwsError(
                "InvalidParameterException",
                "The specified default capacity provider strategy has a capacity provider that is not in the cluster.",
            )
    return tuple({"capacity_provider": i.capacity_provider, "weight": i.weight, "base": i.base} for i in items)


def _view(call: Call, cluster: Cluster, include: tuple[str, ...] = ()) -> dict[str, Any]:
    counts = clusters.counts(call.db, cluster.name)
    view: dict[str, Any] = {
        "cluster_arn": cluster_arn(call, cluster.name),
        "cluster_name": cluster.name,
        "status": cluster.status,
        "registered_container_instances_count": counts.container_instances,
        "running_tasks_count": counts.running_tasks,
        "pending_tasks_count": counts.pending_tasks,
        "active_services_count": counts.active_services,
        "statistics": [],
        "tags": [],
        "settings": [],
        "service_connect_defaults": cluster.service_connect_defaults,
        "capacity_providers": cluster.capacity_providers,
        "default_capacity_provider_strategy": cluster.default_capacity_provider_strategy,
    }
    if "STATISTICS" in include:
        view["statistics"] = _statistics(counts)
    if "TAGS" in include:
        view["tags"] = tags.of(call.db, view["cluster_arn"])
    if "SETTINGS" in include:
        view["settings"] = cluster.settings or _settings(())
    if "CONFIGURATIONS" in include:
        view["configuration"] = cluster.configuration
    return view


def _statistics(counts: Counts) -> list[dict[str, str]]:
    """AWS splits its counts by launch type; this cluster's tasks are all on EC2."""
    ec2 = {
        "runningEC2TasksCount": counts.running_tasks,
        "pendingEC2TasksCount": counts.pending_tasks,
        "activeEC2ServiceCount": counts.active_services,
        "drainingEC2ServiceCount": counts.draining_services,
    }
    fargate = dict.fromkeys((key.replace("EC2", "Fargate") for key in ec2), 0)
    return [{"name": name, "value": str(value)} for name, value in (ec2 | fargate).items()]
