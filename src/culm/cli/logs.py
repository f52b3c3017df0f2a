"""`culm logs`."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import click

from culm import render
from culm.cli.context import json_option, open_project, open_target, services_of, target_option
from culm.console import Console
from culm.core.model.record import record
from culm.errors import UsageError
from culm.operate.log_search import MIGRATION_STREAMS, Wanted, is_pattern, newest
from culm.operate.logs import Follower, LogLine
from culm.operate.sentences import Level, one_line, sentence
from culm.target import faults
from culm.target.clock import now
from culm.target.connection import Target

POLL_SECONDS = 0.5
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
MOST_LINES = 10_000
"""Of history, without --tail."""
COLOURS: dict[Level, str] = {"error": "31", "warning": "33", "debug": "2"}
"""ANSI colours; other levels have the terminal's own."""


@record
class Chosen:
    """Which lines are wanted, besides their time and service."""

    words: str = ""
    """Plain words. A filter pattern is CloudWatch's to judge."""
    errors: bool = False
    task: str = ""
    migration: bool = False

    def __contains__(self, line: LogLine) -> bool:
        return (
            (is_pattern(self.words) or self.words.lower() in line.text.lower())
            and (not self.errors or sentence(line.text).level == "error")
            and (not self.task or line.stream.rpartition("/")[2].startswith(self.task))
            and (not self.migration or line.stream.startswith(MIGRATION_STREAMS))
        )


@record
class Reading:
    """How lines are read and shown."""

    chosen: Chosen = Chosen()
    since: str = "1h"
    tail: int | None = None
    """The last so many lines; None: all that there are."""
    follow: bool = False
    raw: bool = False
    as_json: bool = False


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--since", default="1h", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last so many lines.")
@click.option("--grep", metavar="TEXT", default="", help="Only lines with this, or that match a filter pattern.")
@click.option("--errors", is_flag=True, help="Only errors.")
@click.option("--task", metavar="ID", default="", help="Only what this task wrote; the beginning of its id is enough.")
@click.option("--migration", is_flag=True, help="Only what migrations wrote.")
@click.option("--raw", is_flag=True, help="Lines as they were written, not as sentences.")
@json_option
@target_option
def logs(
    services: tuple[str, ...],
    follow: bool,
    since: str,
    tail: int | None,
    raw: bool,
    as_json: bool,
    target_name: str,
    **which: str | bool,
) -> None:
    """Show what services write, interleaved by time.

    JSON lines are shown as sentences: time, level, message, then key=value. --json prints one object a line.

    \b
    culm logs -f
    culm logs accounts --since 10m --errors
    culm logs orders -n 100 --grep '{ $.status >= 500 }'
    """
    project = open_project(target_name)
    services_chosen = services_of(project, services, jobs=True)
    chosen = Chosen(
        words=str(which["grep"]),
        errors=bool(which["errors"]),
        task=str(which["task"]),
        migration=bool(which["migration"]),
    )
    if follow and is_pattern(chosen.words):
        raise UsageError("-f follows plain words, not filter patterns", "leave -f out, or search for words")
    names = {render.log_group(project, service): service.name for service in services_chosen}
    reading = Reading(chosen=chosen, since=since, tail=tail, follow=follow, raw=raw, as_json=as_json)
    read(open_target(project, target_name), names, reading)


def read(target: Target, names: dict[str, str], reading: Reading) -> None:
    """Print lines of these log groups, `names` of services by group; with `follow` until Ctrl-C."""
    chosen, tail = reading.chosen, reading.tail
    console = Console(sys.stdout, width=max(map(len, names.values())))
    printer = Printer(console, names, raw=reading.raw, as_json=reading.as_json)
    begin = int((now() - age(reading.since)) * 1000)
    wanted = Wanted(
        start=begin,
        text=chosen.words,
        limit=MOST_LINES if tail is None or chosen.errors or chosen.task else max(tail, 1),
        stream=MIGRATION_STREAMS if chosen.migration else "",
    )
    with faults.translated():
        history = [line for line in newest(target, names, wanted) if line in chosen]
        shown = history if tail is None else history[len(history) - min(tail, len(history)) :]
        printer.show(shown)
        if not reading.follow:
            return
        start = history[-1].at if history else int(now() * 1000)
        follower = Follower(target, names, start)
        known = {(line.stream, line.at, line.text) for line in history if line.at == start}
        while True:
            fresh = [line for line in follower.read() if (line.stream, line.at, line.text) not in known]
            printer.show(line for line in fresh if line in chosen)
            time.sleep(max(POLL_SECONDS, target.longest_pause))


class Printer:
    """Shows lines: as sentences, as they were written, or as JSON. `names`: services by log group."""

    def __init__(self, console: Console, names: dict[str, str], *, raw: bool, as_json: bool) -> None:
        self.console = console
        self.names = names
        self.form: Callable[[LogLine], str] | None = (
            None if as_json else (lambda line: line.text) if raw else self.sentence_line
        )

    def show(self, lines: Iterable[LogLine]) -> None:
        for line in lines:
            name = self.names[line.group]
            if self.form is None:
                click.echo(json.dumps(described(line, name)))
            else:
                self.console.say(self.form(line), name)

    def sentence_line(self, line: LogLine) -> str:
        """Return a line for people: `14:02:11 error    no such table  path=/orders/ status=500`."""
        read = sentence(line.text)
        at = datetime.fromtimestamp(line.at / 1000, UTC).astimezone()
        text = f"{at:%H:%M:%S} {read.level:<7}  {one_line(read)}".rstrip()
        colour = COLOURS.get(read.level)
        return f"\x1b[{colour}m{text}\x1b[0m" if colour and self.console.coloured else text


def age(text: str) -> int:
    """Read an age in seconds."""
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise UsageError(f"--since {text} is not a time", "30s, 10m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


def described(line: LogLine, name: str) -> dict[str, str]:
    at = datetime.fromtimestamp(line.at / 1000, UTC).isoformat(timespec="milliseconds")
    return {
        "at": at,
        "service": name,
        "stream": line.stream,
        "level": sentence(line.text).level,
        "message": line.text,
    }
