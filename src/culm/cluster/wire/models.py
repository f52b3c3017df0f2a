"""botocore's service models, read as data: shapes and operations, without importing botocore's client machinery.

botocore's own loader and shape classes cost 19 MB and 0.15 s of imports, and its parsed EC2 model 60 MB more; a daemon
that is to stay under 60 MB reads the same files itself, skips the documentation, and keeps the shapes of the
operations it serves. `tests/wire` holds every result against botocore.
"""

import functools
import gzip
import importlib.util
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from botocore import xform_name

DATA = Path(next(iter(importlib.util.find_spec("botocore").submodule_search_locations))) / "data"  # type: ignore[union-attr,arg-type]


def snake(member: str) -> str:
    """Return a member's name in snake case by boto3's own rule: `desired_count` for `desiredCount`."""
    return str(xform_name(member))


class Shape:
    """A shape as one member refers to it: the definition's traits, overlaid by the reference's."""

    def __init__(self, service: "Service", reference: Mapping[str, Any]) -> None:
        self.name: str = reference["shape"]
        self.traits: dict[str, Any] = {**service.shapes[self.name], **reference}
        self.type: str = self.traits["type"]
        self._service = service

    def _refer(self, reference: Mapping[str, Any]) -> "Shape":
        return Shape(self._service, reference)

    @functools.cached_property
    def members(self) -> dict[str, "Shape"]:
        return {name: self._refer(reference) for name, reference in self.traits.get("members", {}).items()}

    @functools.cached_property
    def member(self) -> "Shape":
        """A list's element."""
        return self._refer(self.traits["member"])

    @functools.cached_property
    def key(self) -> "Shape":
        return self._refer(self.traits["key"])

    @functools.cached_property
    def value(self) -> "Shape":
        return self._refer(self.traits["value"])

    @property
    def service(self) -> str:
        """The name of the service that it is of."""
        return self._service.name

    @property
    def protocol(self) -> str:
        """The protocol that its service speaks first."""
        return self._service.protocol

    @property
    def answers_in_xml(self) -> bool:
        """Whether a client may get it back in XML. S3's keys are percent-encoded where that matters."""
        return self._service.answers_in_xml and self.location is None

    @property
    def required(self) -> tuple[str, ...]:
        return tuple(self.traits.get("required", ()))

    @property
    def location(self) -> str | None:
        """Where REST protocols carry it (`uri`, `querystring`, `header`, `headers`, `statusCode`); None: the body."""
        return self.traits.get("location")

    @property
    def location_name(self) -> str | None:
        return self.traits.get("locationName")

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened"))


class Operation:
    """One operation of a model."""

    def __init__(self, service: "Service", name: str, raw: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.method: str = raw.get("http", {}).get("method", "POST")
        self.uri: str = raw.get("http", {}).get("requestUri", "/")
        self.status: int = raw.get("http", {}).get("responseCode", 200)
        self.errors: tuple[str, ...] = tuple(error["shape"] for error in raw.get("errors", ()))
        self.deprecated: bool = raw.get("deprecated", False)
        self._input = raw.get("input")
        self._output = raw.get("output")

    @functools.cached_property
    def input(self) -> Shape | None:
        return Shape(self.service, self._input) if self._input else None

    @functools.cached_property
    def output(self) -> Shape | None:
        return Shape(self.service, self._output) if self._output else None


class Service:
    """A service's model: every operation's name and HTTP binding, and the shapes of those that were asked for."""

    def __init__(self, name: str, wanted: Iterable[str] | None = None) -> None:
        """Read the newest model of botocore's service `name`; `wanted` operations only, None is all of them."""
        folder = newest(name)
        raw = msgspec.json.decode(gzip.decompress((folder / "service-2.json.gz").read_bytes()), type=_Model)
        self.name = name
        self.metadata: dict[str, Any] = raw.metadata
        self.protocol: str = raw.metadata["protocol"]
        self.protocols: tuple[str, ...] = tuple(raw.metadata.get("protocols", (self.protocol,)))
        """All that its clients may speak: old ones Query, newer ones JSON or CBOR."""
        self.answers_in_xml = not {"query", "ec2", "rest-xml"}.isdisjoint(self.protocols)
        self.names = frozenset(raw.operations)
        routed = self.protocol.startswith("rest-")  # a path can only be told from all the others
        kept = self.names if wanted is None or routed else self.names.intersection(wanted)
        self.shapes = _reachable(raw, kept)
        self.operations = {
            name: Operation(self, name, msgspec.to_builtins(operation))
            for name, operation in raw.operations.items()
            if name in kept
        }
        self.error_codes = {
            shape["error"]["code"]: name for name, shape in self.shapes.items() if "code" in shape.get("error", {})
        }
        """An error's code on the wire -> the name of its shape, where the model tells the two apart."""
        self.paginators: dict[str, Any] = _paginators(folder)

    def shape(self, name: str) -> Shape:
        return Shape(self, {"shape": name})


class _Operation(msgspec.Struct, omit_defaults=True):
    http: dict[str, Any] = {}
    deprecated: bool = False
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    errors: list[dict[str, Any]] = []


class _Model(msgspec.Struct):
    metadata: dict[str, Any]
    operations: dict[str, _Operation]
    shapes: dict[str, msgspec.Raw]


def newest(service: str) -> Path:
    """Return the folder of the newest version of a service's model."""
    return max(folder for folder in (DATA / service).iterdir() if (folder / "service-2.json.gz").exists())


def _paginators(folder: Path) -> dict[str, Any]:
    file = folder / "paginators-1.json"
    return dict(json.loads(file.read_bytes())["pagination"]) if file.exists() else {}


def _reachable(raw: _Model, operations: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the definitions that these operations' inputs, outputs and errors lead to, without their documentation."""
    shapes: dict[str, dict[str, Any]] = {}
    ahead = []
    for name in operations:
        operation = raw.operations[name]
        ahead += [part["shape"] for part in (operation.input, operation.output, *operation.errors) if part]
    while ahead:
        name = ahead.pop()
        if name in shapes:
            continue
        shape = shapes[name] = _without_documentation(msgspec.json.decode(raw.shapes[name]))
        ahead += [shape[part]["shape"] for part in ("member", "key", "value") if part in shape]
        ahead += [reference["shape"] for reference in shape.get("members", {}).values()]
    return shapes


def _without_documentation(shape: dict[str, Any]) -> dict[str, Any]:
    shape.pop("documentation", None)
    for part in ("member", "key", "value"):
        if part in shape:
            shape[part].pop("documentation", None)
    for reference in shape.get("members", {}).values():
        reference.pop("documentation", None)
    return shape
