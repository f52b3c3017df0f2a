"""What replacing instances will do to services, as people read it. Pure."""

from collections.abc import Iterator, Sequence

from culm.plan.replacement import Effect

BOOT = "2 to 4 minutes"
"""How long an instance takes to boot and join a cluster, as others have measured it."""


def lines(effects: Sequence[Effect], outdated: int, count: int) -> Iterator[str]:
    yield f"{outdated} of {count} instances are to be replaced, one at a time:"
    for effect in effects:
        effects_on = [
            (effect.moves, "moved to another instance first"),
            (effect.down, f"no room elsewhere: down until the new instance has joined ({BOOT})"),
            (effect.fewer, f"no room elsewhere: a task less until the new instance has joined ({BOOT})"),
            (effect.blocked, "no room elsewhere, and minimumHealthyPercent keeps its task: would never be drained"),
        ]
        for names, what in effects_on:
            if names:
                yield f"  {effect.instance}: {', '.join(names)}: {what}"
        if not any(names for names, _ in effects_on):
            yield f"  {effect.instance}: no task of a service runs there"
