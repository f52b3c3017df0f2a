"""kill -9 of one part after the other while people use a service: how many requests fail, and for how long.

    .venv/bin/python bench/kills.py [--rounds 3] [--rate 100]

The example service `accounts`, two tasks of it, with its PostgreSQL: each request reads from the database, on a
connection of its own, at a steady rate whether those before were answered or not. After each kill `AFTER` seconds are
counted, then it is waited until all is as it was. The figures in docs/endurance.md are this program's.
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
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios.stand import BAMBOO, CULM, Stand, eventually
from tests.traffic import free_port

BEFORE, AFTER = 1.0, 8.0
"""Seconds of requests before the kill and after it."""
PATIENCE = 10.0
PROJECT = """\
name: bamboo
targets: {{local: {{port: {port}}}}}
databases:
  main: {{engine: postgres}}
defaults: {{settle: 0}}
services:
  accounts: {{database: main, count: 2}}
"""


@dataclass(frozen=True)
class Outcome:
    sent: int
    failures: Counter[str]
    window: float
    """Seconds from the first request that failed to the last."""
    slowest: float
    """Seconds that a request took which did not fail."""


async def asked(port: int) -> str:
    """The status of an answer, or what came instead of one."""
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(b"GET /accounts/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                return (await reader.read())[9:12].decode() or "no answer"
            finally:
                writer.close()
    except TimeoutError:
        return f"nothing within {PATIENCE:g} s"
    except OSError as error:
        return type(error).__name__


async def watched(port: int, rate: float, strike: Callable[[], None]) -> Outcome:
    """Send requests, and strike in the middle of them."""
    clock = asyncio.get_running_loop().time
    failures: Counter[str] = Counter()
    failed_at: list[float] = []
    slowest = 0.0

    async def request() -> None:
        nonlocal slowest
        sent_at = clock()
        answer = await asked(port)
        if answer == "200":
            slowest = max(slowest, clock() - sent_at)
        else:
            failures[answer] += 1
            failed_at.append(sent_at)

    began, count = clock(), int(rate * (BEFORE + AFTER))
    async with asyncio.TaskGroup() as group:
        for number in range(count):
            await asyncio.sleep(began + number / rate - clock())
            if number == int(rate * BEFORE):
                strike()
            group.create_task(request())
    window = max(failed_at) - min(failed_at) if failed_at else 0.0
    return Outcome(count, failures, window, slowest)


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
    options.add_argument("--rate", type=float, default=100, help="requests a second")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="kills ") as folder:
        stand = Stand(Path(folder), port=free_port())
        stand.copy(BAMBOO)
        stand.write("culm.yml", PROJECT.format(port=stand.port))
        try:
            stand.culm("up", "--runtime", "process")
            parts = Parts(stand)
            print(
                "| kill -9 of | failed: median | most | of | window, ms: median | longest | slowest answer, ms | how |"
            )
            print("|---|---|---|---|---|---|---|---|")
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
                    f" {', '.join(f'{count} x {what}' for what, count in how.items())} |",
                    flush=True,
                )
        finally:
            stand.run([*CULM, "down"])
            stand.close()


if __name__ == "__main__":
    main()
