"""`culm restart`."""

import click

from culm.cli.changes import change_options, changing_job
from culm.cli.context import open_project, services_of
from culm.cli.outcomes import conclude
from culm.cli.planning import changing
from culm.deploy.change import change
from culm.plan.wishes import restarted


@click.command()
@click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
@change_options
def restart(services: tuple[str, ...], yes: bool, target_name: str) -> None:
    """Start new tasks of the same revision, side by side where there is room."""
    project = open_project(target_name)
    chosen = services_of(project, services)
    updates = {service.name: {"forceNewDeployment": True} for service in chosen}
    with changing_job(project, target_name, f"restart {', '.join(services)}", services, yes=yes) as job:
        plan = changing(job, updates, lambda survey, name: restarted(project.services[name], survey))
        errors = change(job, plan, updates)
    conclude(errors, {})
