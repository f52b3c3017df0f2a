"""`culm new`."""

from pathlib import Path

import click

from culm.errors import UsageError
from culm.project.load import FILE, find
from culm.scaffold.new import new as write

LANGUAGES = ("python", "go")


@click.command()
@click.argument("name")
@click.option(
    "--lang", type=click.Choice(LANGUAGES), default="python", show_default=True, help="What it is written in."
)
def new(name: str, lang: str) -> None:
    """Write a new service folder, complete and running, and its line in culm.yml.

    The folder lies beside culm.yml, which is made here if there is none.
    """
    try:
        root = find(Path.cwd()).parent
    except UsageError:
        root = Path.cwd()
    written = write(root, name, lang)
    click.echo(f"wrote {name}/ with {len(written) - 1} files, and its line in {FILE}", err=True)
    click.echo(f"next: cd {name} && culm run {name}; ./dkr-run.sh; culm test {name}; culm up", err=True)
