"""What is wrong right now, in words, worst first; pure."""

from collections.abc import Iterator, Sequence

from culm.operate.snapshot.records import Action, Instance, ServiceState, Task, Trouble
from culm.operate.snapshot.words import plural, share

NEARLY_FULL = 90.0
"""Per cent of its memory limit from which a task is about to be killed."""
MANY_ERRORS = 0.05
"""Share of answers with 5xx that somebody has to look at."""
FEWEST_REQUESTS = 0.1
"""Requests a second below which a share of errors says little."""
MIGRATION_SECONDS = 15 * 60


def troubles(
    instances: Sequence[Instance], tasks: Sequence[Task], services: Sequence[ServiceState], now: float
) -> tuple[Trouble, ...]:
    """Return the services that do not serve, then instances, then what is about to go wrong."""
    return tuple(
        [
            *(each for service in services if service.state == "wrong" for each in _not_well(service)),
            *_instances(instances),
            *_migrations(tasks, now),
            *(each for service in services if service.state != "wrong" for each in _not_well(service)),
            *(each for service in services for each in _ahead(service)),
        ]
    )


def _not_well(service: ServiceState) -> Iterator[Trouble]:
    why = service.cause
    if why is not None:
        yield Trouble(service=service.name, text=why.text, since=why.at, action=why.action)
    elif service.state == "wrong":
        yield Trouble(service=service.name, text=service.summary, since=service.deployed_at)


def _instances(instances: Sequence[Instance]) -> Iterator[Trouble]:
    lost = [each.name for each in instances if not each.connected]
    if lost:
        yield Trouble(service="", text=f"{' and '.join(lost)}: the container agent does not answer")
    if not any(each.status == "ACTIVE" for each in instances):
        yield Trouble(service="", text="no instance takes tasks")


def _migrations(tasks: Sequence[Task], now: float) -> Iterator[Trouble]:
    """Yield the last run of each service's migration, if it failed a short while ago."""
    looked_at: set[str] = set()
    for task in tasks:
        if task.kind != "migration" or task.service in looked_at or task.stopped_at is None:
            continue
        looked_at.add(task.service)
        if task.failed and now - task.stopped_at < MIGRATION_SECONDS:
            yield Trouble(
                service=task.service,
                text=f"its migration {task.ending}",
                since=task.stopped_at,
                action=Action(label="Run the migration again", command=("migrate", task.service)),
            )


def _ahead(service: ServiceState) -> Iterator[Trouble]:
    traffic, memory = service.traffic, service.usage.memory
    if (
        traffic.errors is not None
        and traffic.errors >= MANY_ERRORS
        and (traffic.requests or 0.0) >= FEWEST_REQUESTS
        and service.state != "wrong"
    ):
        yield Trouble(service=service.name, text=f"{share(traffic.errors)} of its answers are errors (5xx)")
    if memory is not None and memory >= NEARLY_FULL and service.memory:
        yield Trouble(
            service=service.name,
            text=f"uses {memory:.0f} % of its {service.memory} MiB; past that it is killed",
        )


def headline(services: Sequence[ServiceState], troubles: Sequence[Trouble]) -> str:
    """Return `1 thing to look at · 3 of 4 services well`: what is wrong comes first, as a phone cuts the end."""
    counted = [service for service in services if service.state not in ("off", "asleep")]
    sleeping = sum(service.state == "asleep" for service in services)
    healthy = sum(service.state == "well" for service in counted)
    moving = sum(service.state == "moving" for service in counted)
    parts = [f"{healthy} of {plural(len(counted), 'service')} well"] if counted or not sleeping else []
    if not counted and not sleeping:
        parts = ["no services yet"]
    if sleeping:
        parts.append(f"{sleeping} asleep")
    if moving:
        parts.append(f"{moving} on the way")
    if troubles:
        parts.insert(0, f"{plural(len(troubles), 'thing')} to look at")
    return " · ".join(parts)
