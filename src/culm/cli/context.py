"""Load what most commands begin with: the project of this folder, and the target named by --target."""

import os
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from culm.errors import UsageError
from culm.project.load import FILE, find, load
from culm.project.project import Project, Service, TargetSettings, named
from culm.project.targets import LOCAL
from culm.target import local
from culm.target.connection import Target, cluster_target
from culm.target.trace import Trace

BASE_IMAGE = "CULM_BASE_IMAGE"
"""Names the base image of every Dockerfile that has `ARG BASE_IMAGE`."""

WANTS_JSON = "culm.wants_json"
"""Where a click context keeps it."""

F = TypeVar("F", bound=Callable[..., Any])


def target_option(function: F) -> F:
    return click.option("--target", "target_name", default=LOCAL, show_default=True, help="One of culm.yml's targets.")(
        function
    )


def yes_option(function: F) -> F:
    return click.option(
        "--yes", is_flag=True, help="Do not ask: make or change the stack on aws, deploy to a protected target."
    )(function)


def protected_option(function: F) -> F:
    return click.option("--yes", is_flag=True, help="Do not ask for a protected target's name.")(function)


def json_option(function: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def outcomes_option(function: F) -> F:
    """Add `--json`, as `json_option` does, to a command that changes things.

    The function does not get it: `wants_json` tells.
    """
    return click.option(
        "--json", is_flag=True, expose_value=False, callback=keep_json, help="Print how each ended, as JSON."
    )(function)


def keep_json(context: click.Context, _: click.Parameter, value: bool) -> None:
    context.meta[WANTS_JSON] = value


def wants_json() -> bool:
    """Return whether the command that runs was given `--json` by its `outcomes_option`."""
    return bool(click.get_current_context().meta.get(WANTS_JSON))


def open_project(target_name: str | None = None) -> Project:
    """Return the project of this folder, under the name that it has on a target."""
    return project_of(Path.cwd(), target_name)


def project_of(folder: Path, target_name: str | None = None) -> Project:
    """Return the project of a folder, under the name that it has on a target."""
    project = load(find(folder))
    if target_name is not None:
        project = named(project, settings_of(project, target_name))
    base = os.environ.get(BASE_IMAGE)
    if not base:
        return project
    services = {n: replace(s, args={**s.args, "BASE_IMAGE": base}) for n, s in project.services.items()}
    jobs = {n: replace(s, args={**s.args, "BASE_IMAGE": base}) for n, s in project.jobs.items()}
    return replace(project, services=services, jobs=jobs)


def settings_of(project: Project, name: str) -> TargetSettings:
    """Return a target's settings. Raises UsageError, with the nearest name, where culm.yml has no such target."""
    if name in project.targets:
        return project.targets[name]
    raise UsageError(f"culm.yml has no target {name!r}", nearest(name, project.targets))


def open_target(project: Project, name: str) -> Target:
    """Return the target as it is: a local cluster that does not run is not started here."""
    settings = settings_of(project, name)
    if settings.provider != "local" or settings.endpoint_url:
        return Target(settings, trace=tracing())
    return local_target(settings, local.demand())


def local_target(settings: TargetSettings, described: dict[str, Any]) -> Target:
    return cluster_target(settings, described, tracing())


def tracing() -> Trace | None:
    """Return what `culm --trace FILE` asked for."""
    context = click.get_current_context(silent=True)
    trace: Trace | None = context.find_root().obj if context else None
    return trace


def services_of(project: Project, names: Iterable[str], *, jobs: bool = False) -> list[Service]:
    """Return the services that are named, in culm.yml's order; all, when none is. With `jobs` these count, too."""
    wanted = set(names)
    known = project.everything if jobs else project.services
    for name in names:
        if name in project.jobs and not jobs:
            raise UsageError(f"{name} is a job: it runs when its schedule says so", f"now: culm run-now {name}")
        if name not in known:
            raise UsageError(f"culm.yml has no service {name!r}", nearest(name, known))
    return [service for name, service in known.items() if not wanted or name in wanted]


def nearest(name: str, known: Iterable[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"


def service_folders(names: Iterable[str]) -> dict[str, Path]:
    """Return the folders of the named services; of none named, the one that this is in, else all of culm.yml's.

    A service's repository by itself, as CI has it, needs no culm.yml: its folder's name is the service's.
    """
    here = Path.cwd()
    wanted = list(names)
    try:
        project = open_project()
    except UsageError:
        if any((folder / FILE).is_file() for folder in (here, *here.parents)):
            raise
        if (here / "Dockerfile").is_file() and wanted in ([], [here.name]):
            return {here.name: here}
        raise
    if not wanted:
        inside = [s for s in project.services.values() if here == s.folder or s.folder in here.parents]
        return {s.name: s.folder for s in inside or project.services.values()}
    return {s.name: s.folder for s in services_of(project, wanted)}
