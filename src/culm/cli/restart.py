"""`culm restart`."""

import click

from culm.cli.agreement import demand_name
from culm.cli.context import (
    open_project,
    open_target,
    outcomes_option,
    protected_option,
    services_of,
    settings_of,
    target_option,
)
from culm.cli.outcomes import conclude
from culm.cli.planning import changing
from culm.console import Console
from culm.deploy.change import change
from culm.deploy.job import Job
from culm.deploy.lock import locked
from culm.plan.wishes import restarted
from culm.target import faults


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@protected_option
@outcomes_option
@target_option
def restart(services: tuple[str, ...], yes: bool, target_name: str) -> None:
    """Start new tasks of the same revision, side by side where there is room."""
    project = open_project(target_name)
    chosen = services_of(project, services)
    demand_name(settings_of(project, target_name), f"restart {', '.join(services)}", yes=yes)
    target = open_target(project, target_name)
    job = Job(project, target, Console(width=max(map(len, services))))
    updates = {service.name: {"forceNewDeployment": True} for service in chosen}
    with faults.translated(), locked(target, project, job.say):
        plan = changing(job, updates, lambda survey, name: restarted(project.services[name], survey))
        errors = change(job, plan, updates)
    conclude(errors, {})
