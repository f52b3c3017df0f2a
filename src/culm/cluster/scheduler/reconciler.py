"""The loop that makes ECS's wishes true: observe, decide, write down, tell the agents; until nothing is left to do.

Deciding and writing down is one transaction, so no wish can change in between; what agents are told comes after it,
from the rows. A crash anywhere is healed by the next look.

All due services of a cluster are decided for at once, as they compete for the same room. When that fails, each is
decided for alone, in a savepoint: the one that fails says so in its events and rests, the others go on.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from sqlite3 import Connection, OperationalError

from culm.cluster.instance.machine import ATTRIBUTES
from culm.cluster.loop import Isolated
from culm.cluster.scheduler import registrations
from culm.cluster.scheduler.agents import Agents
from culm.cluster.scheduler.apply import apply, tell
from culm.cluster.scheduler.observe import observe
from culm.cluster.services.ecs.fleet import fleet_of
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store, savepoint
from culm.cluster.store.ecs import clusters, scheduling
from culm.core.decide import events as words
from culm.core.decide.actions import Action, ForgetTask, MarkHealthy, SaveService, StartTask, StopTask, Tell
from culm.core.decide.ledger import Fleet
from culm.core.decide.records import KEPT_SECONDS
from culm.core.decide.schedule import next_look, schedule
from culm.core.decide.state import ClusterState, group_of, is_gone, is_of
from culm.core.model import fargate
from culm.core.model.arn import last
from culm.core.model.services import Service

EVERY = 1.0
"""Seconds between looks when nothing happens: grace periods, back-offs and the 40 s rule pass by themselves."""
MANY = 100
"""Services that are looked at away from the event loop: it would stand still."""
LONGEST_REST = 600.0
"""Seconds: even a service that nothing seems to concern is looked at now and then."""
FAILED_REST = 5.0
"""Seconds until a service that cannot be decided for is tried again."""


class Reconciler:
    def __init__(
        self, store: Store, agents: Agents, changed: Signal, *, now: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._store = store
        self._agents = agents
        self._changed = changed
        self._now = now
        self._new_id = new_id
        self._moved_targets = 0
        self._services = Isolated("service")
        self._clusters = Isolated("cluster")

    async def step(self) -> int:
        """Look at every cluster once; return how much was done."""
        self._moved_targets = 0
        due = await self._store.run(self._due)
        done = await (self._store.run_long if due > MANY else self._store.run)(self.decide)
        if self._moved_targets:
            self._changed.set("elbv2")  # the balancer need not wait for its next look
        done += await self._agents.order()
        await self._agents.renew_credentials()
        return done

    def _due(self, db: Connection) -> int:
        """Return how many services there are to look at."""
        now = self._now()
        return sum(len(scheduling.due(db, cluster.name, now)) for cluster in clusters.list_all(db))

    def decide(self, db: Connection) -> int:
        """Decide everything that can be decided now, and write it down; return how much that was."""
        done = 0
        for cluster in clusters.list_all(db):
            with self._clusters.item(cluster.name), savepoint(db):
                done += self._decide_cluster(db, cluster.name)
        return done

    def _decide_cluster(self, db: Connection, cluster: str) -> int:
        due = scheduling.due(db, cluster, self._now())
        if not self._services.failing.keys() & due:
            try:
                with savepoint(db):
                    done = self._decide_together(db, cluster, due)
            except OperationalError:
                raise
            except Exception:
                pass  # whose fault it is shows when each is decided for alone
            else:
                for arn in due:
                    self._services.failing.pop(arn, None)
                return done
        done = self._decide_together(db, cluster, ())
        for arn in due:
            before = self._services.failing.get(arn)
            with self._services.item(arn), savepoint(db):
                done += self._decide_together(db, cluster, [arn])
            if (why := self._services.failing.get(arn)) is not None:
                scheduling.look_again(db, arn, self._now() + FAILED_REST, wants_room=False)
                if why != before:
                    tell(db, arn, words.not_looked_after(last(arn), why), self._now(), self._new_id)
        return done

    def _decide_together(self, db: Connection, cluster: str, due: Sequence[str]) -> int:
        now = self._now()
        if not due and not scheduling.any_stopped_before(db, cluster, now - KEPT_SECONDS):
            return self._moved(registrations.deregister(db, cluster, now, self._new_id))
        done = self._moved(registrations.register(db, due, now, self._new_id))
        state = observe(db, cluster, due, now)
        actions = [a for part, fleet in _by_capacity(db, cluster, state) for a in schedule(part, fleet=fleet)]
        apply(db, state, actions, self._new_id)
        for service in _idle(state, actions):
            _rest(db, state, service)
        return done + len(actions) + self._moved(registrations.deregister(db, cluster, now, self._new_id))

    def _moved(self, targets: int) -> int:
        self._moved_targets += targets
        return targets


def _by_capacity(db: Connection, cluster: str, state: ClusterState) -> list[tuple[ClusterState, Fleet]]:
    """Return the services on instances, and those on Fargate if there are any, each with the room they share."""
    serverless = [service for service in state.services if service.launch_type == fargate.LAUNCH_TYPE]
    if not serverless:
        return [(state, fleet_of(db, cluster))]
    theirs = {task.task_arn for task in state.tasks if any(is_of(task, service) for service in serverless)}
    host = fargate.host(serverless[0].cluster_arn, ATTRIBUTES)
    own = replace(
        state,
        services=tuple(serverless),
        tasks=tuple(task for task in state.tasks if task.task_arn in theirs),
        instances=(host,),
    )
    others = replace(
        state,
        services=tuple(service for service in state.services if service not in serverless),
        tasks=tuple(task for task in state.tasks if task.task_arn not in theirs),
    )
    return [(others, fleet_of(db, cluster)), (own, Fleet.of(own))]


def _rest(db: Connection, state: ClusterState, service: Service) -> None:
    """Let a service be until its time comes, or until something that concerns it changes."""
    own = tuple(task for task in state.tasks if is_of(task, service))
    staying = sum(task.desired_status == "RUNNING" and not is_gone(task) for task in own)
    satisfied = service.scheduling_strategy == "REPLICA" and staying == service.desired_count
    look = next_look(replace(state, services=(service,), tasks=own))
    longest = state.now + LONGEST_REST
    at = longest if look is None else min(look, longest)
    scheduling.look_again(db, service.service_arn, at, wants_room=not satisfied)


def _idle(state: ClusterState, actions: list[Action]) -> list[Service]:
    """Return the services that nothing was decided for."""
    groups = {task.task_arn: task.group for task in state.tasks}
    busy = set()
    for action in actions:
        match action:
            case StartTask(service_arn=arn) | Tell(service_arn=arn):
                busy.add(arn)
            case SaveService(service=service):
                busy.add(service.service_arn)
            case StopTask(task_arn=arn) | MarkHealthy(task_arn=arn) | ForgetTask(task_arn=arn):
                busy.add(groups[arn])
    return [s for s in state.services if not busy & {s.service_arn, group_of(s)}]
