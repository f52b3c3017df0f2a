"""What the daemon is told at its start."""

from pathlib import Path
from typing import Literal

from culm.core.model.record import record

API_PORT = 4588
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
    region: str = "us-east-1"
    verify: bool = True
    """Whether requests must be signed by somebody who is known, and may do only what that one may."""
    reset_over_http: bool = False
    """Whether `POST /_culm/reset` removes everything, for whoever reaches the API."""
    ready_fd: int | None = None
    """Where to say, once, that the cluster is ready or why it will not be."""
