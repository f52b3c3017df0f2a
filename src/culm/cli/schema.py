"""`culm schema`."""

import json

import click

from culm.project.json_schema import json_schema


@click.command()
def schema() -> None:
    """Print the JSON Schema of culm.yml, for editors and checks.

    An editor finds it by the file's first line: `# yaml-language-server: $schema=culm.schema.json`.
    """
    click.echo(json.dumps(json_schema(), indent=2))
