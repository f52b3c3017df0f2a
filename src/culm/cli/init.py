"""`culm init`."""

import json
import os
import sys
from pathlib import Path

import click

from culm.errors import UsageError
from culm.project import sizes
from culm.project.json_schema import json_schema
from culm.project.load import FILE, shown
from culm.scaffold import names
from culm.scaffold.draft import Draft
from culm.scaffold.first_manifest import first_manifest

SCHEMA = ".culm/culm.schema.json"
"""Beside culm.yml, whose first line names it to editors."""


@click.command()
@click.option("--name", help="The project's name.  [default: the folder's]")
@click.option("--force", is_flag=True, help="Write over a culm.yml that is there.")
def init(name: str | None, force: bool) -> None:
    """Write a culm.yml from what is here: a compose file, Dockerfiles, a Procfile.

    What it guesses or cannot know stands in the file as a comment beside the key. The file's first line names its JSON
    Schema, which is written to .culm/culm.schema.json, so that editors complete and check it.
    """
    here = Path.cwd()
    path = here / FILE
    if path.exists() and not force:
        raise UsageError(f"there is a {FILE} already", "culm init --force writes over it")
    ask = asked if sys.stdin.isatty() and sys.stderr.isatty() else None
    result = first_manifest(here, drafted(name, here), os.environ, ask)
    for extra, text in result.files.items():
        extra.write_text(text, encoding="utf-8", errors="surrogateescape")
        click.echo(f"wrote {shown(extra)}", err=True)
    schema = here / SCHEMA
    schema.parent.mkdir(exist_ok=True)
    schema.write_text(json.dumps(json_schema(), indent=2) + "\n")
    path.write_text(f"# yaml-language-server: $schema={SCHEMA}\n{result.draft.text()}")
    click.echo(f"wrote {FILE} with {', '.join(result.services)}; next: culm up", err=True)


def drafted(name: str | None, folder: Path) -> Draft:
    """Return an empty draft, named as asked for or as the folder."""
    if name is None:
        return Draft(name=names.project_name(folder.name))
    try:
        return Draft(name=sizes.name(name), fixed=True)
    except ValueError as error:
        raise UsageError(f"--name: {error}") from None


def asked(question: str) -> int | None:
    """Return a port from the terminal; None: there is none."""
    while True:
        answer = click.prompt(f"{question} (a port; empty: nowhere)", default="", show_default=False, err=True).strip()
        if not answer:
            return None
        if answer.isdecimal() and 1 <= int(answer) <= 65535:
            return int(answer)
        click.echo("a port is a number from 1 to 65535", err=True)
