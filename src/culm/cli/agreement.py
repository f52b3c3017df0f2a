"""Show what a stack costs or what would change in it, and ask on this terminal."""

import sys
from collections.abc import Sequence

import click

from culm.aws import base, cost, joining, look, stack
from culm.aws.stack import Proposal, Talk
from culm.aws.template import stack_name
from culm.cli import price_lists
from culm.console import Console
from culm.errors import CulmError, UsageError
from culm.project.project import Project, TargetSettings
from culm.target import faults
from culm.target.connection import Target


def make(target: Target, project: Project, console: Console, *, yes: bool, renew_image: bool = False) -> bool:
    """Run `base.bootstrap` after showing what it does and asking; returns whether it did anything.

    With `yes` nothing is asked. Raises UsageError when stdin is not a terminal, and click.Abort when the answer is no;
    by then the proposed change of the stack is withdrawn.
    """
    refusals: list[Exception] = []

    def agree(proposal: Proposal | None) -> bool:
        show(target, project, proposal)
        try:
            confirm("make it?" if proposal is None else "change it?", yes=yes)
        except (click.Abort, UsageError) as refusal:
            refusals.append(refusal)
        return not refusals

    def progress(what: str) -> None:
        console.doing(project.name, what)

    try:
        talk = Talk(say=console.say, progress=progress, agree=agree)
        changed = base.bootstrap(target, project, talk, renew_image=renew_image)
    except KeyboardInterrupt:
        console.say("CloudFormation goes on by itself with what it has begun; the same command looks again")
        raise
    finally:
        console.doing(project.name)
    if refusals:
        raise refusals[0]
    return changed


def show(target: Target, project: Project, proposal: Proposal | None) -> None:
    """Print what the stack would cost a month; for one that is there, after the changes in `proposal`."""
    name = stack_name(project)
    listed = price_lists.load(price_lists.known(target.region))
    month = cost.cost(project, target.settings, listed)
    if proposal is None:
        click.echo(f"Stack {name} in account {target.account}, {target.region}, would cost:", err=True)
        click.echo(cost.screen(month, target.settings, listed), err=True)
        return
    click.echo(f"Stack {name} in account {target.account}, {target.region}, would change:", err=True)
    for change in proposal.changes:
        click.echo(f"  {change}", err=True)
    for line in fleets_that_go(proposal.changes):
        click.echo(line, err=True)
    click.echo(f"and would then cost ${month.dollars:,.2f} a month (prices of {listed.region}).", err=True)


def fleets_that_go(changes: Sequence[stack.Change]) -> list[str]:
    """Return what to know of auto scaling groups that a change takes away: nothing replaces their instances in turn."""
    going = [
        each.name for each in changes if (each.action, each.kind) == ("Remove", "AWS::AutoScaling::AutoScalingGroup")
    ]
    if not going:
        return []
    return [
        f"all instances of {', '.join(going)} go at once: they are drained, then terminated; tasks for which the other "
        "instances have no room, or that are built for another processor, are down until the next culm up"
    ]


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes-or-no question; "no" ends the command. Raises UsageError where there is no terminal to answer at."""
    if yes:
        return
    demand_terminal()
    click.confirm(question, abort=True, err=True)


def demand_name(settings: TargetSettings, what: str, *, yes: bool) -> None:
    """Ask for the name of a target that is protected; another answer ends the command.

    Raises UsageError where there is no terminal to answer at.
    """
    if not settings.protect or yes:
        return
    demand_terminal()
    answer = click.prompt(f"target {settings.name} is protected; its name, to {what}", default="", err=True)
    if answer != settings.name:
        raise click.Abort


def demand_terminal() -> None:
    """Raise UsageError where stdin is not a terminal: there is nobody to confirm."""
    if not sys.stdin.isatty():
        hint = "pass --yes to go ahead without asking"
        raise UsageError("stdin is not a terminal, so this cannot be confirmed", hint)


def ensure(target: Target, project: Project, console: Console, *, yes: bool) -> None:
    """Have the stack that a deploy stands on as culm.yml says; offered where it is not.

    Raises CulmError where the stack would have to be changed by somebody who may do so.
    """
    from botocore.exceptions import ClientError

    live = stack.find(target, stack_name(project))
    behind = live is not None and live["StackStatus"] in stack.STEADY
    if live is not None and behind:
        stack.own(target, live)
        behind = not look.as_wanted(target, project)
        if behind:
            console.say(f"stack {live['StackName']} is not as culm.yml says")
    if live is None or behind or live["StackStatus"] not in stack.STEADY:
        try:
            make(target, project, console, yes=yes)
        except ClientError as error:
            if error.response["Error"]["Code"] not in faults.DENIED:
                raise
            if live:
                raise base.behind(target, project, f"and you may not change it: {error}") from error
            raise CulmError(
                f"stack {stack_name(project)} does not exist, and you may not make it: {error}",
                f"an administrator runs: culm aws bootstrap --target {target.settings.name}",
            ) from error


def await_instances(target: Target, project: Project, console: Console) -> None:
    """Wait until the target's instances have joined its cluster; a plan would count without those that have not."""
    joining.wait(target, project, lambda text: console.doing(project.name, text))
    console.doing(project.name)
