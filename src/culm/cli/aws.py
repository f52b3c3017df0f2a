"""`culm aws`: the stack that a target's services stand on."""

import json
import sys
from dataclasses import asdict

import click

from culm import render
from culm.aws import administration, joining, look, service_roles, stack
from culm.aws import destroy as removal
from culm.aws import refresh as refreshing
from culm.aws.document import ACCOUNT, REGION, written
from culm.aws.stack import Talk
from culm.aws.template import stack_name, template
from culm.cli import SuggestingGroup
from culm.cli.agreement import confirm, demand_terminal, make
from culm.cli.commands_of_others import RunsCommand
from culm.cli.context import json_option, open_project, open_target, settings_of
from culm.cli.exec import SHELL
from culm.cli.screens import replacement
from culm.cli.screens.drift import LEFT
from culm.console import Console
from culm.deploy.lock import locked
from culm.errors import CulmError, Differs, UsageError
from culm.operate.exec import instance_session
from culm.operate.exec.task_session import Command
from culm.plan.observed import Described
from culm.project.project import Project, TargetSettings, named
from culm.render import permissions
from culm.target import faults, region
from culm.target.connection import Target


@click.group(cls=SuggestingGroup)
def aws() -> None:
    """The base on Amazon: one CloudFormation stack a target."""


aws_target_option = click.option(
    "--target", "target_name", help="One of culm.yml's aws targets. [default: the only one there is]"
)


def opened(target_name: str | None) -> tuple[Project, TargetSettings]:
    """Return the project under its name there, and the aws target that is meant."""
    project = open_project()
    if target_name is None:
        ours = [name for name, each in project.targets.items() if each.provider == "aws"]
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
        joining.wait_for_start(target, project, lambda text: console.doing(project.name, text))
        console.doing(project.name)


@aws.command()
@click.option("--drift/--no-drift", default=True, show_default=True, help="Also look for changes made by hand.")
@json_option
@aws_target_option
def diff(drift: bool, as_json: bool, target_name: str | None) -> None:
    """Show differences between the stack and culm.yml, and what was changed in it by hand.

    Nothing is changed. Exit status 3 when anything differs.
    """
    project, settings = opened(target_name)
    target = open_target(project, settings.name)
    with faults.translated():
        live = existing(target, project)
        rows = [*look.differences(target, project), *(look.drift(target, project) if drift else ())]
        newer = look.newer_image(target, live)
    if as_json:
        click.echo(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        for row in rows:
            click.echo(f"{row} ({LEFT if row.wins == 'live' else row.wins})")
        click.echo(f"{len(rows)} differences", err=True)
    if newer:
        hint = "culm aws refresh replaces the instances one by one"
        click.echo(f"a newer image for instances is out, {newer}: {hint}", err=True)
    if rows:
        sys.exit(Differs.exit_status)


@aws.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@aws_target_option
def refresh(yes: bool, target_name: str | None) -> None:
    """Replace instances by new ones: Amazon's current ECS image, and what the stack says of instances now.

    One at a time, each drained first, under the deploy lock. Says before which services are down meanwhile. When it
    was interrupted, the same command goes on.
    """
    project, settings = opened(target_name)
    target = open_target(project, settings.name)
    console = Console()
    with faults.translated():
        existing(target, project)
        make(target, project, console, yes=yes, renew_image=True)
        groups = stack.physical_ids(target, stack_name(project), "AWS::AutoScaling::AutoScalingGroup")
        instances = refreshing.fleet(target, project, groups)
        outdated = [instance for instance in instances if instance.outdated]
        if not outdated:
            console.say(f"all {len(instances)} instances are as the stack says")
            return
        effects = refreshing.forecast(target, project, outdated)
        for line in replacement.lines(effects, len(outdated), len(instances)):
            click.echo(line, err=True)
        if any(effect.blocked for effect in effects):
            hint = "`roll: stop-first` for these services, or one more instance"
            raise CulmError("an instance would never be drained", hint)
        confirm("replace them?", yes=yes)

        def progress(what: str) -> None:
            console.doing(project.name, what)

        with locked(target, project, console.say) as lock:
            lock.acquire()
            work = refreshing.Refresh(target, project, groups, progress)
            for number, instance in enumerate(outdated, 1):
                console.say(f"replacing {instance.id} ({number} of {len(outdated)})")
                work.replace(instance, len(instances))
            console.doing(project.name)
        console.say(f"replaced {len(outdated)} instances; every service is steady")


@aws.command(cls=RunsCommand)
@click.argument("instance")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@aws_target_option
def shell(instance: str, command: tuple[str, ...], target_name: str | None) -> None:
    """Open a shell on INSTANCE, or run COMMAND there: for one that does not join its cluster, say.

    By Session Manager, as its user ssm-user, who may sudo; INSTANCE is an id, or how it begins. Needs the right
    ssm:StartSession, which `culm aws policy --bootstrap` has.

    \b
    culm aws shell i-0a1b
    culm aws shell i-0a1b -- sudo tail -n 50 /var/log/ecs/ecs-agent.log
    """
    project, settings = opened(target_name)
    target = open_target(project, settings.name)
    words = command[1:] if command[:1] == ("--",) else command
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with faults.translated():
        session = instance_session.begin(target, project, instance, Command(words=words or SHELL, terminal=terminal))
    from culm.operate.exec.stream import carry  # loads websockets

    sys.exit(carry(session, terminal=terminal))


@aws.command()
@click.option("--bootstrap", "administers", is_flag=True, help="What who makes and changes the stack needs instead.")
@aws_target_option
def policy(administers: bool, target_name: str | None) -> None:
    """Print the IAM policy that deploying needs, and nothing more.

    For whoever runs `up`, `deploy`, `rollback` and their like where the stack is. The account is culm.yml's
    `account:`, else that of your credentials.

    --bootstrap prints what an administrator needs for `culm aws bootstrap`, `diff`, `refresh`, `shell` and `destroy`.
    """
    project, settings = opened(target_name)
    target = open_target(project, settings.name)
    with faults.translated():
        surroundings = service_roles.surroundings(target, project)
    if administers:
        needed = administration.administrators_policy(project, settings, surroundings)
    else:
        needed = permissions.deploy_policy(project, surroundings, settings)
    click.echo(json.dumps(needed, indent=2))


@aws.command()
@click.option("--vault", is_flag=True, help="Delete the configuration files with their history, too.")
@click.option("--repositories", is_flag=True, help="Delete the images, too.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@aws_target_option
def destroy(vault: bool, repositories: bool, yes: bool, target_name: str | None) -> None:
    """Remove the target from its account: services, instances, load balancer, logs.

    Lists what will be lost, and asks for the project's name. The vault and the images stay, unless told otherwise;
    a later `culm aws bootstrap` finds them again.
    """
    project, settings = opened(target_name)
    target = open_target(project, settings.name)
    console = Console()
    with faults.translated():
        live = stack.find(target, stack_name(project))
        if live is not None:
            stack.own(target, live)
        extent = removal.Extent(vault=vault, repositories=repositories)
        holding = removal.holding(target, project, live, extent)
        if not holding.lost:
            existing(target, project)
        click.echo(f"In account {target.account}, {target.region}, will be lost:", err=True)
        for line in holding.lost:
            click.echo(f"  {line}", err=True)
        if holding.kept:
            click.echo("and stays:", err=True)
            for line in holding.kept:
                click.echo(f"  {line}", err=True)
        if not yes:
            confirm_name(project.name)

        def progress(what: str) -> None:
            console.doing(project.name, what)

        removal.destroy(target, project, live, Talk(say=console.say, progress=progress), extent)
        console.doing(project.name)


def confirm_name(name: str) -> None:
    """Ask for the stack's name to be typed. Raises CulmError when another one is."""
    demand_terminal()
    if click.prompt(f"type the name, {name}, to remove it", err=True) != name:
        raise CulmError(f"the name you typed is not `{name}`; nothing was removed")


def existing(target: Target, project: Project) -> Described:
    """Return the stack as CloudFormation describes it. Raises CulmError where there is none."""
    live = stack.find(target, stack_name(project))
    if live is None:
        region.demand(target, project)
        raise CulmError(f"there is no stack {stack_name(project)} in account {target.account}", "culm aws bootstrap")
    return live
