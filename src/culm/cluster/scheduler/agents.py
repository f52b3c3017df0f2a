"""The control plane's end of the agent protocol: who is connected, and what each was told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from sqlite3 import Connection

from culm.cluster.loop import Isolated
from culm.cluster.scheduler import identities, orders
from culm.cluster.scheduler.orders import Issuer
from culm.cluster.services.ecs import reports, usage
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store, savepoint
from culm.cluster.store.ecs import container_instances, scheduling, task_definitions, tasks
from culm.cluster.wire.keyring import Keyring
from culm.core.model import fargate
from culm.core.model.agent import (
    FromAgent,
    PublishHealth,
    PublishMetrics,
    RegisterContainerInstance,
    SubmitTaskStateChange,
    TaskStopVerificationAck,
    TaskStopVerificationMessage,
    ToAgent,
)
from culm.core.model.arn import arn as make_arn

Order = tuple[str, str]
"""A task's ARN, and RUNNING or STOPPED."""
Issued = tuple[str, set[Order], list[Order], list[ToAgent]]
"""An instance's ARN, all its orders, those that it has not had, and the messages for these."""


class Session:
    """One agent's connection: orders that wait to be sent, and those that were sent and not yet carried out."""

    def __init__(self) -> None:
        self.outbox: asyncio.Queue[ToAgent] = asyncio.Queue()
        self.ordered: set[Order] = set()

    def send(self, new: list[Order], messages: list[ToAgent]) -> None:
        """Put messages into the queue of this agent, and note which orders are in them."""
        self.ordered.update(new)
        for message in messages:
            self.outbox.put_nowait(message)


class Agents:
    """Implements `culm.cluster.instance.interface.Control` for agents in this process."""

    def __init__(
        self,
        store: Store,
        changed: Signal,
        *,
        region: str,
        account: str,
        registry: str,
        keys: Keyring,
        now: Callable[[], float],
        new_id: Callable[[], str],
    ) -> None:
        self._store = store
        self._changed = changed
        self._region = region
        self._account = account
        self._registry = registry
        self._keys = keys
        self._now = now
        self._new_id = new_id
        self._sessions: dict[str, Session] = {}
        self._orders = Isolated("task")

    async def reset(self) -> None:
        """Disconnect every agent: a control plane that just started has none, whatever its last life wrote down."""
        await self._store.run(container_instances.disconnect_all)

    async def register(self, message: RegisterContainerInstance) -> str:
        """Write down an instance.

        Returns its ARN: the one that it brings, unless that instance was deregistered; else a new one.
        """
        known = message.container_instance_arn
        fresh = make_arn("ecs", self._region, self._account, f"container-instance/{message.cluster}/{self._new_id()}")

        def work(db: Connection) -> str:
            there = known and container_instances.find(db, known)
            stays = fargate.is_host(known) or (there and there.status != "INACTIVE")
            registered = known if known and stays else fresh
            reports.register(db, message, registered, self._now())
            return registered

        return await self._store.run(work)

    async def connect(self, container_instance_arn: str) -> AsyncIterator[ToAgent]:
        """Yield the messages for an agent: first what it is to do by all that is known, then what is new.

        It counts as connected until it stops to ask.
        """
        session = self._sessions[container_instance_arn] = Session()
        try:
            session.send(*await self._store.run(lambda db: self._greeting(db, container_instance_arn)))
            self._changed.set()
            while True:
                yield await session.outbox.get()
        finally:
            if self._sessions.get(container_instance_arn) is session:
                del self._sessions[container_instance_arn]
                await self._store.run(lambda db: container_instances.set_connected(db, container_instance_arn, False))
                self._changed.set()

    async def submit(self, container_instance_arn: str, message: FromAgent) -> None:
        now = self._now()
        match message:
            case SubmitTaskStateChange():
                await self._store.run(lambda db: reports.task_changed(db, message, now))
            case PublishMetrics():
                return await self._store.run(lambda db: usage.published(db, container_instance_arn, message, now))
            case PublishHealth():
                await self._store.run(lambda db: reports.health_changed(db, message))
            case TaskStopVerificationMessage(stop_candidates=candidates):
                unwanted = await self._store.run(lambda db: _unwanted(db, candidates))
                self._sessions[container_instance_arn].send([], [TaskStopVerificationAck(stop_tasks=unwanted)])
        self._changed.set()

    async def order(self) -> int:
        """Send connected agents what they have not been told yet; returns how many orders that were."""
        ordered = {arn: frozenset(session.ordered) for arn, session in self._sessions.items()}

        def work(db: Connection) -> list[Issued]:
            pending = scheduling.pending(db)
            return [
                self._issue(db, arn, pending.get(arn, ()), known)
                for arn, known in ordered.items()
                if known or arn in pending
            ]

        count = 0
        for arn, pending, new, messages in await self._store.run(work):
            count += len(new)
            if (session := self._sessions.get(arn)) is not None:
                session.ordered &= pending
                session.send(new, messages)
        return count

    async def renew_credentials(self) -> None:
        """Give agents new keys for tasks whose keys are about to expire."""
        for arn, message in await self._store.run(self._renewed):
            if (session := self._sessions.get(arn)) is not None:
                session.send([], [message])

    def _renewed(self, db: Connection) -> list[tuple[str, ToAgent]]:
        renewed: list[tuple[str, ToAgent]] = []
        for task_arn in identities.expiring(db, self._now()):
            task = tasks.find(db, task_arn)
            definition = task and task_definitions.find_arn(db, task.task_definition_arn)
            if task and definition and task.container_instance_arn:
                with self._orders.item(task_arn), savepoint(db):
                    message = orders.credentials(db, task, definition, self._issuer())
                    renewed.append((task.container_instance_arn, message))
        return renewed

    def _issue(self, db: Connection, instance: str, pending: Sequence[Order], known: frozenset[Order]) -> Issued:
        """Make the messages for the orders that an instance has not had."""
        new = [order for order in pending if order not in known]
        issued: list[Order] = []
        messages: list[ToAgent] = []
        for order in new:
            before = len(messages)
            with self._orders.item(order[0]), savepoint(db):
                messages += orders.orders(db, [order], self._issuer())
                issued.append(order)
            if order[0] in self._orders.failing:
                del messages[before:]
        return instance, set(pending), issued, orders.together(messages)

    def _greeting(self, db: Connection, instance: str) -> tuple[list[Order], list[ToAgent]]:
        container_instances.set_connected(db, instance, True)
        _, _, new, messages = self._issue(db, instance, scheduling.pending(db).get(instance, ()), frozenset())
        return new, [*messages, *orders.introduction(db, instance, self._issuer())]

    def _issuer(self) -> Issuer:
        return Issuer(registry=self._registry, keys=self._keys, now=self._now())


def _unwanted(db: Connection, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """Return those that really are to stop: there is no such task, or it is over for the control plane."""
    present = {task.task_arn: task for task in tasks.by_arns(db, candidates)}
    return tuple(arn for arn in candidates if arn not in present or present[arn].last_status == "STOPPED")
