"""`culm new`."""

from pathlib import Path

import click

from culm.errors import UsageError
from culm.project.load import FILE, find
from culm.scaffold import new as scaffold

TEMPLATES = {"python": "flask", "node": "node", "go": "go"}
"""By language: what is written without `--full`."""


@click.command()
@click.argument("name")
@click.option(
    "--lang", type=click.Choice(list(TEMPLATES)), default="python", show_default=True, help="What it is written in."
)
@click.option("--full", is_flag=True, help="Python in layers, with structured logs and files from the vault.")
@click.option("--bare", is_flag=True, help="NAME has a Dockerfile: write its line in culm.yml alone.")
def new(name: str, lang: str, full: bool, bare: bool) -> None:
    """Write a new service folder, complete and running, and its line in culm.yml.

    The folder lies beside culm.yml, which is made here if there is none. In Python it is a Flask application with a
    table in PostgreSQL. In Node.js it is a server that needs no packages, so it has no database: its README says how
    to add one.

    \b
    culm new pets
    culm new front --lang node
    culm new accounts --bare     # accounts/Dockerfile is yours
    """
    try:
        root = find(Path.cwd()).parent
    except UsageError:
        root = Path.cwd()
    if bare:
        scaffold.bare(root, name)
        click.echo(f"wrote the line of {name} in {FILE}", err=True)
        click.echo(f"next: culm plan {name}", err=True)
        click.echo(
            f"requests come as /{name}/...; where its routes begin with /: `path: /{name}/*, strip: true`", err=True
        )
        return
    if full and lang != "python":
        raise UsageError(f"--full writes Python, and --lang says {lang}", "leave out one of the two")
    written = scaffold.new(root, name, "python" if full else TEMPLATES[lang])
    click.echo(f"wrote {name}/ with {len(written) - 1} files, and its line in {FILE}", err=True)
    click.echo("next: culm up", err=True)
    click.echo(f"or: culm run {name} without the cluster, culm test {name} for its tests", err=True)
