"""Decide what one service does next: start, stop, complete, fail, roll back, or report why it cannot.

`next_actions` is called again and again, each time with a snapshot of what is. It keeps nothing between two calls, so
a crash anywhere is healed by the next call. `culm.core` has the words (kept, outgoing, leaving, floor, ceiling).

The states of a deployment, and what moves it on:

    IN_PROGRESS -> COMPLETED   kept = desired, all healthy, nothing outgoing or leaving        progress.progress
    IN_PROGRESS -> FAILED      too many tasks failed (circuit breaker), an alarm went off, or
                               somebody stopped it; with a roll-back the deployment before it
                               is PRIMARY again and IN_PROGRESS                                progress.tripped, ...
    COMPLETED   -> IN_PROGRESS never: a change of the service begins a new deployment

The order within one call, and why:

    1. A service that is being deleted, or whose revision is unknown, starts and stops nothing here.
    2. Stopped by its caller, alarmed, circuit breaker: a deployment that is over must not start one more task.
    3. Mark tasks that are healthy for the first time: the breaker and the back-off count from that moment.
    4. Starts. They come before stops, because an unhealthy task may be kept until its replacement is up.
    5. Stops, down to the floor: unhealthy ones, then those that never became healthy, then the healthy ones.
    6. The service's new state and its events, from what 4 and 5 could do. It is the first action in the result, so
       that the events of the others are written to a service that is there.

Two rules that ECS's documentation only hints at:

    Batches. With maximumPercent 100 and several tasks, a stop must come before its start. If each task were replaced
    by itself, the order in which containers happen to end would decide where their replacements run, and no plan
    could foresee it. So such a service stops a batch, waits until all of it is gone, starts as many, and waits until
    all of these are healthy (`replaces_in_batches`; decision 22).

    Unhealthy tasks. Their replacement comes first. They are stopped without one only when none can come: there is no
    room and nothing else is about to make some (`no_replacement_can_start`), or when the replacement that did come is
    unhealthy as well (`replacement_is_unhealthy`), since then the two would take turns for ever.

An example: desired 2, 50/100, so floor 1 and ceiling 2; a new deployment B replaces A; two instances with room for two
tasks in all.

    call   A (outgoing)   leaving   B (kept)      actions
    1      2 healthy      0         0             no start: 2 of at most 2 are held; stop 1 of A (1 healthy is enough)
    2      1 healthy      1         0             no start: the batch is still leaving; no stop: floor
    3      1 healthy      0         0             start 1 of B
    4      1 healthy      0         1 starting    no stop: floor, and the batch is not healthy yet
    5      1 healthy      0         1 healthy     mark it healthy; stop the last of A
    6      0              0         1 healthy     start 1 of B
    7      0              0         2 healthy     mark it healthy; B is COMPLETED

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from collections.abc import Sequence
from dataclasses import replace

from culm.core.decide import backoff, breaker, events
from culm.core.decide.actions import Action, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.core.decide.ledger import Fleet, Need, need_of
from culm.core.decide.placement import (
    SERVICE_DEFAULT,
    Chance,
    Chooser,
    PlacementRequest,
    Sitting,
    Unplaceable,
    chance_of,
    leaving_order,
    refusal,
)
from culm.core.decide.progress import Moves, Situation, alarmed, called_off, progress, tripped
from culm.core.decide.roster import constraints_of, roster_of
from culm.core.decide.state import ClusterState, TargetHealth, group_of, is_gone
from culm.core.model.services import Deployment, Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import StopCode, Task


def next_actions(
    service: Service, tasks: Sequence[Task], state: ClusterState, fleet: Fleet, chance: Chance = chance_of
) -> list[Action]:
    """Return the actions that can be taken now; none when there is only waiting left.

    `tasks` are all of the service's, with the records of stopped ones that are still kept. Room for the tasks to start
    is taken from `fleet`, so that the next service sees what is left. `chance` breaks ties between equal places.
    There is at most one SaveService; it is the first action, and the events come after it.
    """
    primary = service.primary
    if service.status == "INACTIVE":
        return []
    if service.status == "DRAINING" and all(is_gone(t) for t in tasks):
        gone = replace(service, status="INACTIVE", deployments=())
        return [SaveService(service=gone, why="its last task is gone")]
    if primary is None:  # its owner deploys it by task sets, each of which comes here as a service of its own
        return []
    if service.status == "ACTIVE" and primary.task_definition not in state.task_definitions:
        lost = events.unknown_revision(service.service_name, primary.task_definition)
        tell = Tell(service_arn=service.service_arn, message=lost, why="nothing can be started")
        return [tell] if events.is_news(lost, service.events, state.now) else []
    if stopped := called_off(service, primary, state.now):
        return stopped
    if ended := alarmed(service, primary, state.alarms, state.now):
        return ended
    look = _Look(service, primary, tasks, state, fleet, chance)
    if broken := tripped(service, primary, tasks, look.roster.desired, state.now):
        return broken
    moves: list[Action] = [*look.newly_healthy(), *look.starts(), *look.stops()]
    situation = Situation(service=service, primary=primary, roster=look.roster, tasks=tasks, failed=len(look.failed))
    saved, news = progress(situation, state, fleet, look.moves)
    return [*saved, *moves, *news]


class _Look:
    """One call of `next_actions` for one service. `starts` comes before `stops`, which asks what was started."""

    def __init__(
        self,
        service: Service,
        primary: Deployment,
        tasks: Sequence[Task],
        state: ClusterState,
        fleet: Fleet,
        chance: Chance,
    ) -> None:
        self.service, self.primary, self.state, self.fleet, self.chance = service, primary, state, fleet, chance
        self.roster = roster_of(service, primary, tasks, state, fleet)
        self.failed = breaker.failures(primary, tasks)
        self.deaths = backoff.deaths(primary, tasks, state.now)
        self.next_start_at = backoff.starts_again_at(primary, tasks, state.now)
        self.started = 0
        self.stopped = 0
        self.protected = 0
        self.obstacle: Unplaceable | None = None
        self.refusal = ""

    @property
    def halted(self) -> bool:
        """Whether the deployment has failed: it starts and replaces nothing, and what runs goes on."""
        return self.primary.rollout_state == "FAILED" and self.service.status == "ACTIVE"

    @property
    def replaces_in_batches(self) -> bool:
        """Whether tasks are stopped and started a batch at a time: several tasks, and each stop before its start."""
        several = self.service.scheduling_strategy == "REPLICA" and self.roster.desired > 1
        return several and self.roster.ceiling <= self.roster.desired

    @property
    def batch_is_leaving(self) -> bool:
        """Whether old tasks are still stopping, not counting those on disconnected instances."""
        nodes = self.fleet.nodes
        places = [t.container_instance_arn for t in self.roster.leaving if t.started_by != self.primary.id]
        return any((node := nodes.get(place or "")) and node.instance.agent_connected for place in places)

    @property
    def waits(self) -> bool:
        """Whether the next start is not due yet, as the last tasks failed or died (`decide.backoff`)."""
        return self.state.now < self.next_start_at

    @property
    def moves(self) -> Moves:
        return Moves(
            started=self.started,
            stopped=self.stopped,
            protected=self.protected,
            waits=self.waits,
            deaths=len(self.deaths),
            obstacle=self.obstacle,
            refusal=self.refusal,
        )

    def newly_healthy(self) -> list[Action]:
        """Mark the tasks that count as healthy for the first time."""
        running = (*self.roster.kept, *self.roster.outgoing)
        newly = [t for t in running if t.task_arn in self.roster.healthy and t.healthy_at is None]
        return [MarkHealthy(task_arn=t.task_arn, why="it counts as healthy for the first time") for t in newly]

    def starts(self) -> list[Action]:
        """Start as many tasks of the PRIMARY deployment as are missing and as the ceiling and the instances allow."""
        roster = self.roster
        missing = min(roster.desired - len(roster.kept), roster.ceiling - roster.held)
        if missing <= 0 or self.halted or self.waits or (self.replaces_in_batches and self.batch_is_leaving):
            return []
        if (role := self.state.unassumable.get(self.primary.task_definition)) is not None:
            self.refusal = events.cannot_assume(role)
            return []
        definition = self.state.task_definitions[self.primary.task_definition]
        need = need_of(definition)
        daemon = self.service.scheduling_strategy == "DAEMON"
        places = self._hosts_free_for(need, missing) if daemon else self._places_for(need, definition, missing)
        actions: list[Action] = []
        for instance in places:
            why = f"{len(roster.kept) + len(actions)} of {roster.desired} tasks of {self.primary.id}"
            actions.append(
                StartTask(
                    service_arn=self.service.service_arn,
                    deployment_id=self.primary.id,
                    task_definition=self.primary.task_definition,
                    container_instance_arn=instance,
                    why=why,
                )
            )
        self.started = len(actions)
        return actions

    def _places_for(self, need: Need, definition: TaskDefinition, count: int) -> list[str]:
        request = PlacementRequest(
            need=need,
            group=group_of(self.service),
            constraints=constraints_of(self.service, definition),
            strategies=self.service.placement_strategy or SERVICE_DEFAULT,
        )
        chooser = Chooser(request, self.fleet, self.chance)
        places: list[str] = []
        while len(places) < count:
            outcome = chooser.place()
            if isinstance(outcome, Unplaceable):
                self.obstacle = outcome
                break
            places.append(outcome.container_instance_arn)
        return places

    def _hosts_free_for(self, need: Need, count: int) -> list[str]:
        """Return up to `count` instances that lack the DAEMON's task, and take their room.

        An instance whose old task still runs counts as served, unless maximumPercent allows two there at once.
        """
        roster = self.roster
        served = {t.container_instance_arn for t in roster.kept}
        if roster.ceiling <= roster.desired:
            served |= {t.container_instance_arn for t in (*roster.outgoing, *roster.leaving)}
        places: list[str] = []
        reasons: dict[str, str] = {}
        for node in roster.hosts:
            if node.arn in served or len(places) == count:
                continue
            if why := refusal(need, node):
                reasons[node.arn] = why
            else:
                self.fleet.take(node, need, group_of(self.service))
                places.append(node.arn)
        self.obstacle = Unplaceable(reasons=reasons) if reasons else None
        return places

    def stops(self) -> list[Action]:
        """Stop tasks that are too many or of older deployments, as long as the floor stays healthy."""
        roster = self.roster
        reason = events.scaling(self.primary.id)
        actions: list[Action] = []
        surplus = max(0, len(roster.kept) - roster.desired)
        spare = len(roster.healthy) - roster.floor
        for task in self._in_order(roster.kept, surplus):
            spare -= task.task_arn in roster.healthy
            actions.append(self._stop(task, reason, f"{len(roster.kept)} tasks, {roster.desired} wanted"))
        if self.halted:
            why = f"{len(roster.outgoing)} tasks of older deployments, {roster.desired} wanted"
            over = max(0, len(roster.outgoing) - roster.desired)
            return actions + [self._stop(task, reason, why) for task in self._in_order(roster.outgoing, over)]
        batch_is_coming = self.replaces_in_batches and (self.started or roster.healthy_kept < len(roster.kept))
        keep_healthy = spare <= 0 or batch_is_coming
        movable = [t for t in roster.outgoing if not (keep_healthy and t.task_arn in roster.healthy)]
        for task in self._in_order(movable, len(movable)):
            if task.task_arn in roster.unhealthy:
                actions += self._stop_unhealthy(task)
            elif task.task_arn not in roster.healthy:
                actions.append(self._stop(task, reason, "it is to be replaced and not healthy yet"))
            elif spare > 0:
                spare -= 1
                actions.append(self._stop(task, reason, f"{roster.floor} healthy tasks are enough"))
        return actions

    def _stop_unhealthy(self, task: Task) -> list[Action]:
        """Stop an unhealthy task when its replacement is up, or when none can come; else keep it for now.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
        """
        roster = self.roster
        replaced = roster.healthy_kept >= roster.desired or task.started_by != self.primary.id
        over = len(roster.kept) + len(roster.outgoing) - self.stopped > roster.desired
        replacement_is_unhealthy = over and roster.healthy_kept == len(roster.kept) and not self.started
        room_may_come = self.waits or self.started or self.stopped or roster.leaving
        no_replacement_can_start = not room_may_come and len(roster.kept) < roster.desired
        if not (replaced or replacement_is_unhealthy or no_replacement_can_start):
            return []
        target = self.state.target_health.get(task.task_arn, TargetHealth())
        name = self.service.service_name
        if target.state == "unhealthy":
            stop = self._stop(task, events.failed_target(target.target_group_arn), "its target is unhealthy")
            message = events.unhealthy_target(name, task.task_arn, target.port, target.target_group_arn, target.reason)
        else:
            stop = self._stop(task, events.STOPPED_FOR_FAILED_CHECKS, "its container health check fails")
            message = events.failed_checks(name, task.task_arn)
        return [stop, Tell(service_arn=self.service.service_arn, message=message, why=stop.why)]

    def _stop(self, task: Task, reason: str, why: str) -> StopTask:
        self.stopped += 1
        return StopTask(
            task_arn=task.task_arn, stop_code=StopCode.SERVICE_SCHEDULER_INITIATED, stopped_reason=reason, why=why
        )

    def _in_order(self, tasks: Sequence[Task], count: int) -> list[Task]:
        """Return the first `count` tasks to stop: those not healthy, then in the order of the placement strategies.

        Protected tasks are left out, and counted in `protected` where they would have been stopped.
        """
        if count == 0:
            return []
        free = [t for t in tasks if not self._is_protected(t)]
        by_arn = {t.task_arn: t for t in free}
        sitting = [
            Sitting(
                task_arn=t.task_arn,
                container_instance_arn=t.container_instance_arn or "",
                need=self.fleet.need(t, self.state.task_definitions),
            )
            for t in free
        ]
        strategies = self.service.placement_strategy or SERVICE_DEFAULT
        order = leaving_order(sitting, group_of(self.service), strategies, self.fleet, self.chance)
        leavers = sorted((by_arn[arn] for arn in order), key=lambda t: t.task_arn in self.roster.healthy)[:count]
        self.protected += count - len(leavers)
        return leavers

    def _is_protected(self, task: Task) -> bool:
        """Return whether scale-in protection keeps the task; not an unhealthy one, nor a deleted service's.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
        """
        if task.task_arn in self.roster.unhealthy or self.service.status != "ACTIVE":
            return False
        return task.protected_until is not None and task.protected_until > self.state.now
