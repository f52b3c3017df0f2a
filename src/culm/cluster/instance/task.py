"""One task as its agent knows it: what was asked for, what its containers do, what was told of it.

Three hands write here, in any order: the control plane (`wanted`), the agent's own effects (`busy`, `refused`,
`killed`, `touched`) and looks at the runtime (`snapshots`). Everything else follows from these, each time anew, and
nothing is a state machine of its own:

    of a container  waiting -> starting -> running -> stopping -> stopped        `_of`
    of the task     PENDING -> RUNNING -> STOPPED                                `steps.status`
    the news        the state change that follows, unless it was told already    `news`

What a container's state follows from, the first that holds:

    1. `busy` says "starting": an effect is under way, and no look knows better
    2. `refused` has a reason: it could not start, or it is gone; the first reason stays, later ones follow from it
    3. nothing is seen, or an engine has made it and not started it: waiting
    4. what was seen last: running (or stopping, while the agent stops it), or stopped with its exit code

Why `touched`: a look takes a while. One that began before a start ended may come back after it, without the container;
taken at its word, it would say that the container is gone. So each effect gets a number when it ends (`touched`), each
look knows the last number when it began (`effects`), and of a container that changed since a look says nothing.

Example, a task of one container, with effects numbered from 1:

    take the payload           waiting      PENDING is told
    start it                   busy         (a look begins here: effects = 0)
    effect 1 ends              running      touched = 1, seen by the effect itself
    that look comes, empty     running      1 > 0: the look is too old to count
    the next look shows it     running      RUNNING is told, with its ports
    it exits with 3            stopped      `ended_at` is now; STOPPED is told when its log lines are in
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from culm.cluster.instance import shared_network, steps
from culm.cluster.instance.runtime.interface import Seen
from culm.cluster.instance.specs import ATTEMPT, CONTAINER_NAME, container_name
from culm.cluster.instance.steps import Progress
from culm.core.decide.lifecycle import KILLED, out_of_memory_reason, unheeded_reason
from culm.core.model.agent import (
    ContainerHealth,
    ContainerStateChange,
    PublishHealth,
    SubmitTaskStateChange,
    TaskPayload,
)
from culm.core.model.tasks import NetworkBinding

LOST = "CannotInspectContainerError: the container is gone from the instance"


class KnownTask:
    def __init__(self, payload: TaskPayload, taken_at: float) -> None:
        self.payload = payload
        self.wanted: Literal["RUNNING", "STOPPED"] = "RUNNING"
        self.taken_at = taken_at
        """Epoch seconds."""
        self.accepted = False
        """Whether the instance's ledger had room for it."""
        self.snapshots: dict[str, Seen] = {}
        """Container name -> how the runtime showed the last attempt to run it."""
        self.refused: dict[str, str] = {}
        """Container name -> why it could not be started."""
        self.killed: dict[str, str] = {}
        """Container name -> the reason shown for one that did not end by its stop signal."""
        self.busy: dict[str, Literal["starting", "stopping"]] = {}
        self.failed_stops: dict[str, int] = {}
        """Container name -> how often its stop has failed."""
        self.resting: set[str] = set()
        """Containers that are not to be stopped just now, as that has just failed."""
        self.touched: dict[str, int] = {}
        """Container name -> number of the agent's last start or stop of it; older snapshots are ignored."""
        self.pull_started_at: float | None = None
        self.pull_stopped_at: float | None = None
        self.ended_at: float | None = None
        self._settled: tuple[tuple[Seen, ...], dict[str, Seen], dict[str, str]] | None = None
        self._reported: SubmitTaskStateChange | None = None
        self._reported_health: PublishHealth | None = None

    @property
    def arn(self) -> str:
        return self.payload.arn

    def observe(self, containers: Iterable[Seen], now: float, effects: int) -> None:
        """Take over what the runtime shows of this task's containers.

        It was asked when the agent's effect number `effects` was its last: of what changed since it knows nothing.
        """
        newer = {name for name, effect in self.touched.items() if effect > effects}
        latest: dict[str, Seen] = {}
        for snapshot in containers:
            name = snapshot.labels[CONTAINER_NAME]
            if name not in newer and (name not in latest or _attempt(snapshot) > _attempt(latest[name])):
                latest[name] = snapshot
        for name in self.snapshots.keys() - latest.keys() - self.busy.keys() - newer:
            if self.snapshots[name].state != "stopped":
                self.refuse(name, LOST)
        self.snapshots.update(latest)
        if self.ended_at is None and self.status(now) == "STOPPED":
            self.ended_at = now

    def settle(self, containers: Sequence[Seen]) -> None:
        """Note, at the end of a look that showed these, whether there is nothing to do or tell until something changes.

        So it is where all containers run and that was told: time alone brings news only of those that wait, start or
        have stopped. What an effect has brought that ended meanwhile is left to the next look.
        """
        running_was_reported = self._reported is not None and self._reported.status == "RUNNING"
        quiet = running_was_reported and self.wanted == "RUNNING" and not (self.busy or self.refused)
        all_run = quiet and all(
            (snapshot := self.snapshots.get(c.name)) is not None
            and snapshot.state == "running"
            and any(snapshot is shown for shown in containers)
            for c in self.payload.containers
        )
        self._settled = (tuple(containers), dict(self.snapshots), dict(self.refused)) if all_run else None

    def is_settled(self, containers: Sequence[Seen]) -> bool:
        """Return whether nothing has changed since the last look, which left nothing to do or tell."""
        still = self._settled is not None and self.wanted == "RUNNING" and not self.busy
        return still and self._settled == (tuple(containers), self.snapshots, self.refused)

    def refuse(self, container: str, reason: str) -> None:
        """Note that a container cannot run.

        The first reason counts: what comes later, that it is gone, follows from it.
        """
        self.refused.setdefault(container, reason)

    def ended_by_stop(self, container: str, last: Seen, grace: int) -> None:
        """Take over how a container ended that the agent stopped; one that had to be killed says why."""
        self.snapshots[container] = last
        if last.exit_code == KILLED and not last.out_of_memory:
            self.killed[container] = unheeded_reason(grace)

    def progress(self, now: float) -> Mapping[str, Progress]:
        return {c.name: self._of(c.name, now) for c in self.payload.containers}

    def status(self, now: float) -> Literal["PENDING", "RUNNING", "STOPPED"]:
        return steps.status(self.payload, self.wanted, self.progress(now))

    def runtime_name(self, container: str) -> str:
        snapshot = self.snapshots.get(container)
        return snapshot.name if snapshot else container_name(self.payload, container)

    def network_holder(self) -> str | None:
        """Return the runtime's name of the container that holds the task's network; None where none runs that does."""
        name = shared_network.holder(self.payload)
        snapshot = self.snapshots.get(name) if name else None
        return snapshot.name if snapshot and snapshot.state == "running" else None

    def news(self, now: float) -> SubmitTaskStateChange | None:
        """Return what the control plane does not know yet."""
        change = self._state_change(now)
        return change if change != self._reported else None

    def news_of_health(self, now: float) -> PublishHealth | None:
        checked = [c.name for c in self.payload.containers if c.health_check]
        if not checked or self.status(now) != "RUNNING":
            return None
        progress = self.progress(now)
        health = PublishHealth(
            task=self.arn,
            containers=tuple(ContainerHealth(container_name=n, health_status=progress[n].health) for n in checked),
        )
        return health if health != self._reported_health else None

    def reported(self, message: SubmitTaskStateChange | PublishHealth) -> None:
        if isinstance(message, SubmitTaskStateChange):
            self._reported = message
        else:
            self._reported_health = message

    @property
    def reported_stopped(self) -> bool:
        return self._reported is not None and self._reported.status == "STOPPED"

    def _of(self, name: str, now: float) -> Progress:
        snapshot, doing = self.snapshots.get(name), self.busy.get(name)
        if doing == "starting":
            return Progress(state="starting", attempt=_attempt(snapshot) if snapshot else 0)
        if name in self.refused:
            return Progress(state="stopped", reason=self.refused[name])
        if snapshot is None or snapshot.state == "created":
            return Progress()
        end = snapshot.stopped_at if snapshot.stopped_at is not None else now
        return Progress(
            state="stopped" if snapshot.state == "stopped" else "stopping" if doing == "stopping" else "running",
            exit_code=snapshot.exit_code,
            reason=out_of_memory_reason() if snapshot.out_of_memory else self.killed.get(name),
            health=snapshot.health,
            ran_seconds=max(end - (snapshot.started_at if snapshot.started_at is not None else end), 0.0),
            attempt=_attempt(snapshot),
        )

    def _state_change(self, now: float) -> SubmitTaskStateChange:
        progress = self.progress(now)
        status = steps.status(self.payload, self.wanted, progress)
        refused = [self.refused[c.name] for c in self.payload.containers if c.name in self.refused]
        return SubmitTaskStateChange(
            task=self.arn,
            status=status,
            reason=refused[0] if refused else "",
            containers=tuple(self._container(name, progress[name], status) for name in progress),
            pull_started_at=self.pull_started_at,
            pull_stopped_at=self.pull_stopped_at,
            execution_stopped_at=self.ended_at,
        )

    def _container(self, name: str, progress: Progress, task_status: str) -> ContainerStateChange:
        snapshot = self.snapshots.get(name)
        ended = progress.state == "stopped" or task_status == "STOPPED"
        running = progress.state in ("running", "stopping")
        return ContainerStateChange(
            container_name=name,
            status="STOPPED" if ended else "RUNNING" if running else "PENDING",
            runtime_id=snapshot.runtime_id if snapshot else None,
            image_digest=snapshot.image_digest if snapshot else None,
            exit_code=progress.exit_code,
            reason=progress.reason,
            network_bindings=_bindings(snapshot) if snapshot else (),
        )


def _bindings(snapshot: Seen) -> tuple[NetworkBinding, ...]:
    return tuple(
        NetworkBinding(bind_ip="0.0.0.0", container_port=p.container_port, host_port=p.host_port, protocol=p.protocol)
        for p in snapshot.ports
        if p.host_port
    )


def _attempt(snapshot: Seen) -> int:
    return int(snapshot.labels.get(ATTEMPT, "0"))
