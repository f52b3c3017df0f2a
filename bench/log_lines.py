"""Every log line once: services that write steadily while the daemon is killed again and again.

    .venv/bin/python bench/log_lines.py [--minutes 10] [--lines 300] [--kills 5]

Four services write `--lines` numbered lines a second each. The daemon is killed with SIGKILL, and started again a
second later, `--kills` times at even distances. At the end they are told to stop, and what the log groups hold is
compared with what was written. The exit status is 1 when a line is missing or there twice.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios import misfits
from tests.scenarios.stand import CULM, Stand, eventually
from tests.traffic import free_port

NAMES = ("a", "b", "c", "d")
WRITES = """
import pathlib, threading, time
def write():
    number, began = 0, time.monotonic()
    while not pathlib.Path({over!r}).exists():
        while number < (time.monotonic() - began) * {lines}:
            number += 1
            print("line", number, flush=True)
        time.sleep(0.01)
    print("last", number, flush=True)
threading.Thread(target=write, daemon=True).start()
"""


def read(logs: Any, group: str, **which: str) -> list[str]:
    """All messages of a log group, or those of a filter."""
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group, **which)
    return [event["message"] for page in pages for event in page["events"]]


def judged(messages: list[str]) -> tuple[int, int, int]:
    """How many lines were written, are missing, and are there more than once."""
    counted = Counter(int(message.split()[1]) for message in messages if message.startswith("line "))
    [written] = [int(message.split()[1]) for message in messages if message.startswith("last ")]
    doubled = sum(count - 1 for count in counted.values())
    return written, written - len(counted), doubled


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--lines", type=float, default=300, help="lines a second and service")
    options.add_argument("--kills", type=int, default=5)
    chosen = options.parse_args()
    lost = 0
    with tempfile.TemporaryDirectory(prefix="log lines ") as folder:
        over = Path(folder) / "over"
        stand = Stand(Path(folder), port=free_port())
        for name in NAMES:
            misfits.service(stand, name, first=WRITES.format(over=str(over), lines=chosen.lines))
        misfits.project(stand, "lines", *NAMES)
        stand.edit("culm.yml", "services:", "defaults: {settle: 0}\nservices:")
        try:
            stand.culm("up", "--runtime", "process")
            for _ in range(chosen.kills):
                time.sleep(chosen.minutes * 60 / (chosen.kills + 1))
                os.kill(stand.daemon(), signal.SIGKILL)
                time.sleep(1.0)
                stand.culm("cluster", "start")
            time.sleep(chosen.minutes * 60 / (chosen.kills + 1))
            over.touch()
            logs = stand.client("logs")
            groups = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
            print(f"{chosen.minutes:g} minutes, {chosen.lines:g} lines a second and service, {chosen.kills} kills")
            print("| log group | lines | missing | doubled |\n|---|---|---|---|")
            for group in groups:
                eventually(lambda group=group: read(logs, group, filterPattern="last"))  # type: ignore[misc]
                written, missing, doubled = judged(read(logs, group))
                lost += missing + doubled
                print(f"| {group} | {written} | {missing} | {doubled} |", flush=True)
        finally:
            stand.run([*CULM, "down"])
            stand.close()
    sys.exit(lost > 0)


if __name__ == "__main__":
    main()
