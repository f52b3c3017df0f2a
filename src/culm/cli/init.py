"""`culm init`."""

import re
from pathlib import Path

import click

from culm.errors import UsageError
from culm.project.load import FILE, load
from culm.scaffold.first_manifest import found_services, manifest


@click.command()
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option("--force", is_flag=True, help="Write over a culm.yml that is there.")
def init(name: str | None, force: bool) -> None:
    """Write a culm.yml from the service folders here.

    A service folder is one with a Dockerfile.
    """
    here = Path.cwd()
    path = here / FILE
    if path.exists() and not force:
        raise UsageError(f"there is a {FILE} already", "culm init --force writes over it")
    found = found_services(here)
    if not found:
        raise UsageError(f"no folder in {here} has a Dockerfile", "go to the folder that holds your services' folders")
    text = manifest(name or re.sub(r"[^a-z0-9]+", "-", here.name.lower()).strip("-") or "project", found)
    path.write_text(text)
    try:
        load(path)
    except UsageError as error:
        click.echo(f"wrote {FILE}; it needs a hand: {error.what}", err=True)
        return
    click.echo(f"wrote {FILE} with {', '.join(service.name for service in found)}; next: culm up", err=True)
