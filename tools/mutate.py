"""Change one thing at a time in what decides, and see whether a test notices: `make mutate`.

Each mutant is one small change of one file (a comparison, a number, a condition, a call left out), made in a copy of
the project, so that the work tree stays as it is. Its room's tests run until the first failure: the mutant is killed.
One that no test notices is printed with its place; it needs a test, or the code that it changes is not needed.

Left out is what no test can notice: `return None` that returns None already, and `zip(..., strict=True)`, which only
ever holds what the lines before it have seen to. What else survives by right stands in CONTRIBUTING.md.

A sample is drawn by `--seed`, so that a run can be repeated, and each night looks at other mutants.
"""

import argparse
import ast
import copy
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROOMS = ("core/decide", "plan")
SECONDS = 240.0
"""A mutant whose tests take longer is killed: it loops."""

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


def killed(mutant: Mutant, room: str, project: Path) -> bool:
    """Whether a test of the room fails with it."""
    target = project / mutant.file.relative_to(ROOT)
    before = target.read_text()
    tests = f"tests/{room}"
    own = project / tests / f"test_{mutant.file.stem}.py"
    files = [str(own)] if own.exists() else []
    target.write_text(mutant.text)
    try:
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *files, tests]
        done = subprocess.run(
            command,
            cwd=project,
            env={**os.environ, "PYTHONPATH": str(project / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(before)
    if done.returncode > 1:  # not a failed test: pytest itself could not do its work, unless the file does not import
        return b"rror" in done.stdout
    return done.returncode == 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--room", choices=ROOMS, action="append", help="default: all of them")
    parser.add_argument("--sample", type=int, default=40, help="mutants of each room; 0 means all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", help="only files whose path has this in it")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    alive = 0
    with tempfile.TemporaryDirectory(prefix="culm-mutants-") as folder:
        project = Path(folder) / "project"
        ignored = shutil.ignore_patterns(".venv", ".git", "__pycache__", ".*_cache", ".hypothesis")
        shutil.copytree(ROOT, project, ignore=ignored)
        for room in options.room or ROOMS:
            files = [file for file in sorted((ROOT / "src/culm" / room).rglob("*.py"))]
            every = [m for file in files if not options.file or options.file in str(file) for m in mutants(file)]
            drawn = chance.sample(every, min(options.sample, len(every))) if options.sample else every
            survivors = []
            for mutant in drawn:
                if not killed(mutant, room, project):
                    survivors.append(mutant)
                    print(f"{mutant.file.relative_to(ROOT)}:{mutant.line}: {mutant.what}", flush=True)
            alive += len(survivors)
            print(f"{room}: {len(drawn) - len(survivors)} of {len(drawn)} killed ({len(every)} possible)", flush=True)
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
