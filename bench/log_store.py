"""Stored log lines beside the peers: how fast they come in, what they take, how fast they are found again.

    .venv/bin/python bench/log_store.py [--lines 1000000] [--peers FOLDER] [--no-follow]

JSON lines of one service come by PutLogEvents, 5,000 a request. Then FilterLogEvents looks for a word that is in one
line of 100,000, page by page to the end, and Insights counts lines by five minutes. culm keeps what it has on disk, the
peers in memory, so bytes a line are of the folder of the one and of the resident memory of the others. Last, how long a
line takes from a task's `print` to `culm logs -f`, without the peers, which have no such thing.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.control_plane import Server, daemon, install_peers, keys_of, resident_mb, started
from tests.scenarios import misfits
from tests.scenarios.stand import CULM, Stand
from tests.traffic import free_port

GROUP = "shop/orders"
BATCH = 5000
RARE = 100_000
"""One line of so many has the word that is looked for."""
HOURS = 6
COUNTED = "stats count(*) by bin(5m)"
TICKS = """
import threading, time
def write():
    while True:
        print("tick", time.time(), flush=True)
        time.sleep(0.5)
threading.Thread(target=write, daemon=True).start()
"""


@dataclass
class Measured:
    server: Server
    before: float
    """Bytes that it had without the lines."""
    figures: dict[str, str] = field(default_factory=dict)


def line(number: int) -> str:
    """An access line as JSON, of about 170 bytes."""
    word = "needle" if number % RARE == 0 else "order"
    path, status = f"/orders/{number * 7919 % 99_991}", 500 if number % 97 == 0 else 200
    fields = {"level": "info", "msg": f"{word} {number} taken", "path": path, "status": status, "ms": number % 211}
    return json.dumps(fields | {"trace": f"1-{number:08x}-{number * 2654435761 % (1 << 96):024x}"})


def batches(lines: int, end_ms: int) -> Iterator[list[dict[str, Any]]]:
    """Log events of the last HOURS hours, in their order."""
    step = HOURS * 3600 * 1000 / lines
    first_ms = end_ms - HOURS * 3600 * 1000
    for first in range(0, lines, BATCH):
        numbers = range(first, min(first + BATCH, lines))
        yield [{"timestamp": int(first_ms + step * number), "message": line(number)} for number in numbers]


def stored_bytes(server: Server, home: Path | None) -> float:
    """Of a folder on disk, or of memory."""
    if home is None:
        return resident_mb(server.pid) * 1024 * 1024
    return sum(file.stat().st_blocks * 512 for file in home.rglob("*") if file.is_file())


def ingest(measured: Measured, lines: int, end_ms: int) -> None:
    logs = measured.server.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="1")
    seconds = 0.0
    for events in batches(lines, end_ms):
        began = time.perf_counter()
        logs.put_log_events(logGroupName=GROUP, logStreamName="1", logEvents=events)
        seconds += time.perf_counter() - began
    measured.figures["lines/s in"] = f"{lines / seconds:,.0f}"


def search(measured: Measured, lines: int) -> None:
    pages = measured.server.client("logs").get_paginator("filter_log_events")
    began = time.perf_counter()
    events = [event for page in pages.paginate(logGroupName=GROUP, filterPattern="needle") for event in page["events"]]
    seconds = time.perf_counter() - began
    right = len(events) == len(range(0, lines, RARE))
    measured.figures["a rare word, s"] = f"{seconds:.2f}" if right else f"wrong: {len(events)} lines"


def count(measured: Measured, lines: int, end_ms: int) -> None:
    logs = measured.server.client("logs")
    began = time.perf_counter()
    asked = logs.start_query(
        logGroupName=GROUP, startTime=end_ms // 1000 - HOURS * 3600, endTime=end_ms // 1000 + 1, queryString=COUNTED
    )
    while (answer := logs.get_query_results(queryId=asked["queryId"]))["status"] in ("Scheduled", "Running"):
        time.sleep(0.005)
    seconds = time.perf_counter() - began
    counts = [
        int(cell["value"])
        for row in answer["results"]
        for cell in row
        if cell["field"] == "count(*)" and cell["value"].isdecimal()
    ]
    right = sum(counts) == lines and len(counts) >= HOURS * 12
    measured.figures["count by bin, s"] = f"{seconds:.2f}" if right else f"wrong: {len(counts)} bins of {sum(counts)}"


def attempted(measured: Measured, name: str, step: Any, *arguments: Any) -> None:
    """Take a step; where the server cannot, its error is the figure."""
    try:
        step(measured, *arguments)
    except Exception as error:  # whatever a peer answers is the figure
        measured.figures[name] = f"{type(error).__name__}: {str(error)[:60]}"


def follow(folder: Path, lines: int = 40) -> list[float]:
    """Seconds from `print` in a task to the screen of `culm logs -f`."""
    stand = Stand(folder, port=free_port())
    try:
        misfits.service(stand, "ticking", first=TICKS)
        misfits.project(stand, "ticks", "ticking")
        stand.edit("culm.yml", "services:", "defaults: {settle: 0}\nservices:")
        stand.culm("up", "--runtime", "process")
        command = [*CULM, "logs", "ticking", "-f", "--raw"]
        delays: list[float] = []
        with subprocess.Popen(
            command, cwd=stand.project, env=stand.environment, stdout=subprocess.PIPE, text=True
        ) as read:
            began = time.time()
            assert read.stdout is not None
            for text in read.stdout:
                words = text.split()
                written = float(words[-1]) if words[-2:-1] == ["tick"] else 0.0
                if written > began + 2:
                    delays.append(time.time() - written)
                if len(delays) == lines:
                    break
            read.terminate()
        return delays
    finally:
        stand.close()


def table(all_measured: Sequence[Measured]) -> str:
    """A Markdown table."""
    names = list(all_measured[0].figures)
    rows = [["server", *names], ["---"] * (len(names) + 1)]
    rows += [[each.server.name, *(each.figures.get(name, "") for name in names)] for each in all_measured]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--peers", type=Path, help="folder of the peers' environment, kept")
    options.add_argument("--no-follow", dest="follow", action="store_false")
    chosen = options.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers, home = install_peers(chosen.peers or folder / "peers"), folder / "home"
        culm = stack.enter_context(
            started("culm", lambda port: daemon(port, home), folder, CULM_KEYS=str(folder / "keys"))
        )
        culm.keys = keys_of(home)
        ministack = started(
            "MiniStack", lambda _: [str(peers / "ministack")], folder, GATEWAY_PORT="{port}", LOG_LEVEL="ERROR"
        )
        moto = started("moto", lambda port: [str(peers / "moto_server"), "-p", str(port)], folder)
        servers = [culm, stack.enter_context(ministack), stack.enter_context(moto)]
        end_ms = int(time.time() * 1000) - 60_000
        measured = []
        for server in servers:
            where = home if server is culm else None
            each = Measured(server, stored_bytes(server, where))
            attempted(each, "lines/s in", ingest, chosen.lines, end_ms)
            each.figures["bytes a line"] = f"{(stored_bytes(server, where) - each.before) / chosen.lines:.0f}"
            attempted(each, "a rare word, s", search, chosen.lines)
            attempted(each, "count by bin, s", count, chosen.lines, end_ms)
            measured.append(each)
        print(f"{chosen.lines:,} lines of {len(line(chosen.lines // 2))} bytes\n\n{table(measured)}\n", flush=True)
        if chosen.follow:
            delays = follow(folder / "follow")
            middle, most = statistics.median(delays) * 1000, max(delays) * 1000
            print(
                f"from a task's print to `culm logs -f`: {middle:.0f} ms (median of {len(delays)}), {most:.0f} at most"
            )


if __name__ == "__main__":
    main()
