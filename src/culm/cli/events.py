"""`culm events`."""

import json
import shutil
import sys
import textwrap
import time
from datetime import date

import click

from culm.cli.context import json_option, open_project, open_target, services_of, target_option
from culm.console import Console
from culm.operate.events import Entry, Timeline, brief, report
from culm.target import faults

POLL_SECONDS = 0.5


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("-f", "--follow", is_flag=True, help="Go on as things happen.")
@click.option("-n", "--tail", type=click.IntRange(min=0), default=50, show_default=True, help="Only the last so many.")
@json_option
@target_option
def events(services: tuple[str, ...], follow: bool, tail: int, as_json: bool, target_name: str) -> None:
    """Show what has happened to services and jobs, in one timeline.

    ECS's own events, the states of deployments, why tasks, migrations and runs stopped, and on the local cluster which
    runs of a schedule were missed, skipped or given up. ECS keeps a hundred events of each service, and stopped tasks
    for about an hour. --json prints one object a line.

    \b
    culm events accounts -f
    """
    project = open_project(target_name)
    names = [service.name for service in services_of(project, services, jobs=True)]
    target = open_target(project, target_name)
    timeline = Timeline(target, project, names)
    page = Page(max(map(len, names)))

    def show(entries: list[Entry]) -> None:
        for entry in entries:
            if as_json:
                click.echo(json.dumps(report(entry)))
            else:
                page.show(entry)

    with faults.translated():
        first = timeline.read()
        show(first[len(first) - min(tail, len(first)) :])
        while follow:
            time.sleep(max(POLL_SECONDS, target.longest_pause))
            show(timeline.read())


class Page:
    """Entries as people read them: the time, the service, and what happened, as wide as the terminal."""

    def __init__(self, width: int) -> None:
        self.console = Console(sys.stdout, width=width)
        self.day: date | None = None

    def show(self, entry: Entry) -> None:
        at = entry.at.astimezone()
        if at.date() != self.day:
            self.day = at.date()
            self.console.say(f"{self.day:%A, %d %B %Y}")
        room = shutil.get_terminal_size().columns - self.console.width - 1
        head = f"{at:%H:%M:%S} "
        self.console.say(
            textwrap.fill(
                brief(entry),
                max(room, 40),
                initial_indent=head,
                subsequent_indent=" " * len(head),
                break_on_hyphens=False,
            ),
            entry.service,
        )
