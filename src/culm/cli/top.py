"""`culm top`."""

import queue
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
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
        self.snapshot: Snapshot | None = None
        self.happened: queue.Queue[str] = queue.Queue()
        """Keys that were pressed; empty: there is a newer snapshot."""
        self.over = threading.Event()

    def run(self) -> None:
        self.snapshot = self.look()
        threading.Thread(target=self._look, daemon=True).start()
        with keys() as read:
            threading.Thread(target=self._read, args=(read,), daemon=True).start()
            command: list[str] | None = []
            while command is not None:
                with FullScreen(sys.stdout) as drawing:
                    command = self._show(drawing)
                if command:
                    with read.away():
                        run_command(command)

    def _look(self) -> None:
        while not self.over.wait(self.pause):
            try:
                self.snapshot = self.look()
            except Exception as error:
                if self.snapshot is not None:
                    self.snapshot = replace(self.snapshot, unreachable=str(error))
            self.happened.put("")

    def _read(self, read: "Keyboard") -> None:
        while not self.over.is_set():
            if key := read.key():
                self.happened.put(key)

    def _show(self, drawing: "FullScreen") -> list[str] | None:
        """Draw until something is to be run outside (its command), or it is over (None)."""
        from culm.cli.screens.top import screen

        assert self.snapshot is not None
        while True:
            width, height = drawing.size
            self.view = replace(self.view, width=width, height=height)
            drawing.draw(screen(self.snapshot, self.view))
            key = self.happened.get()
            if key in ("q", "\x03") or (key == "\x1b" and not self.view.unfolded):
                self.over.set()
                return None
            if command := self._pressed(key):
                return command

    def _pressed(self, key: str) -> list[str] | None:
        """Change the view; a command to run, if the key stands for one."""
        from culm.cli.screens.top import SORTS, rows_of

        assert self.snapshot is not None
        rows = rows_of(self.snapshot, self.view.sort)
        row = min(self.view.row, max(len(rows) - 1, 0))
        name = rows[row].service if rows else ""
        if self.view.asks:
            self.view = replace(self.view, asks="")
            return ["restart", name, "--target", self.target_name] if key in ("y", "Y") else None
        match key:
            case "j" | "k":
                row = min(max(row + (1 if key == "j" else -1), 0), max(len(rows) - 1, 0))
                self.view = replace(self.view, row=row)
            case "\r" | "\n":
                self.view = replace(self.view, unfolded=not self.view.unfolded)
            case "\x1b":
                self.view = replace(self.view, unfolded=False)
            case "R" if name:
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
    """Single keys of the terminal, while it is not lent to a command."""

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

    def key(self) -> str:
        """Return the next key; empty when there was none for a moment."""
        import os
        import select

        self._ours.wait()
        ready, _, _ = select.select([sys.stdin], [], [], 0.1)
        return os.read(sys.stdin.fileno(), 1).decode(errors="replace") if ready and self._ours.is_set() else ""


@contextmanager
def keys() -> Iterator[Keyboard]:
    board = Keyboard()
    try:
        yield board
    finally:
        board.give_back()


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
    if words[0] in ("restart", "exec") and status:
        click.echo(f"culm {words[0]} ended with {status}", err=True)
        time.sleep(2)
