"""The rings that the tests are run in: what one has no test of is passed over unread.

The pure rings need no engine and no whole cluster; the other ring is what is marked `docker` or `scenario`. A mark
stands in the file of the tests that have it, or in the conftest.py of a folder all of whose tests have it. So a file's
text tells whether a ring has tests of it, and a worker need not import the others.
"""

import re
from functools import cache
from pathlib import Path

TESTS = Path(__file__).parent
PURE, WHOLE = "not docker and not scenario", "docker or scenario"
"""As the Makefile asks for them."""
MARKED = re.compile(r"mark\.(docker|scenario)\b")


def is_elsewhere(path: Path, marks: str) -> bool:
    """Return whether a file or folder has no test of the ring that these marks stand for; any other marks: it may."""
    if marks not in (PURE, WHOLE) or TESTS not in path.parents or path.name == "__pycache__":
        return False
    if path.is_dir():
        files = _files(path)
        return bool(files) and all(is_elsewhere(file, marks) for file in files)
    if not (path.name.startswith("test_") and path.suffix == ".py"):
        return False
    whole = any(_is_marked(folder / "conftest.py") for folder in path.parents if TESTS in folder.parents)
    return whole if marks == PURE else not whole and not _is_marked(path)


@cache
def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("test_*.py"))


@cache
def _is_marked(file: Path) -> bool:
    return file.exists() and MARKED.search(file.read_text()) is not None
