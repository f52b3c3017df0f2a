"""Sees when a service's files change. By looking: a service folder has few, and every platform can look."""

import os
from collections.abc import Mapping
from pathlib import Path

SKIPPED = frozenset(
    {".git", ".venv", "venv", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
)
UNWATCHED = (".pyc", ".log", ".swp", "~", ".md")
LOOK_SECONDS = 0.3


def look(folder: Path) -> Mapping[str, tuple[int, int]]:
    """Return time and size of every file that may matter."""
    stamps = {}
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED and name != "tests"]
        for name in names:
            if name.endswith(UNWATCHED):
                continue
            path = os.path.join(parent, name)
            try:
                facts = os.stat(path)
            except OSError:  # gone between the two looks
                continue
            stamps[path] = (facts.st_mtime_ns, facts.st_size)
    return stamps


def changed(before: Mapping[str, tuple[int, int]], now: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return the files that are new, other or gone."""
    return sorted(path for path in {*before, *now} if before.get(path) != now.get(path))


def as_started(
    before: Mapping[str, tuple[int, int]], now: Mapping[str, tuple[int, int]]
) -> Mapping[str, tuple[int, int]]:
    """Return the files of a look before a program's start.

    Those that are new since are its own, and taken as they are.
    """
    return {**now, **before}
