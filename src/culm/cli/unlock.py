"""`culm unlock`."""

import sys

import click

from culm.cli.context import open_project, open_target, target_option
from culm.deploy import vault_files
from culm.deploy.lock import clock, holder
from culm.deploy.lock import unlock as opened
from culm.target import faults


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@target_option
def unlock(yes: bool, target_name: str) -> None:
    """Open a target's lock, whoever has it.

    One deploy at a time holds the lock of its target. It opens by itself when the deploy ends, or 90 seconds after
    its last sign of life. A deploy that still lives stops when it finds its lock opened.
    """
    project = open_project(target_name)
    target = open_target(project, target_name)
    with faults.translated():
        holding = holder(target.client("s3"), vault_files.vault_of(target, project).bucket)
        if holding is None:
            click.echo(f"nobody deploys {project.name} to {target_name}", err=True)
            return
        renewed = f"seen {holding.age_seconds:.0f} s ago"
        click.echo(f"{holding.by}: `{holding.does}`, since {clock(holding.since)}, {renewed}", err=True)
        if not yes and sys.stdin.isatty():
            click.confirm("open it?", abort=True, err=True)
        opened(target, project)
    click.echo("opened", err=True)
