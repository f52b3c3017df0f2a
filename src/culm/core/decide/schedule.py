"""Decide one pass over a cluster: the control loop applies it, the planner simulates it."""

from collections.abc import Iterator

from culm.core.decide import backoff, rollout
from culm.core.decide.actions import Action
from culm.core.decide.health import SETTLING_SECONDS
from culm.core.decide.ledger import Fleet
from culm.core.decide.placement import Chance, chance_of
from culm.core.decide.records import forgettable
from culm.core.decide.state import ClusterState, is_gone, tasks_by_group, tasks_of

ROLES_SECONDS = 10.0
"""Between looks whether a role that a service's tasks need can be assumed by now."""


def schedule(state: ClusterState, chance: Chance = chance_of, fleet: Fleet | None = None) -> list[Action]:
    """Return every action that can be taken now, service by service, oldest service first.

    A snapshot of some of a cluster's services comes with the fleet that the tasks of all of them are on.

    Apply it in the transaction that the snapshot was read in, then look again; no actions means that nothing is left
    to do but wait. Services share only the instances' room: one that is stuck does not hold back another.
    """
    fleet = fleet or Fleet.of(state)
    groups = tasks_by_group(state)
    actions: list[Action] = []
    for service in sorted(state.services, key=lambda s: (s.created_at, s.service_arn)):
        actions += rollout.next_actions(service, tasks_of(service, groups), state, fleet, chance)
    return [*actions, *forgettable(state)]


def next_look(state: ClusterState) -> float | None:
    """Return when time alone may change what `schedule` says, in epoch seconds; None where only an event can."""
    return min((moment for moment in _moments(state) if moment > state.now), default=None)


def _moments(state: ClusterState) -> Iterator[float]:
    groups = tasks_by_group(state)
    for service in state.services:
        tasks = tasks_of(service, groups)
        if primary := service.primary:
            yield backoff.starts_again_at(primary, tasks, state.now)
            if primary.task_definition in state.unassumable:
                yield state.now + ROLES_SECONDS
        for task in tasks:
            if is_gone(task) or task.desired_status == "STOPPED":
                continue
            if task.started_at is not None:
                yield task.started_at + SETTLING_SECONDS
                yield task.started_at + service.health_check_grace_period_seconds
            if task.protected_until is not None:
                yield task.protected_until
