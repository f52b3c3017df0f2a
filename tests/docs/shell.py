"""A reader's shell: bash, a home of its own, and a `culm` whose libraries are loaded once for all commands."""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path

import click
from tests import culm_command

from culm.cli import culm

AGREED = "CULM_TEST_AGREED"
"""Commands that ask, as `aws destroy`, separated by commas: the reader says yes."""
CLIENT = f"""\
#!{sys.executable} -IS
import json, os, socket, sys
words = sys.argv[1:]
for command in sorted(os.environ.get("{AGREED}", "").split(","), key=len, reverse=True):
    length = len(command.split())
    if command and words[:length] == command.split() and "--yes" not in words and "--dry-run" not in words:
        words.insert(length, "--yes")
        break
keeper = os.environ.get("CULM_TEST_KEEPER")
if not keeper:
    os.execv(sys.executable, [sys.executable, "-m", "culm", *words])
ours, theirs = socket.socketpair()
socket.send_fds(socket.socket(fileno=int(keeper)), [b"!"], [theirs.fileno(), 0, 1, 2])
theirs.close()
request = {{"arguments": words, "cwd": os.getcwd(), "environment": dict(os.environ)}}
ours.sendall(json.dumps(request).encode() + b"\\n")
status = int(ours.makefile("rb").readline())
os._exit(status if status >= 0 else 128 - status)
"""


class Shell:
    """What is typed is run by bash; its folder and its exported variables last to the next command."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.bin = root / "bin"
        self.bin.mkdir(parents=True)
        program(self.bin / "culm", CLIENT)
        self.folder = root
        self.environment = {
            **environment,
            "PATH": os.pathsep.join([str(self.bin), str(Path(sys.executable).parent), environment["PATH"]]),
            AGREED: ",".join(asking(culm)),
        }
        self._state = root / "state"
        self._numbers = count()

    def type(self, line: str, seconds: float = 300.0) -> "subprocess.CompletedProcess[str]":
        """Run a line; stderr is with stdout, in their order."""
        keeper = culm_command.keeper(self.environment)
        done = subprocess.run(
            ["bash", "-c", self._script(line)],
            cwd=self.folder,
            env={**self.environment, "CULM_TEST_KEEPER": str(keeper.fileno())},
            pass_fds=[keeper.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
        )
        if self._state.exists():
            folder, *variables = self._state.read_bytes().decode().split("\0")
            self.folder = Path(folder)
            kept = (each.partition("=") for each in variables if each)
            self.environment = {name: value for name, _, value in kept if name != "CULM_TEST_KEEPER"}
            self._state.unlink()
        return done

    def _script(self, line: str) -> str:
        ends = f'{{ printf "%s\\0" "$PWD"; env -0; }} >{str(self._state)!r}'
        return f"set -o pipefail\n{line}\nstatus=$?\n{ends}\nexit $status\n"

    def follow(self, line: str, seconds: float = 60.0) -> str:
        """Run a line that goes on until Ctrl-C, which is pressed once it has printed something; its screen."""
        with subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            process_group=0,
        ) as process:
            assert process.stdout is not None
            ready, _, _ = select.select([process.stdout], [], [], seconds)
            assert ready, f"{line} has printed nothing in {seconds:g} s"
            screen = os.read(process.stdout.fileno(), 65536)
            os.killpg(process.pid, signal.SIGINT)
            screen += process.communicate(timeout=seconds)[0]
        assert process.returncode in (0, 130), f"{line} ended with {process.returncode}:\n{screen.decode()}"
        return screen.decode()


def program(path: Path, text: str) -> None:
    """Write a file that can be run."""
    path.write_text(text)
    path.chmod(0o755)


def asking(group: click.Group, prefix: str = "") -> Iterator[str]:
    """The commands that have `--yes`, without the program's name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from asking(command, f"{prefix}{name} ")
        elif any("--yes" in parameter.opts for parameter in command.params):
            yield f"{prefix}{name}"


NAMES = (
    (re.compile(r"\x1b\[[0-9;]*m"), ""),
    (re.compile(r"\b[0-9a-f]{6,64}\b"), "ID"),
    (re.compile(r"\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"), "DAY"),
    (
        re.compile(r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"),
        "MONTH",
    ),
    (re.compile(r"\d+(?:[.,:-]\d+)*"), "0"),
    (re.compile(r"\s+"), " "),
)


def alike(line: str) -> str:
    """A line of a screen without what differs from day to day: numbers, ids, dates, and the width of columns."""
    for pattern, stands in NAMES:
        line = pattern.sub(stands, line)
    return line.strip()


def missing(shown: Sequence[str], screen: str) -> str:
    """The first line of a page's answer that a screen does not have in its place; empty: it has all.

    The screen has the lines of the page in their order and no other; a line `...`, or the dots at the end of one, stand
    for anything.
    """
    lines = [text for text in map(alike, screen.splitlines()) if text]
    skip = False
    for line in shown:
        wanted = alike(line)
        if wanted == "...":
            skip = True
        if wanted in ("", "..."):
            continue
        begin = wanted.removesuffix("...").rstrip() if wanted.endswith("...") else None
        while lines:
            text = lines.pop(0)
            if text == wanted or (begin is not None and text.startswith(begin)):
                break
            if not skip:
                return f"{line!r}, but {text!r}"
        else:
            return f"{line!r}"
        skip = False
    return f"nothing more, but {lines[0]!r}" if lines and not skip else ""
