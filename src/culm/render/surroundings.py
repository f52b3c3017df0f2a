"""What the target tells a project, and rendering depends on. Pure."""

from typing import Any

from culm.core.model.record import record

Input = dict[str, Any]

DRAIN_SECONDS = 5


@record
class Surroundings:
    """What the target tells: the same project renders differently only by these."""

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
    drain_seconds: int = DRAIN_SECONDS
