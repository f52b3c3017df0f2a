"""Print differences for people and as JSON. Pure."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from culm.operate.drift.rows import Row

HEADS = ("DIFFERS", "CULM.YML", "LIVE", "AFTER UP")
LEFT = "left as is"
"""What the last column says of a difference that `up` does not touch."""
LAST = 10
"""Columns of the last cell; the others share what is left."""
GAP = 2
FIRST, WIDE = 26, 100
"""The first cell's most columns, on a screen that is not wide."""


def screen(project: str, target: str, rows: Sequence[Row], width: int = 80) -> str:
    """Return a table that `width` columns hold; the things that differ, each with its fields."""
    if not rows:
        return f"{project} on {target} is as culm.yml says"
    overwritten = sum(row.wins == "culm.yml" for row in rows)
    noun = "difference" if len(rows) == 1 else "differences"
    title = f"{project} on {target}: {len(rows)} {noun}; culm up overwrites {overwritten}"
    longest = max(len(row.field) + 2 if row.field else len(row.what) for row in rows)
    first = min(longest, FIRST if width < WIDE else width // 3)
    middle = max((width - first - LAST - 3 * GAP) // 2, 8)
    widths = (first, middle, middle, LAST)
    lines = [title, "", *_row(HEADS, widths)]
    for what, some in groupby(rows, key=lambda row: row.what):
        differing = list(some)
        if any(row.field for row in differing):
            lines.append(what)
        for row in differing:
            name = f"  {row.field}" if row.field else what if len(differing) == 1 else "  "
            lines += _row((name, short(row.wanted), short(row.live), LEFT if row.wins == "live" else row.wins), widths)
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    wrapped = [
        textwrap.wrap(cell, width, subsequent_indent="  " if cell.startswith("  ") else "", break_on_hyphens=False)
        or [""]
        for cell, width in zip(cells, widths, strict=True)
    ]
    for number in range(max(map(len, wrapped))):
        parts = [lines[number] if number < len(lines) else "" for lines in wrapped]
        yield (" " * GAP).join(f"{part:<{width}}" for part, width in zip(parts, widths, strict=True)).rstrip()


def short(value: str | None) -> str:
    """Return the value as it is shown: an image is told by the beginning of its digest."""
    if value is None:
        return "-"
    return re.sub(r"(?:\S+@)?sha256:([0-9a-f]{12})[0-9a-f]{52}", r"\1", value)


def report(project: str, target: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the differences for programs: nothing is cut."""
    return {
        "project": project,
        "target": target,
        "differences": [
            {"what": row.what, "field": row.field, "wanted": row.wanted, "live": row.live, "wins": row.wins}
            for row in rows
        ],
    }
