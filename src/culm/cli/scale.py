"""`culm scale`."""

import click

from culm.cli.context import open_project, open_target, services_of, target_option
from culm.console import Console
from culm.deploy.lock import locked
from culm.deploy.wait import until_steady
from culm.target import faults


@click.command()
@click.argument("service")
@click.argument("count", type=click.IntRange(min=0))
@click.option("--wait/--no-wait", default=True, show_default=True, help="Wait until the service is steady.")
@target_option
def scale(service: str, count: int, wait: bool, target_name: str) -> None:
    """Run COUNT tasks of SERVICE.

    The next `culm up` goes back to culm.yml's `count:`.
    """
    project = open_project(target_name)
    [one] = services_of(project, [service])
    target = open_target(project, target_name)
    console = Console(width=len(service))
    with faults.translated(), locked(target, project, console.say):
        target.client("ecs").update_service(cluster=project.name, service=service, desiredCount=count)
        console.say(f"wants {count} tasks", service)
        if wait:
            until_steady(target, project, one, lambda said: console.doing(service, said), fresh=False)
            console.doing(service)
            console.say("is steady", service)
