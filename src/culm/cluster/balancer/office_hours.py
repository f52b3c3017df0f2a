"""Wakes services and puts them to sleep by the clock, once at each beginning and end of their office hours.

A service follows a boundary once, and the store says which was the last: what is done by hand between two of them stays
until the next, and a daemon that was away follows the latest when it is back. A service that has just been given office
hours begins with the next boundary. One that is being deployed goes to sleep when that has ended.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

from culm.cluster import clock
from culm.cluster.balancer.waker import tell
from culm.cluster.loop import Isolated
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store, savepoint
from culm.cluster.store.ecs import office_hours, services, sleepers, tags
from culm.core.decide.office_hours import latest_boundary, parse_hours
from culm.core.model.services import Service
from culm.core.model.sleep import AWAKE_TAG, HOURS_TAG, holidays
from culm.core.model.task_definitions import Tag

EVERY_SECONDS = 5.0

_isolated = Isolated("the office hours of")


class OfficeHoursLoop:
    """`step` is the step of a loop."""

    def __init__(self, store: Store, changed: Signal) -> None:
        self._store = store
        self._changed = changed

    async def step(self) -> int:
        """Follow the boundaries that have come. Returns 0: one look is enough."""
        if await self._store.run(lambda db: look(db, clock.now())):
            self._changed.set("ecs")
        return 0


def look(db: sqlite3.Connection, now: float) -> int:
    """Wake services and put them to sleep whose boundary has come; how many that were. `now`: epoch seconds."""
    moved = 0
    for service, given in list(office_hours.keepers(db)):
        with _isolated.item(service.service_name), savepoint(db):
            moved += followed(db, service, given, now)
    return moved


def followed(db: sqlite3.Connection, service: Service, given: Mapping[str, str], now: float) -> int:
    """Follow a service's latest boundary, if it has not yet; 1 where that woke it or put it to sleep."""
    hours = parse_hours(given[HOURS_TAG])
    days = frozenset(date.fromisoformat(day) for day in holidays(given))
    boundary = latest_boundary(hours, days, ZoneInfo(hours.zone), now)
    arn, before = service.service_arn, office_hours.followed(db, service.service_arn)
    if before is None:
        office_hours.follow(db, arn, boundary.at)
        return 0
    if boundary.at <= before:
        return 0
    if boundary.opens:
        office_hours.follow(db, arn, boundary.at)
        sleeper = sleepers.sleeper(db, arn)
        if sleeper is None or sleeper.count is None:
            return 0
        services.save_wish(db, replace(service, desired_count=sleeper.count))
        tell(db, service, f"wakes with {sleeper.count} tasks: office hours are {hours}", now, clock.new_id())
        return 1
    if any(each.rollout_state == "IN_PROGRESS" for each in service.deployments):
        return 0
    office_hours.follow(db, arn, boundary.at)
    if service.desired_count == 0:
        return 0
    tags.put(db, arn, [Tag(key=AWAKE_TAG, value=str(service.desired_count))])
    services.save_wish(db, replace(service, desired_count=0))
    tell(db, service, f"sleeps: office hours are {hours}", now, clock.new_id())
    return 1
