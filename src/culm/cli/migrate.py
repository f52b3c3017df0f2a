"""`culm migrate`."""

from collections.abc import Sequence

import click

from culm.cli import price_lists
from culm.cli.agreement import demand_name
from culm.cli.context import open_project, outcomes_option, protected_option, services_of, settings_of, target_option
from culm.cli.outcomes import conclude
from culm.cli.planning import frame
from culm.cli.up import prepare
from culm.console import Console
from culm.deploy.up import Up
from culm.errors import UsageError
from culm.plan import wishes
from culm.plan.moves import has_room
from culm.project.project import Project
from culm.target import faults
from culm.target.connection import Target
from culm.target.survey import survey


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@protected_option
@outcomes_option
@target_option
def migrate(services: tuple[str, ...], yes: bool, target_name: str) -> None:
    """Run migrations alone.

    Builds and pushes the migration images of the named services (of all, if none is named) and runs each once, whether
    or not it has run before. The services themselves stay as they are.
    """
    project = open_project(target_name)
    chosen = services_of(project, services)
    for service in chosen:
        if services and not service.migrates:
            hint = "add a Dockerfile.migrate to its folder, or `migrate: {command: ...}` to culm.yml"
            raise UsageError(f"{service.name} has no migration", hint)
    names = [service.name for service in chosen if service.migrates]
    demand_name(settings_of(project, target_name), f"run the migrations of {', '.join(names)}", yes=yes)
    console = Console(width=max(map(len, names), default=0))
    target, builder = prepare(project, target_name, "auto", console)
    errors = Up(project, target, builder, console).migrate(names, lenders(project, target, names))
    conclude(errors, {})


def lenders(project: Project, target: Target, names: Sequence[str]) -> dict[str, bool]:
    """Return which services must be down while their migration runs: no other room, and `roll:` allows it."""
    with faults.translated():
        surveyed = survey(target, project)
    state = wishes.cluster(frame(project, target.settings.name, price_lists.known(target.region)), surveyed)
    lends = {}
    for name in names:
        service, live = project.services[name], surveyed.observed.services.get(name)
        gives = live is not None and service.roll in ("auto", "stop-first")
        lends[name] = gives and not has_room(state, wishes.migrating(project, service, surveyed))
    return lends
