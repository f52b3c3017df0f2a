"""Carries out a list of steps; see `plan.steps` for what it promises.

An act is a generator that yields the seconds until it wants to go on: a step that waits sits in a queue and holds no
thread. So a few threads are enough for any number of lanes, and none ever waits for what another one has to do.

The thread that calls `run` alone knows where every lane is. It starts a lane's next step when what comes before has
ended, hands acts to the threads whenever they are due, and takes back what they return:

    waiting --(after, needs)--> due --(a thread)--> running --(yields)--> asleep --(time)--> due
                                                       |--(returns)--> the lane's next step
                                                       '--(raises)---> the lane's undoing, then its end
"""

import heapq
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from culm.deploy.job import BrokenOff, Doing, Ended, Job, Said
from culm.errors import CulmError
from culm.plan.steps import Step, Undo
from culm.target import faults

THREADS = 16
"""Acts that are under way at a time, each a call of AWS or a build."""

Work = Generator[float, None, Any]
"""Yields the seconds until it wants to go on; returns its result."""


class LeftAlone(CulmError):
    """A lane was not begun, since one that it needs had failed: its own error says what is to be done."""


class Performer(Protocol):
    """What acts and undos do."""

    def act(self, step: Step, results: Mapping[str, Any]) -> Work:
        """Carry the step out. `results` are what the steps before it returned, by key."""

    def undo(self, undo: Undo, failure: CulmError, results: Mapping[str, Any]) -> Work:
        """Take a step back. Returns the failure, with what became of it."""

    def undo_at_once(self, undo: Undo) -> None:
        """Take back the part that is taken back even when the command is broken off: calls, no waiting."""


@dataclass
class Lane:
    """Where one lane is. Only the thread that calls `run` touches it."""

    name: str
    steps: deque[Step]
    step: Step | None = None
    """The one that is being carried out."""
    undos: list[Undo] = field(default_factory=list)
    """What takes back what was done, the latest last."""
    error: CulmError | None = None
    ended: bool = False


class Executor:
    """`run` may be called several times: results stay."""

    def __init__(self, job: Job, performer: Performer, threads: int = THREADS) -> None:
        self._job = job
        self._performer = performer
        self._threads = threads
        self.results: dict[str, Any] = {}
        """What each step returned, by its key."""

    def run(
        self, steps: Sequence[Step], failed: Mapping[str, CulmError] | None = None, *, more: bool = False
    ) -> dict[str, CulmError | None]:
        """Carry the steps out; returns how each lane ended. `failed` are lanes that failed before.

        `more`: another list follows, so that a lane which does well has not ended for those who watch.

        Raises BrokenOff after a Ctrl-C: what must not stay half done has been taken back then.
        """
        with ThreadPoolExecutor(max_workers=self._threads) as pool:
            return _Run(self, pool, steps, failed or {}, more=more).run()


class _Run:
    """One list being carried out."""

    def __init__(
        self,
        executor: Executor,
        pool: ThreadPoolExecutor,
        steps: Sequence[Step],
        failed: Mapping[str, CulmError],
        *,
        more: bool,
    ) -> None:
        self.job = executor._job
        self.performer = executor._performer
        self.results = executor.results
        self.pool = pool
        self.failed = failed
        self.more = more
        self.lanes: dict[str, Lane] = {}
        for step in steps:
            self.lanes.setdefault(step.lane, Lane(name=step.lane, steps=deque())).steps.append(step)
        self.open = {step.key for step in steps}
        """Keys of steps that have not ended."""
        self.asleep: list[tuple[float, int, Lane, Work]] = []
        """A heap, by when they are due."""
        self.running: dict[Future[tuple[float, Any]], tuple[Lane, Work]] = {}
        self.numbers = count()

    def run(self) -> dict[str, CulmError | None]:
        """Carry all lanes out. Returns each service's error, None where all went well."""
        try:
            while not all(lane.ended for lane in self.lanes.values()):
                while any([self.begin(lane) for lane in self.lanes.values()]):
                    pass  # one that ends may be what another waits for
                self.hand_out()
                self.take_back()
        except BaseException as error:
            self.break_off()
            if isinstance(error, KeyboardInterrupt):
                raise BrokenOff("interrupted", "the next `culm up` goes on from here") from None
            raise
        return {name: lane.error for name, lane in self.lanes.items()}

    def begin(self, lane: Lane) -> bool:
        """Start the lane's next step, or end the lane, if it may be. Returns whether it got on."""
        if lane.ended or lane.step is not None:
            return False
        if not lane.steps:
            lane.ended = True
            failed = lane.error is not None
            self.job.listen(Doing(lane=lane.name) if self.more and not failed else Ended(lane=lane.name, failed=failed))
            return True
        step = lane.steps[0]
        for name in step.needs:
            if self.error_of(name) is not None:
                self.end(lane, LeftAlone(f"{lane.name} was not deployed, because {name} failed", f"fix {name} first"))
                return True
        if not self.open.isdisjoint(step.after) or any(self.under_way(name) for name in step.needs):
            return False
        lane.step = lane.steps.popleft()
        if lane.step.begins:
            self.job.listen(Said(lane=lane.name, line=lane.step.begins))
        self.put_to_sleep(lane, self.performer.act(lane.step, self.results), 0.0)
        return True

    def error_of(self, name: str) -> CulmError | None:
        """Return how a lane that has ended failed; None: it went well, or still goes on."""
        lane = self.lanes.get(name)
        return self.failed.get(name) if lane is None else lane.error if lane.ended else None

    def under_way(self, name: str) -> bool:
        """Return whether a lane of this name has begun and has not ended."""
        return name in self.lanes and not self.lanes[name].ended

    def put_to_sleep(self, lane: Lane, work: Work, seconds: float) -> None:
        """Let a lane go on with `work` after so many seconds; others run meanwhile."""
        heapq.heappush(self.asleep, (self.job.clock.seconds() + seconds, next(self.numbers), lane, work))

    def hand_out(self) -> None:
        """Give what is due to the threads."""
        now = self.job.clock.seconds()
        while self.asleep and self.asleep[0][0] <= now:
            _, _, lane, work = heapq.heappop(self.asleep)
            self.running[self.pool.submit(self.advance, work)] = lane, work

    def advance(self, work: Work) -> tuple[float, Any]:
        """Do the work up to its next pause, in a thread. Returns that pause in seconds, or -1 and the result."""
        with faults.translated():
            try:
                return next(work), None
            except StopIteration as end:
                return -1.0, end.value

    def take_back(self) -> None:
        """Wait until something returns or is due, and see what has become of it."""
        pause = max(0.0, self.asleep[0][0] - self.job.clock.seconds()) if self.asleep else None
        if not self.running and pause is None:
            if all(lane.ended for lane in self.lanes.values()):
                return
            waiting = ", ".join(lane.steps[0].key for lane in self.lanes.values() if not lane.ended)
            raise AssertionError(f"steps wait for each other: {waiting}")
        self.job.clock.wait(self.running, pause)
        for future in [future for future in self.running if future.done()]:
            lane, work = self.running.pop(future)
            self.returned(lane, work, future)

    def returned(self, lane: Lane, work: Work, future: "Future[tuple[float, Any]]") -> None:
        """Take what a call in the pool came back with: a pause, a result, or an error, which is undone."""
        try:
            pause, result = future.result()
        except CulmError as error:
            if lane.error is not None:  # its undo failed, too
                error = CulmError(f"{lane.error.what}\nand then {error.what}", lane.error.hint)
            self.failed_with(lane, error)
            return
        if pause >= 0:
            self.put_to_sleep(lane, work, pause)
        elif lane.error is not None:  # it was an undo
            self.failed_with(lane, result)
        else:
            self.done(lane, result)

    def done(self, lane: Lane, result: Any) -> None:
        """Keep the result of a step that has ended, and what takes it back."""
        step, lane.step = lane.step, None
        assert step is not None
        self.results[step.key] = result
        if step.commits:
            lane.undos.clear()
        if step.undo is not None:
            lane.undos.append(step.undo)
        self.open.discard(step.key)
        if step.ends:
            self.job.listen(Said(lane=lane.name, line=step.ends.format_map(result or {})))

    def failed_with(self, lane: Lane, error: CulmError) -> None:
        """Undo what the lane has done, the latest first; then it ends with this error."""
        lane.error = error
        if self.job.stopping.is_set():
            return
        if lane.undos:
            self.put_to_sleep(lane, self.performer.undo(lane.undos.pop(), error, self.results), 0.0)
        else:
            self.end(lane, error)

    def end(self, lane: Lane, error: CulmError) -> None:
        """End a lane that has failed, after its steps were undone: the steps that are left are dropped."""
        first = error.what.splitlines()[0]
        skipped = isinstance(error, LeftAlone)
        line = first.removeprefix(f"{lane.name} was ") if skipped else f"failed: {first}"
        self.job.listen(Said(lane=lane.name, line=line))
        lane.error = error
        if lane.step is not None:
            self.open.discard(lane.step.key)
        self.open -= {step.key for step in lane.steps}
        lane.steps.clear()
        lane.step = None

    def break_off(self) -> None:
        """Let what runs come to its next pause, and take back at once what must not stay half done."""
        self.job.stopping.set()
        self.asleep.clear()
        while self.running:
            wait(self.running)
            for future in list(self.running):
                lane, work = self.running.pop(future)
                with suppress(BaseException):
                    self.returned(lane, work, future)
        self.asleep.clear()
        for lane in self.lanes.values():
            for undo in reversed(lane.undos):
                with suppress(CulmError), faults.translated():
                    self.performer.undo_at_once(undo)
