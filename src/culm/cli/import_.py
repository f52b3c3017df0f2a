"""`culm import`."""

import os
import sys
from pathlib import Path

import click

from culm.cli.init import drafted
from culm.errors import Differs, UsageError
from culm.project.compose.load import usual_files
from culm.project.load import FILE, shown
from culm.scaffold.compose import imported, read


@click.command("import")
@click.argument("files", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option("--profile", "profiles", multiple=True, help="Take the services of this profile, too; `*` for all.")
@click.option("--force", is_flag=True, help="Write over a culm.yml that is there.")
def import_(files: tuple[Path, ...], name: str | None, profiles: tuple[str, ...], force: bool) -> None:
    """Write a culm.yml from compose FILEs, beside the first, and report each thing that does not map.

    Later files lie over earlier ones, as docker compose takes them. Without FILE it is what docker compose takes in
    this folder.

    Exit status 3 when no service of it can be one of culm's.
    """
    chosen = list(files) or usual_files(Path.cwd())
    if not chosen:
        raise UsageError("there is no compose file here", "culm import FILE")
    path = chosen[0].absolute().parent / FILE
    if path.exists() and not force:
        raise UsageError(f"there is {shown(path)} already", "culm import --force writes over it")
    model = read(chosen, os.environ)
    result = imported(model, path.parent, drafted(name, path.parent), profiles)
    for note in result.notes:
        click.echo(str(note))
    if not result.services:
        click.echo("culm: no service of it can be one of culm's: nothing was written", err=True)
        sys.exit(Differs.exit_status)
    for extra, text in result.files.items():
        extra.write_text(text, encoding="utf-8", errors="surrogateescape")
        click.echo(f"wrote {shown(extra)}", err=True)
    path.write_text(result.draft.text())
    click.echo(f"wrote {shown(path)} with {', '.join(result.services)}; next: culm up", err=True)
