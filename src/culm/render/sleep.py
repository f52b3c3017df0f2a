"""The tags of a service that sleeps by itself: when, and whose requests do not count. Pure."""

from culm.core.model.sleep import CALLS_TAG, IGNORE_TAG, SLEEP_TAG
from culm.project.project import Service


def sleep_tags(service: Service) -> dict[str, str]:
    """Return the tags, by key; empty for a service that sleeps only when it is told to."""
    if service.sleep is None:
        return {}
    ignored = {f"{IGNORE_TAG}{number}": text for number, text in enumerate(service.sleep.ignore, 1)}
    calls = {CALLS_TAG: " ".join(service.calls)} if service.calls else {}
    return {SLEEP_TAG: f"after {service.sleep.after}", **ignored, **calls}
