"""`culm lint`."""

import dataclasses
import json
import sys

import click

from culm.cli.context import json_option, open_project
from culm.lint.project import check


@click.command()
@json_option
def lint(as_json: bool) -> None:
    """Look for secrets in files that others can read. Exit status 3 when there are some.

    In task definitions' environments, Dockerfiles, and compose files for staging; every deploy looks, too, and at the
    images that it has built. A line is excused by `# culm: allow-secret REASON` at its end or above it.
    """
    project = open_project()
    findings = check(project)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    for service in project.everything.values():
        for name, secret in service.container.secrets.items():
            click.echo(f"{service.name}: secrets.{name} is allowed: {secret.reason}", err=True)
    if findings:
        sys.exit(3)
    click.echo(f"no secrets in {', '.join(project.services)}", err=True)
