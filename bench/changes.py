"""Whether anything is lost while the load balancer changes: targets, rules and certificates, under steady requests.

    .venv/bin/python bench/changes.py [--rate 2000] [--swaps 50] [--rules 50] [--certificates 20]

HAProxy as culm drives it, before two targets. Half of the requests come over HTTP and half over HTTPS, on kept-alive
connections: a client looks whether a connection was closed before it sends on it, never sends anything twice, and
counts what got no answer or another status than 200. Meanwhile a WebSocket, a stream of events and an answer that takes
30 s are under way at the target that is taken out first; they have to be whole at the end. Then a target is taken out
with a request in flight, and given its deregistration delay. Budget: nothing lost.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cluster.balancer.test_draining import EVENTS, SWITCHED, WEBSOCKET, event
from tests.cluster.balancer.test_tls import a_pem, trusting
from tests.traffic import a_group, a_listener, a_rule, forward, free_port, on_path, serving

from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Group, Listener, Target, Tls

CLIENTS = 16
"""Connections of each scheme."""
LONG_SECONDS = 30.0
GAP_SECONDS = 0.2
"""Between two changes."""
NAMES = ("a.example.com", "b.example.com")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while head := await reader.readuntil(b"\r\n\r\n"):
        if head.startswith(b"GET /chat"):
            writer.write(SWITCHED)
            while line := await reader.readline():
                writer.write(line)
            return
        if head.startswith(b"GET /events"):
            writer.write(EVENTS)
            for number in range(int(LONG_SECONDS)):
                writer.write(event(b"data: %d\n\n" % number))
                await asyncio.sleep(1)
            writer.write(b"0\r\n\r\n")
            continue
        if head.startswith(b"GET /slow"):
            await asyncio.sleep(LONG_SECONDS)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


class Load:
    """Requests at a steady rate; `counts` has what became of them."""

    def __init__(self, http: int, https: int, rate: int) -> None:
        self._ports, self._rate = (http, https), rate
        self.counts: Counter[str] = Counter()
        self.slowest = 0.0
        self._stopped = False

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for secure in (False, True):
                for _ in range(CLIENTS):
                    group.create_task(self._client(secure))

    def stop(self) -> None:
        self._stopped = True

    async def _client(self, secure: bool) -> None:
        pause, due = 2 * CLIENTS / self._rate, time.monotonic()
        connection = None
        context = trusting("http/1.1")
        context.check_hostname = False
        while not self._stopped:
            due += pause
            if (wait := due - time.monotonic()) > 0:
                await asyncio.sleep(wait)
            if connection is None or connection[0].at_eof():
                if connection is not None:
                    connection[1].close()
                    self.counts["connections closed while idle"] += 1
                kwargs = {"ssl": context, "server_hostname": NAMES[0]} if secure else {}
                connection = await asyncio.open_connection("127.0.0.1", self._ports[secure], **kwargs)
            connection = await self._request(*connection)
        if connection is not None:
            connection[1].close()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        began = time.monotonic()
        try:
            writer.write(b"GET /x HTTP/1.1\r\nHost: a.example.com\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            self.counts[head[9:12].decode()] += 1
        except (OSError, asyncio.IncompleteReadError):
            self.counts["lost"] += 1
            writer.close()
            return None
        self.slowest = max(self.slowest, time.monotonic() - began)
        if b"connection: close" in head.lower():
            writer.close()
            return None
        return reader, writer


class Balanced:
    """What is wished, and the plane that is told."""

    def __init__(self, plane: HaproxyPlane, http: int, https: int, targets: list[Target]) -> None:
        self.plane, self.targets = plane, targets
        self._ports = http, https
        self.serving = [targets[0]]
        self.draining: list[Target] = []
        self.rules: list = []
        self.certificate = a_pem(NAMES[0])

    async def apply(self) -> None:
        rules = [*self.rules, a_rule(None, action=forward("web"))]
        tls = Tls(certificates=(self.certificate,))
        listeners: list[Listener] = [a_listener(self._ports[0], *rules), a_listener(self._ports[1], *rules, tls=tls)]
        out = [Target(address=each.address, port=each.port, draining=True) for each in self.draining]
        groups: list[Group] = [a_group("web", *self.serving, *out)]
        outcome = await self.plane.apply(listeners, groups)
        assert not outcome.ports and not outcome.rules, outcome


async def ask(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    return reader, writer


async def changes(balanced: Balanced, chosen: argparse.Namespace) -> None:
    """All of them, one kind after the other. The first target drains from the first swap on: it has what is long."""
    first, *others = balanced.targets
    balanced.draining = [first]
    for number in range(chosen.swaps):
        new, old = others[number % 2], others[(number + 1) % 2]
        balanced.serving, balanced.draining = [new], [first, *([old] if number else [])]
        await balanced.apply()
        balanced.draining = [first]
        await asyncio.sleep(GAP_SECONDS)
    for number in range(chosen.rules):
        balanced.rules = [a_rule(1 + number, on_path(f"/new-{number}"), action=forward("web"))]
        await balanced.apply()
        await asyncio.sleep(GAP_SECONDS)
    for number in range(chosen.certificates):
        balanced.certificate = a_pem(NAMES[0], f"v{number}.example.com")
        await balanced.apply()
        await asyncio.sleep(GAP_SECONDS)


async def run(chosen: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        executable = Path(chosen.haproxy) if chosen.haproxy else None
        plane, http, https = HaproxyPlane(Path(temporary) / "lb", executable=executable), free_port(), free_port()
        await plane.start()
        try:
            async with serving(answer) as one, serving(answer) as two, serving(answer) as three:
                targets = [Target(address="127.0.0.1", port=port) for port in (one, two, three)]
                return await under_load(Balanced(plane, http, https, targets), http, https, chosen)
        finally:
            await plane.stop()


async def under_load(balanced: Balanced, http: int, https: int, chosen: argparse.Namespace) -> int:
    await balanced.apply()
    chat, says = await asyncio.open_connection("127.0.0.1", http)
    says.write(WEBSOCKET)
    await chat.readuntil(b"\r\n\r\n")
    (events, first), (slow, second) = await ask(http, "/events"), await ask(http, "/slow")
    load = Load(http, https, chosen.rate)
    running = asyncio.create_task(load.run())
    began = time.monotonic()
    await changes(balanced, chosen)
    took = time.monotonic() - began
    load.stop()
    await running
    says.write(b"still here\n")
    whole = {
        "WebSocket": await chat.readline() == b"still here\n",
        "events": b"data: %d\n" % (LONG_SECONDS - 1) in await events.read(),
        "answer of 30 s": (await slow.read()).endswith(b"ok"),
    }
    for writer in (says, first, second):
        writer.close()
    asked = sum(count for name, count in load.counts.items() if not name.startswith("connections"))
    print(f"{asked} requests in {took:.0f} s, {asked / took:.0f} a second; slowest {load.slowest * 1000:.0f} ms")
    print(f"changes: {chosen.swaps} targets, {chosen.rules} rules, {chosen.certificates} certificates")
    print(f"answered and not: {dict(load.counts)}")
    print(f"whole at the end: {whole}")
    return 0 if all(whole.values()) and load.counts["200"] == asked else 1


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rate", type=int, default=2000, help="requests a second")
    options.add_argument("--swaps", type=int, default=50)
    options.add_argument("--rules", type=int, default=50)
    options.add_argument("--certificates", type=int, default=20)
    options.add_argument("--haproxy", help="the HAProxy; else culm's, with the relay for TLS")
    sys.exit(asyncio.run(run(options.parse_args())))


if __name__ == "__main__":
    main()
