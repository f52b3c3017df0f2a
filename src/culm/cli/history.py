"""`culm history`."""

import json
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime

import click

from culm.cli.context import json_option, open_project, open_target, services_of, target_option
from culm.cli.status import fitting
from culm.operate.history import Revision, report
from culm.operate.history import history as revisions_of
from culm.target import faults


@click.command()
@click.argument("service")
@json_option
@target_option
def history(service: str, as_json: bool, target_name: str) -> None:
    """Show the revisions of SERVICE, and how to go back to each.

    Newest first, at most 100: when it was made and by whom, its image, how its last deploy ended, and whether another
    migration ran before it. --json prints one object a line.

    \b
    culm history accounts
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    target = open_target(project, target_name)
    with faults.translated():
        revisions = revisions_of(target, project, chosen)
    if as_json:
        for revision in revisions:
            click.echo(json.dumps(report(revision)))
    else:
        click.echo(page(revisions, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))


SPARE = ("IMAGE", "BY", "MADE", "MIGRATION")
"""Columns that a narrow terminal does without, the first one first; `--json` has them."""


def page(revisions: Sequence[Revision], width: int | None = None) -> str:
    """Return the revisions as a table that fits into so many columns; None: all of it."""
    heads = ("REVISION", "MADE", "BY", "IMAGE", "MIGRATION", "OUTCOME", "WAY BACK")
    rows = [
        (
            str(revision.number),
            f"{datetime.fromtimestamp(revision.made_at).astimezone():%Y-%m-%d %H:%M}",
            revision.made_by or "-",
            revision.image,
            "another" if revision.migration else "-",
            revision.outcome or "-",
            "live" if revision.live else revision.back,
        )
        for revision in revisions
    ]
    spares = SPARE if any(revision.migration for revision in revisions) else ("MIGRATION", *SPARE)
    return fitting(width, heads, rows, spares)
