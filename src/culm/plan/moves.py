"""The order of a deploy's moves, found by playing them: what may move together, who waits, who lends its slot.

A deploy moves in *waves*. In a wave every migration runs first, all side by side; when all have ended, the services
roll. Services share a wave as long as each one's migration and new task fit at once beside everything that runs: then
it does not matter which is faster, and what is planned is what happens. One that must stop before it can start has a
wave of its own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from culm.core.decide import deployments
from culm.core.decide.ledger import Fleet, need_of
from culm.core.decide.placement import TASK_DEFAULT, PlacementRequest, Unplaceable, objection
from culm.core.decide.roster import HOLDING
from culm.core.decide.simulate import Move, Simulation, obedient, run_task, simulate
from culm.core.decide.state import ClusterState
from culm.core.decide.validation import dead_configuration
from culm.core.model.services import DeploymentConfiguration, Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import Status, Task
from culm.plan.waves import REVISION, How, Moment, Moves, Obstacle, Wanted, Wave, WavePart
from culm.render import percents


def plan_moves(state: ClusterState, wanted: Sequence[Wanted]) -> Moves:
    """Play the deploy of these services on the live cluster.

    Those that are live move first, the oldest first: they need room for a moment only. `after` goes before that.
    """
    moves = _deployed(state, wanted)
    return moves if moves.obstacles or not any(wish.most for wish in wanted) else _grown(moves, wanted)


def _deployed(state: ClusterState, wanted: Sequence[Wanted]) -> Moves:
    waves: list[Wave] = []
    obstacles: list[Obstacle] = []
    waiting = [w for w in _in_order(state, wanted) if _how(state, w) != "unchanged"]
    while waiting:
        names = {w.name for w in waiting}
        ready = [w for w in waiting if not names & set(w.after)]
        played = _together(state, ready) or _alone(state, ready[0])
        if isinstance(played, Obstacle):
            obstacles.append(played)
            waiting = [w for w in waiting if w is not ready[0]]
            continue
        wave, state = played
        moved = {part.name for part in wave.parts}
        waves.append(wave)
        waiting = [w for w in waiting if w.name not in moved]
    return Moves(waves=tuple(waves), obstacles=tuple(obstacles), state=state)


def _grown(moves: Moves, wanted: Sequence[Wanted]) -> Moves:
    """Add the proof that all tasks that automatic scaling and waking may make find room, those of all services at once.

    A deploy may come just then: each service is deployed again at its maximum, by itself, for what becomes of it.
    """
    scaled = {wish.name: wish.most for wish in wanted if wish.most is not None}
    services = (replace(s, desired_count=scaled.get(s.service_name, s.desired_count)) for s in moves.state.services)
    outcome = simulate(replace(moves.state, services=tuple(services)), gradual)
    events = dict(outcome.messages)
    obstacles: list[Obstacle] = []
    for wish in wanted:
        if _running(outcome.state, wish.name) < scaled.get(wish.name, 0):
            obstacle = _obstacle(outcome.state, wish, wish.definition, "roll", events.get(wish.name, ""))
            obstacles.append(replace(obstacle, step="maximum"))
    if obstacles:
        return replace(moves, obstacles=tuple(obstacles))
    at_most: dict[str, How] = {}
    for wish in wanted:
        if wish.name in scaled:
            service = replace(wish.service, desired_count=scaled[wish.name])
            again = _deployed(outcome.state, [replace(wish, service=service, again=True, migration=None, after=())])
            obstacles += [replace(o, step="maximum") if o.step == "roll" else o for o in again.obstacles]
            at_most |= {part.name: part.how for wave in again.waves for part in wave.parts}
    return replace(moves, obstacles=tuple(obstacles), at_most=at_most)


def settled(state: ClusterState, migrations: Sequence[str] = ()) -> ClusterState:
    """Return the cluster when what is under way has ended: rolls, and one-time tasks of these families."""
    groups = {f"family:{family}" for family in migrations}
    return simulate(replace(state, tasks=tuple(t for t in state.tasks if t.group not in groups)), gradual).state


def gradual(state: ClusterState) -> ClusterState:
    """Return the state of the world that a plan counts on: all goes well, and a task that stops takes a while.

    It is no longer counted among the running ones then, and still has its room.
    """
    after = obedient(state)
    tasks = (
        replace(before, last_status=Status.DEACTIVATING)
        if before.desired_status == "STOPPED" and before.last_status in HOLDING
        else now
        for before, now in zip(state.tasks, after.tasks, strict=True)
    )
    return replace(after, tasks=tuple(tasks))


def live(state: ClusterState, name: str) -> Service | None:
    return next((s for s in state.services if s.service_name == name and s.status == "ACTIVE"), None)


def _in_order(state: ClusterState, wanted: Sequence[Wanted]) -> list[Wanted]:
    def age(each: Wanted) -> float:
        current = live(state, each.name)
        return current.created_at if current else float("inf")

    return sorted(wanted, key=age)


def _how(state: ClusterState, wanted: Wanted) -> How:
    """Return what becomes of it; whether a roll is start-first or stop-first is tried out later."""
    current = live(state, wanted.name)
    if current is None:
        return "new"
    if wanted.again or wanted.migration or current.task_definition != wanted.definition.task_definition_arn:
        return "stop-first" if wanted.roll == "stop-first" else "start-first"
    wished = replace(wanted.service, deployments=current.deployments, task_definition=current.task_definition)
    return "unchanged" if _settings(wished) == _settings(current) else "settings"


def _settings(service: Service) -> tuple[object, ...]:
    return (
        service.desired_count,
        service.placement_strategy,
        service.load_balancers,
        service.health_check_grace_period_seconds,
    )


def _together(state: ClusterState, ready: Sequence[Wanted]) -> tuple[Wave, ClusterState] | None:
    """Move as many of them together as fit side by side; those that must stop first are left out.

    No new service takes the room that a live one may still need for its roll.
    """
    movable = [(each, how) for each in ready if (how := _how(state, each)) != "stop-first"]
    if movable and len(movable) == len(ready) and not isinstance(all_at_once := _play(state, movable), Obstacle):
        return all_at_once
    best: tuple[Wave, ClusterState] | None = None
    chosen: list[tuple[Wanted, How]] = []
    for each, how in movable:
        if how == "new" and len(chosen) < sum(live(state, other.name) is not None for other in ready):
            break
        if not isinstance(played := _play(state, [*chosen, (each, how)]), Obstacle):
            chosen.append((each, how))
            best = played
    return best


def _alone(state: ClusterState, wanted: Wanted) -> tuple[Wave, ClusterState] | Obstacle:
    """Move one service alone: stop-first, and down while it migrates where nothing else fits and `roll` allows it."""
    how = _how(state, wanted)
    if how in ("new", "settings") or wanted.roll == "start-first" or isinstance(wanted.roll, tuple):
        played = _play(state, [(wanted, how)])
        assert isinstance(played, Obstacle), "it would have fitted with others"
        return played
    played = _play(state, [(wanted, "stop-first")])
    if isinstance(played, Obstacle) and played.step == "migration":
        return _play(state, [(wanted, "stop-first")], lends=True)
    return played


def _play(
    state: ClusterState, chosen: Sequence[tuple[Wanted, How]], *, lends: bool = False
) -> tuple[Wave, ClusterState] | Obstacle:
    """Return the wave and the state after it, or the first thing in it that does not fit."""
    moments: list[Moment] = []
    if lends:
        [(lender, _)] = chosen
        state = _film(simulate(_with(state, lender, desired=0), gradual), moments)
    migrated = _migrate(state, [member for member, _ in chosen if member.migration], moments)
    if isinstance(migrated, Obstacle):
        return migrated
    state = migrated
    for member, how in chosen:
        state = _updated(state, member, how)
        if dead := dead_configuration(next(s for s in state.services if s.service_name == member.name)):
            return Obstacle(name=member.name, step="configuration", need=need_of(member.definition), message=dead)
    outcome = simulate(state, gradual)
    names = {member.name: (member, how) for member, how in chosen}
    messages = dict(outcome.messages)
    for service in outcome.unfinished:
        if service.service_name in names:
            member, _ = names[service.service_name]
            return _obstacle(outcome.state, member, member.definition, "roll", messages.get(service.service_name, ""))
    for member, how in chosen:
        if how == "settings" and _running(outcome.state, member.name) < member.service.desired_count:
            return _obstacle(outcome.state, member, member.definition, "roll", messages.get(member.name, ""))
    if len(chosen) > 1 and not _starts_come_first(outcome):
        member, _ = chosen[-1]
        return _obstacle(outcome.state, member, member.definition, "roll")
    after = _film(outcome, moments)
    parts = [
        WavePart(name=member.name, how=how, migrates=member.migration is not None, lends=lends)
        for member, how in chosen
    ]
    return Wave(parts=tuple(parts), moments=tuple(moments)), after


def _running(state: ClusterState, name: str) -> int:
    """Count a service's tasks that stay: a new count begins no deployment whose counts would tell."""
    return len([t for t in state.tasks if t.group == f"service:{name}" and t.desired_status == "RUNNING"])


def _obstacle(
    state: ClusterState,
    wanted: Wanted,
    definition: TaskDefinition,
    step: Literal["migration", "roll"],
    message: str = "",
) -> Obstacle:
    fleet, need = Fleet.of(state), need_of(definition)
    request = PlacementRequest(
        need=need,
        group=f"service:{wanted.name}" if step == "roll" else f"family:{definition.family}",
        constraints=(
            *definition.placement_constraints,
            *(wanted.service.placement_constraints if step == "roll" else ()),
        ),
    )
    reasons = {node.arn: why for node in fleet if (why := objection(request, node))}
    return Obstacle(
        name=wanted.name, step=step, need=need, reasons=reasons, free={n.arn: n.memory for n in fleet}, message=message
    )


def _starts_come_first(outcome: Simulation) -> bool:
    """Return whether all tasks start before any has gone: then the order of those that go changes no placement."""
    verbs = [move.verb for move in outcome.moves]
    return "start" not in verbs[verbs.index("gone") :] if "gone" in verbs else True


def _migrate(state: ClusterState, wanted: Sequence[Wanted], moments: list[Moment]) -> ClusterState | Obstacle:
    """Return every migration placed, one after the other as RunTask places them, then all ended."""
    before = state
    running: list[Task] = []
    for each in wanted:
        assert each.migration is not None
        task = _migration_task(each.service, each.migration, state.now)
        known = {**state.task_definitions, each.migration.task_definition_arn: each.migration}
        request = PlacementRequest(
            need=need_of(each.migration),
            group=task.group,
            constraints=each.migration.placement_constraints,
            strategies=TASK_DEFAULT,
        )
        placed = run_task(replace(state, task_definitions=known), task, request)
        if isinstance(placed, Unplaceable):
            return _obstacle(state, each, each.migration, "migration")
        state = placed
        running.append(state.tasks[-1])
        moments.append(_moment("start", running[-1], each.migration, "its migration", state))
    ended = {task.task_arn for task in running}
    for task in running:
        state = replace(state, tasks=tuple(t for t in state.tasks if t.task_arn != task.task_arn))
        definition = state.task_definitions[task.task_definition_arn]
        moments.append(_moment("gone", task, definition, "its migration has ended", state))
    return replace(state, tasks=tuple(t for t in before.tasks if t.task_arn not in ended))


def has_room(state: ClusterState, wanted: Wanted) -> bool:
    """Return whether the migration that is wanted finds a place beside everything that runs."""
    return not isinstance(_migrate(state, [wanted], []), Obstacle)


def _migration_task(service: Service, definition: TaskDefinition, now: float) -> Task:
    return Task(
        task_arn=f"{service.cluster_arn.replace(':cluster/', ':task/')}/{definition.family}",
        cluster_arn=service.cluster_arn,
        task_definition_arn=definition.task_definition_arn,
        group=f"family:{definition.family}",
        last_status=Status.RUNNING,
        created_at=now,
        started_at=now,
    )


def _with(state: ClusterState, wanted: Wanted, *, desired: int) -> ClusterState:
    services = (replace(s, desired_count=desired) if s.service_name == wanted.name else s for s in state.services)
    return replace(state, services=tuple(services))


def _updated(state: ClusterState, wanted: Wanted, how: How) -> ClusterState:
    """Return what CreateService or UpdateService makes of the cluster's wishes."""
    arn = wanted.definition.task_definition_arn
    floor, ceiling = percents(wanted.roll, start_first=how == "start-first")
    configuration = DeploymentConfiguration(minimum_healthy_percent=floor, maximum_percent=ceiling)
    current = live(state, wanted.name)
    now = state.now + 1.0  # each call comes after the last: services are looked at by their age
    if current is None:
        fresh = replace(wanted.service, deployment_configuration=configuration, deployments=(), created_at=now)
        services = (*state.services, deployments.begin(fresh, _deployment_id(wanted, now), arn, now))
    else:
        wished = replace(
            wanted.service,
            deployments=current.deployments,
            task_definition=current.task_definition,
            created_at=current.created_at,
            deployment_configuration=configuration if how != "settings" else current.deployment_configuration,
        )
        if how != "settings":
            wished = deployments.begin(wished, _deployment_id(wanted, now), arn, now)
        services = tuple(wished if s is current else s for s in state.services)
    known = {**state.task_definitions, arn: wanted.definition}
    return replace(state, services=services, task_definitions=known, now=now)


def _deployment_id(wanted: Wanted, now: float) -> str:
    """Another one each time: tasks belong to a deployment by its id, and one may be played after another."""
    return f"ecs-svc/{REVISION}-{wanted.name}-{now:.0f}"


def free_memory(state: ClusterState) -> dict[str, int]:
    """Return the MiB that are left, by container instance ARN."""
    return {node.arn: node.memory for node in Fleet.of(state)}


def _film(outcome: Simulation, moments: list[Moment]) -> ClusterState:
    moments += [Moment(move=move, free=free) for move, free in outcome.pictures()]
    return outcome.state


def _moment(
    verb: Literal["start", "gone"], task: Task, definition: TaskDefinition, why: str, state: ClusterState
) -> Moment:
    free = free_memory(state)
    instance = task.container_instance_arn or ""
    move = Move(
        verb=verb,
        at=state.now,
        task_arn=task.task_arn,
        group=task.group,
        task_definition_arn=definition.task_definition_arn,
        container_instance_arn=instance,
        why=why,
        free_memory=free[instance],
    )
    return Moment(move=move, free=free)
