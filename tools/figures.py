"""Print figures about the source, a table for people: `python tools/figures.py [FOLDER]`, default src/culm.

Files and lines by room, functions with many parameters, names that mean several things, docstrings, long functions.
"""

import ast
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MANY_PARAMETERS = 6
"""`self` and `cls` count not."""
MANY_CLASSES = 3

Modules = Mapping[str, ast.Module]
"""Modules by their path from the folder that was read."""


@dataclass(frozen=True)
class Function:
    """A function or a method, where it is, and how large. `lines` includes its docstring."""

    place: str
    name: str
    parameters: int
    lines: int
    documented: bool
    public: bool


def parsed(root: Path) -> Modules:
    """Return all modules under `root`. This takes seconds and 200 MB for culm: read once, and hand it on."""
    return {path.relative_to(root).as_posix(): ast.parse(path.read_text()) for path in sorted(root.rglob("*.py"))}


def functions(modules: Modules) -> Iterator[Function]:
    """Yield every function, nested ones too."""
    for path, module in modules.items():
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                named = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                yield Function(
                    place=f"{path}:{node.lineno}",
                    name=node.name,
                    parameters=len([each for each in named if each.arg not in ("self", "cls")]),
                    lines=(node.end_lineno or node.lineno) - node.lineno + 1,
                    documented=ast.get_docstring(node) is not None,
                    public=not node.name.startswith("_"),
                )


def classes(modules: Modules) -> Counter[str]:
    """Count the classes at the top of a module by their name."""
    return Counter(node.name for module in modules.values() for node in module.body if isinstance(node, ast.ClassDef))


def called(modules: Modules, name: str) -> int:
    """Count the functions at the top of a module that have this name; methods are left out."""
    return sum(
        isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name
        for module in modules.values()
        for node in module.body
    )


def rooms(root: Path) -> dict[str, tuple[int, int]]:
    """Return files and lines of each folder at the top; `.` is the files beside them."""
    counts: dict[str, tuple[int, int]] = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        room = parts[0] if len(parts) > 1 else "."
        files, lines = counts.get(room, (0, 0))
        counts[room] = files + 1, lines + len(path.read_text().splitlines())
    return counts


def docstring_lines(modules: Modules) -> int:
    """Count the lines of docstrings of modules, classes and functions."""
    total = 0
    for module in modules.values():
        for node in ast.walk(module):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node, clean=False)
                total += len(text.splitlines()) if text else 0
    return total


def report(root: Path) -> str:
    """Return all figures of the source under `root`."""
    by_room, modules = rooms(root), parsed(root)
    every = list(functions(modules))
    lines = sum(count for _, count in by_room.values())
    public = [each for each in every if each.public]
    longest = max(every, key=lambda each: each.lines)
    wide = [each for each in every if each.parameters >= MANY_PARAMETERS]
    repeated = {name: count for name, count in classes(modules).items() if count >= MANY_CLASSES}
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
            f"module-level functions called list: {called(modules, 'list')}",
            f"docstrings: {100 * docstring_lines(modules) / lines:.1f} % of the lines;"
            f" {100 * documented / len(public):.0f} % of {len(public)} public functions have one",
        ]
    )


if __name__ == "__main__":
    print(report(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "src" / "culm"))
