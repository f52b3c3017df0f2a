"""A deploy as a value: the list of its steps, which is printed, compared in tests, and carried out as it stands.

A *step* is one act, with why it is done, what has to have ended before it, and what takes it back. Steps stand in
*lanes*, one a service: a lane's steps follow one another, and the first that fails ends its lane and no other. Between
lanes there are two ties:

- `after` names steps of other lanes that must have ended, however they ended: the order that was planned;
- `needs` names lanes that must have succeeded as a whole: culm.yml's `after:`.

When a step fails, the `undo` of each earlier step of its lane is carried out, the latest first, but none from before a
step that `commits`. A worked example, as `text_of` prints it: a service that *lends its slot*, which means that it is
down while its migration runs in the memory that its task had.

    1  accounts  register bamboo-accounts-migrate: its migration changed
    2  accounts  note how many tasks it has: its migration needs its memory; undo: its 1 task starts again
    3  accounts  stop its tasks
    4  accounts  wait until its tasks have stopped
    5  accounts  run its migration
    6  accounts  wait for its migration to end
    7  accounts  register bamboo-accounts: its image changed
    8  accounts  roll out the new revision, scale to 1 task; commits; undo: back to bamboo-accounts:1
    9  accounts  delete that note
    10 accounts  wait until it is steady
    11 accounts  watch it for 5 s

If 5 or 6 fails, 2 is undone: the old version starts again. Once 8 is called the service is told what comes next, so the
slot is its own again whatever happens.
"""

from collections.abc import Iterable, Sequence

from culm.core.model.record import record
from culm.plan.calls import Call, ResultOf

Revision = str | ResultOf
"""The ARN of a task definition, or the step that will register it."""


@record
class Build:
    """Build and push an image that is not in its repository. Returns `uri@digest`."""

    service: str
    migration: bool
    dockerfile: str


@record
class Configure:
    """Write the files that only the target can tell: databases' and the load balancer's URLs."""


@record
class AwaitInstances:
    """Wait until a container instance takes tasks."""


@record
class RunMigration:
    """Start the migration as a one-time task. Returns its ARN, or None when one of an earlier deploy has done it."""

    service: str
    task_definition: Revision
    patience: float
    """Seconds for which there may be no room: what an API says of instances lags behind what stops on them."""


@record
class AwaitMigration:
    """Wait for the migration to end with exit code 0."""

    service: str
    task: Revision


@record
class AwaitStopped:
    """Wait until no task of the service holds room."""

    service: str


@record
class AwaitSteady:
    """Wait until the service's newest deployment is all there is."""

    service: str
    revision: Revision | None
    """What it was told to run; None: it was not told."""
    fresh: bool
    """It has just been told, so that every task of it that stopped tells. Otherwise its past is past."""
    back: str = ""
    """What to try besides when it fails, where nothing goes back by itself."""


@record
class Settle:
    """Watch a service that is steady: one that dies within these seconds is no success."""

    service: str
    seconds: float


Act = Call | Build | Configure | AwaitInstances | RunMigration | AwaitMigration | AwaitStopped | AwaitSteady | Settle
"""What a step does."""


@record
class GiveBack:
    """The service wants its tasks again, and lends nothing any more."""

    service: str
    arn: str
    count: int


@record
class GoBack:
    """Back to the version that was live before, until that is steady."""

    service: str
    failed: Revision
    before: str
    """ARN of the revision that was live."""
    newer_schema: bool = False
    """Whether a migration has run of which nobody says that this revision works with it."""


@record
class Stays:
    """Nothing goes back: the earlier version would meet the schema of a migration that has run."""


@record
class ScaleBack:
    """The service wants as many tasks as before."""

    service: str
    count: int


@record
class Recall:
    """Calls that bring something back to what it was."""

    calls: tuple[Call, ...]
    words: str
    """What is so again: `its scaling as before`."""


Undo = GiveBack | GoBack | Stays | ScaleBack | Recall
"""What takes a step back."""


@record
class Step:
    key: str
    """Unique in its list: `accounts: register`."""
    lane: str
    """A service's name, or what is prepared for all of them."""
    act: Act
    why: str = ""
    after: tuple[str, ...] = ()
    """Keys of steps of other lanes that must have ended, well or not."""
    needs: tuple[str, ...] = ()
    """Lanes that must have ended well."""
    undo: Undo | None = None
    commits: bool = False
    """Once it is done, nothing before it in its lane is undone any more."""
    begins: str = ""
    """What is said when it begins."""
    ends: str = ""
    """What is said when it is done; a format string that may name members of its result."""

    @property
    def writes(self) -> bool:
        """Whether it changes anything on the target besides images."""
        return isinstance(self.act, Call | RunMigration)


def text_of(steps: Sequence[Step]) -> str:
    """Return the list as lines that a person reads and a test compares."""
    numbers = {step.key: number for number, step in enumerate(steps, 1)}
    lanes = max((len(step.lane) for step in steps), default=0)
    width = len(str(len(steps)))
    return "\n".join(
        f"{number:>{width}}  {step.lane:<{lanes}}  {sentence(step, numbers)}" for number, step in enumerate(steps, 1)
    )


def sentence(step: Step, numbers: dict[str, int]) -> str:
    """Return a step as text: `update taskDefinition: its image changed; after 3, 4; undo: back to accounts:1`."""
    words = [what(step) + (f": {step.why}" if step.why else "")]
    if step.after:
        words.append(f"after {spans(numbers[key] for key in step.after if key in numbers)}")
    if step.needs:
        words.append(f"if {' and '.join(step.needs)} ended well")
    if step.commits:
        words.append("commits")
    if step.undo is not None:
        words.append(f"undo: {undoing(step.undo)}")
    return "; ".join(words)


def what(step: Step) -> str:
    """Return what the step does, in the imperative."""
    match step.act:
        case Call(what=text):
            return text
        case Build(dockerfile=dockerfile):
            return f"build {dockerfile}"
        case Configure():
            return "write the files that only the target can tell"
        case AwaitInstances():
            return "wait for an instance that takes tasks"
        case RunMigration():
            return "run its migration"
        case AwaitMigration():
            return "wait for its migration to end"
        case AwaitStopped():
            return "wait until its tasks have stopped"
        case AwaitSteady():
            return "wait until it is steady"
        case Settle(seconds=seconds):
            return f"watch it for {seconds:g} s"


def undoing(undo: Undo) -> str:
    """Say in words what taking a step back does."""
    match undo:
        case GiveBack(count=count):
            return f"its {tasks(count)} start{'s' if count == 1 else ''} again"
        case GoBack(before=before, newer_schema=newer):
            return f"back to {before.rpartition('/')[2]}" + (", on the newer schema" if newer else "")
        case Stays():
            return "nothing, as its migration has run"
        case ScaleBack(count=count):
            return f"{tasks(count)} again"
        case Recall(words=words):
            return words


def tasks(count: int) -> str:
    """Return a number of tasks as text: `1 task`, `3 tasks`."""
    return f"{count} task{'' if count == 1 else 's'}"


def spans(numbers: Iterable[int]) -> str:
    """Return numbers as text: `1-3, 7`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)
