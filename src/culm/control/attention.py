"""Which services need a look: a service that has nothing to do rests until something that concerns it changes.

Two thousand steady services then cost a pass what their versions cost to read, not what they cost to decide. It is a
memory of looks, read against the rows themselves: a new process looks at everything once.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from sqlite3 import Connection

from culm.decide.state import TargetHealth
from culm.store.ecs import container_instances, scheduling

LONGEST_REST = 3600.0
"""Seconds."""

Fingerprint = Hashable


class Attention:
    def __init__(self) -> None:
        self._resting: dict[str, tuple[Fingerprint, float]] = {}

    def awake(self, fingerprints: Mapping[str, Fingerprint], now: float) -> frozenset[str]:
        """The services, by ARN, that changed since they were laid to rest, or whose time has come."""
        found = set()
        for arn, fingerprint in fingerprints.items():
            known, until = self._resting.get(arn, (None, 0.0))
            if fingerprint != known or now >= until:
                found.add(arn)
        return frozenset(found)

    def rest(self, arn: str, fingerprint: Fingerprint, until: float | None, now: float) -> None:
        longest = now + LONGEST_REST
        self._resting[arn] = fingerprint, longest if until is None else min(until, longest)


def fingerprints(db: Connection, cluster: str, health: Mapping[str, TargetHealth]) -> Mapping[str, Fingerprint]:
    """What a service's next look depends on: its own rows, its targets, the instances; the room, if it wants some."""
    instances = container_instances.fingerprint(db, cluster)
    room = hash(tuple(scheduling.loads(db, cluster)))
    targets = _targets_by_service(db, health) if health else {}
    return {
        arn: (version, instances, None if satisfied else room, targets.get(arn))
        for arn, satisfied, version in scheduling.versions(db, cluster)
    }


def _targets_by_service(db: Connection, health: Mapping[str, TargetHealth]) -> Mapping[str, Fingerprint]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for task_arn, service_arn in scheduling.registered(db):
        if task_arn in health:
            found[service_arn].append((task_arn, health[task_arn].state))
    return {arn: tuple(sorted(states)) for arn, states in found.items()}
