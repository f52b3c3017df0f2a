"""Break the real cluster at many points of every operation, and count what was lost.

    .venv/bin/python bench/crash_points.py --minutes 20 --record /tmp/points.jsonl
    .venv/bin/python bench/crash_points.py --operation migration --fault kill:pwrite64:17

tests/scenarios/crash_points.py says what a trial is. This draws operations and faults by a seed until the time is over,
appends each trial to `--record`, and prints the table of all that the file has, which docs/endurance.md shows. The
exit status is 1 when a property did not hold anywhere. It needs Linux, strace, and root for the full disk.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios.crash_points import CHANGES, ERRORS, OPERATIONS, Fault, Operation, Rig, Trial, calls, play

KINDS = ("kill", "kill", "kill", "kill-client", "EIO", "ENOSPC", "EMFILE")
"""What is drawn from: half of it kills."""
MOST_KIB = 4096
"""More is left by no fault: an operation needs no more of the disk."""
MOST_FILES = 12
REQUESTS = 60
"""Requests that a client's busiest thread sends in an operation, or more."""


def drawn(dice: random.Random, operation: Operation, counted: dict[str, int]) -> Fault | None:
    """A fault for this operation; None where the kind makes no sense for it."""
    kind = dice.choice(KINDS)
    match kind:
        case "kill" | "EIO":
            possible = [call for call in (CHANGES if kind == "kill" else ERRORS[kind]) if counted.get(call)]
            call = dice.choice(possible)
            return Fault(kind, call, dice.randint(1, counted[call]))
        case "kill-client" if operation.name != "push":
            return Fault(kind, "sendto", dice.randint(1, REQUESTS))
        case "ENOSPC":
            return Fault(kind, "disk", int(MOST_KIB ** dice.random()) - 1)
        case "EMFILE" if not operation.from_stopped:
            return Fault(kind, "files", dice.randint(0, MOST_FILES))
    return None


def trials(chosen: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    """Trials until the time is over. A rig on which something was lost is thrown away."""
    dice, end = random.Random(chosen.seed), time.monotonic() + chosen.minutes * 60
    counted: dict[str, dict[str, int]] = {}
    rigs = 0
    names = [chosen.operation] if chosen.operation else list(OPERATIONS)
    while time.monotonic() < end:
        rigs += 1
        root = folder / str(rigs)
        root.mkdir()
        rig = Rig(root)
        try:
            while time.monotonic() < end:
                operation = OPERATIONS[dice.choice(names)]
                if operation.name not in counted:
                    counted[operation.name] = calls(rig, operation)
                fault = Fault.parse(chosen.fault) if chosen.fault else drawn(dice, operation, counted[operation.name])
                if fault is None:
                    continue
                trial = play(rig, operation, fault)
                yield trial
                if chosen.fault and chosen.operation:
                    return
                if trial.wrong:
                    break
        finally:
            rig.close()


def table(recorded: list[dict[str, Any]]) -> str:
    """Trials by operation and kind of fault; of those whose fault struck, how many held, and what was lost."""
    kinds = sorted({each["fault"].split(":")[0] for each in recorded})
    rows = [f"| operation | {' | '.join(kinds)} | points | losses |", "|---" * (len(kinds) + 3) + "|"]
    by_operation: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in recorded:
        if each["struck"]:
            by_operation[each["operation"]].append(each)
            by_operation["all"].append(each)
    for name in [*OPERATIONS, "all"]:
        there = by_operation[name]
        counts = [str(sum(each["fault"].startswith(f"{kind}:") for each in there)) for kind in kinds]
        points = len({(each["operation"], each["fault"]) for each in there})
        rows.append(f"| {name} | {' | '.join(counts)} | {points} | {sum(bool(each['wrong']) for each in there)} |")
    return "\n".join(rows)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=20)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--operation", choices=OPERATIONS)
    options.add_argument("--fault", help="as the record has it: kill:pwrite64:17; with --operation, that trial alone")
    options.add_argument("--record", type=Path, default=Path("crash-points.jsonl"))
    options.add_argument("--table", action="store_true", help="only print the table of what was recorded")
    chosen = options.parse_args()
    lost = False
    if not chosen.table:
        with tempfile.TemporaryDirectory(prefix="crash points ") as folder:
            for trial in trials(chosen, Path(folder)):
                lost |= bool(trial.wrong)
                print(
                    f"{trial.seconds:5.1f} s  {trial.operation:10} {trial.fault:24} struck={trial.struck}", flush=True
                )
                for what in trial.wrong:
                    print(f"    LOST: {what}", flush=True)
                with chosen.record.open("a") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
    print(table([json.loads(line) for line in chosen.record.read_text().splitlines()]))
    sys.exit(lost)


if __name__ == "__main__":
    main()
