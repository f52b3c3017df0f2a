"""What advice is made from, and what it is: values."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal, get_args

from culm.core.model.record import record
from culm.plan.observed import Survey
from culm.project.project import TargetSettings

Kind = Literal["fleet", "memory", "unused", "graviton", "spot", "sleep", "images", "logs", "previews"]
KINDS: tuple[Kind, ...] = get_args(Kind)
ENOUGH_HOURS = 24
LEAST_DOLLARS = 0.10
"""A month: what saves less is not worth a line."""


@record
class ServicePeaks:
    """What was measured of one service."""

    hours: float = 0.0
    """In how many hours it ran and was measured."""
    memory: int | None = None
    """MiB that a task had at most."""
    cpu: float | None = None
    """CPU units that a task took at most."""
    requests: float | None = None
    """Sent to it by the load balancer in these hours; None: not known."""


@record
class Peaks:
    services: Mapping[str, ServicePeaks] = field(default_factory=dict)
    """By name."""
    hours: float = 0.0
    """In how many hours anything of the project was measured."""
    calls_by_hour: tuple[float, ...] = ()
    """Requests to all services by the hour of the day, in UTC; empty: not known."""

    def enough(self, name: str) -> ServicePeaks | None:
        """Return what was measured of a service; None where that is less than a day."""
        usage = self.services.get(name)
        return usage if usage is not None and usage.hours >= ENOUGH_HOURS else None


@record
class StoredImage:
    repository: str
    digest: str
    size: int
    """Bytes."""
    pushed_at: float
    """Epoch seconds."""


@record
class StoredLogs:
    """A log group of the project's."""

    name: str
    size: int
    """Bytes."""


@record
class Situation:
    """What is on the target."""

    settings: TargetSettings
    survey: Survey
    now: float
    """Epoch seconds."""
    images: tuple[StoredImage, ...] = ()
    running: frozenset[str] = frozenset()
    """Digests of images that a revision runs which is live, or whose tasks run."""
    logs: tuple[StoredLogs, ...] = ()


@record
class Edit:
    """A value of culm.yml."""

    path: tuple[str, ...]
    """`("services", "accounts", "memory")`."""
    value: str
    """As it is written there."""

    def __str__(self) -> str:
        return f"{'.'.join(self.path)}: {self.value}"


@record
class Advice:
    kind: Kind
    what: str
    dollars: float
    """A month, saved beside what the advice before it saves."""
    edits: tuple[Edit, ...] = ()
    command: str = ""
    """What to type, where no line of culm.yml does it."""
    risk: str = ""
    estimated: bool = False
    """Whether the dollars rest on a usual price, and not on the price list alone."""
