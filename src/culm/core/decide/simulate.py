"""Play a roll to its end without a cluster: the scheduler's own decisions, in a world where they succeed.

This is what `culm plan` shows: the same `schedule` that the control loop runs, from the live state.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Literal

from culm.core.decide.actions import Action, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.core.decide.ledger import Fleet, need_of
from culm.core.decide.placement import Chance, PlacementRequest, Unplaceable, chance_of, place
from culm.core.decide.schedule import next_look, schedule
from culm.core.decide.state import ClusterState, TargetHealth, group_of, is_gone
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.core.model.services import Service, ServiceEvent
from culm.core.model.tasks import Status, Task

World = Callable[[ClusterState], ClusterState]
"""What happens between two looks: tasks start, become healthy, stop, fail. It gives back an equal state when nothing
does; time is moved on by the simulation."""

LOOKS = 10_000
"""A simulation that has not come to rest after so many looks never will."""


@record
class Move:
    """One step of a roll. A start takes its room at once; a stop gives it back only when the task is gone."""

    verb: Literal["start", "stop", "gone"]
    at: float
    """Epoch seconds in the simulation."""
    task_arn: str
    group: str
    task_definition_arn: str
    container_instance_arn: str
    why: str
    free_memory: int
    """MiB left on that instance after the move."""


@record
class Simulation:
    state: ClusterState
    """The cluster at rest."""
    moves: tuple[Move, ...]
    messages: tuple[tuple[str, str], ...]
    """(service name, event), in the order of telling."""
    free_before: Mapping[str, int]
    """MiB left on every instance before the first move."""
    settled: bool
    """False: it would go on for ever, as with tasks that never become healthy."""

    @property
    def unfinished(self) -> tuple[Service, ...]:
        """Names of services whose deployment is still in progress at the end."""
        return tuple(s for s in self.state.services if s.primary and s.primary.rollout_state != "COMPLETED")

    def pictures(self) -> Iterator[tuple[Move, Mapping[str, int]]]:
        """Return every move with the MiB left on every instance after it."""
        free = dict(self.free_before)
        for move in self.moves:
            free[move.container_instance_arn] = move.free_memory
            yield move, dict(free)


def simulate(
    state: ClusterState, world: World | None = None, chance: Chance = chance_of, looks: int = LOOKS
) -> Simulation:
    """Decide, apply, let the world act, until nothing changes any more. The world is `obedient` unless given."""
    film = _Film(state)
    world = world or obedient
    for _ in range(looks):
        actions = schedule(state, chance)
        acted = apply(state, actions)
        after = world(acted)
        film.watch(state, after, actions)
        if not actions and after == state:
            look = next_look(state)
            if look is None:
                return film.outcome(state, settled=True)
            after = replace(state, now=look)
        state = after
    return film.outcome(state, settled=False)


def obedient(state: ClusterState) -> ClusterState:
    """Return the state of an ideal world: at the next pass new tasks run and are healthy, and stopped ones are gone."""
    balanced = {group_of(s) for s in state.services if s.balancers}
    tasks = tuple(_ended(t, state.now) if t.desired_status == "STOPPED" else _up(t, state.now) for t in state.tasks)
    running = [t for t in tasks if t.last_status == Status.RUNNING and t.group in balanced]
    return replace(state, tasks=tasks, target_health={t.task_arn: TargetHealth(state="healthy") for t in running})


def _up(task: Task, now: float) -> Task:
    if task.last_status == Status.RUNNING and task.health_status == "HEALTHY":
        return task
    started = now if task.started_at is None else task.started_at
    return replace(task, last_status=Status.RUNNING, started_at=started, health_status="HEALTHY")


def _ended(task: Task, now: float) -> Task:
    return task if is_gone(task) else replace(task, last_status=Status.STOPPED, stopped_at=now)


def apply(state: ClusterState, actions: list[Action]) -> ClusterState:
    """Return the snapshot with the actions recorded, as the control loop records them."""
    tasks = {t.task_arn: t for t in state.tasks}
    services = {s.service_arn: s for s in state.services}
    for action in actions:
        match action:
            case StartTask():
                task = _new_task(action, services[action.service_arn], tasks, state.now)
                tasks[task.task_arn] = task
            case StopTask():
                tasks[action.task_arn] = replace(
                    tasks[action.task_arn],
                    desired_status="STOPPED",
                    stop_code=action.stop_code,
                    stopped_reason=action.stopped_reason,
                    stopping_at=state.now,
                )
            case MarkHealthy():
                tasks[action.task_arn] = replace(tasks[action.task_arn], healthy_at=state.now)
            case SaveService():
                services[action.service.service_arn] = action.service
            case Tell():
                service = services[action.service_arn]
                event = ServiceEvent(id=str(len(service.events)), created_at=state.now, message=action.message)
                services[action.service_arn] = replace(service, events=(event, *service.events))
            case _:
                del tasks[action.task_arn]
    return replace(state, tasks=tuple(tasks.values()), services=tuple(services.values()))


def _new_task(action: StartTask, service: Service, tasks: Mapping[str, Task], now: float) -> Task:
    prefix = f"{service.cluster_arn.replace(':cluster/', ':task/')}/planned-"
    return Task(
        task_arn=next(arn for n in count(len(tasks)) if (arn := f"{prefix}{n}") not in tasks),
        cluster_arn=service.cluster_arn,
        task_definition_arn=action.task_definition,
        group=group_of(service),
        container_instance_arn=action.container_instance_arn,
        started_by=action.deployment_id,
        created_at=now,
    )


class _Film:
    """Records the moves of a simulation."""

    def __init__(self, state: ClusterState) -> None:
        self._free = {n.arn: n.memory for n in Fleet.of(state)}
        self._before = dict(self._free)
        self._moves: list[Move] = []
        self._messages: list[tuple[str, str]] = []

    def watch(self, before: ClusterState, after: ClusterState, actions: list[Action]) -> None:
        """Note what changed between two states, with the reason of each move."""
        was = {t.task_arn: t for t in before.tasks}
        gone = {t.task_arn for t in before.tasks if is_gone(t)}
        why = {a.task_arn: a.why for a in actions if isinstance(a, StopTask)}
        starts = [a for a in actions if isinstance(a, StartTask)]
        new = [t for t in after.tasks if t.task_arn not in was]
        for task, start in zip(new, starts, strict=True):
            self._note("start", task, start.why, after)
        for task in after.tasks:
            if task.task_arn in why:
                self._note("stop", was[task.task_arn], why[task.task_arn], after)
            if is_gone(task) and task.task_arn not in gone:
                self._note("gone", task, task.stopped_reason or "it ended", after)
        names = {s.service_arn: s.service_name for s in after.services}
        self._messages += [(names[a.service_arn], a.message) for a in actions if isinstance(a, Tell)]

    def _note(self, verb: Literal["start", "stop", "gone"], task: Task, why: str, state: ClusterState) -> None:
        instance = task.container_instance_arn or ""
        memory = need_of(state.task_definitions[task.task_definition_arn], task.overrides).memory
        self._free[instance] += {"start": -memory, "stop": 0, "gone": memory}[verb]
        self._moves.append(
            Move(
                verb=verb,
                at=state.now,
                task_arn=task.task_arn,
                group=task.group,
                task_definition_arn=task.task_definition_arn,
                container_instance_arn=instance,
                why=why,
                free_memory=self._free[instance],
            )
        )

    def outcome(self, state: ClusterState, *, settled: bool) -> Simulation:
        """Return what the simulation saw. `settled`: nothing was left to do."""
        return Simulation(
            state=state,
            moves=tuple(self._moves),
            messages=tuple(self._messages),
            free_before=self._before,
            settled=settled,
        )


def text_of(outcome: Simulation) -> str:
    """Return the moves as lines for tests and people to compare: `start web:2 on i-1, 483 MiB left`."""
    return "\n".join(
        f"{m.verb} {last(m.task_definition_arn)} on {last(m.container_instance_arn)}, {m.free_memory} MiB left"
        for m in outcome.moves
    )


def run_task(
    state: ClusterState, task: Task, request: PlacementRequest, chance: Chance = chance_of
) -> ClusterState | Unplaceable:
    """Return the state with a one-time task placed in it (a migration), or why it cannot be placed."""
    outcome = place(request, Fleet.of(state), chance)
    if isinstance(outcome, Unplaceable):
        return outcome
    return replace(state, tasks=(*state.tasks, replace(task, container_instance_arn=outcome.container_instance_arn)))
