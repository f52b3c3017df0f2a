"""`culm down`."""

import json
import sys

import click

from culm.aws.stack import find
from culm.aws.template import stack_name
from culm.cli.agreement import demand_name
from culm.cli.context import open_project, outcomes_option, settings_of, target_option, wants_json
from culm.cli.context import open_target as opened
from culm.console import Console
from culm.deploy import previews, vault_files
from culm.deploy.down import down as take_down
from culm.deploy.down import others, sentence
from culm.deploy.down import service as take_down_service
from culm.deploy.lock import locked
from culm.errors import UsageError
from culm.project.project import Project, TargetSettings
from culm.target import faults, local


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--volumes", is_flag=True, help="Delete databases, configuration, images and logs too.")
@click.option(
    "--yes",
    is_flag=True,
    help="Do not ask before services or data on AWS are deleted, or for a protected target's name.",
)
@outcomes_option
@target_option
def down(services: tuple[str, ...], volumes: bool, yes: bool, target_name: str) -> None:
    """Remove the project's services, or some of them, from their target.

    A SERVICE may also be one that culm.yml no longer names.

    Databases, the vault's files, images and logs stay, unless --volumes. The local cluster stops when nothing else
    runs in it; a target's stack on aws stays, until `culm aws destroy`.
    """
    project = open_project(target_name)
    removed = Removed(Console())
    settings = settings_of(project, target_name)
    demand_name(settings, f"remove {', '.join(services) or 'its services'}", yes=yes)
    if not volumes:
        agree(f"{', '.join(services) or 'the services'} of {project.name}", settings, yes=yes or settings.protect)
    if services:
        target = opened(project, target_name)
        if volumes:
            agree(f"the configuration, images and logs of {', '.join(services)}", settings, yes=yes)
        with faults.translated(), locked(target, project, removed.console.say):
            for name in services:
                take_down_service(target, project, name, removed, volumes=volumes)
    else:
        whole(project, settings, removed, volumes=volumes, yes=yes)
    removed.report()


class Removed:
    """Says what goes, or keeps it for `--json`."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._rows: list[dict[str, str]] = []

    def __call__(self, kind: str, name: str) -> None:
        self._rows.append({"kind": kind, "name": name})
        self.console.say(sentence(kind, name))

    def report(self) -> None:
        """Print all of it where JSON is wanted."""
        if wants_json():
            click.echo(json.dumps({"removed": self._rows}, indent=2))


def whole(project: Project, settings: TargetSettings, removed: Removed, *, volumes: bool, yes: bool) -> None:
    """Remove the whole project from a target; the local cluster stops when it was the last one."""
    embedded = settings.provider == "local" and not settings.endpoint_url
    say = removed.console.say
    if embedded and local.running() is None:
        if not volumes:
            say("the local cluster does not run")
            return
        local.start("auto", " + ".join(map(str, settings.instances)))
    if volumes:
        agree(f"the databases, configuration, images and logs of {project.name}", settings, yes=yes)
    target = opened(project, settings.name)
    with faults.translated():
        stack = settings.provider == "aws" and find(target, stack_name(project)) is not None
        if stack and volumes:
            raise UsageError(
                "what holds data there is the stack's", "culm aws destroy, with --vault and --repositories"
            )
        with locked(target, project, say):
            for preview in previews.every(vault_files.vault_of(target, project)):
                previews.remove(target, project, preview, removed)
            take_down(target, project, removed, volumes=volumes, stack=stack)
        alone = embedded and not others(target, project)
    if alone:
        local.stop()
        say("the local cluster has stopped" + ("" if volumes else "; its data is kept"))
    elif embedded:
        say("the local cluster keeps running, as other projects are in it; culm cluster stop ends it")


def agree(what: str, settings: TargetSettings, *, yes: bool) -> None:
    """Ask before something goes that is not of the local cluster; nobody is asked where stdin is no terminal."""
    embedded = settings.provider == "local" and not settings.endpoint_url
    if not embedded and not yes and sys.stdin.isatty():
        click.confirm(f"delete {what} on {settings.name}?", abort=True, err=True)
