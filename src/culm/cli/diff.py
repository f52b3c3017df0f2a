"""`culm diff`."""

import json
import shutil
import sys

import click

from culm.cli.context import json_option, open_project, settings_of, target_option
from culm.cli.planning import opened
from culm.cli.screens import drift
from culm.deploy.images import Images
from culm.errors import Differs
from culm.operate.drift.compare import compare
from culm.operate.drift.look import look
from culm.operate.drift.stack import compare_stack
from culm.target import faults


@click.command()
@click.option(
    "--images/--no-images", default=True, show_default=True, help="Also compare live images with what the folders make."
)
@json_option
@target_option
def diff(images: bool, as_json: bool, target_name: str) -> None:
    """Show differences between culm.yml and what runs.

    Compares everything that `up` compares, and looks for things that culm.yml does not mention: other rules, services,
    policies, settings changed by hand. Changes nothing. The last column says whether the next `up` overwrites a
    difference with culm.yml's value or leaves it as it is. Exit status 3 when anything differs.

    \b
    culm diff
    culm diff --target stg --no-images --json
    """
    project = open_project(target_name)
    settings = settings_of(project, target_name)
    target, builder = opened(project, target_name)
    with faults.translated():
        below = compare_stack(target, project) if settings.provider == "aws" else []
        rows = below + compare(project, settings, look(target, project, Images(target, builder) if images else None))
    if as_json:
        click.echo(json.dumps(drift.report(project.name, target_name, rows), indent=2))
    else:
        click.echo(drift.screen(project.name, target_name, rows, shutil.get_terminal_size().columns))
    if rows:
        sys.exit(Differs.exit_status)
