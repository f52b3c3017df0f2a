"""What the daemon's short way for the AWS API is worth: the same daemon with it, and with uvicorn's own protocol alone.

    .venv/bin/python bench/connection.py [--seconds 10]

Both take turns of a second, each over one kept-alive connection, with requests as boto3 signs them. Beside the requests
a second stands what one costs the daemon's processor, which is steadier on a machine with other work.
docs/decisions/0036-the-connection-extends-a-bounded-uvicorn.md rests on it.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
from pathlib import Path

from control_plane import Server, daemon, drive, keys_of, prepare, rate, started

WITHOUT = (
    "import sys; import culm.cluster.daemon.server as server; from culm.cluster.daemon.connection import Uvicorns;"
    "server.Connection = lambda answer, **given: Uvicorns(**given);"
    "from culm.cluster.daemon.__main__ import main; main()"
)
OPERATIONS = ("DescribeServices", "PutLogEvents", "DescribeLoadBalancers")


def cpu_ns(pid: int) -> int:
    """That a process took so far, all its threads together. Linux only."""
    return sum(int(path.read_text().split()[0]) for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))


def without(port: int, home: Path) -> list[str]:
    return [sys.executable, "-c", WITHOUT, *daemon(port, home)[3:]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=10, help="turns of each operation and daemon")
    chosen = options.parse_args()
    costs: dict[tuple[str, str], list[float]] = {}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers: list[Server] = []
        for name, command in (("short", daemon), ("uvicorn", without)):
            home, keys = folder / name, str(folder / f"{name}-keys")
            start = started(name, lambda port, command=command, home=home: command(port, home), folder, CULM_KEYS=keys)
            servers.append(stack.enter_context(start))
            servers[-1].keys = keys_of(home)
            prepare(servers[-1], 0)
        for _ in range(chosen.seconds):
            for operation in OPERATIONS:
                for server in servers:
                    before, asked = cpu_ns(server.pid), len(server.times.get(operation, ()))
                    drive(server, operation, 1.0, 250)
                    done = len(server.times[operation]) - asked
                    costs.setdefault((server.name, operation), []).append((cpu_ns(server.pid) - before) / done / 1000)
    print("| operation | short way, requests/s | uvicorn, requests/s | short way, µs of CPU | uvicorn, µs of CPU |")
    print("|---|---|---|---|---|")
    for operation in OPERATIONS:
        rates = " | ".join(f"{rate(server, operation):.0f}" for server in servers)
        spent = " | ".join(f"{statistics.median(costs[server.name, operation]):.0f}" for server in servers)
        print(f"| {operation} | {rates} | {spent} |")


if __name__ == "__main__":
    main()
