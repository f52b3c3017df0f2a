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
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios.crash_points import (
    CHANGES,
    ERRORS,
    ON_DISK,
    OPERATIONS,
    PROGRAMS,
    Call,
    Fault,
    Operation,
    Profile,
    Rig,
    Trial,
    play,
    profile,
)

KINDS = {"kill": 4, "kill-program": 1, "kill-client": 1, "EIO": 1, "ENOSPC": 1, "EMFILE": 1}
"""How often each is drawn. Killed are the daemon, a program that it started, or its client; or its calls fail."""
MOST_KIB = 4096
"""More is left by no fault: an operation needs no more of the disk."""
MOST_FILES = 12
ENOUGH = 100
"""Trials after which a kind of fault that never struck is a mistake of the trials."""


def drawn(dice: random.Random, operation: Operation, usual: Profile) -> Fault | None:
    """A fault for this operation; None where the kind makes no sense for it."""
    kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
    if kind == "kill-program":
        call = dice.choice(sorted(PROGRAMS.keys() - ({"execve", "flock"} if operation.from_stopped else set())))
        return Fault(kind, call, dice.randint(1, PROGRAMS[call]))
    if kind == "kill-client":
        return at(dice, kind, usual.client) if usual.client else None
    if kind == "ENOSPC" and dice.random() < 0.5:
        return Fault(kind, "disk", int(MOST_KIB ** dice.random()) - 1)
    if kind == "EMFILE" and not operation.from_stopped and dice.random() < 0.5:
        return Fault(kind, "files", dice.randint(0, MOST_FILES))
    names = CHANGES if kind == "kill" else ERRORS[kind]
    anywhere = kind in ("kill", "EMFILE")  # a socket has no disk that could fail
    return at(dice, kind, [call for call in usual.daemon if call.name in names and (anywhere or call.place in ON_DISK)])


def at(dice: random.Random, kind: str, calls: Sequence[Call]) -> Fault | None:
    """A fault at one of these calls: every place as likely as any other, and there every name of a call."""
    for field in ("place", "name"):
        value = dice.choice(sorted({getattr(call, field) for call in calls} or {""}))
        calls = [call for call in calls if getattr(call, field) == value]
    call = dice.choice(calls) if calls else None
    return call and Fault(kind, call.name, call.number)


def trials(chosen: argparse.Namespace, folder: Path) -> Iterator[Trial]:
    """Trials until the time is over. A rig on which something was lost is thrown away."""
    dice, end = random.Random(chosen.seed), time.monotonic() + chosen.minutes * 60
    usual: dict[str, Profile] = {}
    tried = {(each["operation"], each["fault"]) for each in read(chosen.record)}
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
                if not chosen.fault and operation.name not in usual:
                    usual[operation.name] = profile(rig, operation)
                fault = Fault.parse(chosen.fault) if chosen.fault else drawn(dice, operation, usual[operation.name])
                if fault is None or (not chosen.fault and (operation.name, str(fault)) in tried):
                    continue
                tried.add((operation.name, str(fault)))
                try:
                    trial = play(rig, operation, fault)
                except AssertionError as error:  # what the trial before has left cannot even begin
                    trial = Trial(operation.name, str(fault), True, "", (str(error)[-2000:],), 0.0)
                yield trial
                if chosen.fault and chosen.operation:
                    return
                if trial.wrong:
                    break
        finally:
            rig.close()


def read(record: Path) -> list[dict[str, Any]]:
    """The trials that a file has; none where there is no file."""
    return [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []


def never(recorded: list[dict[str, Any]]) -> list[str]:
    """Kinds of fault that never struck."""
    struck = {each["fault"].split(":")[0] for each in recorded if each["struck"]}
    return sorted(KINDS.keys() - struck)


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


def places(recorded: list[dict[str, Any]]) -> str:
    """Of the trials whose fault struck: how many by what the broken call was about."""
    counted = Counter(each["place"] for each in recorded if each["struck"] and "place" in each)
    rows = [f"| {name} | {count} |" for name, count in counted.most_common()]
    return "\n".join(["| what was broken | points |", "|---|---|", *rows])


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
                    f"{trial.seconds:5.1f} s  {trial.operation:10} {trial.fault:24} {trial.place:24} {trial.struck}",
                    flush=True,
                )
                for what in trial.wrong:
                    print(f"    LOST: {what}", flush=True)
                with chosen.record.open("a") as file:
                    file.write(json.dumps(asdict(trial)) + "\n")
    recorded = read(chosen.record)
    print(table(recorded), places(recorded), sep="\n\n")
    if not chosen.fault and len(recorded) >= ENOUGH and (missing := never(recorded)):
        sys.exit(f"never struck: {', '.join(missing)}")
    sys.exit(lost)


if __name__ == "__main__":
    main()
