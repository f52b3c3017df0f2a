"""Puts services to sleep that nobody has asked for, by what the load balancer has counted.

The load balancer counts requests by target group, without those that the service's tags tell it to leave out. A count
that is another one than at the look before, or a request under way, is a sign of life; how large it is does not matter,
as a reload of the load balancer begins at zero again. When the last sign came is in the store, so a daemon that is
restarted goes on with it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from culm.cluster import clock
from culm.cluster.balancer.interface import Attention, DataPlane
from culm.cluster.balancer.waker import tell
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import activity, services, sleepers, tags
from culm.cluster.store.ecs.activity import Activity, IdlePolicy
from culm.cluster.store.elbv2 import target_groups
from culm.core.decide.idleness import AwakeService, idle
from culm.core.model.sleep import AWAKE_TAG
from culm.core.model.task_definitions import Tag

EVERY_SECONDS = 5.0


class IdleServices:
    """`step` is the step of a loop."""

    def __init__(self, store: Store, plane: DataPlane, changed: Signal) -> None:
        self._store = store
        self._plane = plane
        self._changed = changed

    async def step(self) -> int:
        """Put services to sleep that are idle. Returns 0: one look is enough."""
        if await self._store.run(activity.policies):
            attention = await self._plane.attended()
            if await self._store.run(lambda db: look(db, attention, clock.now())):
                self._changed.set("ecs")
        return 0


def look(db: sqlite3.Connection, attention: Mapping[str, Attention], now: float) -> int:
    """Note which services were asked for, and put the others to sleep; how many went to sleep.

    `attention` is by the name of the target group, `now` in epoch seconds.
    """
    policies = activity.policies(db)
    names = {group.target_group_arn: group.target_group_name for group in target_groups.list_all(db)}
    slept = 0
    for cluster in sorted({each.service.cluster_arn for each in policies}):
        own = {each.service.service_name: each for each in policies if each.service.cluster_arn == cluster}
        awake = []
        for policy in own.values():
            if policy.service.desired_count == 0:
                activity.forget(db, policy.service.service_arn)
                continue
            groups = [names[arn] for arn in sleepers.groups(policy.service) if arn in names]
            awake.append(noted(db, policy, [attention[name] for name in groups if name in attention], now))
        for name in idle(awake, now):
            sleep(db, own[name], now)
            slept += 1
    return slept


def noted(db: sqlite3.Connection, policy: IdlePolicy, attention: Sequence[Attention], now: float) -> AwakeService:
    """Note whether a service was asked for since the look before, and return it as it is judged."""
    service = policy.service
    requests, under_way = sum(each.requests for each in attention), any(each.in_flight for each in attention)
    before = activity.of_service(db, service.service_arn)
    asked = before is None or under_way or requests != before.requests
    latest = Activity(last_request=now if before is None or asked else before.last_request, requests=requests)
    if latest != before:
        activity.save(db, service.service_arn, latest)
    return AwakeService(
        name=service.service_name,
        calls=policy.calls,
        after=policy.after,
        last_request=latest.last_request,
        busy=any(each.rollout_state == "IN_PROGRESS" for each in service.deployments),
    )


def sleep(db: sqlite3.Connection, policy: IdlePolicy, now: float) -> None:
    """Wish that a service sleeps, with an event."""
    service = policy.service
    tags.put(db, service.service_arn, [Tag(key=AWAKE_TAG, value=str(service.desired_count))])
    services.save_wish(db, replace(service, desired_count=0))
    activity.forget(db, service.service_arn)
    tell(db, service, f"sleeps: no request for {policy.after:.0f} s", now, clock.new_id())
