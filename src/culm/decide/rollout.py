"""What one service does next: start, stop, complete, fail, roll back, or say why it cannot.

Each look decides from the snapshot alone, so a crash anywhere is healed by the next look.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html
"""

from collections.abc import Sequence
from dataclasses import replace

from culm.decide import backoff, breaker, deployments, events
from culm.decide.actions import Action, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.decide.ledger import Fleet, need_of
from culm.decide.placement import (
    SERVICE_DEFAULT,
    Chance,
    Chooser,
    Request,
    Sitting,
    Unplaceable,
    chance_of,
    closest,
    leaving_order,
)
from culm.decide.roster import roster_of
from culm.decide.state import ClusterState, TargetHealth, group_of, is_gone
from culm.model.services import Deployment, Service
from culm.model.tasks import StopCode, Task


def next_actions(
    service: Service, tasks: Sequence[Task], state: ClusterState, fleet: Fleet, chance: Chance = chance_of
) -> list[Action]:
    """The moves that can be made now; none when nothing is left to do but wait. Starts take their room in the fleet.

    `tasks` are all of the service's, the kept records of stopped ones too.
    """
    primary = service.primary
    if service.status == "INACTIVE" or primary is None:
        return []
    if service.status == "DRAINING":
        service = replace(service, desired_count=0)
        if all(is_gone(t) for t in tasks):
            gone = replace(service, status="INACTIVE", deployments=())
            return [SaveService(service=gone, why="its last task is gone")]
    look = _Look(service, primary, tasks, state, fleet, chance)
    return [*look.healthy(), *look.starts(), *look.stops(), *look.progress()]


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
        self.roster = roster_of(service, primary, tasks, service.desired_count, state, fleet)
        self.failed = breaker.failures(primary, tasks)
        self.tasks = tasks
        self.obstacle: Unplaceable | None = None
        self.started = 0
        self.stopped = 0

    def healthy(self) -> list[Action]:
        newly = [
            t
            for t in (*self.roster.kept, *self.roster.outgoing)
            if t.task_arn in self.roster.healthy and t.healthy_at is None
        ]
        return [MarkHealthy(task_arn=t.task_arn, why="it counts as healthy for the first time") for t in newly]

    def starts(self) -> list[Action]:
        """Tasks of the primary deployment, as many as are missing, as maximumPercent and the instances allow."""
        roster, primary = self.roster, self.primary
        missing = min(roster.desired - len(roster.kept), roster.ceiling - roster.held)
        if missing <= 0 or not self._may_start:
            return []
        definition = self.state.task_definitions[primary.task_definition]
        request = Request(
            need=need_of(definition),
            group=group_of(self.service),
            constraints=(*definition.placement_constraints, *self.service.placement_constraints),
            strategies=self.service.placement_strategy or SERVICE_DEFAULT,
        )
        chooser = Chooser(request, self.fleet, self.chance)
        actions: list[Action] = []
        for nth in range(missing):
            outcome = chooser.place()
            if isinstance(outcome, Unplaceable):
                self.obstacle = outcome
                break
            actions.append(
                StartTask(
                    service_arn=self.service.service_arn,
                    deployment_id=primary.id,
                    task_definition=primary.task_definition,
                    container_instance_arn=outcome.container_instance_arn,
                    why=f"{len(roster.kept) + nth} of {roster.desired} tasks of {primary.id}",
                )
            )
        self.started = len(actions)
        if self.obstacle:
            where, lack = closest(self.obstacle.reasons, self.fleet)
            actions += self._tell(events.unable_to_place(self.service.service_name, where, lack), "a task has no place")
        return actions

    @property
    def _may_start(self) -> bool:
        return self.primary.rollout_state != "FAILED" and self.state.now >= backoff.starts_again_at(self.failed)

    def stops(self) -> list[Action]:
        """Tasks that are too many or of the past, as long as minimumHealthyPercent stay healthy."""
        roster = self.roster
        why = f"Scaling activity initiated by (deployment {self.primary.id})"
        actions: list[Action] = []
        surplus = self._in_order(roster.kept)[: max(0, len(roster.kept) - roster.desired)]
        actions += [self._stop(t, why, f"{len(roster.kept)} tasks, {roster.desired} wanted") for t in surplus]
        if self.primary.rollout_state == "FAILED":
            return actions
        spare = len(roster.healthy) - sum(t.task_arn in roster.healthy for t in surplus) - roster.floor
        for task in self._in_order(roster.outgoing):
            if task.task_arn in roster.unhealthy:
                actions += self._stop_unhealthy(task)
            elif task.task_arn not in roster.healthy:
                actions.append(self._stop(task, why, "it is of an older deployment and not healthy yet"))
            elif spare > 0:
                spare -= 1
                actions.append(self._stop(task, why, f"{roster.floor} healthy tasks are enough"))
        return actions

    def _stop_unhealthy(self, task: Task) -> list[Action]:
        """Its successor comes first, unless nothing allows one: then the unhealthy make room, one by one."""
        roster = self.roster
        replaced = roster.healthy_kept >= roster.desired or task.started_by != self.primary.id
        stuck = self._may_start and not self.started and len(roster.kept) < roster.desired
        if not replaced and not (stuck and not self.stopped and not roster.leaving):
            return []
        target = self.state.target_health.get(task.task_arn, TargetHealth())
        failing = target.state == "unhealthy"
        reason = f"Task failed ELB health checks in (target-group {target.target_group_arn})"
        return [self._stop(task, reason if failing else "Task failed container health checks", "it is unhealthy")]

    def _stop(self, task: Task, reason: str, why: str) -> StopTask:
        self.stopped += 1
        return StopTask(
            task_arn=task.task_arn, stop_code=StopCode.SERVICE_SCHEDULER_INITIATED, stopped_reason=reason, why=why
        )

    def _in_order(self, tasks: Sequence[Task]) -> list[Task]:
        """In the order of leaving: those not healthy first, then as the placement strategies say."""
        if not tasks:
            return []
        free = [t for t in tasks if t.protected_until is None or t.protected_until <= self.state.now]
        by_arn = {t.task_arn: t for t in free}
        definitions = self.state.task_definitions
        sitting = [
            Sitting(
                task_arn=t.task_arn,
                container_instance_arn=t.container_instance_arn or "",
                need=need_of(definitions[t.task_definition_arn], t.overrides),
            )
            for t in sorted(free, key=lambda t: (t.created_at, t.task_arn))
        ]
        strategies = self.service.placement_strategy or SERVICE_DEFAULT
        order = [by_arn[a] for a in leaving_order(sitting, group_of(self.service), strategies, self.fleet, self.chance)]
        return sorted(order, key=lambda t: t.task_arn in self.roster.healthy)

    def progress(self) -> list[Action]:
        """How far the deployment has come: failed tasks, the breaker, completion, and what ECS tells of it."""
        service, primary, now = self.service, self.primary, self.state.now
        name = service.service_name
        if primary.rollout_state == "IN_PROGRESS" and (broken := self._broken()):
            return broken
        if self.roster.is_steady and primary.rollout_state == "IN_PROGRESS":
            done = deployments.completed(service, primary, now)
            return [
                SaveService(service=done, why="every task is healthy and the old ones are gone"),
                *self._tell(events.deployment_completed(name, primary.id), "the deployment is complete"),
                *self._tell(events.steady(name), "nothing is left to do"),
            ]
        if self.roster.is_steady:
            return self._tell(events.steady(name), "nothing is left to do")
        actions: list[Action] = []
        if primary.failed_tasks != len(self.failed):
            counted = replace(primary, failed_tasks=len(self.failed))
            actions.append(
                SaveService(service=deployments.changed(service, counted), why=f"{len(self.failed)} tasks failed")
            )
        if len(self.failed) >= backoff.IMPAIRED:
            actions += self._tell(events.cannot_start(name), f"{len(self.failed)} tasks failed in a row")
        if self._is_dead:
            actions += self._tell(events.dead_configuration(name), "no task may be started and none stopped")
        return actions

    @property
    def _is_dead(self) -> bool:
        """Nothing is under way, something is to be replaced, and the two percentages forbid every move."""
        roster = self.roster
        waiting = roster.leaving or self.started or self.stopped or roster.healthy_kept < len(roster.kept)
        return bool(roster.outgoing and not waiting and self._may_start and roster.held >= roster.ceiling)

    def _broken(self) -> list[Action]:
        service, primary, now = self.service, self.primary, self.state.now
        setting = service.deployment_configuration.deployment_circuit_breaker
        if setting is None or not setting.enable:
            return []
        counted = breaker.failures(primary, self.tasks, reset_on_healthy_task=setting.reset_on_healthy_task)
        limit = breaker.threshold(setting, service.desired_count)
        if len(counted) < limit:
            return []
        why = f"{len(counted)} tasks failed, {limit} are the limit"
        primary = replace(primary, failed_tasks=len(counted))
        told = self._tell(events.deployment_failed(service.service_name, primary.id), why)
        target = deployments.roll_back_target(service) if setting.rollback else None
        if target is None:
            return [SaveService(service=deployments.failed(service, primary, now), why=why), *told]
        return [
            SaveService(service=deployments.rolled_back(service, primary, target, now), why=why),
            *told,
            *self._tell(events.rolling_back(service.service_name, target.id), why),
        ]

    def _tell(self, message: str, why: str) -> list[Action]:
        if not events.is_news(message, self.service.events, self.state.now):
            return []
        return [Tell(service_arn=self.service.service_arn, message=message, why=why)]
