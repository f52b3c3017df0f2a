"""What a command says while it works: on stderr, line by line, each service with its own prefix."""

import os
import sys
import threading
from typing import TextIO

COLOURS = ("36", "33", "35", "32", "34", "31")
"""ANSI foreground colours, handed out to names in order."""


class Console:
    """Threads may share it. On a terminal a last line shows what each service is doing; elsewhere lines alone."""

    def __init__(self, stream: TextIO | None = None, *, width: int = 0) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.coloured = self.live and "NO_COLOR" not in os.environ
        self.width = width
        self._colours: dict[str, str] = {}
        self._doing: dict[str, str] = {}
        self._lock = threading.Lock()

    def say(self, line: str, name: str = "") -> None:
        """A line; what its service was doing is over with it."""
        with self._lock:
            self._doing.pop(name, None)
            self._erase()
            for part in line.splitlines() or [""]:
                self.stream.write(f"{self._prefix(name)}{part}\n")
            self._draw()
            self.stream.flush()

    def doing(self, name: str, what: str = "") -> None:
        """What a service is at now; empty: nothing any more."""
        with self._lock:
            self._doing.pop(name, None)
            if what:
                self._doing[name] = what
            if self.live:
                self._erase()
                self._draw()
                self.stream.flush()

    def _prefix(self, name: str) -> str:
        if not name:
            return ""
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        padded = f"{name:<{self.width}} "
        return f"\x1b[{colour}m{padded}\x1b[0m" if self.coloured else padded

    def _erase(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[K")

    def _draw(self) -> None:
        if self.live and self._doing:
            columns = os.get_terminal_size(self.stream.fileno()).columns
            status = "  ".join(f"{name}: {what}" for name, what in sorted(self._doing.items()))
            self.stream.write(status[: columns - 1])
