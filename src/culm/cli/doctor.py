"""`culm doctor`."""

import json
import sys

import click
import msgspec

from culm.cli.context import json_option, open_project, open_target, settings_of, target_option
from culm.errors import Differs
from culm.operate.doctor import Finding, examine

GLYPHS = {"good": "●", "note": "◌", "stops": "▲"}
COLOURS = {"good": "green", "note": "yellow", "stops": "red"}


@click.command()
@json_option
@target_option
def doctor(as_json: bool, target_name: str) -> None:
    """Look at what `culm up` needs of this machine, and say how to fix what is missing.

    Container engine, cgroups, HAProxy and database servers, ports, disk, and for AWS credentials and the clock. Exit
    status 3 when something would stop `up`.
    """
    project = open_project(target_name)
    settings = settings_of(project, target_name)
    findings: list[Finding] = []
    for finding in examine(settings, lambda: open_target(project, target_name)):
        findings.append(finding)
        if not as_json:
            show(finding)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(findings), indent=2))
    stops = [finding.what for finding in findings if finding.verdict == "stops"]
    if stops:
        if not as_json:
            click.echo(f"\nculm up would not get through: {', '.join(stops)}", err=True)
        sys.exit(Differs.exit_status)


def show(finding: Finding) -> None:
    """Print a finding, `● disk  41,200 MiB free`, and below it how to fix it."""
    glyph = click.style(GLYPHS[finding.verdict], fg=COLOURS[finding.verdict])
    click.echo(f"{glyph} {finding.what:<17} {finding.text}")
    if finding.fix:
        click.echo(f"  {'':<17} try: {finding.fix}")
