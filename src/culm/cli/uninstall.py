"""`culm uninstall`."""

import json
import os

import click

from culm.cli.agreement import confirm
from culm.cli.context import json_option
from culm.errors import CulmError
from culm.operate import leftovers
from culm.target import local


@click.command()
@click.option("--dry-run", is_flag=True, help="List it, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def uninstall(dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove what culm has put on this machine: its home with all data, keys, caches, images.

    The program itself goes by what installed it. Targets on AWS are left alone: `culm aws destroy` removes them.
    """
    home = local.home()
    if local.held() and not dry_run:
        raise CulmError(f"the local cluster of {home} runs", "culm cluster stop, then the same command")
    there = leftovers.look(home, os.environ)
    images = list(dict.fromkeys(there.images))
    if not as_json:
        for folder in there.folders:
            click.echo(f"{folder.path}  {folder.size / 1024 / 1024:.1f} MiB: {folder.what}")
        for name in images:
            click.echo(f"image {name}")
    if not there.folders and not there.images:
        click.echo("culm has put nothing on this machine", err=True)
    elif dry_run:
        click.echo("nothing was removed", err=True)
    else:
        confirm("remove all of this, with the data of every local project?", yes=yes)
        leftovers.remove(there)
        click.echo("removed", err=True)
    if as_json:
        folders = [{"path": str(each.path), "bytes": each.size, "what": each.what} for each in there.folders]
        click.echo(json.dumps({"folders": folders, "images": images, "removed": not dry_run}, indent=2))
    click.echo(
        "left: .culm/ beside each culm.yml, and the program itself (uv tool uninstall culm, pipx uninstall culm)",
        err=True,
    )
