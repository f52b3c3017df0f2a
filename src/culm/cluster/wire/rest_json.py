"""The `rest-json` protocol: the operation is in the method and the path; members are there, in the query and in JSON.

https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from culm.cluster.wire import scalars
from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.models import Operation, Service, Shape
from culm.cluster.wire.output import compile_output
from culm.core.model.record import record
from culm.errors import AwsError

JSON = "application/json"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@record
class Parts:
    """A request, taken apart as its operation's URI template says."""

    request: Request
    labels: Mapping[str, str]
    query: Mapping[str, list[str]]


class Router:
    """The routes of one service: a path with more literal text is tried before one with fewer."""

    def __init__(self, service: Service) -> None:
        routes = [(operation.name, operation.method, template(operation)) for operation in service.operations.values()]
        self._routes = sorted(routes, key=lambda route: -len(re.sub(r"\(\?P<\w+>[^)]*\)", "", route[2].pattern)))

    def route(self, request: Request) -> tuple[str, Parts]:
        """Return the operation of a request; raise AwsError when none has this method and path."""
        query: dict[str, list[str]] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            query.setdefault(name, []).append(value)
        for name, method, pattern in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)) is not None:
                labels = {label: unquote(value) for label, value in match.groupdict().items()}
                return name, Parts(request=request, labels=labels, query=query)
        raise AwsError("UnknownOperationException", f"No operation is {request.method} {request.path}.", 404)


def template(operation: Operation) -> re.Pattern[str]:
    """Return a URI template as a regular expression; `{Name+}` may hold slashes."""
    pattern = ""
    for part in re.split(r"(\{\w+\+?\})", operation.uri.partition("?")[0]):
        if part.startswith("{"):
            pattern += f"(?P<{part.strip('{+}')}>{'.+' if '+' in part else '[^/]+'})"
        else:
            pattern += re.escape(part)
    return re.compile(pattern)


_router = functools.cache(Router)


def find(service: Service, request: Request) -> tuple[str, Parts]:
    return _router(service).route(request)


def decoder(operation: Operation) -> Callable[[Parts], dict[str, Any]]:
    """Return the members of a request, from wherever each one is."""
    shape = operation.input
    located = (
        [(name, place_of(name, member)) for name, member in shape.members.items() if member.location] if shape else []
    )

    def decode(parts: Parts) -> dict[str, Any]:
        try:
            body = _decode(parts.request.body) if parts.request.body else {}
        except (msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise AwsError("SerializationException", f"The body is not JSON: {problem}") from problem
        if not isinstance(body, dict):
            raise AwsError("SerializationException", "The body is not a JSON object.")
        members = dict(body)
        for name, read in located:
            if (value := read(parts)) is not None:
                members[name] = value
        return members

    return decode


def place_of(name: str, member: Shape) -> Callable[[Parts], Any]:
    """Return how a member that is not in the body is read; None is "not there"."""
    wire = member.location_name or name
    match member.location:
        case "uri":
            convert = scalars.of(member)
            return lambda parts: convert(parts.labels[wire])
        case "querystring":
            if member.type == "list":
                element = scalars.of(member.member)
                return lambda parts: [element(value) for value in parts.query[wire]] if wire in parts.query else None
            convert = scalars.of(member)
            return lambda parts: convert(parts.query[wire][-1]) if wire in parts.query else None
        case _:
            convert = scalars.of(member)
            lower = wire.lower()

            def header(parts: Parts) -> Any:
                value = parts.request.headers.get(lower)
                return None if value is None else convert(value)

            return header


def encoder(operation: Operation) -> Callable[[Any, str], Response]:
    """Return a response from what the operation returned."""
    write = compile_output(operation.output) if operation.output is not None else None

    def encode(result: Any, request_id: str) -> Response:
        body = _encode(write({} if result is None else result)) if write else b"{}"
        return Response(status=operation.status, headers=identify(request_id), body=body)

    return encode


def failure(error: AwsError, request_id: str) -> Response:
    """Return an error: its code is in a header, its message in the body."""
    body = {"Message": error.message, "message": error.message} | error.members
    headers = identify(request_id) | {"x-amzn-errortype": error.code}
    return Response(status=error.status, headers=headers, body=_encode(body))


def identify(request_id: str) -> dict[str, str]:
    return {"content-type": JSON, "x-amzn-requestid": request_id}
