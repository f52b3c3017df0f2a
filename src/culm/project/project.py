"""A manifest with everything filled in: what the rest of the client half works on."""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from culm.core.model.record import record
from culm.project.schema import Provider
from culm.project.sizes import Fleet, Roll

EVERYWHERE = ("0.0.0.0/0",)


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
    project: str = ""
    """What the project is called there: see `named`."""
    account: str | None = None
    """Twelve digits; None: any."""
    role: str | None = None
    """ARN of the role to assume."""
    vpc: str | None = None
    """`default`, an id, or None: a network of its own."""
    subnets: tuple[str, ...] = ()
    allow: tuple[str, ...] = EVERYWHERE
    domain: str | None = None
    certificate: str | None = None
    """ARN."""
    zone: str | None = None
    """Id of the hosted zone."""
    spot: bool = False
    retention: int = 14
    """Days of logs."""
    github: str | None = None
    """`owner/name`."""


@record
class Rds:
    """`databases.<name>.rds`, resolved."""

    instance: str
    storage: int
    """GiB."""
    backups: int
    """Days."""


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
    exec: bool
    """Whether ECS Exec can enter its tasks."""
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
    rds: Mapping[str, Rds] = field(default_factory=dict)
    """By the name of their database: servers that the base stack makes on aws."""


def named(project: Project, target: TargetSettings) -> Project:
    """The project as it is called on a target: two of them in one account have a name each."""
    return replace(project, name=target.project or project.name)
