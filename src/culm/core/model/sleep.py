"""A service that sleeps: it has no tasks, and tags of it say how it is when it is awake.

A service *sleeps* when its desired count is 0 and it has the tag `culm:awake`, whose value is its count when it is
awake. Going to sleep writes the tag first, and waking sets the count first: whoever dies between two calls leaves a
service that is awake, never one whose count nobody knows.

    culm:awake   2                       its desired count when it is awake
    culm:calls   accounts catalog        services that wake with it, as it calls them

A service that culm.yml lets sleep has more of them, also while it is awake:

    culm:sleep     after 1800            seconds without a request until it sleeps
    culm:hours     mon-fri 08:00-20:00 Europe/Berlin
    culm:holidays/1  2026-12-25 2026-12-26     days without these hours
    culm:ignore/1  UptimeRobot           requests that do not count: a part of their User-Agent, or,
    culm:ignore/2  /shop/ping            with a slash, how their path begins

Both halves read these tags, and so does any other client of the target: they are the only place where a sleeping
service is remembered.
"""

from collections.abc import Mapping

AWAKE_TAG = "culm:awake"
CALLS_TAG = "culm:calls"
SLEEP_TAG = "culm:sleep"
IGNORE_TAG = "culm:ignore/"
HOURS_TAG = "culm:hours"
HOLIDAYS_TAG = "culm:holidays/"
DATES_A_TAG = 20
"""A tag's value has 256 characters at most."""


def count_when_awake(desired: int, tags: Mapping[str, str]) -> int | None:
    """Return how many tasks a sleeping service has when it is awake; None: it does not sleep.

    A count that is no positive number, which culm never writes, is 1: such a service can still be woken.
    """
    if desired != 0 or AWAKE_TAG not in tags:
        return None
    text = tags[AWAKE_TAG]
    return max(1, int(text)) if text.isdecimal() else 1


def called(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the services that wake with one that has these tags."""
    return tuple(tags.get(CALLS_TAG, "").split())


def idle_seconds(tags: Mapping[str, str]) -> float | None:
    """Return after how many seconds without a request a service sleeps; None: it does not by itself."""
    kind, _, seconds = tags.get(SLEEP_TAG, "").partition(" ")
    return float(seconds) if kind == "after" and seconds.isdecimal() else None


def ignored(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the requests that do not count, as the tags have them, in their order."""
    keys = sorted((key for key in tags if key.startswith(IGNORE_TAG)), key=lambda key: (len(key), key))
    return tuple(tags[key] for key in keys)


def holidays(tags: Mapping[str, str]) -> tuple[str, ...]:
    """Return the dates without office hours, as the tags have them."""
    return tuple(sorted(day for key, text in tags.items() if key.startswith(HOLIDAYS_TAG) for day in text.split()))
