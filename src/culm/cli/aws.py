"""`culm aws`: the stack that a target's services stand on."""

import sys

import click

from culm.cli.session import open_project, open_target, settings_of
from culm.deploy import faults, prices
from culm.deploy.aws import base, cost
from culm.deploy.aws.document import ACCOUNT, REGION, written
from culm.deploy.aws.stack import Proposal
from culm.deploy.aws.template import stack_name, template
from culm.deploy.console import Console
from culm.deploy.target import Target
from culm.errors import UsageError
from culm.manifest import render
from culm.manifest.project import Project, TargetSettings, named


@click.group()
def aws() -> None:
    """The base on Amazon: one CloudFormation stack a target."""


aws_target_option = click.option(
    "--target", "target_name", help="One of culm.yml's aws targets. [default: the only one there is]"
)


def opened(target_name: str | None) -> tuple[Project, TargetSettings]:
    """The project under its name there, and the aws target that is meant."""
    project = open_project()
    if target_name is None:
        ours = [name for name, one in project.targets.items() if one.provider == "aws"]
        if len(ours) != 1:
            hint = f"--target {' or '.join(ours)}" if ours else "targets: {stg: {provider: aws, region: us-east-1}}"
            raise UsageError(f"culm.yml has {len(ours)} aws targets: which one?" if ours else "culm.yml has none", hint)
        [target_name] = ours
    settings = settings_of(project, target_name)
    if settings.provider != "aws":
        raise UsageError(f"target {target_name} is local: it has no stack", "one with `provider: aws`")
    return named(project, settings), settings


@aws.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--print", "printed", is_flag=True, help="Print the template, and do nothing.")
@aws_target_option
def bootstrap(yes: bool, printed: bool, target_name: str | None) -> None:
    """Make the stack, or bring it to what culm.yml says.

    Shows what it costs, or what would change, and asks.
    """
    project, settings = opened(target_name)
    if printed:
        vault = render.vault_bucket(project.name, settings.account or ACCOUNT, settings.region or REGION)
        click.echo(written(template(project, settings, vault)), nl=False)
        return
    target = open_target(project, settings.name)
    console = Console()
    with faults.translated():
        if not make(target, project, console, yes=yes):
            console.say(f"stack {stack_name(project)} is as culm.yml says")


def make(target: Target, project: Project, console: Console, *, yes: bool) -> bool:
    """`base.bootstrap`, shown and asked on this terminal."""

    def agree(proposal: Proposal | None) -> bool:
        return agreed(target, project, proposal, yes=yes)

    def progress(what: str) -> None:
        console.doing(project.name, what)

    try:
        return base.bootstrap(target, project, agree, console.say, progress)
    finally:
        console.doing(project.name)


def agreed(target: Target, project: Project, proposal: Proposal | None, *, yes: bool) -> bool:
    name = stack_name(project)
    if proposal is None:
        listed = prices.nearest(target.region)
        click.echo(f"Stack {name} in account {target.account}, {target.region}, would cost:", err=True)
        click.echo(cost.screen(cost.cost(project, target.settings, listed), target.settings, listed), err=True)
        question = "make it?"
    else:
        click.echo(f"Stack {name} in account {target.account}, {target.region}, would change:", err=True)
        for change in proposal.changes:
            click.echo(f"  {change}", err=True)
        question = "change it?"
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError("there is nobody to ask", "--yes, when that is what you want")
    click.confirm(question, abort=True, err=True)
    return True
