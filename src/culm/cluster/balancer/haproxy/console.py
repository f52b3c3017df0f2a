"""HAProxy's two sockets: the worker's (targets, counters) and the master's (reload).

https://docs.haproxy.org/2.8/management.html#9.3 and #9.4
"""

import asyncio
import csv
import io
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from culm.cluster.balancer.haproxy.render import TIMES
from culm.cluster.balancer.interface import RESPONSE_BOUNDS, Attention
from culm.core.model.record import record
from culm.errors import PlaneFailure

ANSWER_SECONDS = 10.0
_HANG_UPS = 50
_PAUSE_SECONDS = 0.02
_LONGEST_PATH = 100
_SERVERS = "show stat -1 4 -1"
_GROUPS_AND_SERVERS = "show stat -1 6 -1"
_MAINTENANCE = 0x01 | 0x02 | 0x20
"""Forced, inherited and by DNS: https://docs.haproxy.org/2.8/management.html#show%20servers%20state"""


class Console:
    """One of the sockets. A connection carries one batch of commands."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def ask(self, *commands: str) -> list[str]:
        """Return each command's answer; `PlaneFailure("NotAnswering")` where nobody listens.

        One that takes the connection and hangs up is between two lives, or ending: it is asked again.
        """
        for _ in range(_HANG_UPS):
            if output := await self.tell(";".join(commands)):
                return _answers(output, len(commands))
            await asyncio.sleep(_PAUSE_SECONDS)
        raise PlaneFailure("NotAnswering", f"HAProxy hangs up on {self.path}")

    async def tell(self, line: str) -> str:
        """Return what comes back, which may be nothing."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._exchange(f"{line}\n".encode())
        except (OSError, TimeoutError) as error:
            raise PlaneFailure("NotAnswering", f"HAProxy does not answer on {self.path}: {error}") from error

    async def _exchange(self, request: bytes) -> str:
        with short_path(self.path) as path:
            reader, writer = await asyncio.open_unix_connection(path)
        try:
            writer.write(request)
            await writer.drain()
            writer.write_eof()  # the master answers some commands only when it knows that no more will come
            return (await reader.read()).decode(errors="replace")
        finally:
            writer.close()


@record
class Server:
    backend: str
    name: str
    maintenance: bool


@record
class Running:
    """What a running HAProxy says of itself."""

    description: str
    servers: tuple[Server, ...]


async def look(console: Console) -> Running:
    """Return which workers HAProxy has. Raises PlaneFailure when it ends in the middle of its answer."""
    info, state = await console.ask("show info", "show servers state")
    if "\n# " not in state:
        raise PlaneFailure("NotAnswering", "HAProxy ended in the middle of its answer")
    fields = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    return Running(description=fields.get("description", ""), servers=tuple(_servers(state)))


async def counters(console: Console) -> list[dict[str, str]]:
    """Return `show stat` of all servers and of their groups, a row each."""
    [table] = await console.ask(_GROUPS_AND_SERVERS)
    return _rows(table)


async def finishing(master: Console) -> list[dict[str, str]]:
    """Return the servers' rows of workers that only finish what they had; one that ends meanwhile has no rows.

    Raises PlaneFailure when the master does not answer, or hangs up for a worker that goes on.
    """
    rows: list[dict[str, str]] = []
    for pid in (await processes(master))[1]:
        for _ in range(_HANG_UPS):
            if table := await master.tell(f"@!{pid} {_SERVERS}"):
                rows += _rows(table.strip("\n"))
                break
            if pid not in (await processes(master))[1]:
                break
            await asyncio.sleep(_PAUSE_SECONDS)
        else:
            raise PlaneFailure("NotAnswering", f"HAProxy hangs up for worker {pid}")
    return rows


def _rows(table: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.removeprefix("# "))))


async def frontends(console: Console) -> set[str]:
    """Return the names of the frontends that HAProxy has. Raises PlaneFailure when it does not answer."""
    [table] = await console.ask("show stat -1 1 -1")
    return {row["pxname"] for row in _rows(table)}


async def processes(master: Console) -> tuple[int, tuple[int, ...]]:
    """Return the master's process id, and those of workers that only finish what they had at a reload."""
    [table] = await master.ask("show proc")
    present, _, finishing = table.partition("# old workers")
    match = re.search(r"^(\d+)\s+master", present, re.MULTILINE)
    if match is None:
        raise PlaneFailure("NotAnswering", f"HAProxy's master says {table!r}")
    return int(match[1]), tuple(int(pid) for pid in re.findall(r"^(\d+)\s+worker", finishing, re.MULTILINE))


_TIMED = re.compile(r"\bkey=(\S+)/(group-[^/\s]+)/(\d+) .*?conn_cnt=(\d+)")


async def response_times(console: Console) -> dict[tuple[str, str], tuple[int, ...]]:
    """Return how many responses were in each class of times, by backend and server; none before there is a group."""
    [table] = await console.ask(f"show table {TIMES}")
    times: dict[tuple[str, str], list[int]] = {}
    for match in _TIMED.finditer(table):
        counts = times.setdefault((match[2], match[1]), [0] * (len(RESPONSE_BOUNDS) + 1))
        counts[int(match[3])] += int(match[4])
    return {key: tuple(counts) for key, counts in times.items()}


_TABLE = re.compile(r"^# table: group-([^\s,]+),", re.MULTILINE)
_ENTRY = re.compile(r"\buse=(\d+)\b.*\bhttp_req_cnt=(\d+)")


async def attention(worker: Console) -> dict[str, Attention]:
    """Return the requests that count, by group, from the tables of those that are watched."""
    [tables] = await worker.ask("show table")
    names = _TABLE.findall(tables)
    entries = await worker.ask(*(f"show table group-{name}" for name in names)) if names else []
    counted = {name: _ENTRY.search(text) for name, text in zip(names, entries, strict=True)}
    return {
        name: Attention(requests=int(match[2]), in_flight=int(match[1]))
        for name, match in counted.items()
        if match is not None
    }


def _servers(state: str) -> Iterator[Server]:
    lines = state.splitlines()
    header = next(line for line in lines if line.startswith("# ")).removeprefix("# ").split()
    for line in lines:
        values = line.split()
        if len(values) == len(header):
            row = dict(zip(header, values, strict=True))
            maintenance = bool(int(row["srv_admin_state"]) & _MAINTENANCE)
            yield Server(backend=row["be_name"], name=row["srv_name"], maintenance=maintenance)


def _answers(output: str, count: int) -> list[str]:
    """Answers end with an empty line each."""
    parts: Sequence[str] = output.split("\n\n")
    return [part.strip("\n") for part in [*parts, *[""] * count][:count]]


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Yield a path of the same socket that fits into `sun_path` (108 bytes on Linux)."""
    if len(os.fsencode(path)) < _LONGEST_PATH or not Path("/proc/self/fd").exists():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
