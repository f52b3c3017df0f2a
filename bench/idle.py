"""What the local cluster costs when nobody asks anything of it: processor and memory, the four examples up.

    .venv/bin/python bench/idle.py [--minutes 10] [--settle 60]

The examples are brought up as processes, left alone for `--settle` seconds, and watched for `--minutes`: what of a
core each kind of process took in that time (user and system), and the memory that it has at the end: resident,
and what is its own alone (USS, what the machine would get back). Budget: the daemon and its helpers, which are what
culm adds, under 0.5 % of a core and 60 MB of memory of their own.
"""

import argparse
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.scenarios.stand import BAMBOO, CULM, Stand
from tests.traffic import free_port

CPU_BUDGET, MEMORY_BUDGET = 0.5, 60.0
"""% of a core, and MB."""
KINDS = {
    "culm.cluster.daemon": "the daemon",
    "runtime.process.shim": "supervisors of tasks",
    "haproxy": "HAProxy",
    "postgres": "PostgreSQL",
}
"""Words of a command line -> what it is; anything else is the examples' own."""
OWN = ("the daemon", "supervisors of tasks")


@dataclass
class Cost:
    """Of all processes of a kind."""

    processes: int = 0
    seconds: float = 0.0
    resident: int = 0
    own: int = 0
    """Bytes that nobody shares."""

    def row(self, name: str, seconds: float) -> str:
        share, resident, own = 100 * self.seconds / seconds, self.resident / 1e6, self.own / 1e6
        return f"| {name} | {self.processes} | {share:.2f} | {resident:.1f} | {own:.1f} |"


def kind(command: str) -> str:
    return next((name for words, name in KINDS.items() if words in command), "the examples")


def spent(process: psutil.Process) -> float:
    """Seconds of a processor, those of children that ended included."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


def costs(stand: Stand, seconds: float) -> dict[str, Cost]:
    """Watch for so long. A process that comes or goes meanwhile is its parent's cost."""
    before = {psutil.Process(pid): kind(command) for pid, command in stand.processes().items()}
    at_first = {process: spent(process) for process in before}
    time.sleep(seconds)
    made: dict[str, Cost] = defaultdict(Cost)
    for process, name in before.items():
        if process.is_running():
            cost, memory = made[name], process.memory_full_info()
            cost.processes += 1
            cost.seconds += spent(process) - at_first[process]
            cost.resident += memory.rss
            cost.own += memory.uss
    return made


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--settle", type=float, default=60, help="seconds before it is watched")
    chosen = options.parse_args()
    seconds = chosen.minutes * 60
    with tempfile.TemporaryDirectory(prefix="idle ") as folder:
        stand = Stand(Path(folder), port=free_port())
        stand.copy(BAMBOO)
        try:
            stand.culm("up", "--runtime", "process")
            time.sleep(chosen.settle)
            print(f"pid {stand.daemon()}", file=sys.stderr, flush=True)
            made = costs(stand, seconds)
        finally:
            stand.run([*CULM, "down"])
            stand.close()
    print("| | processes | % of a core | MB resident | MB of its own |\n|---|---|---|---|---|")
    for name in sorted(made, key=lambda name: (name not in OWN, name)):
        print(made[name].row(name, seconds))
    share = 100 * sum(made[name].seconds for name in OWN) / seconds
    memory = sum(made[name].own for name in OWN) / 1e6
    print(f"\nculm itself: {share:.2f} % of a core, {memory:.1f} MB")
    sys.exit(share > CPU_BUDGET or memory > MEMORY_BUDGET)


if __name__ == "__main__":
    main()
