"""`culm plan`."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import click

from culm.cli.context import json_option, open_project, services_of, target_option
from culm.cli.planning import PricesFrom, capacity_of, plan_of
from culm.cli.screens import capacity as capacity_screen
from culm.cli.screens.markdown import markdown
from culm.cli.screens.plan import screen
from culm.cli.screens.report import report
from culm.errors import Differs


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--empty", is_flag=True, help="Plan as if nothing were there yet.")
@click.option("--capacity", is_flag=True, help="Plan for 1.5, 3 and 20 times the load of culm.yml instead.")
@click.option("--region", help="Region whose prices are used.  [default: the target's]")
@click.option(
    "--prices", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A price list of your own (TOML)."
)
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@json_option
@target_option
def plan(
    services: tuple[str, ...],
    empty: bool,
    capacity: bool,
    region: str | None,
    prices: Path | None,
    as_markdown: bool,
    as_json: bool,
    target_name: str,
) -> None:
    """Show what a deploy would do, whether it fits and what it costs.

    Plays the deploy of the named services (of all, if none is named) with ECS's own rules, from what is there now.
    Nothing is changed. Exit status 3 when it does not fit.

    --capacity asks what the load will need: design for 20 times of it, implement for 3, deploy for 1.5, from each
    service's `load:` and what `culm bench` measured; the cheapest fleet for each, and what it costs.

    \b
    culm plan accounts
    culm plan --target stg --markdown
    culm plan --capacity
    """
    project = open_project(target_name)
    chosen = [service.name for service in services_of(project, services, jobs=True)]
    names = [name for name in chosen if name in project.services]
    columns = shutil.get_terminal_size().columns
    prices_from = PricesFrom(region=region, file=prices)
    if capacity:
        needed = capacity_of(project, target_name, names, prices_from)
        described = json.dumps(capacity_screen.report(needed), indent=2)
        click.echo(described if as_json else capacity_screen.screen(needed, columns))
        return
    made = plan_of(project, target_name, chosen, prices_from, empty=empty)
    buckets = [f"bucket {name}: billed by what is in it, which no plan knows" for name in project.buckets]
    made = replace(made, notes=(*made.notes, *buckets))
    if as_json:
        click.echo(json.dumps(report(made), indent=2))
    elif as_markdown:
        click.echo(markdown(made), nl=False)
    else:
        click.echo(screen(made, columns))
    if not made.fits:
        sys.exit(Differs.exit_status)
