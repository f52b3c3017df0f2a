"""What a deploy asks of whatever builds images.

Two implementations: `docker` (any Docker Engine API) and `host` (no engine: `stages` says what it can and cannot do).
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

from culm.core.model.record import record

Say = Callable[[str], None]
"""Takes one line of progress."""


@record
class Recipe:
    """One image to make."""

    folder: Path
    """The build context."""
    dockerfile: Path
    args: Mapping[str, str]
    stage: str | None = None
    """Of the Dockerfile; None: the last one."""
    platform: str | None = None
    """`linux/arm64`; None: that of whoever builds."""


@record
class PushDestination:
    """Where an image is to go: a repository, and the right to push to it."""

    repository: str
    """`host:port/name`, as ECR's repositoryUri."""
    tag: str
    user: str
    password: str
    insecure: bool
    """Whether the registry speaks plain HTTP: one on loopback does."""


class Builder(Protocol):
    name: Literal["docker", "host"]

    def fingerprint(self, recipe: Recipe) -> str:
        """Return a hexadecimal text; as long as it is the same, building again would make the same image."""
        ...

    def publish(self, recipe: Recipe, place: PushDestination, say: Say, progress: Say) -> str:
        """Build it and push it: its manifest's digest, `sha256:...`. `say` is for what is worth keeping."""
        ...
