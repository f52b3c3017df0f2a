"""Capacity providers: names that strategies may refer to; the fleet behind them is fixed.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProvider.html
"""

import re
from collections.abc import Mapping
from typing import Any

from culm.cluster.services.ecs.references import find_cluster
from culm.cluster.store.ecs import capacity_providers, clusters, tags
from culm.cluster.store.ecs.capacity_providers import CapacityProvider
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn, last
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
RESERVED = ("aws", "ecs", "fargate")


@record
class CreateCapacityProviderInput:
    name: str
    auto_scaling_group_provider: Stored[Mapping[str, Any] | None] = None
    tags: Stored[tuple[Tag, ...]] = ()


@operation("ecs", "CreateCapacityProvider")
def create_capacity_provider(call: Call, req: CreateCapacityProviderInput) -> dict[str, Any]:
    """Create a provider; its auto scaling group is only remembered: no instance comes or goes because of it."""
    if not NAME.fullmatch(req.name) or req.name.lower().startswith(RESERVED):
        raise AwsError(
            "ClientException", "The specified capacity provider name is invalid. Specify a valid name and try again."
        )
    if req.auto_scaling_group_provider is None:
        raise AwsError("ClientException", "The capacity provider must have an autoScalingGroupProvider.")
    if capacity_providers.find(call.db, req.name) is not None:
        raise AwsError(
            "ClientException",
            f"A capacity provider with the name {req.name} already exists. Specify a different name and try again.",
        )
    provider = CapacityProvider(
        name=req.name, auto_scaling_group_provider=_with_defaults(req.auto_scaling_group_provider)
    )
    capacity_providers.save(call.db, provider)
    tags.put(call.db, _arn(call, req.name), req.tags)
    return {"capacity_provider": _view(call, provider, with_tags=True)}


@record
class UpdateCapacityProviderInput:
    name: str
    auto_scaling_group_provider: Stored[Mapping[str, Any] | None] = None


@operation("ecs", "UpdateCapacityProvider")
def update_capacity_provider(call: Call, req: UpdateCapacityProviderInput) -> dict[str, Any]:
    """Change a provider's settings; those that are not given stay. Raises ClientException when it does not exist."""
    provider = _existing(call, req.name)
    changed = _with_defaults({**provider.auto_scaling_group_provider, **(req.auto_scaling_group_provider or {})})
    provider = CapacityProvider(name=provider.name, auto_scaling_group_provider=changed, updated=True)
    capacity_providers.save(call.db, provider)
    return {"capacity_provider": _view(call, provider)}


@record
class DescribeCapacityProvidersInput:
    capacity_providers: tuple[str, ...] = ()
    cluster: str | None = None
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeCapacityProviders")
def describe_capacity_providers(call: Call, req: DescribeCapacityProvidersInput) -> dict[str, Any]:
    """Return the named providers; without names those of the cluster, or all when no cluster is named."""
    wanted = [last(name) for name in req.capacity_providers]
    if req.cluster is not None and not wanted:
        wanted = [last(name) for name in find_cluster(call, req.cluster).capacity_providers]
    known = {provider.name: provider for provider in capacity_providers.list_all(call.db)}
    chosen = wanted or list(known) if req.cluster is None else wanted
    return {
        "capacity_providers": [
            _view(call, known[name], with_tags="TAGS" in req.include) for name in chosen if name in known
        ],
        "failures": [{"arn": _arn(call, name), "reason": "MISSING"} for name in chosen if name not in known],
    }


@record
class DeleteCapacityProviderInput:
    capacity_provider: str


@operation("ecs", "DeleteCapacityProvider")
def delete_capacity_provider(call: Call, req: DeleteCapacityProviderInput) -> dict[str, Any]:
    """Delete a provider. Raises ClientException while a cluster has it."""
    provider = _existing(call, last(req.capacity_provider))
    if any(provider.name in cluster.capacity_providers for cluster in clusters.list_all(call.db)):
        raise AwsError(
            "ClientException",
            "The capacity provider cannot be deleted because it is associated with a cluster. Remove it from the"
            " cluster and try again.",
        )
    capacity_providers.delete(call.db, provider.name)
    tags.clear(call.db, _arn(call, provider.name))
    return {"capacity_provider": _view(call, provider) | {"status": "INACTIVE", "update_status": "DELETE_COMPLETE"}}


def _with_defaults(group: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what AWS fills in.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ManagedScaling.html
    """
    scaling = {
        "status": "DISABLED",
        "target_capacity": 100,
        "minimum_scaling_step_size": 1,
        "maximum_scaling_step_size": 10_000,
        "instance_warmup_period": 300,
    }
    return {
        "managed_termination_protection": "DISABLED",
        "managed_draining": "ENABLED",
        **group,
        "managed_scaling": {**scaling, **(group.get("managed_scaling") or {})},
    }


def _existing(call: Call, name: str) -> CapacityProvider:
    provider = capacity_providers.find(call.db, name)
    if provider is None:
        raise AwsError("ClientException", "The specified capacity provider was not found.")
    return provider


def _arn(call: Call, name: str) -> str:
    return arn("ecs", call.region, call.account, f"capacity-provider/{name}")


def _view(call: Call, provider: CapacityProvider, *, with_tags: bool = False) -> dict[str, Any]:
    return {
        "capacity_provider_arn": _arn(call, provider.name),
        "name": provider.name,
        "status": "ACTIVE",
        "update_status": "UPDATE_COMPLETE" if provider.updated else None,
        "auto_scaling_group_provider": provider.auto_scaling_group_provider,
        "tags": tags.of(call.db, _arn(call, provider.name)) if with_tags else [],
        "type": "EC2_AUTOSCALING",
    }
