"""Which operation a REST request is: by method, path, and the query and headers that set operations apart.

`PUT /bucket/key` is PutObject; with `x-amz-copy-source` it is CopyObject, with `partNumber` and `uploadId` UploadPart.
"""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl, unquote

from culm.cluster.wire.http import Request
from culm.cluster.wire.models import Operation, Service
from culm.core.model.record import record
from culm.errors import AwsError


@record
class Route:
    """A request, taken apart as its operation's URI template says."""

    request: Request
    operation: str
    labels: Mapping[str, str]
    query: Mapping[str, str]


@record
class Candidate:
    """What a request must have to be this operation."""

    operation: str
    method: str
    labels: tuple[str, ...]
    """`("Bucket", "Key")`: S3's paths hold nothing else."""
    query: frozenset[str]
    """Names, or `name=value`s."""
    headers: frozenset[str]

    @property
    def demands(self) -> int:
        return len(self.query) + len(self.headers)

    def fits(self, method: str, depth: int, query: Collection[str], headers: Collection[str]) -> bool:
        return (
            self.method == method
            and len(self.labels) == depth
            and self.query.issubset(query)
            and self.headers.issubset(headers)
        )


class Router:
    """The routes of one service. Where several operations fit alike, the plainest that is not deprecated wins."""

    def __init__(self, service: Service) -> None:
        self._candidates = sorted(
            (candidate(operation) for operation in service.operations.values()),
            key=lambda route: (-route.demands, service.operations[route.operation].deprecated, len(route.operation)),
        )

    def route(self, request: Request) -> Route:
        """Return the most demanding operation that the request fits."""
        labels = [unquote(part) for part in request.path.removeprefix("/").split("/", 1) if part]
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        given = query.keys() | {f"{name}={value}" for name, value in query.items()}
        for route in self._candidates:
            if route.fits(request.method, len(labels), given, request.headers):
                return Route(
                    request=request,
                    operation=route.operation,
                    labels=dict(zip(route.labels, labels, strict=True)),
                    query=query,
                )
        raise AwsError("MethodNotAllowed", "The specified method is not allowed against this resource.", 405)


def candidate(operation: Operation) -> Candidate:
    path, _, constants = operation.uri.partition("?")
    members = operation.input.members if operation.input else {}
    required = operation.input.required if operation.input else ()
    return Candidate(
        operation=operation.name,
        method=operation.method,
        labels=tuple(part.strip("{+}") for part in path.split("/") if part),
        query=frozenset(constants.split("&") if constants else ())
        | {str(members[name].location_name) for name in required if members[name].location == "querystring"},
        headers=frozenset(
            str(members[name].location_name).lower() for name in required if members[name].location == "header"
        ),
    )
