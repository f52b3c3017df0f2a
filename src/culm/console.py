"""What a command says while it works: on stderr, line by line, each service with its own prefix."""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Sequence
from typing import TextIO

COLOURS = ("36", "33", "35", "32", "34", "31")
"""ANSI foreground colours, handed out to names in order."""


class Console:
    """Threads may share it. On a terminal rows below the lines show what goes on; elsewhere there are lines alone."""

    def __init__(self, stream: TextIO | None = None, *, width: int = 0) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = coloured(self.stream)
        self.width = width
        self._colours: dict[str, str] = {}
        self._doing: dict[str, str] = {}
        self._drawn = 0
        """Rows below the lines; the cursor stands at the end of the last one."""
        self.rows: Callable[[int], Sequence[str]] = self._status
        """Returns what is drawn below the lines, for so many columns: one row, unless it is replaced."""
        self._lock = threading.Lock()

    def say(self, line: str, name: str = "") -> None:
        """Print a line; what its service was doing is over with it."""
        with self._lock:
            self._doing.pop(name, None)
            self._erase()
            for part in line.splitlines() or [""]:
                self.stream.write(f"{self._prefix(name)}{part}\n")
            self._draw()
            self.stream.flush()

    def doing(self, name: str, what: str = "") -> None:
        """Show what a service is at now; empty: nothing any more."""
        with self._lock:
            self._doing.pop(name, None)
            if what:
                self._doing[name] = what
            self._redraw()

    def redraw(self) -> None:
        """Draw the rows again: what they show has changed."""
        with self._lock:
            self._redraw()

    def settle(self) -> None:
        """Leave the rows where they are, and go on below them with what is usual."""
        with self._lock:
            self._redraw()
            if self._drawn:
                self.stream.write("\n")
                self.stream.flush()
            self._drawn, self.rows = 0, self._status
            self._doing.clear()

    def _prefix(self, name: str) -> str:
        if not name:
            return ""
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        padded = f"{name:<{self.width}} "
        return f"\x1b[{colour}m{padded}\x1b[0m" if self.coloured else padded

    def _redraw(self) -> None:
        if self.live:
            self._erase()
            self._draw()
            self.stream.flush()

    def _erase(self) -> None:
        if self.live:
            self.stream.write((f"\x1b[{self._drawn - 1}A" if self._drawn > 1 else "") + "\r\x1b[J")
            self._drawn = 0

    def _draw(self) -> None:
        if not self.live:
            return
        rows = [*self.rows(self._size().columns - 1)][: max(1, self.height() - 1)]
        self.stream.write("\n".join(rows))
        self._drawn = len(rows)

    def height(self) -> int:
        """Return the terminal's lines."""
        return self._size().lines

    def _size(self) -> os.terminal_size:
        try:
            return os.get_terminal_size(self.stream.fileno())
        except OSError:  # no terminal after all
            return os.terminal_size((80, 24))

    def _status(self, columns: int) -> list[str]:
        status = "  ".join(f"{name}: {what}" for name, what in sorted(self._doing.items()))
        return [fitted(status, columns)] if status else []


def coloured(stream: TextIO) -> bool:
    """Return whether colours are welcome there: on a terminal that has them, unless NO_COLOR is set (no-color.org)."""
    return stream.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ


def fitted(text: str, columns: int) -> str:
    """Return a text as far as it fits into so many columns of a terminal, without what would move the cursor.

    A text that is cut ends with an ellipsis.
    """
    shown = "".join(filter(str.isprintable, text))
    if sum(map(cells, shown)) <= columns:
        return shown
    kept, width = [], 0
    for char in shown:
        width += cells(char)
        if width >= columns:
            break
        kept.append(char)
    return "".join([*kept, "…"]) if columns > 0 else ""


def cells(char: str) -> int:
    """Return the columns that a character takes: two if it is East Asian, none if it joins the one before."""
    return 2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1
