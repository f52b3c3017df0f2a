"""`culm env`."""

import json
import os
import time
import webbrowser
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from culm import render
from culm.ci.pull_request import PullRequest, is_open
from culm.cli import SuggestingGroup
from culm.cli.agreement import demand_name
from culm.cli.context import (
    json_option,
    open_project,
    open_target,
    outcomes_option,
    project_of,
    protected_option,
    target_option,
)
from culm.cli.down import Removed
from culm.cli.logs import Reading, read
from culm.cli.planning import of_target, opened
from culm.cli.screens.previews import Form, clock, failed, gone, show, summary
from culm.cli.up import Options, carry_out
from culm.console import Console
from culm.core.model.record import record
from culm.deploy import given_images, previews, vault_files
from culm.deploy.build.port import Builder
from culm.deploy.images import Images
from culm.deploy.lock import Held, locked
from culm.deploy.previews import Remembered
from culm.deploy.up import Up
from culm.errors import CulmError, Differs, UsageError
from culm.lint.findings import refuse
from culm.lint.project import check
from culm.project.load import FILE
from culm.project.previews import MARK, own_name, preview, preview_of, seconds
from culm.project.project import Project, TargetSettings
from culm.project.targets import LOCAL
from culm.target import faults, observe, survey
from culm.target.clock import now
from culm.target.connection import Target

T = TypeVar("T")

PATIENCE_SECONDS = 900.0
"""How long a command waits for another deploy to the same target."""
LOOK_SECONDS = 2.0
LIFE = "2d"


@record
class PreviewRequest:
    """What `env up` was asked for, besides the preview's name and its target."""

    services: tuple[str, ...]
    """Empty: those that differ from what runs."""
    origin: tuple[str, ...]
    """Digests, or one folder."""
    ends: float | None
    copies: bool
    pull_request: str
    yes: bool
    form: Form


@record
class Shared:
    """The shared environment that previews stand beside."""

    project: Project
    target: Target
    builder: Builder


class Unchanged(UsageError):
    """No service differs from what runs, so there is nothing to preview."""


@click.group(cls=SuggestingGroup)
def env() -> None:
    """Previews: some services once more beside the shared ones, for a branch, with data of their own."""


@env.command()
@click.argument("name")
@click.option("--services", metavar="A,B", default="", help="These. [default: those that differ from what runs]")
@click.option(
    "--from",
    "origin",
    metavar="DIGEST|PATH",
    multiple=True,
    help="[SERVICE=]sha256:... of an image that is there; or a folder with culm.yml, such as a branch's checkout.",
)
@click.option("--ttl", default=LIFE, show_default=True, help="Its life: 90m, 12h, 2d, or never.")
@click.option(
    "--data",
    type=click.Choice(["empty", "copy"]),
    default="empty",
    show_default=True,
    help="What its databases begin with: nothing but its migrations, or a copy of the shared ones.",
)
@click.option(
    "--pull-request", metavar="NUMBER", default="", help="Of which it is, for `env ls --json` and `env down --closed`."
)
@click.option("--markdown", is_flag=True, help="Print a comment for the pull request, also where it fails.")
@protected_option
@json_option
@target_option
def up(name: str, target_name: str, **given: Any) -> None:
    """Bring preview NAME up, or bring it up to date.

    It runs some of the services once more, beside the shared ones of the target, with databases, configuration, logs
    and roles of their own. Requests for its host, or with the header or cookie `culm-preview: NAME`, go to it; what it
    does not have, the shared services answer.

    \b
    culm env up pr-42
    culm env up pr-42 --services accounts --data copy --ttl 8h
    culm env up pr-42 --from accounts=sha256:0b5c...
    """
    life = seconds(given["ttl"])
    asked = PreviewRequest(
        services=tuple(each for each in given["services"].split(",") if each),
        origin=given["origin"],
        ends=None if life is None else now() + life,
        copies=given["data"] == "copy",
        pull_request=given["pull_request"],
        yes=given["yes"],
        form="markdown" if given["markdown"] else "json" if given["as_json"] else "text",
    )
    folders = [each for each in asked.origin if (Path(each) / FILE).is_file()]
    if folders and len(asked.origin) > 1:
        raise UsageError("--from takes one folder, or digests", f"--from {folders[0]}")
    project = project_of(Path(folders[0]), target_name) if folders else open_project(target_name)
    target, builder = opened(project, target_name)
    demand_name(target.settings, f"make preview {name}", yes=asked.yes)
    asked = replace(asked, origin=() if folders else asked.origin)
    try:
        bring_up(name, Shared(project=project, target=target, builder=builder), asked)
    except CulmError as error:
        if asked.form != "markdown":
            raise
        click.echo(failed(project.name, target.settings.name, name, error))
        if not isinstance(error, Unchanged):
            raise


def bring_up(name: str, shared: Shared, asked: PreviewRequest) -> None:
    """Plan a preview, remember it, deploy it, and print where it is. A new one that is refused leaves nothing."""
    project, target, builder = shared.project, shared.target, shared.builder
    digests = given_images.parsed(asked.origin, project)
    with faults.translated():
        images = given_images.resolved(target, project, builder, digests) if digests else None
        vault = vault_files.vault_of(target, project)
        before = previews.read(vault, name)
        chosen = chosen_services(shared, images, asked, digests)
        if before is not None:
            chosen = [*chosen, *(each for each in before.services if each in project.services)]
        derived = preview(project, target.settings.name, name, chosen, copies=asked.copies)
        if images is not None:
            derived = given_images.without_sources(derived, [own_name(name, each) for each in images.digests])
        refuse(check(derived, list(derived.services)))
        own = target.with_settings(derived.targets[target.settings.name])
        if images is not None:
            images = given_images.GivenImages(own, builder, images.digests)
        console = Console(width=max(map(len, derived.services)))
        remembered = remember(shared, derived, before, asked)
    try:
        with faults.translated():
            withheld = previews.fill(own, derived, console.say)
        for file in withheld:
            console.say(f"{file} is kept from the preview: it holds a secret")
        up = Up(derived, own, images or builder, console)
        again = before is not None and own.settings.provider == "local"  # where it may have gone to sleep
        options = Options(yes=True, as_json=asked.form != "text", reports=False, wake=again)
        plan = patiently(lambda: carry_out(up, list(derived.services), options), console)
    except (Differs, UsageError) as refusal:
        if before is None:
            with faults.translated():
                take_away(target, project, remembered, lambda _, __: None)
        raise refusal
    with faults.translated():
        previews.tag(target, project, remembered)
        show(own, derived, remembered, plan, asked.form)


def chosen_services(shared: Shared, images: Images | None, asked: PreviewRequest, digests: Iterable[str]) -> list[str]:
    """Return the services that a preview is of: those that were named, else those that differ from what runs."""
    named = [*asked.services, *(each.removesuffix(given_images.MIGRATION) for each in digests)]
    if named:
        return named
    project = shared.project
    plan = of_target(project, shared.target, images or shared.builder, list(project.services))
    changed = [service.name for service in plan.services if service.how != "unchanged"]
    if not changed:
        hint = f"--services {next(iter(project.services))} makes one all the same"
        raise Unchanged("nothing differs from what runs: a preview would show the same", hint)
    return changed


def remember(shared: Shared, derived: Project, before: Remembered | None, asked: PreviewRequest) -> Remembered:
    """Write down what a preview will have, before any of it is made; with what it had before."""
    project, target, settled = shared.project, shared.target, derived.preview
    assert settled is not None, "it is a preview"
    load_balancer = observe.load_balancer(target, project.name)
    listener = observe.first_listener(target, load_balancer) if load_balancer else None
    if load_balancer is None or listener is None or observe.active_cluster(target, project.name) is None:
        raise Differs(f"{project.name} is not up on {target.settings.name}, and a preview stands beside it", "culm up")
    there = observe.repository_uris(target, project)
    made = [name for name in render.repositories(derived) if name not in there]
    buckets = [render.bucket(derived, name, target.account, target.region) for name in derived.buckets]
    remembered = Remembered(
        name=settled.name,
        services=tuple(service.original for service in derived.services.values()),
        made=before.made if before else now(),
        ends=asked.ends,
        env=settled.env,
        databases={**(before.databases if before else {}), **derived.databases},
        buckets=tuple(dict.fromkeys([*(before.buckets if before else ()), *buckets])),
        repositories=tuple(dict.fromkeys([*(before.repositories if before else ()), *made])),
        address=previews.address(derived, target, load_balancer, int(listener["Port"])),
        pull_request=asked.pull_request or (before.pull_request if before else ""),
    )
    previews.write(vault_files.vault_of(target, project), remembered)
    return remembered


def patiently(act: Callable[[], T], console: Console) -> T:
    """Return what `act` returns, once no other deploy holds the target's lock. Raises Held after PATIENCE_SECONDS."""
    end, announced = time.monotonic() + PATIENCE_SECONDS, False
    while True:
        try:
            return act()
        except Held as other:
            if time.monotonic() > end:
                raise
            if not announced:
                console.say(f"waiting: {other.what}")
            announced = True
        time.sleep(LOOK_SECONDS)


@env.command()
@json_option
@target_option
def ls(as_json: bool, target_name: str) -> None:
    """List previews: what each runs, where it is, and when it ends."""
    project = open_project(target_name)
    target = open_target(project, target_name)
    with faults.translated():
        listed = previews.every(vault_files.vault_of(target, project))
        running = counts(target, project)
    rows = [{**summary(each), "running": running.get(each.name, 0)} for each in listed]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    if not rows:
        click.echo("no previews: culm env up NAME makes one", err=True)
    for each, row in zip(listed, rows, strict=True):
        over = ", over" if each.over(now()) else ""
        state = f"{row['running']} of {len(each.services)} running"
        click.echo(
            f"{each.name:<20} {state}  {each.address}  ends {clock(each.ends)}{over}  {', '.join(each.services)}"
        )


def counts(target: Target, project: Project) -> dict[str, int]:
    """Return how many services of each preview have a task that runs, by the preview's name."""
    ecs = target.client("ecs")
    running: dict[str, set[str]] = {}
    if observe.active_cluster(target, project.name) is None:
        return {}
    for task in survey.every_task(ecs, project.name):
        name = preview_of(task["group"].removeprefix("service:"))
        if name is not None and task["lastStatus"] == "RUNNING" and task["group"].startswith("service:"):
            running.setdefault(name, set()).add(task["group"])
    return {name: len(groups) for name, groups in running.items()}


def one_of(target: Target, project: Project, name: str) -> Remembered:
    """Return what is remembered of a preview. Raises UsageError where there is none of this name."""
    vault = vault_files.vault_of(target, project)
    there = previews.read(vault, name)
    if there is None:
        names = [each.name for each in previews.every(vault)]
        hint = f"there are: {', '.join(names)}" if names else f"culm env up {name}"
        raise UsageError(f"there is no preview {name!r} on {target.settings.name}", hint)
    return there


@env.command(name="open")
@click.argument("name")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@json_option
@target_option
def open_(name: str, no_browser: bool, as_json: bool, target_name: str) -> None:
    """Open preview NAME in a browser."""
    project = open_project(target_name)
    target = open_target(project, target_name)
    with faults.translated():
        preview = one_of(target, project, name)
    if as_json:
        click.echo(json.dumps({**summary(preview), "header": {MARK: name}}, indent=2))
        return
    click.echo(preview.address)
    if name not in preview.address:
        click.echo(f"with the header {MARK}: {name}, or a cookie of that name and value", err=True)
    if not no_browser:
        webbrowser.open(preview.address)


@env.command()
@click.argument("name")
@click.option("-f", "--follow", is_flag=True, help="Go on as lines come.")
@click.option("--since", default="1h", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@click.option("-n", "--tail", type=click.IntRange(min=0), help="Only the last so many lines.")
@json_option
@target_option
def logs(name: str, target_name: str, **reading: Any) -> None:
    """Show what the services of preview NAME write."""
    project = open_project(target_name)
    target = open_target(project, target_name)
    with faults.translated():
        preview = one_of(target, project, name)
    groups = {f"/culm/{project.name}/{own_name(name, each)}": each for each in preview.services}
    read(target, groups, Reading(**reading))


@env.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--expired", is_flag=True, help="Those whose time is up.")
@click.option("--closed", is_flag=True, help="Those whose pull request on GitHub is not open; for a job of its CI.")
@click.option("--pull-request", metavar="NUMBER", help="Those of this pull request, if there are any.")
@click.option("--markdown", is_flag=True, help="Print a comment for the pull request.")
@click.option("--project", "project_name", hidden=True, help="Of the local cluster, where there is no culm.yml.")
@protected_option
@outcomes_option
@target_option
def down(names: tuple[str, ...], target_name: str, **given: Any) -> None:
    """Remove previews with all that is theirs: services, databases, configuration, roles, logs."""
    project = unknown_folder(given["project_name"]) if given["project_name"] else open_project(target_name)
    target = open_target(project, target_name)
    which = Which(names=names, **{key: given[key] for key in ("expired", "closed", "pull_request")})
    if bool(names) == bool(which.expired or which.closed or which.pull_request):
        raise UsageError("which previews?", "culm env down NAME, or culm env down --expired")
    demand_name(target.settings, f"remove {', '.join(names) or 'previews that are over'}", yes=given["yes"])
    console = Console()
    removed = Removed(console)
    with faults.translated():
        vault = vault_files.vault_of(target, project)
        chosen = [one_of(target, project, name) for name in names]
        chosen += [each for each in previews.every(vault) if which.takes(each)] if not names else []
        for each in chosen:
            patiently(partial(take_away, target, project, each, removed), console)
            console.say(f"preview {each.name} is gone")
    if given["markdown"]:
        click.echo(gone(project.name, target.settings.name, [each.name for each in chosen]))
    else:
        removed.report()


@record
class Which:
    """Which previews `env down` removes."""

    names: tuple[str, ...]
    expired: bool
    closed: bool
    pull_request: str | None

    def takes(self, preview: Remembered) -> bool:
        """Tell whether a preview that was not named is removed. Asks GitHub about its pull request, with `closed`."""
        own = self.pull_request is not None and preview.pull_request == self.pull_request
        over = self.expired and preview.over(now())
        return own or over or (self.closed and bool(preview.pull_request) and not is_open(of_job(preview)))


def of_job(preview: Remembered) -> PullRequest:
    """Return a preview's pull request in the repository of this job. Raises UsageError outside of a job of GitHub."""
    try:
        return PullRequest(
            api=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
            token=os.environ["GITHUB_TOKEN"],
            repository=os.environ["GITHUB_REPOSITORY"],
            number=int(preview.pull_request),
        )
    except KeyError as error:
        raise UsageError(f"--closed asks GitHub, and there is no {error}", "`culm ci github` writes a job") from None


def unknown_folder(name: str) -> Project:
    """Return what is needed of a project to remove its previews from the local cluster, where its folder is unknown."""
    settings = TargetSettings(
        name=LOCAL,
        provider="local",
        instances=(),
        env=LOCAL,
        region=None,
        profile=None,
        endpoint_url=None,
        port=None,
        project=name,
    )
    return Project(name=name, root=Path.cwd(), targets={LOCAL: settings}, placement=(), databases={}, services={})


def take_away(target: Target, project: Project, preview: Remembered, removed: previews.Removed) -> None:
    """Remove a preview under the target's lock."""
    with locked(target, project) as lock:
        lock.acquire()
        previews.remove(target, project, preview, removed)
