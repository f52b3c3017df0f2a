"""`culm advise`."""

import json
import shutil
from pathlib import Path

import click

from culm.cli import price_lists
from culm.cli.context import json_option, open_project, open_target, settings_of, target_option
from culm.cli.screens import advice as advice_screen
from culm.operate import usage
from culm.plan.advice import advice, month, unmeasured
from culm.plan.advised import KINDS, Advice, Edit
from culm.project import texts
from culm.project.edit import line_of, with_value
from culm.project.load import find, parse, shown
from culm.target import faults
from culm.target.clock import now


@click.command()
@click.option("--only", type=click.Choice(KINDS), multiple=True, help="Only advice of this kind; may be given again.")
@click.option("--apply", "applies", is_flag=True, help="Write the lines into culm.yml.")
@click.option(
    "--prices", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A price list of your own (TOML)."
)
@json_option
@target_option
def advise(only: tuple[str, ...], applies: bool, prices: Path | None, as_json: bool, target_name: str) -> None:
    """Say what would make a target cheaper, from what was measured there.

    Each piece of advice has its dollars a month, the line of culm.yml to change, and the risk. It counts what it saves
    beside the ones before it, so they add up. Advice on memory, on services that nobody called and on nights needs a
    day of measurements (CloudWatch's, which the local cluster has, too; up to two weeks are read).

    --apply writes the lines into culm.yml and keeps its comments; nothing else changes until the next `culm up`.

    \b
    culm advise --target stg
    culm advise --target stg --only memory --only fleet --apply
    """
    project = open_project(target_name)
    settings = settings_of(project, target_name)
    target = open_target(project, target_name)
    with faults.translated():
        observed = usage.situation(target, project, now())
        peaks = usage.peaks(target, project, observed.survey, now())
    listed = price_lists.load(price_lists.known(target.region), prices)
    kinds = [kind for kind in KINDS if kind in only or not only]
    given = advice(project, observed, peaks, listed, kinds)
    path = find(Path.cwd())
    text = texts.read(path)
    page = advice_screen.AdvicePage(
        project=project.name,
        target=target_name,
        given=given,
        dollars=month(project, settings, listed).dollars,
        prices=listed,
        hours=peaks.hours,
        unmeasured=unmeasured(project, peaks),
        places={edit.path: f"{shown(path)}:{line_of(text, edit.path)}" for each in given for edit in each.edits},
    )
    applied = write(path, text, given) if applies else []
    if as_json:
        click.echo(json.dumps({**advice_screen.report(page), "applied": list(map(str, applied))}, indent=2))
        return
    click.echo(advice_screen.screen(page, shutil.get_terminal_size().columns))
    for edit in applied:
        click.echo(f"{shown(path)}: wrote {edit}", err=True)
    if applied:
        click.echo(f"what it changes: culm plan --target {target_name}", err=True)


def write(path: Path, text: str, given: list[Advice]) -> list[Edit]:
    """Write what is advised into culm.yml, all of it or nothing; returns what was written.

    Raises UsageError where a line cannot be changed by itself, or where the whole is no culm.yml any more.
    """
    edits = {edit.path: edit for each in given for edit in each.edits}  # the last word on a value counts
    if not edits:
        return []
    changed = text
    for edit in edits.values():
        changed = with_value(changed, edit.path, edit.value, shown(path))
    parse(changed, path)
    draft = path.with_suffix(".new")
    draft.write_bytes(changed.encode())
    draft.chmod(path.stat().st_mode)
    draft.replace(path)
    return list(edits.values())
