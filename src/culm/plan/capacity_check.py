"""Is there room for one more task beside those that run? From what the instances say remains; pure."""

from collections.abc import Iterable, Mapping
from typing import Any

from culm.project.project import Service


def remaining(instance: Mapping[str, Any], resource: str) -> int:
    """MiB or CPU units that an instance has left."""
    found = (r for r in instance.get("remainingResources", ()) if r["name"] == resource)
    return sum(int(r.get("integerValue", 0)) for r in found)


def fits_beside(service: Service, instances: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a second set of the service's tasks finds places now: then it can start before the old one stops."""
    free = [
        [remaining(instance, "MEMORY"), remaining(instance, "CPU")]
        for instance in instances
        if instance["status"] == "ACTIVE" and instance.get("agentConnected", True)
    ]
    for _ in range(service.count):
        place = max((f for f in free if f[0] >= service.memory and f[1] >= service.cpu), default=None)
        if place is None:
            return False
        place[0] -= service.memory
        place[1] -= service.cpu
    return True
