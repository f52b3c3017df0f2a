"""`culm top`."""

import queue
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self, TextIO

import click

from culm.cli import price_lists
from culm.cli.context import json_option, open_project, open_target, target_option
from culm.console import coloured
from culm.operate.snapshot.compose import compose
from culm.operate.snapshot.look import Looker
from culm.operate.snapshot.records import Snapshot
from culm.target import faults
from culm.target.clock import now
from culm.target.connection import Target

if TYPE_CHECKING:
    from culm.cli.screens.text import Text

LOCAL_SECONDS, AMAZON_SECONDS = 2.0, 10.0
POLL_SECONDS = 0.1
ESCAPE_SECONDS = 0.05
"""How long after an Escape the rest of a key's sequence may come, on a slow line."""
SIGNAL_SECONDS = 0.5
READ_SECONDS = 2.0
"""How long the end of a command that failed stays to be read."""
MOST_TYPED = 64
"""Bytes of what was typed that are read at once."""
SUSPEND = "\x1a"
"""What SIGTSTP is among the keys."""
KEY = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1bO.|.", re.DOTALL)
"""A control sequence (ECMA-48, 5.4), one of a keypad's, or a character."""
ARROWS = {"\x1b[A": "k", "\x1bOA": "k", "\x1b[B": "j", "\x1bOB": "j"}


@click.command()
@json_option
@target_option
def top(as_json: bool, target_name: str) -> None:
    """Show instances, tasks, requests and events, full screen and live.

    Sort with m (memory), c (CPU), r (failures), s (service); move with j and k; Enter shows a service's cause, l
    its logs, e a shell in a task, R restarts it. Without a terminal it prints one look and ends; --json does as data.
    """
    project = open_project(target_name)
    target = open_target(project, target_name)
    look = looker(target, Looker(target, project, now))
    if as_json:
        import json

        import msgspec

        click.echo(json.dumps(msgspec.to_builtins(look()), indent=2))
    elif not _is_screen():
        from culm.cli.screens.top import View, screen

        width = shutil.get_terminal_size().columns
        for line in screen(look(), View(width=width, height=500, row=-1)):
            click.echo(line.drawn(width, coloured=False))
    else:
        Top(look, LOCAL_SECONDS if target.endpoint_url else AMAZON_SECONDS, target_name).run()


def looker(target: Target, looks: Looker) -> Callable[[], Snapshot]:
    """Return a function that takes a snapshot."""
    prices = price_lists.load(price_lists.known(target.region))

    def look() -> Snapshot:
        with faults.translated():
            return compose(looks.about, looks.look(), prices)

    return look


def _is_screen() -> bool:
    import os

    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") not in (None, "", "dumb")


class Top:
    """The full screen: looks in a thread of its own, draws what is newest, answers keys at once."""

    def __init__(self, look: Callable[[], Snapshot], pause: float, target_name: str) -> None:
        from culm.cli.screens.top import View

        self.look = look
        self.pause = pause
        self.target_name = target_name
        self.view = View(width=80, height=24)
        self.asked_about = ""
        """The service that `view.asks` names: another one may be in its row by the time of the answer."""
        self.snapshot: Snapshot | None = None
        self.happened: queue.SimpleQueue[str] = queue.SimpleQueue()
        """Keys that were pressed, by signals too; empty: there is a newer snapshot, or another size."""
        self.over = threading.Event()

    def run(self) -> None:
        """Show the screen until it is left: by q, Escape or Ctrl-C, all of which give the terminal back as it was."""
        self.snapshot = self.look()
        threading.Thread(target=self._look, daemon=True).start()
        with keys() as board, signals(self.happened.put) as stops:
            threading.Thread(target=self._read, args=(board,), daemon=True).start()
            try:
                while True:
                    with FullScreen(sys.stdout) as drawing:
                        outside = self._show(drawing)
                    if outside is None:
                        return
                    with board.away(), stops.away():
                        outside()
            except KeyboardInterrupt:
                return
            finally:
                self.over.set()

    def _look(self) -> None:
        while not self.over.wait(self.pause):
            try:
                self.snapshot = self.look()
            except Exception as error:
                if self.snapshot is not None:
                    self.snapshot = replace(self.snapshot, unreachable=str(error))
            self.happened.put("")

    def _read(self, board: "Keyboard") -> None:
        while not self.over.is_set():
            for key in board.pressed():
                self.happened.put(key)

    def _show(self, drawing: "FullScreen") -> Callable[[], None] | None:
        """Draw until something is to be done with the terminal (which is returned), or it is over (None)."""
        from culm.cli.screens.top import screen

        assert self.snapshot is not None
        while True:
            width, height = drawing.size
            self.view = replace(self.view, width=width, height=height)
            drawing.draw(screen(self.snapshot, self.view))
            key = self._next()
            if key == "q" or (key == "\x1b" and not self.view.unfolded and not self.view.asks):
                return None
            if key == SUSPEND:
                return suspend
            if command := self._pressed(key):
                return partial(run_command, command)

    def _next(self) -> str:
        """Return what happens next. A signal that comes just before we begin to wait is noticed within a moment."""
        while True:
            try:
                return self.happened.get(timeout=SIGNAL_SECONDS)
            except queue.Empty:
                continue

    def _pressed(self, key: str) -> list[str] | None:
        """Change the view; a command to run, if the key stands for one."""
        from culm.cli.screens.top import SORTS, rows_of

        assert self.snapshot is not None
        rows = rows_of(self.snapshot, self.view.sort)
        row = min(self.view.row, max(len(rows) - 1, 0))
        name = rows[row].service if rows else ""
        if self.view.asks and key:
            self.view = replace(self.view, asks="")
            return ["restart", self.asked_about, "--target", self.target_name] if key in ("y", "Y") else None
        match key:
            case "j" | "k":
                row = min(max(row + (1 if key == "j" else -1), 0), max(len(rows) - 1, 0))
                self.view = replace(self.view, row=row)
            case "\r" | "\n":
                self.view = replace(self.view, unfolded=not self.view.unfolded)
            case "\x1b":
                self.view = replace(self.view, unfolded=False)
            case "R" if name:
                self.asked_about = name
                self.view = replace(self.view, asks=f"restart {name}? y/n")
            case "l" if name:
                return ["logs", name, "-f", "-n", "200", "--target", self.target_name]
            case "e" if name:
                return ["exec", name, "--target", self.target_name]
            case _ if key in SORTS:
                self.view = replace(self.view, sort=key)
        return None


class FullScreen:
    """A terminal's other screen, which leaves no trace of itself: no cursor, and lines that are drawn over each other.

    Control sequences: https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._coloured = coloured(stream)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines, as they are now."""
        return shutil.get_terminal_size()

    def __enter__(self) -> Self:
        self._write("\x1b[?1049h\x1b[?25l")
        return self

    def __exit__(self, *_: object) -> None:
        self._write("\x1b[?25h\x1b[?1049l")

    def draw(self, lines: Sequence["Text"]) -> None:
        """Draw over what is there, at most as many lines as the screen has."""
        columns, height = self.size
        rows = [line.drawn(columns, coloured=self._coloured) for line in lines[:height]]
        self._write("\x1b[H" + "\r\n".join(f"{row}\x1b[K" for row in rows) + "\x1b[J")

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Keyboard:
    """Keys of the terminal, while it is not lent to a command."""

    def __init__(self) -> None:
        import termios

        self._before = termios.tcgetattr(sys.stdin)
        self._ours = threading.Event()
        self.take()

    def take(self) -> None:
        import tty

        tty.setcbreak(sys.stdin)
        self._ours.set()

    def give_back(self) -> None:
        import termios

        self._ours.clear()
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)

    @contextmanager
    def away(self) -> Iterator[None]:
        self.give_back()
        try:
            yield
        finally:
            self.take()

    def pressed(self) -> Sequence[str]:
        """Return the next keys; none when none was pressed for a moment."""
        import os

        self._ours.wait()
        if not self._waits(POLL_SECONDS):
            return ()
        typed = os.read(sys.stdin.fileno(), MOST_TYPED)
        if typed.endswith((b"\x1b", b"\x1b[", b"\x1bO")) and self._waits(ESCAPE_SECONDS):
            typed += os.read(sys.stdin.fileno(), MOST_TYPED)
        return named(typed.decode(errors="replace"))

    def _waits(self, seconds: float) -> bool:
        """Return whether something was typed within that time, and is for us."""
        import select

        ready, _, _ = select.select([sys.stdin], [], [], seconds)
        return bool(ready) and self._ours.is_set()


def named(typed: str) -> Sequence[str]:
    """Return the keys of what a terminal sent: arrows as `j` and `k`, Escape as itself, other sequences not at all."""
    return [ARROWS.get(key, key) for key in KEY.findall(typed) if len(key) == 1 or key in ARROWS]


@contextmanager
def keys() -> Iterator[Keyboard]:
    """Yield the keyboard; the terminal is as it was afterwards."""
    board = Keyboard()
    try:
        yield board
    finally:
        board.give_back()


class Signals:
    """What the terminal sends besides keys: that its size has changed, that we are to stop (Ctrl-Z) or to end."""

    def __init__(self, put: Callable[[str], None]) -> None:
        self._handlers: dict[int, Callable[[int, object], None]] = {
            signal.SIGWINCH: lambda *_: put(""),
            signal.SIGTSTP: lambda *_: put(SUSPEND),
            signal.SIGTERM: _leave,
            signal.SIGHUP: _leave,
        }
        self._before = {number: signal.getsignal(number) for number in self._handlers}
        self.take()

    def take(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let them do what is usual, so that Ctrl-Z stops us together with the command that has the terminal."""
        self.give_back()
        try:
            yield
        finally:
            self.take()


@contextmanager
def signals(put: Callable[[str], None]) -> Iterator[Signals]:
    """Yield the signals, of which `put` hears; they do what they did afterwards."""
    handled = Signals(put)
    try:
        yield handled
    finally:
        handled.give_back()


def _leave(number: int, _frame: object) -> None:
    """End as the signal would end us, but through every `finally`: the terminal is given back."""
    sys.exit(128 + number)


def suspend() -> None:
    """Stop until the shell's `fg`."""
    import os

    os.kill(os.getpid(), signal.SIGTSTP)


def run_command(words: list[str]) -> None:
    """Run one of culm's commands, with the terminal to itself; Ctrl-C ends it, not us."""
    import subprocess

    process = subprocess.Popen([sys.executable, "-m", "culm", *words])
    while True:
        try:
            status = process.wait()
            break
        except KeyboardInterrupt:
            continue
    if status not in (0, 128 + signal.SIGINT):
        click.echo(f"culm {words[0]} ended with {status}", err=True)
        time.sleep(READ_SECONDS)
