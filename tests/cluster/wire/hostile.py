"""Requests with one thing broken: every served operation, valid as botocore has it, under each protocol it has."""

import copy
import json
import math
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import botocore.session
import cbor2
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import ResponseParserError, create_parser
from botocore.serialize import create_serializer
from tests.cluster.wire.samples import sample

from culm.cluster.wire.http import Request, Response
from culm.cluster.wire.services import SERVICES

Members = dict[str, Any]

DEEP: Any = []
for _ in range(3000):
    DEEP = [DEEP]

ODD: tuple[Any, ...] = (
    None, "", "\0", "\x1b[0m", "\ufffe", "\ud800", "a" * 300, "é", "*", "-1", "${*}", "arn:aws:", "::::::", "[", "{",
    "9" * 400, "1e999", "NaN", " ", "%", "%zz", "2026-99-99", "/", "a/../b", "x:*", "\\", "'", 10**30, -(10**30), -1, 0,
    2**63, 1.5, math.nan, math.inf, -math.inf, True, [], {}, [[]], [None], {"a": None}, {"": ""}, [{}], ["\0"],
    [1, "a"],
)  # fmt: skip
"""What a client may put where something else belongs."""

_session = botocore.session.Session()
_models: dict[str, ServiceModel] = {}


def model(service: str) -> ServiceModel:
    if service not in _models:
        _models[service] = _session.get_service_model(service)
    return _models[service]


def protocols(service: str) -> tuple[str, ...]:
    return tuple(model(service).metadata.get("protocols") or (model(service).metadata["protocol"],))


def valid(operation: OperationModel) -> Members:
    """A value of every member."""
    shape = operation.input_shape
    return dict(sample(shape, full=True)) if shape else {}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value within another one."""
    if path:
        yield path
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in steps:
        yield from places(below, (*path, step))


def broken(members: Members, path: tuple[Any, ...], odd: Any) -> Members:
    """The same with another value in one place."""
    result = copy.deepcopy(members)
    at: Any = result
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = odd
    return result


def least(members: Members, operation: OperationModel) -> Members:
    """Only what is required: what is optional is refused by name before the rest is looked at."""
    shape = operation.input_shape
    return {name: members[name] for name in (shape.required_members if shape else ()) if name in members}


def request(service: str, protocol: str, operation: OperationModel, members: Members) -> Request | None:
    """As a client would send it, whatever is in it; None where no client could."""
    headers = {"host": "127.0.0.1"}
    if protocol == "json":
        headers["x-amz-target"] = f"{SERVICES[service].target}.{operation.name}"
        return Request(method="POST", path="/", query="", headers=headers, body=_json(members))
    if protocol == "smithy-rpc-v2-cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
        path = f"/service/{SERVICES[service].target}/operation/{operation.name}"
        try:
            body = cbor2.dumps(_plain(members))
        except (UnicodeEncodeError, cbor2.CBOREncodeError):
            return None
        return Request(method="POST", path=path, query="", headers=headers, body=body)
    if protocol in ("query", "ec2"):
        headers["content-type"] = "application/x-www-form-urlencoded"
        form = {"Action": operation.name, "Version": SERVICES[service].version, **_flat(members)}
        body = urlencode(form, errors="replace").encode()
        return Request(method="POST", path="/", query="", headers=headers, body=body)
    try:
        made = create_serializer("rest-xml", False).serialize_to_request(members, operation)
    except Exception:
        return None
    body = made["body"] if isinstance(made["body"], bytes) else str(made["body"] or "").encode("utf-8", "replace")
    query = urlencode(made["query_string"], errors="replace") if isinstance(made["query_string"], dict) else ""
    path, _, constants = made["url_path"].partition("?")
    return Request(
        method=made["method"],
        path=path,
        query="&".join(filter(None, (constants, query))),
        headers={**headers, **{name.lower(): str(value) for name, value in made["headers"].items()}},
        body=body,
    )


def unreadable(protocol: str, operation: OperationModel, response: Response) -> str | None:
    """What botocore has against a response; None if it reads it."""
    parser = create_parser(protocol)
    try:
        parser.parse(
            {"status_code": response.status, "headers": response.headers, "body": response.body},
            operation.output_shape,
        )
    except (ResponseParserError, ValueError, KeyError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _json(members: Any) -> bytes:
    return json.dumps(_plain(members)).encode()


def _plain(value: Any) -> Any:
    """Times as numbers and bytes as text, as these protocols have them."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "timestamp"):
        return value.timestamp()
    return "QUJD" if isinstance(value, bytes) else value


def _flat(value: Any, prefix: str = "") -> dict[str, str]:
    if isinstance(value, dict):
        return {k: v for name, each in value.items() for k, v in _flat(each, f"{prefix}{name}.").items()}
    if isinstance(value, list):
        found: dict[str, str] = {}
        for number, each in enumerate(value, start=1):
            found |= _flat(each, f"{prefix}member.{number}.") | _flat(each, f"{prefix}{number}.")
        return found
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return {prefix.removesuffix("."): text.lower() if isinstance(value, bool) else text}
