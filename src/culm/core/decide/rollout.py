"""What one service does next: start, stop, complete, fail, roll back, or say why it cannot.

Each look decides from the snapshot alone, so a crash anywhere is healed by the next look.
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
    Request,
    Sitting,
    Unplaceable,
    chance_of,
    leaving_order,
    refusal,
)
from culm.core.decide.progress import Moves, alarmed, called_off, progress, tripped
from culm.core.decide.roster import constraints_of, roster_of
from culm.core.decide.state import ClusterState, TargetHealth, group_of, is_gone
from culm.core.model.services import Deployment, Service
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import StopCode, Task


def next_actions(
    service: Service, tasks: Sequence[Task], state: ClusterState, fleet: Fleet, chance: Chance = chance_of
) -> list[Action]:
    """The moves that can be made now; none when nothing is left to do but wait. Starts take their room in the fleet.

    `tasks` are all of the service's, the kept records of stopped ones too. There is at most one SaveService, the
    first action; the events of the others come after it.
    """
    primary = service.primary
    if service.status == "INACTIVE" or primary is None:
        return []
    if service.status == "DRAINING" and all(is_gone(t) for t in tasks):
        gone = replace(service, status="INACTIVE", deployments=())
        return [SaveService(service=gone, why="its last task is gone")]
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
    saved, told = progress(service, primary, look.roster, tasks, look.failed, state, fleet, look.moves)
    return [*saved, *moves, *told]


class _Look:
    """One look at one service. `starts` comes before `stops`: an unhealthy task may stay until its successor is up."""

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
        """A failed deployment neither starts nor replaces anything; what runs goes on, up to the desired count."""
        return self.primary.rollout_state == "FAILED" and self.service.status == "ACTIVE"

    @property
    def in_step(self) -> bool:
        """Several tasks that must stop before others can start go and come together, a batch at a time.

        Which of them is gone first, or healthy first, then decides nothing: where their successors sit can be planned.
        """
        several = self.service.scheduling_strategy == "REPLICA" and self.roster.desired > 1
        return several and self.roster.ceiling <= self.roster.desired

    @property
    def batch_leaves(self) -> bool:
        """Tasks of the past are on their way out; those of an instance that does not answer are not waited for."""
        nodes = self.fleet.nodes
        places = [t.container_instance_arn for t in self.roster.leaving if t.started_by != self.primary.id]
        return any((node := nodes.get(place or "")) and node.instance.agent_connected for place in places)

    @property
    def waits(self) -> bool:
        """The last tasks failed or died: the next start is not due yet."""
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
        running = (*self.roster.kept, *self.roster.outgoing)
        newly = [t for t in running if t.task_arn in self.roster.healthy and t.healthy_at is None]
        return [MarkHealthy(task_arn=t.task_arn, why="it counts as healthy for the first time") for t in newly]

    def starts(self) -> list[Action]:
        """Tasks of the primary deployment, as many as are missing, as maximumPercent and the instances allow."""
        roster = self.roster
        missing = min(roster.desired - len(roster.kept), roster.ceiling - roster.held)
        if missing <= 0 or self.halted or self.waits or (self.in_step and self.batch_leaves):
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
        request = Request(
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
        """A DAEMON's instances that lack its task; two at once on one instance only where maximumPercent allows it."""
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
        """Tasks that are too many or of the past, as long as minimumHealthyPercent stay healthy."""
        roster = self.roster
        reason = events.scaling(self.primary.id)
        actions: list[Action] = []
        surplus = max(0, len(roster.kept) - roster.desired)
        spare = len(roster.healthy) - roster.floor
        for task in self._in_order(roster.kept, surplus):
            spare -= task.task_arn in roster.healthy
            actions.append(self._stop(task, reason, f"{len(roster.kept)} tasks, {roster.desired} wanted"))
        if self.halted:
            why = f"{len(roster.outgoing)} tasks of the past, {roster.desired} wanted"
            over = max(0, len(roster.outgoing) - roster.desired)
            return actions + [self._stop(task, reason, why) for task in self._in_order(roster.outgoing, over)]
        batch_comes = self.in_step and (self.started or roster.healthy_kept < len(roster.kept))
        some = spare <= 0 or batch_comes
        movable = [t for t in roster.outgoing if t.task_arn not in roster.healthy] if some else roster.outgoing
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
        """Its successor comes first, unless nothing allows one: then the unhealthy make room, one by one.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs_services.html
        """
        roster = self.roster
        replaced = roster.healthy_kept >= roster.desired or task.started_by != self.primary.id
        over = len(roster.kept) + len(roster.outgoing) - self.stopped > roster.desired
        successor_failed = over and roster.healthy_kept == len(roster.kept) and not self.started
        stuck = not (self.waits or self.started or self.stopped or roster.leaving) and len(roster.kept) < roster.desired
        if not (replaced or successor_failed or stuck):
            return []
        target = self.state.target_health.get(task.task_arn, TargetHealth())
        name = self.service.service_name
        if target.state == "unhealthy":
            stop = self._stop(task, events.failed_target(target.target_group_arn), "its target is unhealthy")
            message = events.unhealthy_target(name, task.task_arn, target.port, target.target_group_arn, target.reason)
        else:
            stop = self._stop(task, events.FAILED_CHECKS, "its container health check fails")
            message = events.failed_checks(name, task.task_arn)
        return [stop, Tell(service_arn=self.service.service_arn, message=message, why=stop.why)]

    def _stop(self, task: Task, reason: str, why: str) -> StopTask:
        self.stopped += 1
        return StopTask(
            task_arn=task.task_arn, stop_code=StopCode.SERVICE_SCHEDULER_INITIATED, stopped_reason=reason, why=why
        )

    def _in_order(self, tasks: Sequence[Task], count: int) -> list[Task]:
        """The first `count` to leave: those not healthy, then as the placement strategies say; protected ones never."""
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
        """Scale-in protection keeps a task from everything but its own ill health and the service's deletion.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
        """
        if task.task_arn in self.roster.unhealthy or self.service.status != "ACTIVE":
            return False
        return task.protected_until is not None and task.protected_until > self.state.now
