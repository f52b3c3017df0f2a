"""HAProxy's sockets, played: what its master says while a worker ends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from culm.cluster.balancer.haproxy import console
from culm.cluster.balancer.haproxy.console import Console
from culm.errors import PlaneFailure

PROCESSES = (
    "#<PID>          <type>          <reloads>       <uptime>\n1 master 1 0d\n# workers\n7 worker 0 0d\n# old workers\n"
)
TABLE = "# pxname,svname,scur,\ngroup-web,a:80,1,\n\n"


@asynccontextmanager
async def master(folder: Path, answer: Callable[[str], str]) -> AsyncIterator[Console]:
    """A socket that answers each command once, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer((await reader.read()).decode().strip()).encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(serve, folder / "master.sock"):
        yield Console(folder / "master.sock")


async def test_a_worker_that_ends_between_two_questions_has_no_rows(tmp_path: Path) -> None:
    old = ["42 worker 1 0d\n43 worker 1 0d\n", "43 worker 1 0d\n"]

    def answer(command: str) -> str:
        if command == "show proc":
            return PROCESSES + (old.pop(0) if len(old) > 1 else old[0]) + "\n"
        return TABLE if command.startswith("@!43 ") else ""

    async with master(tmp_path, answer) as socket:
        assert await console.finishing(socket) == [{"pxname": "group-web", "svname": "a:80", "scur": "1", "": ""}]


async def test_a_worker_that_goes_on_and_says_nothing_is_a_failure(tmp_path: Path) -> None:
    def answer(command: str) -> str:
        return PROCESSES + "42 worker 1 0d\n\n" if command == "show proc" else ""

    async with master(tmp_path, answer) as socket:
        with pytest.raises(PlaneFailure, match="hangs up for worker 42"):
            await console.finishing(socket)
