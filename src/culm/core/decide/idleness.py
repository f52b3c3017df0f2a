"""Which services sleep because nobody has asked for them. Pure; the caller counts requests and has the clock.

A service is *idle* when it had no request for as long as it is given. It goes to sleep when it is idle and all that
call it, directly or not, are idle too: a caller that is in use may call it at any moment.

    front, 40 min without a request, calls catalog      both sleep after 30 min
    catalog, 35 min
    front, 10 min                                       catalog stays awake although it is idle
    catalog, 35 min
"""

from collections.abc import Sequence

from culm.core.model.record import record


@record
class AwakeService:
    """A service that has tasks and sleeps by itself. Times are epoch seconds."""

    name: str
    calls: tuple[str, ...]
    after: float
    """Seconds without a request until it is idle."""
    last_request: float
    """When it had the last request that counts, or when it was first known to be awake."""
    busy: bool = False
    """Whether a request is under way, or a deploy."""


def idle(services: Sequence[AwakeService], now: float) -> tuple[str, ...]:
    """Return the names of the services that go to sleep now, callers before those whom they call."""
    sleepy = {each.name for each in services if not each.busy and now - each.last_request >= each.after}
    while kept := {name for each in services if each.name not in sleepy for name in each.calls} & sleepy:
        sleepy -= kept
    called = {name for each in services for name in each.calls}
    return tuple(sorted(sleepy, key=lambda name: (name in called, name)))
