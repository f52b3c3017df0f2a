"""`culm logs`."""

import json
import re
import sys
import time
from datetime import UTC, datetime

import click

from culm import render
from culm.cli.context import json_option, open_project, open_target, services_of, target_option
from culm.console import Console
from culm.errors import UsageError
from culm.operate.logs import Follower, Line
from culm.target import faults
from culm.target.clock import now

POLL_SECONDS = 0.5
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--since", default="1h", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last so many lines.")
@json_option
@target_option
def logs(
    services: tuple[str, ...], follow: bool, since: str, tail: int | None, as_json: bool, target_name: str
) -> None:
    """Show what services write, interleaved.

    --json prints one object a line.

    \b
    culm logs -f
    culm logs accounts --since 10m
    culm logs orders -n 100 --json
    """
    project = open_project(target_name)
    chosen = services_of(project, services, jobs=True)
    names = {render.log_group(project, service): service.name for service in chosen}
    target = open_target(project, target_name)
    console = Console(sys.stdout, width=max(map(len, names.values())))
    begin = int((now() - age(since)) * 1000)
    follower = Follower(target, names, begin)

    def show(lines: list[Line]) -> None:
        for line in lines:
            name = names[line.group]
            if as_json:
                click.echo(json.dumps(described(line, name)))
            else:
                console.say(line.text, name)

    with faults.translated():
        first = follower.read()
        show(first if tail is None else first[len(first) - min(tail, len(first)) :])
        while follow:
            time.sleep(max(POLL_SECONDS, target.longest_pause))
            show(follower.read())


def age(text: str) -> int:
    """Seconds."""
    match = re.fullmatch(r"(\d+)([smhd])", text)
    if match is None:
        raise UsageError(f"--since {text} is not a time", "30s, 10m, 2h or 1d")
    return int(match[1]) * UNITS[match[2]]


def described(line: Line, name: str) -> dict[str, str]:
    at = datetime.fromtimestamp(line.at / 1000, UTC).isoformat(timespec="milliseconds")
    return {"at": at, "service": name, "stream": line.stream, "message": line.text}
