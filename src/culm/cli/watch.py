"""`culm status --watch`: the same picture, kept current; in a pipe, what changed, a line each."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import click

from culm.cli.top import AMAZON_SECONDS, LOCAL_SECONDS, looker
from culm.console import Console
from culm.operate.snapshot.look import Looker
from culm.operate.snapshot.records import Event, Snapshot
from culm.project.project import Project
from culm.target.clock import now
from culm.target.connection import Target


def watch(project: Project, target: Target, *, as_json: bool) -> None:
    """Print what happens until Ctrl-C. JSON is one snapshot a line."""
    look = looker(target, Looker(target, project, now))
    pause = LOCAL_SECONDS if target.endpoint_url else AMAZON_SECONDS
    if as_json:
        import msgspec

        while True:
            click.echo(json.dumps(msgspec.to_builtins(look())))
            time.sleep(pause)
    console = Console(sys.stdout)
    if not console.live:
        before = look()
        for event in reversed(before.events):
            click.echo(plain(event))
        while True:
            time.sleep(pause)
            after = look()
            for line in news(before, after):
                click.echo(line)
            sys.stdout.flush()
            before = after
    draw_again_and_again(console, look, pause)


def draw_again_and_again(console: Console, look: Callable[[], Snapshot], pause: float) -> None:
    """Draw a snapshot every `pause` seconds over the one before, until Ctrl-C; the last one stays."""
    from culm.cli.screens.top import View, screen

    try:
        while True:
            snapshot = look()

            def rows(columns: int, snapshot: Snapshot = snapshot) -> list[str]:
                view = View(width=columns, height=max(console.height() - 1, 10), row=-1)
                return [line.drawn(columns, coloured=console.coloured) for line in screen(snapshot, view)]

            console.rows = rows
            console.redraw()
            time.sleep(pause)
    finally:
        console.settle()


def news(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """Yield what happened between two looks, and what began or ceased to be wrong, a line each."""
    known = {event.key for event in before.events}
    for event in reversed(after.events):
        if event.key not in known:
            yield plain(event)
    wrong = {(trouble.service, trouble.text) for trouble in before.troubles}
    for trouble in after.troubles:
        if (trouble.service, trouble.text) not in wrong:
            yield f"{_moment(after.at)} {trouble.service or '-'} WRONG {trouble.text}"
    for service in after.services:
        earlier = before.service(service.name)
        if earlier is not None and earlier.state != service.state:
            yield f"{_moment(after.at)} {service.name} is {service.state}, {service.summary}"


def plain(event: Event) -> str:
    """Return an event as a line.

    `2026-01-01T12:00:00+00:00 orders task b2fb55c5 of bamboo-orders:2 exited with code 3`.
    """
    return f"{_moment(event.at)} {event.service} {event.message}"


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
