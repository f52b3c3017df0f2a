"""Services that sleep, or that were woken by a request: those with the tag `culm:awake`."""

from collections.abc import Sequence
from dataclasses import replace
from sqlite3 import Connection

from culm.cluster.store.ecs import services, tags
from culm.core.model.record import record
from culm.core.model.services import Service
from culm.core.model.sleep import AWAKE_TAG, called, count_when_awake


@record
class Sleeper:
    """A service with the tag, as it is now."""

    service: Service
    calls: tuple[str, ...]
    """Names of the services that wake with it."""
    count: int | None
    """Tasks that it has when it is awake; None: it does not sleep at the moment."""


def list_all(db: Connection) -> Sequence[Sleeper]:
    """Return every service with the tag. Cheap where there is none: the table of tags has an index of this key."""
    rows = db.execute("SELECT resource_arn FROM ecs_tag WHERE key = 'culm:awake' ORDER BY resource_arn").fetchall()
    known = (sleeper(db, row[0]) for row in rows)
    return [each for each in known if each is not None]


def sleeper(db: Connection, arn: str) -> Sleeper | None:
    """Return a service as it sleeps, by its ARN; None where there is none, or it has not the tag."""
    service = services.find(db, arn)
    given = {tag.key: tag.value for tag in tags.of(db, arn)}
    if service is None or service.status != "ACTIVE" or AWAKE_TAG not in given:
        return None
    return Sleeper(service=service, calls=called(given), count=count_when_awake(service.desired_count, given))


def of_group(db: Connection, target_group_arn: str) -> Sleeper | None:
    """Return the service with the tag whose tasks are registered with this target group."""
    return next((each for each in list_all(db) if target_group_arn in groups(each.service)), None)


def groups(service: Service) -> set[str]:
    """Return the target groups that a service's tasks are registered with, Service Connect's among them."""
    return {each.target_group_arn for each in service.balancers if each.target_group_arn is not None}


def woken(db: Connection, first: Sleeper) -> list[Service]:
    """Wish that `first` and all services that it calls, directly or not, are awake; those that slept.

    The tag stays: it is what held requests, and the next sleep, go by.
    """
    woke: list[Service] = []
    waiting, reached = [first.service.service_arn], set[str]()
    while waiting:
        arn = waiting.pop()
        if arn in reached:
            continue
        reached.add(arn)
        if (each := sleeper(db, arn)) is None:
            continue
        begin = arn.rpartition("/")[0]
        waiting += [f"{begin}/{name}" for name in each.calls]
        if each.count is not None:
            awake = replace(each.service, desired_count=each.count)
            services.save_wish(db, awake)
            woke.append(awake)
    return woke
