"""The health prober: asks every target of every group in use for its health check path, and judges the answers.

One task a target, asleep between probes; a probe is one connection. What it finds stays here until the balancer writes
it down. https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
"""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from contextlib import suppress

from culm.cluster.balancer import http2
from culm.cluster.balancer.tls import client
from culm.core.decide.target_health import Answer, Health, judge, known, next_probe_after
from culm.core.model.load_balancers import RegisteredTarget, TargetGroup
from culm.core.model.record import record

log = logging.getLogger(__name__)

EAGER_SECONDS = 0.25
OPEN_SECONDS = 0.1
"""How long a connection has to last to be one with a server."""
_LONGEST_BODY = 1 << 20
_BODY_SECONDS = 0.5
_CONTENT_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)")


@record
class Check:
    """What to ask, and how."""

    target: RegisteredTarget
    address: str
    group: TargetGroup

    @property
    def port(self) -> int:
        """The port that is probed: the target's own, unless the health check names another."""
        port = self.group.health_check_port
        return self.target.port if port == "traffic-port" else int(port)


Key = tuple[str, str, int, float]


def key(target: RegisteredTarget) -> Key:
    """Return a target's key; a target that is registered anew has another one."""
    return target.target_group_arn, target.id, target.port, target.registered_at


class Prober:
    """`changed` is called when a target's state, or its reason, is no longer what it was."""

    def __init__(self, changed: Callable[[], None], eager_seconds: float = EAGER_SECONDS) -> None:
        self._tell = changed
        self._eager_seconds = eager_seconds
        self._checks: dict[Key, Check] = {}
        self._health: dict[Key, Health] = {}
        self._following: dict[Key, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def watch(self, checks: Mapping[Key, Check]) -> None:
        """Probe these from now on, and no others."""
        if checks == self._checks:
            return
        now = asyncio.get_running_loop().time()
        self._checks = dict(checks)
        self._health = {k: self._health.get(k) or known(check.target, now) for k, check in checks.items()}
        for gone in self._following.keys() - checks.keys():
            self._following.pop(gone).cancel()
        self._changed.set()

    def health(self, target: RegisteredTarget) -> Health | None:
        """Return a target's health; None where it is not watched."""
        return self._health.get(key(target))

    async def run(self) -> None:
        """Probe what is watched, for ever."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._changed.clear()
                for fresh in self._checks.keys() - self._following.keys():
                    self._following[fresh] = tasks.create_task(self._follow(fresh))
                await self._changed.wait()

    async def _follow(self, which: Key) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            check = self._checks[which]
            answer = await probe(check)
            before = self._health[which]
            after = self._health[which] = judge(before, answer, check.group, clock())
            if (before.state, before.reason, before.description) != (after.state, after.reason, after.description):
                self._tell()
            await asyncio.sleep(next_probe_after(after, check.group, self._eager_seconds))


async def probe(check: Check) -> Answer:
    """Return one GET, as the load balancer's own health checker sends it; a connection where the check is TCP."""
    try:
        async with asyncio.timeout(check.group.health_check_timeout_seconds):
            if check.group.health_check_protocol == "TCP":
                return Answer(status=200 if await _stays_open(check.address, check.port) else None)
            http1, secure = check.group.protocol_version == "HTTP1", check.group.health_check_protocol == "HTTPS"
            tls = client.context("http/1.1" if http1 else "h2") if secure else None
            server = http2.CheckedServer(address=check.address, port=check.port, tls=tls)
            grpc = check.group.protocol_version == "GRPC"
            ask = _get if http1 else http2.grpc_status if grpc else http2.status
            return Answer(status=await ask(server, check.group.health_check_path))
    except TimeoutError:
        return Answer(timed_out=True)
    except OSError:
        return Answer()
    except Exception:  # an address or a path that cannot be asked: this target's trouble alone
        log.exception("the health check of %s:%s fails", check.address, check.group.health_check_port)
        return Answer()


async def _stays_open(address: str, port: int) -> bool:
    """Return whether a program listens. A container engine's proxy accepts even where none does, and then hangs up."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        async with asyncio.timeout(OPEN_SECONDS):
            return await reader.read(1) != b""
    except TimeoutError:
        return True
    finally:
        writer.close()


async def _get(server: http2.CheckedServer, path: str) -> int | None:
    """Return the status; None where the answer is not HTTP."""
    reader, writer = await asyncio.open_connection(server.address, server.port, ssl=server.tls)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {server.address}:{server.port}\r\nUser-Agent: ELB-HealthChecker/2.0\r\n"
            "Accept-Encoding: gzip, compressed\r\nConnection: close\r\n\r\n".encode()
        )
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return None
        status = _STATUS_LINE.match(head)
        if status is not None:
            await _take_body(reader, head)
        return int(status[1]) if status else None
    finally:
        writer.close()


async def _take_body(reader: asyncio.StreamReader, head: bytes) -> None:
    """Let the target finish its answer: hanging up in the middle would be an error in its log."""
    length = _CONTENT_LENGTH.search(head)
    left = min(int(length[1]), _LONGEST_BODY) if length else _LONGEST_BODY
    with suppress(TimeoutError):
        async with asyncio.timeout(_BODY_SECONDS):
            while left > 0 and (chunk := await reader.read(left)):
                left -= len(chunk)
