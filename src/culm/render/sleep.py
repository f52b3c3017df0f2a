"""The tags of a service that sleeps by itself: when, and whose requests do not count. Pure."""

from culm.core.model.sleep import CALLS_TAG, DATES_A_TAG, HOLIDAYS_TAG, HOURS_TAG, IGNORE_TAG, SLEEP_TAG
from culm.project.project import Service


def sleep_tags(service: Service) -> dict[str, str]:
    """Return the tags, by key; empty for a service that sleeps only when it is told to.

    A service that nobody can ask has no requests to count, so only the clock puts it to sleep.
    """
    sleep, tags = service.sleep, dict[str, str]()
    if sleep is None:
        return tags
    if sleep.after is not None and (service.balanced or service.called):
        tags[SLEEP_TAG] = f"after {sleep.after}"
        tags |= {f"{IGNORE_TAG}{number}": text for number, text in enumerate(sleep.ignore, 1)}
    if sleep.hours is not None:
        tags[HOURS_TAG] = sleep.hours
        for first in range(0, len(sleep.holidays), DATES_A_TAG):
            dates = sleep.holidays[first : first + DATES_A_TAG]
            tags[f"{HOLIDAYS_TAG}{first // DATES_A_TAG + 1}"] = " ".join(dates)
    if tags and service.calls:
        tags[CALLS_TAG] = " ".join(service.calls)
    return tags
