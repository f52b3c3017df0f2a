"""Holds requests for services that sleep, wakes these, and passes the requests on.

A service that sleeps has no targets. In their place its target group has the waker: a unix socket in the load
balancer's folder, one a group, by which the group of a request is known. What happens to a request there:

    head read --> wake begun, or joined --> held --+--> a healthy target: the request goes there, byte by byte
                                                   +--> failing:  503, Retry-After, and why
                                                   +--> too long: 503, Retry-After, and what it waits for

- One wake: the first request of a group begins it, all others wait for the same one. It is a wish in the store, as
  any other change of a count, so a daemon that is killed leaves a service that wakes.
- The head alone is read while a request is held. Its body stays with the load balancer until there is a target, and
  streams then, as the answer does; an upgraded connection goes on as one.
- The request goes to the target itself and not to the load balancer again, so none can come back here. `Connection:
  close` keeps the load balancer from sending other requests by the same connection.
- At most `AT_ONCE` requests wait for the first byte of an answer, each for `FIRST_BYTE_SECONDS` at most: a task that
  has just started meets a queue, and not all requests of a minute at once.
- A browser that has waited for `PATIENCE_SECONDS` gets a small page that loads itself again.

The waker serves a group as long as it has no healthy target, and longer while requests are held, see `Balancer`.
"""

import asyncio
import hashlib
import html
import itertools
import logging
import socket
import sqlite3
import ssl
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from culm.cluster import clock
from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.tls import client
from culm.cluster.store.changes import Signal
from culm.cluster.store.db import Store
from culm.cluster.store.ecs import events, sleepers, tasks
from culm.cluster.store.elbv2 import target_groups, targets
from culm.core.decide.waking import Failing, Held, Served, WakingLook, verdict
from culm.core.model.record import record
from culm.core.model.services import Service, ServiceEvent, dashed
from culm.core.model.tasks import StopCode, Task

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 10.0
"""Until a browser gets a page that loads itself again."""
AT_ONCE = 32
FIRST_BYTE_SECONDS = 1.0
"""How long a request that was passed on may keep the next one waiting."""
BACKLOG = 4096
ACCEPTED_AT_ONCE = 16
"""asyncio tries as many at once, and as often in vain while no more files can be opened."""
HEAD_BYTES = 1 << 17
BUFFER = 1 << 16
LOOK_SECONDS = 0.25
"""The longest time between two looks at a service that wakes: changes are looked at when they happen."""
FAILED_SECONDS = 5.0
"""How long the reason of a wake that failed answers requests, before the service is looked at anew."""
FAILURES_SECONDS = 60.0
"""For how long failed tasks of a service that is awake are held against it."""
TRIES = 3
"""Targets that are tried when one refuses: it may have stopped since it was healthy."""


class Unready(Exception):
    """The request is answered here: its text says why."""


@record
class HeldRequest:
    """A request up to its empty line."""

    text: bytes

    @property
    def line(self) -> str:
        """`GET /shop/`: what was asked for, without its query, which may hold secrets."""
        words = self.text.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        return " ".join([words[0], *(word.partition("?")[0] for word in words[1:2])])

    @property
    def fields(self) -> list[bytes]:
        return self.text[:-4].split(b"\r\n")[1:]

    def has(self, name: bytes, part: bytes = b"") -> bool:
        """Return whether the request has a header field of this name, in lower case, with `part` in its value."""
        given = (field.partition(b":") for field in self.fields)
        return any(key.strip().lower() == name and part in value.lower() for key, _, value in given)

    @property
    def browser(self) -> bool:
        """Whether somebody looks at the answer."""
        return self.text.startswith(b"GET ") and self.has(b"accept", b"text/html")

    @property
    def last_of_its_connection(self) -> bytes:
        """The head with `Connection: close`; one that asks for an upgrade stays as it is."""
        if self.has(b"upgrade"):
            return self.text
        line = self.text.split(b"\r\n", 1)[0]
        kept = [each for each in self.fields if not each.lower().startswith((b"connection:", b"keep-alive:"))]
        return b"\r\n".join([line, *kept, b"Connection: close", b"", b""])


Reachable = tuple[str, int, ssl.SSLContext | None]
"""Address and port of a target, and how TLS is spoken with it; None: it is not."""


class Waker:
    """`folder` is the load balancer's; `address_of` finds the address of an instance within a transaction."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        address_of: Callable[[sqlite3.Connection, str], str | None],
        changed: Signal,
    ) -> None:
        self._store = store
        self._folder = folder
        self._address_of = address_of
        self._changed = changed
        self._servers: dict[str, asyncio.Server] = {}
        self._patience: dict[str, float] = {}
        """By group: seconds that a request may be held."""
        self._wakes: dict[str, asyncio.Task[tuple[Reachable, ...]]] = {}
        self._held: Counter[str] = Counter()
        self._turns = itertools.count()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._connections: set[asyncio.Task[None]] = set()
        self._waits: dict[str, str] = {}
        """By group: what its wake waits for."""

    async def serve(self, groups: Mapping[str, float]) -> Mapping[str, str]:
        """Listen for exactly these groups, besides those with requests; the socket of each, relative to the folder.

        `groups`: by ARN, the seconds for which the load balancer waits for an answer.
        """
        for arn, seconds in groups.items():
            self._patience[arn] = max(1.0, seconds - 5.0)
            if arn not in self._servers:
                self._servers[arn] = await self._listen(arn)
        for arn in self._servers.keys() - groups.keys():
            if not self._held[arn]:
                self._servers.pop(arn).close()
                (self._folder / socket_name(arn)).unlink(missing_ok=True)
        return {arn: socket_name(arn) for arn in self._servers}

    def busy(self, arn: str) -> bool:
        """Return whether requests of the group are held or under way here."""
        return self._held[arn] > 0

    async def close(self) -> None:
        """End every request and listen no more. The sockets' files stay: the next daemon takes their places."""
        for server in self._servers.values():
            server.close()
        ending = [*self._connections, *self._wakes.values()]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _listen(self, arn: str) -> asyncio.Server:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / socket_name(arn)
        path.unlink(missing_ok=True)

        def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.get_running_loop().create_task(self._take(arn, reader, writer))
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)

        listening = socket.socket(socket.AF_UNIX)
        with short_path(path) as short:
            listening.bind(short)
        server = await asyncio.start_unix_server(take, sock=listening, limit=HEAD_BYTES, backlog=ACCEPTED_AT_ONCE)
        listening.listen(BACKLOG)
        return server

    async def _take(self, arn: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, and close its connection."""
        self._held[arn] += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                head = HeldRequest(text=await reader.readuntil(b"\r\n\r\n"))
                try:
                    await self._pass_on(arn, head, reader, writer)
                except Unready as why:
                    writer.write(refusal(str(why), head))
                    await writer.drain()
        except Exception:
            log.exception("a held request failed")
        finally:
            writer.close()
            self._held[arn] -= 1
            if not self._held[arn]:
                self._changed.set("elbv2")  # the balancer may take the waker out of the group

    async def _pass_on(
        self, arn: str, head: HeldRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Hold the request until there is a target, and let it have the connection. Raises Unready."""
        for attempt in range(TRIES):
            places = await self._awake(arn, head)
            slots = self._slots.setdefault(arn, asyncio.Semaphore(AT_ONCE))
            async with slots:
                try:
                    address, port, tls = places[next(self._turns) % len(places)]
                    there, onward = await asyncio.open_connection(address, port, ssl=tls)
                except OSError:
                    if attempt + 1 == TRIES:
                        raise Unready("its task does not take connections") from None
                    await asyncio.sleep(LOOK_SECONDS)
                    continue
                onward.write(head.last_of_its_connection)
                sending = asyncio.get_running_loop().create_task(copy(reader, onward))
                first = b""
                with suppress(TimeoutError, OSError):
                    async with asyncio.timeout(FIRST_BYTE_SECONDS):
                        first = await there.read(BUFFER)
            try:
                writer.write(first)
                await copy(there, writer)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                onward.close()
            return

    async def _awake(self, arn: str, head: HeldRequest) -> tuple[Reachable, ...]:
        """Return the healthy targets, once there is one. Raises Unready where there is none in time, or never."""
        wake = self._wakes.get(arn)
        if wake is None:
            wake = asyncio.get_running_loop().create_task(self._wake(arn, head.line))
            self._wakes[arn] = wake
            wake.add_done_callback(lambda done: self._ended(arn, done))
        patience = min(PATIENCE_SECONDS, self._patience[arn]) if head.browser else self._patience[arn]
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(wake)
        except TimeoutError:
            raise Unready(f"not awake yet: {self._waits.get(arn, 'its task is on its way')}") from None

    def _ended(self, arn: str, wake: asyncio.Task[tuple[Reachable, ...]]) -> None:
        """Forget a wake that has ended; one that failed answers what comes next, for a while."""
        self._waits.pop(arn, None)
        failed = not wake.cancelled() and wake.exception() is not None
        if failed:
            asyncio.get_running_loop().call_later(FAILED_SECONDS, self._wakes.pop, arn, None)
        else:
            self._wakes.pop(arn, None)

    async def _wake(self, arn: str, line: str) -> tuple[Reachable, ...]:
        """Wake the service of a group with all that it calls, and wait for its first healthy target.

        Raises Unready where it does not start.
        """
        began = since = clock.now()
        changed = self._changed.subscribe()
        try:
            if await self._store.run(lambda db: self._wish(db, arn, line)):
                self._changed.set("ecs")
            else:  # it was awake before, and how it has failed until now is why there is no target
                since -= FAILURES_SECONDS
            while True:
                changed.clear()
                look, places = await self._store.run(lambda db: self._look(db, arn, since))
                look = replace(look, seconds=clock.now() - began)
                match verdict(look):
                    case Served():
                        log.info("%s is awake after %.2f s", look.name, look.seconds)
                        return places
                    case Failing(why=why):
                        log.warning("%s", why)
                        raise Unready(why)
                    case Held(what=what):
                        if what != self._waits.get(arn):
                            log.info("%s", what)
                        self._waits[arn] = what
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await changed.wait()
        finally:
            self._changed.unsubscribe(changed)

    def _wish(self, db: sqlite3.Connection, arn: str, line: str) -> int:
        """Wake in the store what sleeps, with an event for each; how many services that were."""
        first = sleepers.of_group(db, arn)
        woke = sleepers.woken(db, first) if first is not None else []
        for service in woke:
            own = first is not None and service.service_arn == first.service.service_arn
            why = f"{line} was asked for" if own else f"{first.service.service_name if first else ''} calls it"
            tell(db, service, f"wakes with {service.desired_count} tasks: {why}", clock.now(), clock.new_id())
        return len(woke)

    def _look(self, db: sqlite3.Connection, arn: str, since: float) -> tuple[WakingLook, tuple[Reachable, ...]]:
        """Look at the service of a group, at what has failed of it since then, and at its healthy targets."""
        sleeper = sleepers.of_group(db, arn)
        healthy = [each for each in targets.in_group(db, arn) if each.state == "healthy" and not each.deregistered_at]
        group = target_groups.find(db, arn)
        by_ip = group is not None and group.target_type == "ip"
        places = [(each.id if by_ip else self._address_of(db, each.id), each.port) for each in healthy]
        tls = client.context("http/1.1") if group is not None and group.protocol == "HTTPS" else None
        known = tuple((address, port, tls) for address, port in places if address is not None)
        if sleeper is None:  # it was told to be something else meanwhile, and is asked as any other service
            return WakingLook(name=f"the service of {arn}", desired=len(known), healthy=len(known)), known
        service = sleeper.service
        own = tasks.arns(db, "service_arn = ?", [service.service_arn])
        described = tasks.by_arns(db, own)
        ended = [each for each in described if each.stopped_at and each.created_at >= since and failed(each)]
        ended.sort(key=lambda each: each.stopped_at or 0.0)
        messages = [each.message for each in events.of_service(db, service.service_arn) if each.created_at >= since]
        newest = next(iter(messages), "")
        look = WakingLook(
            name=service.service_name,
            desired=service.desired_count,
            healthy=len(known),
            statuses=[t.last_status.name for t in described if t.desired_status == "RUNNING"],
            stopped=[ending(t) for t in ended],
            unplaced=newest if "unable to place" in newest else "",
        )
        return look, known


def failed(task: Task) -> bool:
    """Return whether a task stopped for another reason than that its service wanted fewer."""
    unwell = task.stop_code is StopCode.SERVICE_SCHEDULER_INITIATED and "health" in (task.stopped_reason or "")
    return unwell or task.stop_code in (StopCode.ESSENTIAL_CONTAINER_EXITED, StopCode.TASK_FAILED_TO_START)


def ending(task: Task) -> str:
    """Return how a task ended: `Essential container in task exited, exit code 1`."""
    codes = [str(each.exit_code) for each in task.containers if each.exit_code]
    reason = (task.stopped_reason or "its task stopped").rstrip(".")
    return reason + (f", exit code {codes[0]}" if codes else "")


def tell(db: sqlite3.Connection, service: Service, what: str, now: float, id: str) -> None:
    """Add an event to a service: `(service front) wakes with 1 tasks: GET /front/ was asked for`."""
    message = f"(service {service.service_name}) {what}".replace(" 1 tasks", " 1 task")
    events.add(db, service.service_arn, ServiceEvent(id=dashed(id), created_at=now, message=message))
    log.info("%s", message)


def socket_name(arn: str) -> str:
    """Return the name of a group's socket in the load balancer's folder."""
    return f"wake-{hashlib.sha256(arn.encode()).hexdigest()[:12]}.sock"


def refusal(why: str, head: HeldRequest) -> bytes:
    """Return the answer to a request that finds no target; a browser's page loads itself again."""
    kind, text = "text/plain", f"{why}\n"
    if head.browser:
        kind = "text/html"
        text = (
            '<!doctype html><html><head><meta charset="utf-8"><meta http-equiv="refresh" content="2">'
            f"<title>waking</title></head><body><p>{html.escape(why)}</p><p>This page loads itself again.</p>"
            "</body></html>\n"
        )
    body = text.encode()
    lines = [
        "HTTP/1.1 503 Service Unavailable",
        f"Content-Type: {kind}; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Retry-After: 2",
        "Cache-Control: no-store",
        "Connection: close",
    ]
    return "\r\n".join([*lines, "", ""]).encode() + (b"" if head.text.startswith(b"HEAD ") else body)


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction, until its end."""
    with suppress(OSError):
        while data := await reader.read(BUFFER):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
