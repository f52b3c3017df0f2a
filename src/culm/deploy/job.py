"""One command's work on one target: what every step of it needs, handed down as one record."""

import threading
from collections.abc import Callable

from culm.console import Console
from culm.core.model.record import record
from culm.errors import CulmError
from culm.plan.observed import Survey
from culm.project.project import Project, Service
from culm.render import Surroundings
from culm.target.clock import Clock
from culm.target.connection import Target

Say = Callable[[str], None]


class BrokenOff(CulmError):
    """Ctrl-C."""

    exit_status = 130


@record
class Said:
    """Something happened, and stays said."""

    lane: str
    line: str


@record
class Doing:
    """What a lane is at now; empty: nothing any more."""

    lane: str
    what: str = ""


@record
class Ended:
    """A lane has nothing more to do in this list of steps."""

    lane: str
    failed: bool = False


Event = Said | Doing | Ended
Listener = Callable[[Event], None]


def lines(console: Console) -> Listener:
    """Listen by writing plain lines."""

    def listen(event: Event) -> None:
        match event:
            case Said(lane=lane, line=line):
                console.say(line, lane)
            case Doing(lane=lane, what=what):
                console.doing(lane, what)
            case Ended(lane=lane):
                console.doing(lane)

    return listen


class Job:
    """The project, its target, who listens, and the clock; once somebody has looked, what is there.

    `stopping` is set when the command is broken off: whoever says something after that gets `BrokenOff`.
    """

    def __init__(self, project: Project, target: Target, console: Console, clock: Clock | None = None) -> None:
        self.project = project
        self.target = target
        self.console = console
        self.clock = clock or Clock()
        self.listen = lines(console)
        self.stopping = threading.Event()
        self._survey: Survey | None = None

    @property
    def survey(self) -> Survey:
        """What was there when somebody last looked."""
        assert self._survey is not None, "nobody has looked yet"
        return self._survey

    @survey.setter
    def survey(self, survey: Survey) -> None:
        self._survey = survey

    @property
    def surroundings(self) -> Surroundings:
        """What services stand on, as the last survey has it."""
        return self.survey.surroundings

    def service(self, name: str) -> Service:
        """Return a service or a job by its name. Raises KeyError for a name that culm.yml does not have."""
        return self.project.everything[name]

    def say(self, line: str, lane: str = "") -> None:
        """Tell a line. Raises BrokenOff when the command is being broken off."""
        self.check()
        self.listen(Said(lane=lane, line=line))

    def doing(self, lane: str, what: str = "") -> None:
        """Tell what a lane is at. Raises BrokenOff as `say` does."""
        self.check()
        self.listen(Doing(lane=lane, what=what))

    def check(self) -> None:
        """Raise BrokenOff once Ctrl-C was pressed."""
        if self.stopping.is_set():
            raise BrokenOff("interrupted")
