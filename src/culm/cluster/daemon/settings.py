"""What the daemon is told at its start."""

import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Literal

from culm.cluster.store import settings as kept
from culm.core.model.arn import ACCOUNT
from culm.core.model.record import record
from culm.errors import CulmError

API_PORT = 4588
REGION = "us-east-1"
GATEWAY = "169.254.170.2"
NETWORK = "169.254.170.0/24"


@record
class Settings:
    home: Path
    runtime: Literal["auto", "docker", "process"] = "auto"
    instances: str = "2 x t2.micro"
    """Of each ECS cluster whose tag says nothing else."""
    port: int | None = None
    """Of the API; None: the last one, or 4588, or the next free one."""
    https_port: int | None = None
    """Where the API and the registry speak TLS as well; None: nowhere."""
    region: str = ""
    """Empty: the one that this cluster had before, or us-east-1."""
    account: str = ""
    """Twelve digits; empty: the one that this cluster had before, or zeros."""
    verify: bool = True
    """Whether requests must be signed by somebody who is known, and may do only what that one may."""
    reset_over_http: bool = False
    """Whether `POST /_culm/reset` removes everything, for whoever reaches the API."""
    ready_fd: int | None = None
    """Where to say, once, that the cluster is ready or why it will not be."""


def settled(db: sqlite3.Connection, settings: Settings) -> Settings:
    """Return the settings with the region and the account of this home, which its first start settles: ARNs name them.

    Raises `CulmError` where others are asked for.
    """
    started_before = kept.get(db, "port") is not None

    def settle(name: str, asked: str, first: str) -> str:
        before = kept.get(db, name) or (first if started_before else "")
        if asked and before and asked != before:
            what = f"this cluster's {name} is {before}: the ARNs of what is in it say so"
            raise CulmError(what, f"a cluster of another CULM_HOME can have --{name} {asked}")
        kept.put(db, name, asked or before or first)
        return asked or before or first

    return replace(
        settings,
        region=settle("region", settings.region, REGION),
        account=settle("account", settings.account, ACCOUNT),
    )
