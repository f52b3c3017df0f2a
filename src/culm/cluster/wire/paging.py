"""Pages of List and Describe results, as botocore's paginator model says which members carry them.

Operations return whole lists; the wire cuts. An operation whose input record has the token member itself pages itself.
Tokens are opaque to clients: the number of items already given, with the operation's name so that no other takes it.
"""

import base64
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from culm.cluster.wire.models import Operation, snake
from culm.errors import AwsError

DEFAULT_SIZE = 100
UNLISTED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("ecs", "DescribeCapacityProviders"): {"result_key": "capacityProviders"},
    ("ecs", "ListServiceDeployments"): {"result_key": "serviceDeployments"},
    ("ecs", "ListServicesByNamespace"): {"result_key": "serviceArns"},
    ("logs", "DescribeQueryDefinitions"): {"result_key": "queryDefinitions"},
    ("logs", "ListLogGroups"): {"result_key": "logGroups", "limit_key": "limit"},
}
"""Operations that have pages, and that botocore has no paginator for."""
_TOKENS = {"input_token": "nextToken", "output_token": "nextToken", "limit_key": "maxResults"}
DEFAULT_SIZES = {
    ("ecs", "DescribeCapacityProviders"): 10,
    ("ecs", "ListAccountSettings"): 10,
    ("ecs", "ListServiceDeployments"): 20,
    ("ecs", "ListServices"): 10,
    ("ecs", "ListServicesByNamespace"): 10,
    ("elbv2", "DescribeListeners"): 400,
    ("elbv2", "DescribeLoadBalancers"): 400,
    ("elbv2", "DescribeRules"): 400,
    ("elbv2", "DescribeTargetGroups"): 400,
    ("logs", "DescribeDeliveries"): 50,
    ("logs", "DescribeDeliveryDestinations"): 50,
    ("logs", "DescribeDeliverySources"): 50,
    ("logs", "DescribeDestinations"): 50,
    ("logs", "DescribeExportTasks"): 50,
    ("logs", "DescribeLogGroups"): 50,
    ("logs", "DescribeLogStreams"): 50,
    ("logs", "DescribeMetricFilters"): 50,
    ("logs", "DescribeQueries"): 1000,
    ("logs", "DescribeQueryDefinitions"): 1000,
    ("logs", "DescribeSubscriptionFilters"): 50,
    ("logs", "ListLogGroups"): 50,
    ("ssm", "DescribeParameters"): 10,
    ("ssm", "GetParameterHistory"): 50,
    ("ssm", "GetParametersByPath"): 10,
}
"""Items of a page when the client names no number, where AWS documents another number than 100."""
SERVICES_SIZES = {"ec2": 1000}
"""EC2 gives all there is, within reason."""


_OFFSET = re.compile("[0-9]{1,15}")


class Pager:
    """How one operation's results are cut."""

    def __init__(self, operation: Operation, paginator: Mapping[str, Any], invalid: str) -> None:
        result = paginator["result_key"]
        self.results = tuple(snake(key) for key in ([result] if isinstance(result, str) else result))
        self.input_token: str = paginator["input_token"]
        self.output_token = snake(paginator["output_token"])
        self.limit: str | None = paginator.get("limit_key")
        service = operation.service.name
        self.more = snake(paginator["more_results"]) if "more_results" in paginator else None
        self._size = DEFAULT_SIZES.get((service, operation.name), SERVICES_SIZES.get(service, DEFAULT_SIZE))
        self._operation = operation.name
        self._invalid = invalid

    @property
    def members(self) -> frozenset[str]:
        """The input members that the wire takes for itself."""
        return frozenset({self.input_token, self.limit} - {None})  # type: ignore[arg-type]

    def window(self, members: Mapping[str, Any]) -> tuple[int, int]:
        """Return first item and number of items, from the input's token and limit."""
        token = members.get(self.input_token)
        size = members.get(self.limit) if self.limit else None
        if type(size) is not int or size < 0:
            size = None  # whether it may be that is said when all members are read
        return (self._offset(token) if token else 0), (size or self._size)

    def cut(self, result: Any, window: tuple[int, int]) -> Any:
        """Return the page of `result`, with a token if there is more."""
        first, size = window
        members = dict(result) if isinstance(result, Mapping) else fields(result)
        whole = members.get(self.results[0]) or ()
        if self.more:
            members[self.more] = first + size < len(whole)
        elif first == 0 and len(whole) <= size:
            return result
        members[self.results[0]] = whole[first : first + size]
        if first + size < len(whole):
            members[self.output_token] = self._token(first + size)
        return members

    def _token(self, offset: int) -> str:
        return base64.urlsafe_b64encode(f"{self._operation}:{offset}".encode()).decode()

    def _offset(self, token: Any) -> int:
        try:
            name, _, offset = base64.urlsafe_b64decode(token).decode().partition(":")
            if name == self._operation and _OFFSET.fullmatch(offset):
                return int(offset)
        except (TypeError, ValueError):
            pass
        raise AwsError(self._invalid, f"The pagination token {token!r} is not one that {self._operation} gave out.")


def fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def pager(operation: Operation, record: type, invalid: str) -> Pager | None:
    """Return how the wire pages an operation.

    None if it has no pages, or its record takes the token and does it itself.
    """
    unlisted = UNLISTED.get((operation.service.name, operation.name))
    paginator = operation.service.paginators.get(operation.name) or (unlisted and {**_TOKENS, **unlisted})
    if paginator is None or not isinstance(paginator["input_token"], str):
        return None
    if snake(paginator["input_token"]) in {field.name for field in dataclasses.fields(record)}:
        return None
    return Pager(operation, paginator, invalid)
