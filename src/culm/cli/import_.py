"""`culm import`."""

import re
import sys
from pathlib import Path

import click

from culm.errors import UsageError
from culm.project.load import FILE, load, shown
from culm.scaffold.compose import imported


@click.command("import")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option("--force", is_flag=True, help="Write over a culm.yml that is there.")
def import_(file: Path, name: str | None, force: bool) -> None:
    """Write a culm.yml from a compose FILE, beside it, and report each thing that cannot map.

    Exit status 3 when no service of it can be one of culm's.
    """
    path = file.absolute().parent / FILE
    if path.exists() and not force:
        raise UsageError(f"there is {shown(path)} already", "culm import --force writes over it")
    project = name or re.sub(r"[^a-z0-9]+", "-", path.parent.name.lower())[:16].strip("-") or "project"
    found = imported(project, file.read_text(), shown(file))
    for note in found.notes:
        click.echo(f"{shown(file)}:{note.line}: {note.key}: {note.what}")
    if not found.services:
        click.echo("culm: no service of it is built from a folder: nothing was written", err=True)
        sys.exit(3)
    path.write_text(found.manifest)
    try:
        load(path)
    except UsageError as error:
        click.echo(f"wrote {shown(path)}; it needs a hand: {error.what}", err=True)
        return
    click.echo(f"wrote {shown(path)} with {', '.join(found.services)}; next: culm up", err=True)
