"""What a deploy is to bring about, and its moves in waves: values."""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.decide.ledger import Need
from culm.core.decide.simulate import Move
from culm.core.decide.state import ClusterState
from culm.core.model.record import record
from culm.core.model.services import Service
from culm.core.model.task_definitions import TaskDefinition
from culm.project.project import Scaling
from culm.project.sizes import Roll

How = Literal["new", "start-first", "stop-first", "settings", "unchanged"]
REVISION = "planned"
"""Stands for the number of a revision that is not registered yet."""


@record
class Wanted:
    """A service as the deploy is to leave it."""

    service: Service
    """Its wished settings; `deployments` are not looked at."""
    definition: TaskDefinition
    """The live revision, or one to be registered."""
    migration: TaskDefinition | None = None
    """To be run before it; None: nothing is to be migrated."""
    roll: Roll = "auto"
    after: tuple[str, ...] = ()
    again: bool = False
    """Roll it even though nothing changed: its last deployment failed."""
    scaling: Scaling | None = None
    """Between which bounds Application Auto Scaling changes its count; None: nobody does."""

    wakes: int = 0
    """How many tasks a sleeping service has when it is awake; 0: it does not sleep."""

    @property
    def name(self) -> str:
        return self.service.service_name

    @property
    def most(self) -> int | None:
        """How many tasks it may get without a deploy, by automatic scaling or by waking; None: no more than it has."""
        bound = self.scaling.bounds.most if self.scaling is not None else None
        return max(bound or 0, self.wakes) or None


@record
class Moment:
    """A moment of the deploy, with the MiB that every instance has left after it."""

    move: Move
    free: Mapping[str, int]
    """By container instance ARN."""


@record
class WavePart:
    """What one service does in its wave."""

    name: str
    how: How
    migrates: bool = False
    lends: bool = False
    """Its migration runs in its own slot, which it gives up for that."""


@record
class Wave:
    parts: tuple[WavePart, ...]
    moments: tuple[Moment, ...]


@record
class Obstacle:
    """Why a service cannot get where it is wanted."""

    name: str
    step: Literal["migration", "roll", "configuration", "maximum"]
    """`maximum`: all is well until automatic scaling has made as many tasks as it may, and all that sleep are awake."""
    need: Need
    """Of the task that finds no place."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """By container instance ARN, in RunTask's vocabulary."""
    free: Mapping[str, int] = field(default_factory=dict)
    """MiB left by container instance ARN, at that moment."""
    message: str = ""
    """The service's own event, or what is wrong with its percentages."""


@record
class Moves:
    waves: tuple[Wave, ...]
    obstacles: tuple[Obstacle, ...]
    """Empty: everything fits."""
    state: ClusterState
    """The cluster at the end, or before the first thing that does not fit."""
    at_most: Mapping[str, How] = field(default_factory=dict)
    """How services that are scaled automatically would deploy once all of them have their most tasks."""

    def part(self, name: str) -> WavePart | None:
        """Return the service's part of the moves, None if nothing of it moves."""
        return next((part for wave in self.waves for part in wave.parts if part.name == name), None)
