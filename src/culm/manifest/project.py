"""A manifest with everything filled in: what the rest of the client half works on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from culm.manifest.schema import Provider
from culm.manifest.sizes import Fleet, Roll
from culm.model.record import record


@record
class TargetSettings:
    """`targets.<name>`, resolved."""

    name: str
    provider: Provider
    instances: Fleet
    env: str
    """`MYENV` of every task."""
    region: str | None
    profile: str | None
    endpoint_url: str | None
    port: int | None
    """The load balancer's HTTP port; None: not said."""


@record
class Strategy:
    """A placement strategy as ECS takes it."""

    type: Literal["spread", "binpack", "random"]
    field: str | None


@record
class Service:
    """`services.<name>`, resolved. Sizes in MiB and CPU units, times in seconds."""

    name: str
    folder: Path
    dockerfile: Path
    migration: Path | None
    """The migration image's Dockerfile; None: nothing to migrate."""
    paths: tuple[str, ...]
    port: int
    database: str | None
    after: tuple[str, ...]
    memory: int
    cpu: int
    health: str
    count: int
    grace: int
    roll: Roll
    load: float | None
    """Requests a second that it gets now; None: not said."""
    args: Mapping[str, str]


@record
class Project:
    name: str
    root: Path
    """The folder that holds culm.yml."""
    targets: Mapping[str, TargetSettings]
    placement: tuple[Strategy, ...]
    databases: Mapping[str, str]
    """Server name to engine."""
    services: Mapping[str, Service]
