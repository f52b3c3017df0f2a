"""What rendering needs to know about the target. Pure."""

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Any

from culm.core.model.record import record
from culm.project.schema import Provider

Input = dict[str, Any]

DRAIN_SECONDS = 5


Aliases = Mapping[str, tuple[str, int]]
"""Host and port of inner calls, by the name of the service that is called."""
NO_ALIASES: Aliases = MappingProxyType({})


@record
class Surroundings:
    """Facts about a target: the same project renders differently only by these."""

    env: str
    """`MYENV`."""
    region: str
    account: str
    vault: str
    """The bucket with the configuration files."""
    vpc: str
    subnets: tuple[str, ...]
    port: int
    """The load balancer's HTTP port."""
    instances: str
    """`2 x t2.micro`."""
    drain_seconds: int | None = DRAIN_SECONDS
    """Where `drain:` says nothing; None: as long as `stop:`. A target without requests drains at once in any case."""
    provider: Provider = "local"
    webhook: str | None = None
    """The secret with the URL that a local cluster tells of what goes wrong; None: it is nothing to the cluster."""
    errors: int | None = None
    """The percentage of answers with status 5xx above which a local cluster tells of them."""
    load_balancer: str = ""
    """Its URL, `http://...:8080`; empty: there is none yet."""
    inner: Aliases = field(default_factory=dict)
    """Host and port at which each service that others call inside answers them; one that is left out: by its own name
    and port."""
    migration_files: Mapping[str, str] = field(default_factory=dict)
    """The fingerprint of the files of each service's migration, where they are known."""
    databases: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    """Address and port of each database server that is there, by its name in culm.yml."""
