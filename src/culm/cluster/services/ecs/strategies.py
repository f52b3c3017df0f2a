"""Capacity provider strategies: which provider's name a task bears; the instances behind all of them are the same.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CapacityProviderStrategyItem.html
"""

from collections import Counter
from collections.abc import Sequence

from culm.cluster.store.ecs import capacity_providers
from culm.cluster.store.ecs.clusters import Cluster
from culm.cluster.wire.operations import Call
from culm.core.model import fargate
from culm.core.model.arn import last
from culm.core.model.services import CapacityProviderStrategyItem
from culm.errors import AwsError

MOST_ITEMS = 20


def check(call: Call, launch_type: str | None, strategy: Sequence[CapacityProviderStrategyItem]) -> None:
    """Raise AwsError unless tasks can be started with it."""
    if strategy and launch_type is not None:
        raise _refused(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    if len(strategy) > MOST_ITEMS:
        raise _refused(f"A capacity provider strategy can have at most {MOST_ITEMS} capacity providers.")
    names = [last(item.capacity_provider) for item in strategy]
    of_fargate = [name in fargate.PROVIDERS for name in names]
    if any(of_fargate) and not all(of_fargate):
        raise _refused("A capacity provider strategy cannot contain a mix of Auto Scaling group and Fargate providers.")
    for name in names:
        if name not in fargate.PROVIDERS and capacity_providers.find(call.db, name) is None:
            raise _refused("The specified capacity provider was not found.")
    if strategy and not any(item.weight or item.base for item in strategy):
        raise _refused("At least one capacity provider of the strategy must have a weight or a base above 0.")


def effective(
    cluster: Cluster, launch_type: str | None, given: tuple[CapacityProviderStrategyItem, ...]
) -> tuple[CapacityProviderStrategyItem, ...]:
    """Return the strategy that a caller's tasks start with: the cluster's where it gives none, nor a launch type.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html
    """
    if given or launch_type is not None:
        return given
    return tuple(CapacityProviderStrategyItem(**item) for item in cluster.default_capacity_provider_strategy)


def shares(strategy: Sequence[CapacityProviderStrategyItem], count: int) -> list[str | None]:
    """Return the names of the providers of so many tasks.

    The base comes first, then each time the provider whose weight is furthest behind.
    """
    if not strategy:
        return [None] * count
    names: list[str | None] = []
    for item in strategy:
        names += [last(item.capacity_provider)] * item.base
    given: Counter[str] = Counter()
    weighted = [item for item in strategy if item.weight] or list(strategy)
    while len(names) < count:
        item = min(weighted, key=lambda i: (given[i.capacity_provider] + 1) / max(1, i.weight))
        given[item.capacity_provider] += 1
        names.append(last(item.capacity_provider))
    return names[:count]


def _refused(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)
