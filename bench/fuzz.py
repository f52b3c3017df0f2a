"""Break the inputs of an edge for a time, and count them.

    .venv/bin/python bench/fuzz.py --minutes 10 --edge registry
    .venv/bin/python bench/fuzz.py --minutes 2 --record /tmp/inputs.jsonl

Edges are those of tests/fuzz and tests/cluster/wire/test_hostile.py: each has a test, which this plays over and over
with other seeds until the time is over, `--minutes` for each edge. A failure ends it with what hypothesis says: the
smallest input, and the seed that finds it again. The exit status is then 1. Without `--edge`, all of them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = "tests/fuzz/test_edges.py::test_a_file_that_is_broken_is_refused_and_nothing_else"
BYTES = "tests/fuzz/test_edges.py::test_bytes_that_are_no_request_are_answered_or_refused_and_nothing_else"
WIRE = "tests/cluster/wire/test_hostile.py::"
EDGES = {
    "operations with a value broken": f"{WIRE}test_every_operation_with_one_value_broken_answers_what_its_sdk_can_read",
    "operations with bytes broken": f"{WIRE}test_every_operation_with_bytes_broken_answers_what_its_sdk_can_read",
    "signatures": f"{WIRE}test_unbelievable_signatures_are_refused_and_never_an_error_of_ours",
    **{edge: f"{BYTES}[{edge}]" for edge in ("HTTP", "registry", "websocket", "metadata", "task endpoint")},
    **{
        edge: f"{FILES}[{edge}]"
        for edge in (
            "culm.yml", "compose files", "Dockerfiles", "env files", "layers", "image configurations",
            "image manifests", "data channel",
        )
    },
}  # fmt: skip
"""By edge: the test of it."""
IN_A_ROUND = 2000


def fuzz(edge: str, minutes: float, seed: int) -> tuple[int, bool]:
    """Play an edge for so long. Returns how many inputs there were, and whether each was taken as it should be."""
    end = time.monotonic() + minutes * 60
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        counted = Path(scratch) / "counted"
        counted.touch()
        while (left := end - time.monotonic()) > 0:
            environment = {**os.environ, "CULM_FUZZ": str(IN_A_ROUND), "CULM_FUZZ_COUNT": str(counted)}
            command = [sys.executable, "-m", "pytest", "-q", "-x", "--timeout", "0", f"--hypothesis-seed={seed}"]
            try:
                done = subprocess.run(
                    [*command, EDGES[edge]],
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    text=True,
                    timeout=left + 30,
                )
            except subprocess.TimeoutExpired:
                break
            if done.returncode:
                print(done.stdout[-6000:], f"again: CULM_FUZZ={IN_A_ROUND} {' '.join(command[1:])} '{EDGES[edge]}'")
                return counted.stat().st_size, False
            seed += 1000
        return counted.stat().st_size, True


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--edge", choices=EDGES)
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--record", type=Path, help="append a line for each edge")
    chosen = options.parse_args()
    print("| edge | inputs | failures |", "|---|---|---|", sep="\n", flush=True)
    failed = False
    for edge in [chosen.edge] if chosen.edge else EDGES:
        inputs, good = fuzz(edge, chosen.minutes, chosen.seed)
        failed |= not good
        print(f"| {edge} | {inputs} | {int(not good)} |", flush=True)
        if chosen.record:
            with chosen.record.open("a") as file:
                file.write(json.dumps({"edge": edge, "inputs": inputs, "failed": not good}) + "\n")
    sys.exit(failed)


if __name__ == "__main__":
    main()
