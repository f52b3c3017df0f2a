"""Print figures about the source, a table for people: `python tools/figures.py [FOLDER]`, default src/culm.

Files and lines by room, functions with many parameters, names that mean several things, docstrings, long functions.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MANY_PARAMETERS = 6
"""`self` and `cls` count not."""
MANY_CLASSES = 3


@dataclass(frozen=True)
class Function:
    """A function or a method, where it is, and how large. `lines` includes its docstring."""

    place: str
    name: str
    parameters: int
    lines: int
    documented: bool
    public: bool


def functions(root: Path) -> Iterator[Function]:
    """Every function under `root`, nested ones too."""
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                yield Function(
                    place=f"{path.relative_to(root).as_posix()}:{node.lineno}",
                    name=node.name,
                    parameters=len([each for each in named if each.arg not in ("self", "cls")]),
                    lines=(node.end_lineno or node.lineno) - node.lineno + 1,
                    documented=ast.get_docstring(node) is not None,
                    public=not node.name.startswith("_"),
                )


def classes(root: Path) -> Counter[str]:
    """How many classes at the top of a module have each name."""
    return Counter(
        node.name
        for path in sorted(root.rglob("*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef)
    )


def called(root: Path, name: str) -> int:
    """How many functions at the top of a module have this name; methods are not counted."""
    return sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        for path in root.rglob("*.py")
        for node in ast.parse(path.read_text()).body
    )


def rooms(root: Path) -> dict[str, tuple[int, int]]:
    """Files and lines of each folder at the top; `.` is the files beside them."""
    counts: dict[str, tuple[int, int]] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        room = parts[0] if len(parts) > 1 else "."
        files, lines = counts.get(room, (0, 0))
        counts[room] = files + 1, lines + len(path.read_text().splitlines())
    return counts


def docstring_lines(root: Path) -> int:
    """Lines of docstrings of modules, classes and functions."""
    total = 0
    for path in root.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node, clean=False)
                total += len(text.splitlines()) if text else 0
    return total


def report(root: Path) -> str:
    """All figures of the source under `root`."""
    by_room = rooms(root)
    every = list(functions(root))
    lines = sum(count for _, count in by_room.values())
    public = [each for each in every if each.public]
    longest = max(every, key=lambda each: each.lines)
    wide = [each for each in every if each.parameters >= MANY_PARAMETERS]
    repeated = {name: count for name, count in classes(root).items() if count >= MANY_CLASSES}
    documented = sum(each.documented for each in public)
    return "\n".join(
        [
            *(f"{room:12} {files:4} files {count:6} lines" for room, (files, count) in sorted(by_room.items())),
            f"{'all':12} {sum(files for files, _ in by_room.values()):4} files {lines:6} lines",
            f"functions: {len(every)}",
            f"with {MANY_PARAMETERS} parameters or more: {len(wide)}",
            f"longest: {longest.lines} lines, {longest.name} in {longest.place}",
            f"class names defined {MANY_CLASSES} times or more: {len(repeated)}"
            + "".join(f" {name} x {count}" for name, count in sorted(repeated.items())),
            f"module-level functions called list: {called(root, 'list')}",
            f"docstrings: {100 * docstring_lines(root) / lines:.1f} % of the lines;"
            f" {100 * documented / len(public):.0f} % of {len(public)} public functions have one",
        ]
    )


if __name__ == "__main__":
    print(report(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "src" / "culm"))
