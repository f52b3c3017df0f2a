"""kill -9 of one part after the other while people use a service: how many requests fail, and for how long.

    .venv/bin/python bench/kills.py [--rounds 3] [--rate 500]

The example service `accounts`, two tasks of it, with its PostgreSQL. Its program is a smaller one (`SERVER`), so that
two cores carry 500 requests a second beside all else: each request reads from the database. They are sent at a steady
rate whether those before were answered or not, on kept connections, by a client that never sends twice; a connection
that is closed under a request fails that one. After each kill `AFTER` seconds are counted, then it is waited until all
is as it was. The figures in docs/endurance.md are this program's.
"""

import argparse
import asyncio
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios.stand import BAMBOO, CULM, Stand, eventually
from tests.traffic import free_port

BEFORE, AFTER = 1.0, 8.0
"""Seconds of requests before the kill and after it."""
PATIENCE = 10.0
REQUEST = b"GET /accounts/ HTTP/1.1\r\nHost: a\r\n\r\n"
PROJECT = """\
name: bamboo
targets: {{local: {{port: {port}}}}}
databases:
  main: {{engine: postgres}}
defaults: {{settle: 0}}
services:
  accounts: {{database: main, count: 2}}
"""
SERVER = """\
import asyncio, itertools, signal
import psycopg
from .settings import load, url

class Pooled:
    def __init__(self, address):
        self.address, self.connection, self.lock = address, None, asyncio.Lock()

    async def answers(self):
        async with self.lock:
            try:
                if self.connection is None or self.connection.closed:
                    connect = psycopg.AsyncConnection.connect
                    self.connection = await connect(self.address, autocommit=True, connect_timeout=2)
                await self.connection.execute("SELECT 1")
                return True
            except (psycopg.Error, OSError):
                self.connection = None
                return False

def written(status, body):
    return b"HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (status, len(body), body)

FINE, WITHOUT = written(b"200 OK", b"ok"), written(b"503 Service Unavailable", b"no database")

async def main():
    settings = load()
    pool = itertools.cycle([Pooled(url("database")) for _ in range(4)])

    async def serve(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\\r\\n\\r\\n")
                fine = b"/health" in head.split(b"\\r\\n", 1)[0] or await next(pool).answers()
                writer.write(FINE if fine else WITHOUT)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    await asyncio.start_server(serve, settings.host, settings.port, backlog=1024)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Outcome:
    sent: int
    failures: Counter[str]
    window: float
    """Seconds from the first request that failed to the last."""
    slowest: float
    """Seconds that a request took which did not fail."""
    late: float
    """Seconds that the client was behind its rate at most: above a tenth the figures are of a busy machine."""


@dataclass
class Load:
    """What became of requests, by the loop's clock."""

    failures: Counter[str] = field(default_factory=Counter)
    failed_at: list[float] = field(default_factory=list)
    slowest: float = 0.0
    open: int = 0
    """Requests that have not ended."""
    over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever none is open."""
    idle: list["Client"] = field(default_factory=list)

    def ended(self, answer: str, sent_at: float, now: float) -> None:
        self.open -= 1
        if answer == "200":
            self.slowest = max(self.slowest, now - sent_at)
        else:
            self.failures[answer] += 1
            self.failed_at.append(sent_at)
        if not self.open:
            self.over.set()


class Client(asyncio.Protocol):
    """A kept connection with one request at a time under way."""

    def __init__(self, load: Load) -> None:
        self.load, self.loop = load, asyncio.get_running_loop()
        self.transport: asyncio.Transport | None = None
        self.sent_at: float | None = None
        self.received = b""
        self.patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, now: float) -> None:
        assert self.transport is not None
        self.sent_at, self.received = now, b""
        self.patience = self.loop.call_later(PATIENCE, self.transport.abort)
        self.transport.write(REQUEST)

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if end and lengths and len(body) >= int(lengths[0].partition(b":")[2]):
            closing = b"connection: close" in head.lower()
            self._ended(head[9:12].decode())
            if closing:
                assert self.transport is not None
                self.transport.close()
            else:
                self.load.idle.append(self)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self.load.idle:
            self.load.idle.remove(self)
        if self.sent_at is not None:
            waited = self.loop.time() - self.sent_at
            head = self.received[9:12].decode()
            self._ended(f"nothing within {PATIENCE:g} s" if waited >= PATIENCE else head or "broken off")

    def _ended(self, answer: str) -> None:
        assert self.sent_at is not None
        assert self.patience is not None
        self.patience.cancel()
        self.load.ended(answer, self.sent_at, self.loop.time())
        self.sent_at = None


async def watched(port: int, rate: float, strike: Callable[[], None]) -> Outcome:
    """Send requests, and strike in the middle of them."""
    loop = asyncio.get_running_loop()
    load, connecting, late = Load(), set(), 0.0

    async def connected(sent_at: float) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                _, client = await loop.create_connection(lambda: Client(load), "127.0.0.1", port)
            client.send(sent_at)
        except (OSError, TimeoutError) as error:
            load.ended(type(error).__name__, sent_at, loop.time())

    began, count = loop.time(), int(rate * (BEFORE + AFTER))
    for number in range(count):
        if (wait := began + number / rate - loop.time()) > 0:
            await asyncio.sleep(wait)
        late = max(late, -wait)
        if number == int(rate * BEFORE):
            strike()
        load.open += 1
        if load.idle:
            load.idle.pop().send(loop.time())
        else:
            task = loop.create_task(connected(loop.time()))
            connecting.add(task)
            task.add_done_callback(connecting.discard)
    if load.open:
        load.over.clear()
        await load.over.wait()
    for client in [*load.idle]:
        assert client.transport is not None
        client.transport.close()
    window = max(load.failed_at) - min(load.failed_at) if load.failed_at else 0.0
    return Outcome(count, load.failures, window, load.slowest, late)


class Parts:
    """What can be killed, and how all comes to be as it was."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand

    def kill(self, words: str, count: int = 1) -> Callable[[], None]:
        """Kill the first processes whose command line has these words."""
        pids = [pid for pid, line in sorted(self.stand.processes().items()) if words in line][:count]
        assert pids, f"nothing runs as {words!r}"

        def strike() -> None:
            for pid in pids:
                os.kill(pid, signal.SIGKILL)

        return strike

    def strikes(self) -> dict[str, Callable[[], Callable[[], None]]]:
        return {
            "daemon": lambda: self.kill("culm.cluster.daemon"),
            "proxy, both processes": lambda: self.kill("bin/haproxy ", 2),
            "database": lambda: self.kill("postgres -D"),
            "task of two": lambda: self.kill("-m accounts"),
            "supervisor of a task of two": lambda: self.kill("runtime.process.shim.main"),
        }

    def heal(self) -> None:
        """Start the daemon if it is dead, and wait for two tasks that answer."""
        self.stand.culm("cluster", "start")
        ecs = self.stand.client("ecs")

        def whole() -> bool:
            [service] = ecs.describe_services(cluster="bamboo", services=["accounts"])["services"]
            healthy = self.stand.client("elbv2").describe_target_groups()["TargetGroups"]
            states = [
                each["TargetHealth"]["State"]
                for group in healthy
                for each in self.stand.client("elbv2").describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
                    "TargetHealthDescriptions"
                ]
            ]
            return service["runningCount"] == 2 and states == ["healthy"] * 2

        eventually(whole, within=120)
        time.sleep(1.0)  # what is left of the start does not count


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--rate", type=float, default=500, help="requests a second")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills ") as folder:
        stand = Stand(Path(folder), port=free_port())
        stand.copy(BAMBOO)
        stand.write("culm.yml", PROJECT.format(port=stand.port))
        stand.write("accounts/accounts/__main__.py", SERVER)
        try:
            stand.culm("up", "--runtime", "process")
            parts = Parts(stand)
            print("| kill -9 of | failed: median | most | of | window, ms: median | longest", end="")
            print(" | slowest answer, ms | client late, ms | how |")
            print("|---|---|---|---|---|---|---|---|---|")
            for name, prepare in parts.strikes().items():
                outcomes = []
                for _ in range(chosen.rounds):
                    parts.heal()
                    outcomes.append(asyncio.run(watched(stand.port, chosen.rate, prepare())))
                failed = [outcome.failures.total() for outcome in outcomes]
                windows = [outcome.window * 1000 for outcome in outcomes]
                how = sum((outcome.failures for outcome in outcomes), Counter())
                print(
                    f"| {name} | {statistics.median(failed):.0f} | {max(failed)} | {outcomes[0].sent} |"
                    f" {statistics.median(windows):.0f} | {max(windows):.0f} |"
                    f" {max(outcome.slowest for outcome in outcomes) * 1000:.0f} |"
                    f" {max(outcome.late for outcome in outcomes) * 1000:.0f} |"
                    f" {', '.join(f'{count} x {what}' for what, count in how.items())} |",
                    flush=True,
                )
        finally:
            stand.run([*CULM, "down"])
            stand.close()


if __name__ == "__main__":
    main()
