"""The control plane beside its peers: requests a second and the slowest of a hundred, as a Markdown table.

    .venv/bin/python bench/control_plane.py [--seconds 4] [--rounds 20] [--services 0] [--peers FOLDER] [--no-verify]

Each server gets its own requests, as boto3 signs them for it, over one kept-alive connection; the servers take turns,
so that whatever else the machine does falls on all of them. culm is the daemon as users have it, with its loops; the
peers are installed from PyPI into a throw-away environment (`--peers` keeps it). `--services 2000` fills every server
first, to see whether the cost stays flat. `--no-verify` lets culm believe every signature, as the peers do.
"""

import argparse
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

BUDGETS = {"MiniStack": 2.0, "moto": 5.0}
BUDGET_P99_MS = 20.0
SIGNED = 3000
"""Requests of each operation that every server gets at most; those that must not repeat are signed beforehand."""
DESCRIBED = [f"svc-{n}" for n in range(4)]


@dataclass
class Server:
    name: str
    endpoint: str
    pid: int
    keys: tuple[str, str] = "test", "test"
    """Access key id and secret, which only culm verifies."""
    requests: dict[str, Iterator[bytes]] = field(default_factory=dict)
    rates: dict[str, list[float]] = field(default_factory=dict)
    """Requests a second of each round."""
    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of each request."""
    failed: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.keys[0],
            aws_secret_access_key=self.keys[1],
            config=Config(retries={"total_max_attempts": 1}),
        )


class Captured(Exception):
    """Carries a signed request out of boto3 instead of onto the wire."""


def signed(client: Any, operation: str, **arguments: Any) -> bytes:
    """The bytes of a request as boto3 would send it."""

    def capture(request: Any, **_: Any) -> None:
        parts = urlsplit(request.url)
        body = request.body or b""
        body = body.encode() if isinstance(body, str) else bytes(body)
        headers = {"Host": parts.netloc, **dict(request.headers.items()), "Content-Length": str(len(body))}
        lines = [f"{k}: {v.decode() if isinstance(v, bytes) else v}" for k, v in headers.items()]
        raise Captured(
            f"{request.method} {parts.path or '/'} HTTP/1.1\r\n".encode()
            + "\r\n".join(lines).encode()
            + b"\r\n\r\n"
            + body
        )

    client.meta.events.register_last("before-send", capture)
    try:
        getattr(client, operation)(**arguments)
    except Captured as caught:
        return bytes(caught.args[0])
    finally:
        client.meta.events.unregister("before-send", capture)
    raise AssertionError("boto3 sent nothing")


def service(name: str) -> dict[str, Any]:
    return {"cluster": "bench", "serviceName": name, "taskDefinition": "web", "desiredCount": 0}


def revision(family: str) -> dict[str, Any]:
    container = {
        "name": "web",
        "image": "127.0.0.1:4566/web:1",
        "memory": 256,
        "portMappings": [{"containerPort": 8080, "hostPort": 0}],
        "environment": [{"name": "MYENV", "value": "stg"}],
        "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "bench"}},
    }
    return {"family": family, "containerDefinitions": [container]}


def prepare(server: Server, services: int) -> None:
    """What the requests are about, and the requests."""
    ecs, logs, elbv2, ec2 = (server.client(name) for name in ("ecs", "logs", "elbv2", "ec2"))
    ecs.create_cluster(clusterName="bench")
    ecs.register_task_definition(**revision("web"))
    for name in [*DESCRIBED, *(f"filler-{n}" for n in range(services))]:
        ecs.create_service(**service(name))
    logs.create_log_group(logGroupName="bench")
    logs.create_log_stream(logGroupName="bench", logStreamName="web")
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"][:2]]
    for n in range(2):
        elbv2.create_load_balancer(Name=f"bench-{n}", Subnets=subnets)

    now_ms = int(time.time() * 1000)

    def batch(first: int) -> list[dict[str, Any]]:
        """What Docker's driver sends of a task that serves 20 requests a second."""
        return [{"timestamp": now_ms + first + n, "message": f'{{"path": "/orders/{n}"}}'} for n in range(20)]

    put = {"logGroupName": "bench", "logStreamName": "web"}
    server.requests = {
        "DescribeServices": repeat(signed(ecs, "describe_services", cluster="bench", services=DESCRIBED)),
        "RegisterTaskDefinition": iter(
            [signed(ecs, "register_task_definition", **revision(f"f{n}")) for n in range(SIGNED)]
        ),
        "PutLogEvents": iter([signed(logs, "put_log_events", **put, logEvents=batch(20 * n)) for n in range(SIGNED)]),
        "CreateService": iter([signed(ecs, "create_service", **service(f"new-{n}")) for n in range(SIGNED)]),
        "DescribeLoadBalancers": repeat(signed(elbv2, "describe_load_balancers")),
    }


class Connection:
    """One kept-alive connection that does nothing but send bytes and read an answer's.

    A server that closes it after each answer is given a new one, outside of the time that is measured.
    """

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._address = parts.hostname, parts.port
        self._open()

    def ask(self, request: bytes) -> tuple[int, float]:
        """The status of the answer, and the seconds it took."""
        began = time.perf_counter()
        self._socket.sendall(request)
        got = bytearray()
        while (end := got.find(b"\r\n\r\n")) < 0:
            got += self._more()
        head = bytes(got[:end]).lower()
        if b"transfer-encoding: chunked" in head:
            while not got.endswith(b"\r\n0\r\n\r\n"):
                got += self._more()
        else:
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            while len(got) < end + 4 + length:
                got += self._more()
        seconds = time.perf_counter() - began
        if b"connection: close" in head:
            self.close()
            self._open()
        return int(head[9:12]), seconds

    def close(self) -> None:
        self._socket.close()

    def _open(self) -> None:
        self._socket = socket.create_connection(self._address, timeout=30)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _more(self) -> bytes:
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data


def drive(server: Server, operation: str, seconds: float, most: int) -> None:
    """Ask one operation over and over for so long, and at most so many times."""
    times: list[float] = []
    connection = Connection(server.endpoint)
    began = time.perf_counter()
    for request in islice(server.requests[operation], most):
        status, taken = connection.ask(request)
        times.append(taken)
        if status != 200:
            server.failed[operation] = f"HTTP {status}"
        if status != 200 or time.perf_counter() - began > seconds:
            break
    connection.close()
    if times:
        server.rates.setdefault(operation, []).append(len(times) / sum(times))
        server.times.setdefault(operation, []).extend(times)


def table(servers: Sequence[Server], operations: Sequence[str]) -> Iterator[str]:
    culm, *peers = servers
    yield (
        "| operation | culm, requests/s | culm p99, ms | "
        + " | ".join(f"{p.name}, requests/s | ratio" for p in peers)
        + " |"
    )
    yield "|---" * (3 + 2 * len(peers)) + "|"
    for operation in operations:
        own = rate(culm, operation)
        cells = [operation, f"{own:.0f}", f"{p99_ms(culm, operation):.1f}"]
        for peer in peers:
            other = rate(peer, operation)
            cells += [
                f"{other:.0f}" if other else peer.failed.get(operation, "-"),
                f"{own / other:.1f}" if other else "-",
            ]
        yield "| " + " | ".join(cells) + " |"


def rate(server: Server, operation: str) -> float:
    """The median of the rounds."""
    rounds = server.rates.get(operation)
    return statistics.median(rounds) if rounds and operation not in server.failed else 0.0


def p99_ms(server: Server, operation: str) -> float:
    times = sorted(server.times.get(operation, [0.0]))
    return times[int(len(times) * 0.99)] * 1000


def misses(servers: Sequence[Server], operations: Sequence[str]) -> Iterator[str]:
    culm, *peers = servers
    for operation in operations:
        if operation in culm.failed:
            yield f"{operation}: {culm.failed[operation]}"
        if p99_ms(culm, operation) > BUDGET_P99_MS:
            yield f"{operation}: p99 over {BUDGET_P99_MS:g} ms"
        for peer in peers:
            other = rate(peer, operation)
            if other and rate(culm, operation) < BUDGETS[peer.name] * other:
                yield f"{operation}: under {BUDGETS[peer.name]:g} x {peer.name}"


@contextlib.contextmanager
def started(name: str, command: Callable[[int], list[str]], folder: Path, **environment: str) -> Iterator[Server]:
    port = free_port()
    chosen = {k: v.format(port=port) for k, v in environment.items()}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command(port), env={**os.environ, **chosen}, stdout=log, stderr=log, cwd=folder)
        try:
            wait_for(port, process, name, folder)
            yield Server(name=name, endpoint=f"http://127.0.0.1:{port}", pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes], name: str, folder: Path) -> None:
    limit = time.monotonic() + 60
    while time.monotonic() < limit and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit(f"{name} did not start:\n{(folder / f'{name}.log').read_text()[-2000:]}")


def daemon(port: int, home: Path, *options: str) -> list[str]:
    """The cluster as users have it, with its loops and two machines without tasks."""
    command = [
        sys.executable,
        "-m",
        "culm.cluster.daemon",
        "--home",
        str(home),
        "--port",
        str(port),
        "--runtime",
        "process",
    ]
    return [*command, *options]


def keys_of(home: Path) -> tuple[str, str]:
    """The operator's, which are there when the daemon is ready."""
    limit = time.monotonic() + 60
    while not (home / "cluster.json").exists() and time.monotonic() < limit:
        time.sleep(0.005)
    found = json.loads((home / "cluster.json").read_text())["environment"]
    return found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"]


def resident_mb(pid: int) -> float:
    """Of memory, on Linux; elsewhere 0."""
    status = Path(f"/proc/{pid}/status")
    found = [line for line in status.read_text().splitlines() if line.startswith("VmRSS")] if status.exists() else []
    return int(found[0].split()[1]) / 1024 if found else 0.0


def idle_percent(pid: int, seconds: float = 5.0) -> float:
    """Of one core that a process takes which nobody asks, on Linux; elsewhere 0."""

    def ticks() -> int:
        stat = Path(f"/proc/{pid}/stat")
        return sum(map(int, stat.read_text().rpartition(")")[2].split()[11:13])) if stat.exists() else 0

    time.sleep(1)  # what the last request left to do
    before = ticks()
    time.sleep(seconds)
    return (ticks() - before) / os.sysconf("SC_CLK_TCK") / seconds * 100


def verifies(server: Server) -> bool:
    """Whether it refuses a request whose signature is wrong."""
    request = next(server.requests["DescribeLoadBalancers"]).replace(b"Signature=", b"Signature=0")
    connection = Connection(server.endpoint)
    status, _ = connection.ask(request)
    connection.close()
    return status != 200


def install_peers(folder: Path) -> Path:
    """The folder of their commands; what is installed already stays."""
    commands = folder / "bin"
    if not (commands / "ministack").exists():
        print("installing MiniStack and moto", file=sys.stderr)
        venv.create(folder, with_pip=True)
        subprocess.run([commands / "pip", "install", "--quiet", "ministack", "moto[server]"], check=True)
    return commands


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=float, default=4.0, help="of each operation, server and round")
    options.add_argument("--rounds", type=int, default=20)
    options.add_argument("--services", type=int, default=0, help="that are there before the measuring")
    options.add_argument("--peers", type=Path, help="folder of the peers' environment, kept")
    options.add_argument("--no-verify", dest="verify", action="store_false", help="culm believes every signature")
    chosen = options.parse_args()

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = install_peers(chosen.peers or folder / "peers")
        home, given = folder / "home", () if chosen.verify else ("--no-verify",)
        began = time.perf_counter()
        culm = stack.enter_context(
            started("culm", lambda port: daemon(port, home, *given), folder, CULM_KEYS=str(folder / "keys"))
        )
        culm.keys = keys_of(home)
        ready_seconds = time.perf_counter() - began
        time.sleep(1)
        started_mb = resident_mb(culm.pid)
        servers = [
            culm,
            stack.enter_context(
                started(
                    "MiniStack",
                    lambda port: [str(peers / "ministack")],
                    folder,
                    GATEWAY_PORT="{port}",
                    LOG_LEVEL="ERROR",
                )
            ),
            stack.enter_context(started("moto", lambda port: [str(peers / "moto_server"), "-p", str(port)], folder)),
        ]
        for server in servers:
            prepare(server, chosen.services)
        idle = idle_percent(culm.pid)
        operations = list(servers[0].requests)
        for _ in range(chosen.rounds):
            for operation in operations:
                for server in servers:
                    drive(server, operation, chosen.seconds / chosen.rounds, SIGNED // chosen.rounds)
        for server in servers:
            what = "verifies signatures" if verifies(server) else "believes every signature"
            where = "on disk before it answers" if server is culm else "in memory"
            print(f"{server.name} {what} and keeps its state {where}.")
        print(
            f"The daemon was ready in {ready_seconds:.2f} s with {started_mb:.0f} MB;"
            f" idle with {chosen.services} services it took {idle:.1f} % of a core, after the requests it has"
            f" {resident_mb(culm.pid):.0f} MB.\n"
        )
    print("\n".join(table(servers, operations)))
    for miss in misses(servers, operations):
        print(f"over budget: {miss}", file=sys.stderr)
    return 1 if any(misses(servers, operations)) else 0


if __name__ == "__main__":
    sys.exit(main())
