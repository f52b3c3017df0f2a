"""One pass over a cluster: what the control loop applies, and what the planner simulates."""

from culm.decide import rollout
from culm.decide.actions import Action
from culm.decide.ledger import Fleet
from culm.decide.placement import Chance, chance_of
from culm.decide.state import ClusterState, group_of, tasks_by_group


def schedule(state: ClusterState, chance: Chance = chance_of) -> list[Action]:
    """Everything that can be done now, service by service, the oldest first.

    Apply it in the transaction that the snapshot was read in, then look again; no actions means that nothing is left
    to do but wait. Services share only the instances' room: what one lacks holds back no other.
    """
    fleet = Fleet.of(state)
    groups = tasks_by_group(state)
    actions: list[Action] = []
    for service in sorted(state.services, key=lambda s: (s.created_at, s.service_arn)):
        actions += rollout.next_actions(service, groups.get(group_of(service), []), state, fleet, chance)
    return actions
