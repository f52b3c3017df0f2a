"""The balancer: makes the data plane carry what the ELBv2 API was told, and writes down what it finds.

Each look: observe listeners, rules, groups, targets and their health; bring the data plane there; write the facts.
Deregistered targets get no new requests, keep those in flight until their delay is over, and then go.
"""

import asyncio
import hashlib
import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import field, replace

from culm.cluster import clock, loop
from culm.cluster.balancer import interface, sessions
from culm.cluster.balancer.interface import DataPlane, Outcome
from culm.cluster.balancer.prober import Check, Key, Prober, key
from culm.cluster.balancer.sign_in import Authenticator
from culm.cluster.balancer.traffic import Meter
from culm.cluster.balancer.waker import Waker
from culm.cluster.services.elbv2 import attributes, ssl_policies
from culm.cluster.store import certificates
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import activity, clusters, events, services, sleepers
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, sign_ins, target_groups, targets
from culm.cluster.store.sealing import Corrupted
from culm.core.decide import events as words
from culm.core.decide.target_health import routable
from culm.core.model.load_balancers import Listener, LoadBalancer, RegisteredTarget, Rule, TargetGroup
from culm.core.model.record import record
from culm.core.model.services import ServiceEvent, dashed
from culm.errors import PlaneFailure

log = logging.getLogger(__name__)

WAKER = "waker"
"""The name of the target that answers in place of tasks."""
LOOK_SECONDS = 1.0
DRAINING_LOOK_SECONDS = 0.05
"""While a target drains: its task waits for the end of it."""
LONGEST_BACK_OFF_SECONDS = 4.0
"""Between tries of a plane that fails. Clients wait longer than this for one whose cause is gone."""
AGAIN_SECONDS = 10.0
"""Between two questions to a plane that carries all that is wished and whose end would be told."""

OLDEST_TLS = "TLSv1.2"
"""What TLS libraries of today still speak without being told to."""

AddressOf = Callable[[sqlite3.Connection, str], str | None]
"""An EC2 instance id's address; None for an instance that is not there (any more)."""


@record
class Seen:
    """One look at what the API was told."""

    load_balancers: Mapping[str, LoadBalancer]
    listeners: tuple[Listener, ...]
    rules: Mapping[str, tuple[Rule, ...]]
    """Of each listener."""
    groups: Mapping[str, TargetGroup]
    """Those that a rule forwards to."""
    targets: tuple[RegisteredTarget, ...]
    addresses: Mapping[str, str]
    """Of each target id, as far as known."""
    sleepers: frozenset[str] = frozenset()
    """ARNs of groups whose service sleeps or has just been woken: the waker answers while no target is healthy."""
    uncounted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of groups whose service sleeps by itself: requests that do not keep it awake."""
    wakers: Mapping[str, str] = field(default_factory=dict)
    """Sockets of the waker by group: of `sleepers`, and of those whose last requests it still has."""
    sign_ins: Mapping[str, interface.SignIn] = field(default_factory=dict)
    """By ARN of rules that ask for users."""
    certificates: Mapping[str, interface.Certificate] = field(default_factory=dict)
    """By ARN: those that a listener has, as far as they can be read."""


class Balancer:
    """`now` gives epoch seconds; `address_of` is called within a transaction."""

    def __init__(
        self,
        store: Store,
        plane: DataPlane,
        *,
        address_of: AddressOf,
        changed: Signal,
        now: Callable[[], float],
    ) -> None:
        self.store = store
        self.waker: Waker | None = None
        """Answers for services that sleep; None: nobody does."""
        self.authenticator: Authenticator | None = None
        """Answers users who have not signed in; None: nobody does."""
        self.plane = plane
        self.address_of = address_of
        self.changed = changed
        self.now = now
        self._wake = changed.subscribe("ec2", "elbv2")
        plane.watch(self._wake.set)
        self._prober = Prober(changed=self._wake.set)
        self._draining: frozenset[Key] = frozenset()
        """Those that the plane was told to drain by an earlier look."""
        self._meter = Meter(store, plane)
        self._started = False
        self._isolated = loop.Isolated("the load balancer's")
        self._failures = 0
        self._failure = ""
        """Why the plane failed last."""
        self._retry_at = 0.0
        self._carried: tuple[list[interface.Listener], list[interface.Group]] | None = None
        """What the plane carries, all of it; None: that is not known."""
        self._ask_at = 0.0

    async def run(self) -> None:
        """Look after load balancers for ever. The data plane goes on when this ends."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._prober.run())
            tasks.create_task(loop.run("balancer", self.step, self._wake, LOOK_SECONDS))

    async def step(self) -> int:
        """Look once; return how many facts it wrote, or targets it began to drain."""
        observed = await self._with_wakers(await self.store.run(lambda db: observe(db, self.address_of)))
        if observed.sign_ins and self.authenticator is not None:
            await self.authenticator.serve()
        self._prober.watch(
            {
                key(target): Check(target=target, address=address, group=observed.groups[target.target_group_arn])
                for target in observed.targets
                if target.deregistered_at is None
                and target.target_group_arn in observed.groups
                and (address := observed.addresses.get(target.id)) is not None
            }
        )
        judged = tuple(self._judged(target, observed) for target in observed.targets)
        drained = await self._drained(judged, observed)
        left = tuple(target for target in judged if key(target) not in drained)
        outcome = await self._apply(replace(observed, targets=left))
        with self._isolated.item("traffic"):
            await self._meter.look(observed.groups, balanced_by(observed), left, self.now())
        began = 0
        if outcome is None:  # the plane carries what it carried before, so nothing is a fact that was not one
            judged = tuple(_not_carried(before, after) for before, after in zip(observed.targets, judged, strict=True))
        else:
            judged = tuple(_refused(target, observed, outcome) for target in judged)
            draining = frozenset(key(target) for target in left if target.deregistered_at is not None)
            began, self._draining = len(draining - self._draining), draining
            if draining:
                asyncio.get_running_loop().call_later(DRAINING_LOOK_SECONDS, self._wake.set)
        facts = Facts(judged=judged, drained=drained, problems=self._problems(observed, outcome))
        wrote = await self.store.run(lambda db: record_facts(db, observed, facts, self.now()))
        if wrote:
            self.changed.set()
        return began + wrote

    async def _with_wakers(self, observed: Seen) -> Seen:
        """Have the waker listen for the groups that need it, before the plane is told of its sockets."""
        if self.waker is None:
            return observed
        balanced = balanced_by(observed)
        patience = {
            arn: float(_idle_timeout(observed.load_balancers[balanced[arn]]))
            for arn in observed.sleepers & observed.groups.keys()
        }
        return replace(observed, wakers=await self.waker.serve(patience))

    def _judged(self, target: RegisteredTarget, observed: Seen) -> RegisteredTarget:
        """Return the target with the health that was found for it."""
        if target.deregistered_at is not None or target.target_group_arn not in observed.groups:
            return target
        health = self._prober.health(target)
        if health is None:
            return replace(
                target,
                state="unused",
                reason="Target.InvalidState",
                description="Target is in the terminated state",
            )
        return replace(target, state=health.state, reason=health.reason, description=health.description)

    async def _drained(self, judged: tuple[RegisteredTarget, ...], observed: Seen) -> frozenset[Key]:
        """Return the deregistered targets that may go.

        "If a deregistering target has no in-flight requests and no active connections, Elastic Load Balancing
        immediately completes the deregistration process, without waiting for the deregistration delay to elapse."
        https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html
        While the plane cannot tell what is in flight, the delay alone counts.
        """
        leaving = [target for target in judged if target.deregistered_at is not None]
        if not leaving:
            return frozenset()
        traffic: Sequence[interface.Traffic] | None = None
        with suppress(PlaneFailure):
            traffic = await self.plane.metrics()
        busy = {(each.group, each.target) for each in traffic or () if each.in_flight}
        return frozenset(
            key(target)
            for target in leaving
            if (group := observed.groups.get(target.target_group_arn)) is None
            or (address := observed.addresses.get(target.id)) is None
            or self.now() >= (target.deregistered_at or 0.0) + delay_seconds(group)
            or (
                traffic is not None
                and key(target) in self._draining
                and (group.target_group_name, f"{address}:{target.port}") not in busy
            )
        )

    async def _apply(self, observed: Seen) -> Outcome | None:
        """Return what is not carried, and why; None when the plane fails, which is tried again, less and less often."""
        clock = asyncio.get_running_loop().time
        if self._failures and clock() < self._retry_at:
            return None
        try:
            if not self._started:
                await self.plane.start()
                self._started = True
            wished = self._wished(observed)
            if not observed.listeners:
                self._carried = None
                await self.plane.stop()
                outcome = Outcome()
            elif wished == self._carried and self.plane.watched and clock() < self._ask_at:
                return Outcome()
            else:
                self._carried = None
                outcome = await self.plane.apply(*wished)
                if outcome == Outcome():
                    self._carried, self._ask_at = wished, clock() + AGAIN_SECONDS
        except PlaneFailure as failure:
            self._failures += 1
            self._retry_at = clock() + min(LONGEST_BACK_OFF_SECONDS, 2.0 ** min(self._failures, 10) / 2)
            log.warning("the load balancer: %s", failure)
            self._failure = failure.message
            return None
        self._failures = 0
        return outcome

    def _wished(self, observed: Seen) -> tuple[list[interface.Listener], list[interface.Group]]:
        """Return what the data plane should carry: all that can be spelled out, a listener or group at a time."""
        balanced, listeners, groups = balanced_by(observed), [], []
        for listener in observed.listeners:
            with self._isolated.item(listener.listener_arn):
                listeners.append(_listener(listener, observed))
        for arn, group in observed.groups.items():
            with self._isolated.item(arn):
                groups.append(_group(group, observed, observed.load_balancers[balanced[arn]]))
        return listeners, groups

    def _problems(self, observed: Seen, outcome: Outcome | None) -> Mapping[str, str]:
        """Return what is not carried, and why, by listener ARN."""
        if outcome is None:
            return {listener.listener_arn: self._failure for listener in observed.listeners}
        failing = self._isolated.failing
        groups = {**outcome.groups, **{arn: why for arn, why in failing.items() if arn in observed.groups}}
        return {
            listener.listener_arn: "; ".join(_listeners_problems(listener, observed, outcome, groups, failing))
            for listener in observed.listeners
        }


def observe(db: sqlite3.Connection, address_of: AddressOf) -> Seen:
    """Read listeners, rules, groups and targets in one transaction.

    `address_of` finds the address of an instance, None when it has none.
    """
    every = listeners.list_all(db)
    rules_of = {listener.listener_arn: rules.of_listener(db, listener.listener_arn) for listener in every}
    used = {
        group.target_group_arn
        for of_listener in rules_of.values()
        for rule in of_listener
        for action in rule.actions
        for group in action.target_groups
    }
    groups = {group.target_group_arn: group for group in target_groups.list_all(db) if group.target_group_arn in used}
    registered = targets.list_all(db)
    by_ip = {arn for arn, group in groups.items() if group.target_type == "ip"}
    asleep = [each.service for each in sleepers.list_all(db)]
    addresses = {
        target.id: target.id if target.target_group_arn in by_ip else address_of(db, target.id) for target in registered
    }
    return Seen(
        load_balancers={each.load_balancer_arn: each for each in load_balancers.list_all(db)},
        listeners=every,
        rules=rules_of,
        groups=groups,
        targets=registered,
        addresses={id: address for id, address in addresses.items() if address is not None},
        uncounted={arn: each.ignored for each in activity.policies(db) for arn in sleepers.groups(each.service)},
        sleepers=frozenset(arn for service in asleep for arn in sleepers.groups(service)),
        sign_ins=dict(_sign_ins(db, rules_of)),
        certificates=readable(db, {arn for listener in every for arn in listener.certificates}),
    )


def _sign_ins(
    db: sqlite3.Connection, rules_of: Mapping[str, tuple[Rule, ...]]
) -> Iterator[tuple[str, interface.SignIn]]:
    """Yield how rules judge users, those left out whose secret is damaged."""
    for rule in (each for of_listener in rules_of.values() for each in of_listener if sessions.oidc(each)):
        with suppress(Corrupted):
            keys = sign_ins.find(db, rule.rule_arn)
            if keys is not None and (judged := sessions.sign_in(rule, keys)) is not None:
                yield rule.rule_arn, judged


def readable(db: sqlite3.Connection, arns: Iterable[str]) -> dict[str, interface.Certificate]:
    """Return certificates with their keys, those left out that are not there or whose key is damaged."""
    kept = {}
    for arn in arns:
        with suppress(Corrupted):
            if (there := certificates.find(db, arn)) is not None:
                pem = "\n".join((there.body.strip(), there.chain.strip(), certificates.private_key(db, arn)))
                digest = hashlib.sha256(pem.encode()).hexdigest()[:16]
                kept[arn] = interface.Certificate(name=f"certificate-{digest}.pem", pem=pem)
    return kept


@record
class Facts:
    """What one look has come to."""

    judged: tuple[RegisteredTarget, ...]
    """The observed targets, in the same order, with their health."""
    drained: frozenset[Key]
    """Deregistered targets that may go."""
    problems: Mapping[str, str]
    """Listener ARN -> what of it is not carried."""


def record_facts(db: sqlite3.Connection, observed: Seen, facts: Facts, now: float) -> int:
    """Write what differs from what is written; returns the number of rows. `now` is in epoch seconds."""
    wrote = 0
    for before, after in zip(observed.targets, facts.judged, strict=True):
        if key(after) in facts.drained:
            targets.remove(db, after)
            wrote += 1
        elif after != before:
            targets.record_health(db, after, state=after.state, reason=after.reason, description=after.description)
            wrote += 1
    for listener in observed.listeners:
        problem = facts.problems.get(listener.listener_arn, "")
        if problem != listener.problem:
            listeners.record_problem(db, listener.listener_arn, problem)
            if problem:
                _tell_services(db, observed.rules[listener.listener_arn], problem, now)
            wrote += 1
    return wrote


def _tell_services(db: sqlite3.Connection, of_listener: tuple[Rule, ...], problem: str, now: float) -> None:
    """Write an event for each service that a rule of the listener leads to."""
    groups = {
        group.target_group_arn for rule in of_listener for action in rule.actions for group in action.target_groups
    }
    for cluster in clusters.list_all(db):
        for service in services.in_cluster(db, cluster.name):
            if groups & {each.target_group_arn for each in service.load_balancers}:
                message = words.not_all_carried(service.service_name, problem)
                event = ServiceEvent(id=dashed(clock.new_id()), created_at=now, message=message)
                events.add(db, service.service_arn, event)


def balanced_by(observed: Seen) -> Mapping[str, str]:
    """Return the load balancer of each target group that a rule forwards to; it can have only one."""
    return {
        group.target_group_arn: listener.load_balancer_arn
        for listener in observed.listeners
        for rule in observed.rules[listener.listener_arn]
        for action in rule.actions
        for group in action.target_groups
    }


def delay_seconds(group: TargetGroup) -> int:
    """Return for how many seconds a deregistered target of the group goes on with what it has."""
    return int(attributes.effective(attributes.TARGET_GROUP, group.attributes)["deregistration_delay.timeout_seconds"])


def _not_carried(before: RegisteredTarget, after: RegisteredTarget) -> RegisteredTarget:
    """Hold back a target that became healthy while the plane does not know it: it gets no requests yet."""
    return before if after.state == "healthy" else after


def _refused(target: RegisteredTarget, observed: Seen, outcome: Outcome) -> RegisteredTarget:
    """Make a target that the plane refuses unhealthy, whatever it answers."""
    name = f"{observed.addresses.get(target.id)}:{target.port}"
    why = outcome.targets.get((target.target_group_arn, name))
    if why is None or target.deregistered_at is not None:
        return target
    return replace(target, state="unhealthy", reason="Elb.InternalError", description=why)


def _listeners_problems(
    listener: Listener, observed: Seen, outcome: Outcome, groups: Mapping[str, str], failing: Mapping[str, str]
) -> Iterator[str]:
    """`groups`: target groups that are left out, by ARN; `failing`: what could not be spelled out."""
    if why := outcome.ports.get(listener.port) or failing.get(listener.listener_arn):
        yield why
    rules = observed.rules[listener.listener_arn]
    for rule in rules:
        if why := outcome.rules.get(rule.rule_arn):
            yield _left_out(rule, listener, why)
    for arn in sorted(groups.keys() & {g.target_group_arn for r in rules for a in r.actions for g in a.target_groups}):
        yield f"target group {observed.groups[arn].target_group_name} is left out: {groups[arn]}"


def _left_out(rule: Rule, listener: Listener, why: str) -> str:
    name = "the default rule" if rule.priority is None else f"the rule of priority {rule.priority}"
    return f"{name} of port {listener.port} is left out: {why}"


def _listener(listener: Listener, observed: Seen) -> interface.Listener:
    load_balancer = observed.load_balancers[listener.load_balancer_arn]
    values = attributes.effective(attributes.LOAD_BALANCER, load_balancer.attributes)
    return interface.Listener(
        port=listener.port,
        rules=observed.rules[listener.listener_arn],
        idle_timeout_seconds=_idle_timeout(load_balancer),
        tls=_tls(listener, observed, values) if listener.protocol == "HTTPS" else None,
        forwarded_for=forwarded_for(values),
        client_port=_client_port(values),
        access_log=values["access_logs.s3.enabled"] == "true",
        sign_ins=_users(observed.rules[listener.listener_arn], observed),
        drops_invalid_headers=values["routing.http.drop_invalid_header_fields.enabled"] == "true",
        response_headers=attributes.response_headers(attributes.effective(attributes.LISTENER, listener.attributes)),
    )


def _users(of_listener: tuple[Rule, ...], observed: Seen) -> Mapping[str, interface.SignIn]:
    """Return how the rules that ask for users judge them. Raises PlaneFailure: nobody may pass unjudged."""
    asking = [rule.rule_arn for rule in of_listener if sessions.oidc(rule)]
    if missing := [arn for arn in asking if arn not in observed.sign_ins]:
        raise PlaneFailure("NoSecret", f"the client secret of {missing[0]} cannot be read")
    return {arn: observed.sign_ins[arn] for arn in asking}


def forwarded_for(values: Mapping[str, str]) -> interface.ForwardedFor:
    """Return what a load balancer of these attributes does with X-Forwarded-For."""
    match values["routing.http.xff_header_processing.mode"]:
        case "preserve" | "remove" as mode:
            return mode
    return "append"


def _client_port(values: Mapping[str, str]) -> bool:
    return values["routing.http.xff_client_port.enabled"] == "true"


def _tls(listener: Listener, observed: Seen, values: Mapping[str, str]) -> interface.Tls:
    """`values`: the load balancer's attributes. Raises PlaneFailure where the default certificate cannot be read."""
    own = [observed.certificates[arn] for arn in dict.fromkeys(listener.certificates) if arn in observed.certificates]
    if not own or listener.certificates[0] not in observed.certificates:
        raise PlaneFailure("NoCertificate", f"the certificate of port {listener.port} cannot be read")
    versions = ssl_policies.POLICIES.get(listener.ssl_policy or "", ssl_policies.VERSIONS)
    return interface.Tls(
        certificates=tuple(own),
        oldest=max(OLDEST_TLS, versions[0]),
        newest=versions[-1],
        http2=values["routing.http2.enabled"] == "true",
    )


def _group(group: TargetGroup, observed: Seen, load_balancer: LoadBalancer) -> interface.Group:
    registered = [target for target in observed.targets if target.target_group_arn == group.target_group_arn]
    serving = routable([target for target in registered if target.deregistered_at is None])
    waker = _waker(group.target_group_arn, observed, serving)
    if waker and not waker[0].draining:
        serving = ()  # its tasks have just started: what fails its first checks gets no requests yet
    values = attributes.effective(attributes.TARGET_GROUP, group.attributes)
    least = values["load_balancing.algorithm.type"] == "least_outstanding_requests"
    sticky = values["stickiness.enabled"] == "true"
    own = attributes.effective(attributes.LOAD_BALANCER, load_balancer.attributes)
    kind = values["stickiness.type"]
    return interface.Group(
        arn=group.target_group_arn,
        name=group.target_group_name,
        targets=(
            *(
                interface.Target(
                    address=observed.addresses[target.id], port=target.port, draining=target not in serving
                )
                for target in registered
                if target.id in observed.addresses
            ),
            *waker,
        ),
        protocol_version=group.protocol_version,
        tls=group.protocol == "HTTPS",
        algorithm="least_outstanding_requests" if least else "round_robin",
        slow_start_seconds=int(values["slow_start.duration_seconds"]),
        sticky_seconds=int(values[f"stickiness.{kind}.duration_seconds"]) if sticky else 0,
        app_cookie=values["stickiness.app_cookie.cookie_name"] if sticky and kind == "app_cookie" else "",
        idle_timeout_seconds=_idle_timeout(load_balancer),
        adds_client=forwarded_for(own) == "append" and not _client_port(own),
        uncounted=observed.uncounted.get(group.target_group_arn),
    )


def _waker(arn: str, observed: Seen, serving: Sequence[RegisteredTarget]) -> tuple[interface.Target, ...]:
    """Return the waker as a target of its group: in place of healthy ones, and beside them while it has requests.

    It comes last, so that others are there before it gets no more.
    """
    if arn not in observed.wakers:
        return ()
    healthy = any(target.state == "healthy" and target.id in observed.addresses for target in serving)
    stands_in = arn in observed.sleepers and not healthy
    return (interface.Target(address=WAKER, port=0, draining=not stands_in, socket=observed.wakers[arn]),)


def _idle_timeout(load_balancer: LoadBalancer) -> int:
    values = attributes.effective(attributes.LOAD_BALANCER, load_balancer.attributes)
    return int(values["idle_timeout.timeout_seconds"])
