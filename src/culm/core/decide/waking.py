"""What becomes of a request for a service that is asleep or has just been woken. Pure; the caller has the clock.

    a healthy target                                  Served: the request goes there
    tasks that stop, one after the other              Failing: the request is answered, and told why
    no room for a task, for longer than a moment      Failing
    anything else                                     Held:  the request is held

A single task that stops may be chance, so it is held against the service only once another one has stopped, as ECS's
circuit breaker does for a service with one task. An example: a task that lacks a variable exits with code 1 after
0.3 s; ECS starts another one, which exits, too; the requests that were held are answered then.
"""

from collections.abc import Sequence

from culm.core.model.record import record

MOST_FAILURES = 2
NO_ROOM_SECONDS = 5.0
"""How long there may be no room: tasks of others may still be stopping."""


@record
class WakingLook:
    """One look at a service that a request waits for."""

    name: str
    desired: int
    healthy: int
    """Targets that the load balancer finds healthy."""
    statuses: Sequence[str] = ()
    """Last status of each task that is wanted: `PENDING`, `RUNNING`."""
    stopped: Sequence[str] = ()
    """Why tasks have stopped since the wake began, the latest last."""
    unplaced: str = ""
    """ECS's words where it finds no room for a task; empty: it does."""
    seconds: float = 0.0
    """Since the wake began."""


@record
class Served:
    pass


@record
class Held:
    what: str
    """What it waits for: `front has 1 task PENDING`."""


@record
class Failing:
    why: str


def verdict(look: WakingLook) -> Served | Held | Failing:
    """Judge by one look whether held requests go on, wait, or are answered with the reason."""
    if look.healthy:
        return Served()
    if look.desired == 0:
        return Failing(why=f"{look.name} was stopped before it was awake")
    if len(look.stopped) >= MOST_FAILURES:
        return Failing(why=f"{look.name} does not start: {look.stopped[-1]}; its log says more: culm logs {look.name}")
    if look.unplaced and look.seconds >= NO_ROOM_SECONDS:
        return Failing(why=f"{look.name} finds no room: {look.unplaced}")
    return Held(what=waiting_for(look))


def waiting_for(look: WakingLook) -> str:
    """Say what a service that wakes still lacks."""
    if look.unplaced:
        return f"{look.name} waits for room: {look.unplaced}"
    if not look.statuses:
        return f"{look.name} waits for its task to be placed" + (f", after {look.stopped[-1]}" if look.stopped else "")
    if "RUNNING" in look.statuses:
        return f"{look.name} runs, and the load balancer does not find it healthy yet"
    return f"{look.name} has {len(look.statuses)} task{'s' * (len(look.statuses) > 1)} {look.statuses[0]}"
