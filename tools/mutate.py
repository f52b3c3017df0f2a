"""Change one thing at a time in what decides, and see whether a test notices: `make mutate`.

Each mutant is one small change of one file (a comparison, a number, a condition, a call left out), made in a copy of
the project, so that the work tree stays as it is. Its room's tests run until the first failure: the mutant is killed.
One that no test notices is printed with its place; it needs a test, or the code that it changes is not needed.

The room's tests run once without any change first. They have to pass, their time says how long a mutant may take, and
the compiled files that they leave behind make the runs after it quicker. Each run is a fork of a server that has
imported pytest and the AWS clients, but nothing of culm. Tests of whole clusters are left out.

Left out is what no test can notice: `return None` that returns None already, and `zip(..., strict=True)`, which only
ever holds what the lines before it have seen to. What else survives by right stands in CONTRIBUTING.md.

A sample is drawn by `--seed`, so that a run can be repeated, and each night looks at other mutants.
"""

import argparse
import ast
import copy
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FORKS = multiprocessing.get_context("forkserver")


@dataclass(frozen=True)
class Room:
    """Files that decide, and the tests that should notice a change of them."""

    files: tuple[str, ...]
    """Patterns below `src/culm`."""
    tests: tuple[str, ...]
    """Below `tests`; those that import the changed file run first, by themselves."""
    broad: str = ""
    """The test that goes through most of the room: it runs first where no test imports the changed file."""


AGENT = ("agent", "credentials", "forwarder", "multiline", "specs", "steps", "task", "telemetry")
ROOMS = {
    "core/decide": Room(("core/decide/*.py",), ("core/decide",), "core/decide/test_simulate.py"),
    "plan": Room(("plan/*.py",), ("plan",), "plan/test_screen.py"),
    "wire": Room(("cluster/wire/*.py",), ("cluster/wire",), "cluster/wire/test_roundtrip.py"),
    "lock": Room(("deploy/lock.py",), ("deploy/test_lock.py", "amazon/test_lock.py")),
    "agent": Room(tuple(f"cluster/instance/{name}.py" for name in AGENT), ("cluster/instance",)),
}

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
}
SWAPS = {"min": "max", "max": "min", "any": "all", "all": "any"}


@dataclass(frozen=True)
class Mutant:
    """`text` is the whole file with the change; `what` says it in one line."""

    file: Path
    line: int
    what: str
    text: str


def replacements(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand in the place of `node`."""
    changed = copy.deepcopy(node)
    match changed:
        case ast.Compare(ops=[operator]) if type(operator) in COMPARISONS:
            changed.ops = [COMPARISONS[type(operator)]()]
        case ast.BoolOp():
            changed.op = ast.Or() if isinstance(changed.op, ast.And) else ast.And()
        case ast.UnaryOp(op=ast.Not()):
            changed = changed.operand
        case ast.BinOp() if type(changed.op) in ARITHMETIC:
            changed.op = ARITHMETIC[type(changed.op)]()
        case ast.Constant(value=bool()):
            changed.value = not changed.value
        case ast.Constant(value=int()):
            changed.value += 1
        case ast.Call(func=ast.Name(id=name)) if name in SWAPS:
            changed.func = ast.Name(id=SWAPS[name])
        case ast.If() | ast.IfExp() | ast.While():
            changed.test = ast.UnaryOp(op=ast.Not(), operand=changed.test)
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            changed = ast.Pass()
        case ast.Break():
            changed = ast.Continue()
        case ast.Return(value=ast.AST()):
            changed.value = ast.Constant(value=None)
        case _:
            return
    yield changed


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of one file."""
    source = file.read_text()
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line.encode()))
    data = source.encode()
    checks = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.keyword) and each.arg == "strict"}
    for node in ast.walk(tree):
        if not isinstance(node, ast.expr | ast.stmt) or id(node) in checks:
            continue
        for changed in replacements(node):
            start = offsets[node.lineno - 1] + node.col_offset
            assert node.end_lineno is not None
            assert node.end_col_offset is not None
            end = offsets[node.end_lineno - 1] + node.end_col_offset
            new = ast.unparse(changed)
            new = f"({new})" if isinstance(node, ast.expr) else new.replace("\n", "\n" + " " * node.col_offset)
            text = (data[:start] + new.encode() + data[end:]).decode()
            try:
                ast.parse(text)
            except SyntaxError:  # inside of a pattern or an f-string
                continue
            if ast.unparse(node) == ast.unparse(changed):  # `return None`
                continue
            before = ast.unparse(node).partition("\n")[0]
            yield Mutant(file, node.lineno, f"{before}  ->  {new.partition(chr(10))[0]}", text)


def run_pytest(project: Path, arguments: list[str], output: Path) -> None:
    """Run pytest in `project` and exit with its code; the process of a fork, in a process group of its own."""
    os.setsid()
    os.chdir(project)
    sys.path[:0] = [str(project), str(project / "src")]
    os.environ["PYTHONPATH"] = str(project / "src")
    with output.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    import pytest

    sys.exit(
        int(
            pytest.main(
                [
                    "-x",
                    "-q",
                    "-p",
                    "no:cacheprovider",
                    "-m",
                    "not scenario and not docker",
                    "-o",
                    "timeout=60",
                    *arguments,
                ]
            )
        )
    )


@dataclass(frozen=True)
class Copy:
    """A copy of the project, in which the tests of one room run."""

    project: Path
    tests: tuple[str, ...]
    broad: str

    def nearest(self, module: Path) -> list[str]:
        """Return the test files that import a module of culm, its own before the others; the broad one if none does."""
        dotted = ".".join(module.with_suffix("").parts)
        listed = [file for test in self.tests for file in sorted((self.project / test).rglob("*.py"))]
        listed += [self.project / test for test in self.tests if test.endswith(".py")]
        near = [file for file in listed if file.name.startswith("test_") and dotted in file.read_text()]
        own_first = sorted(near, key=lambda file: file.stem != f"test_{module.stem}")
        return [str(file) for file in own_first] or [f"tests/{self.broad}"] * bool(self.broad)

    def passes(self, tests: Sequence[str], seconds: float, *, compiled: bool = False) -> bool:
        """Return whether these tests pass.

        A run that takes longer than `seconds` does not pass: the mutant loops. `compiled` leaves compiled files behind.
        Raises RuntimeError when pytest itself could not do its work.
        """
        output = self.project / "output"
        process = FORKS.Process(target=self._run, args=([*tests], output, compiled))
        process.start()
        process.join(seconds)
        if process.is_alive():
            assert process.pid is not None
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
            return False
        if process.exitcode not in (0, 1, 2, 4):  # 2 and 4: a file that does not import
            raise RuntimeError(f"pytest ended with {process.exitcode}:\n{output.read_text()}")
        return process.exitcode == 0

    def _run(self, arguments: list[str], output: Path, compiled: bool) -> None:
        sys.dont_write_bytecode = not compiled
        run_pytest(self.project, arguments, output)


def killed(mutant: Mutant, copied: Copy, seconds: float) -> bool:
    """Return whether a test fails with it, or takes longer than `seconds`."""
    target = copied.project / mutant.file.relative_to(ROOT)
    before = target.read_text()
    target.write_text(mutant.text)
    try:
        near = copied.nearest(mutant.file.relative_to(ROOT / "src"))
        return bool(near and not copied.passes(near, seconds)) or not copied.passes(copied.tests, seconds)
    finally:
        target.write_text(before)


def survivors(drawn: list[Mutant], copied: Copy) -> Iterator[Mutant]:
    """Yield each mutant that no test notices. Raises SystemExit when the tests fail without a change."""
    began = time.monotonic()
    if not copied.passes(copied.tests, 3600.0, compiled=True):
        raise SystemExit(f"the tests fail without a change:\n{(copied.project / 'output').read_text()}")
    seconds = 20.0 + 4 * (time.monotonic() - began)
    yield from (mutant for mutant in drawn if not killed(mutant, copied, seconds))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--room", choices=list(ROOMS), action="append", help="default: all of them")
    parser.add_argument("--sample", type=int, default=40, help="mutants of each room; 0 means all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", help="only files whose path has this in it")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    FORKS.set_forkserver_preload(["pytest", "boto3", "botocore.session", "moto.server"])
    alive = 0
    with tempfile.TemporaryDirectory(prefix="culm-mutants-") as folder:
        project = Path(folder) / "project"
        ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, project, ignore=ignored)
        for name in options.room or ROOMS:
            room = ROOMS[name]
            files = [file for pattern in room.files for file in sorted((ROOT / "src/culm").glob(pattern))]
            every = [m for file in files if not options.file or options.file in str(file) for m in mutants(file)]
            drawn = chance.sample(every, min(options.sample, len(every))) if options.sample else every
            tests = tuple(f"tests/{test}" for test in room.tests if (ROOT / "tests" / test).exists())
            count = 0
            for mutant in survivors(drawn, Copy(project, tests, room.broad)):
                count += 1
                print(f"{mutant.file.relative_to(ROOT)}:{mutant.line}: {mutant.what}", flush=True)
            alive += count
            print(f"{name}: {len(drawn) - count} of {len(drawn)} killed ({len(every)} possible)", flush=True)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
