"""`culm ci`."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from culm.ci import gitlab, workflow
from culm.ci.pull_request import PullRequest
from culm.ci.pull_request import comment as write
from culm.ci.test_summary import summary as summed_up
from culm.cli import SuggestingGroup
from culm.cli.aws import opened
from culm.cli.context import F, open_target
from culm.errors import UsageError
from culm.project import installed
from culm.project.load import shown
from culm.project.project import Project, TargetSettings
from culm.render import ci_roles as roles
from culm.target import faults
from culm.target.connection import DEFAULT_REGION


@click.group(cls=SuggestingGroup)
def ci() -> None:
    """What CI needs: a workflow for GitHub or GitLab, and what its jobs call."""


def runs_options(function: F) -> F:
    """Add the options that a workflow or a pipeline is made by; `runs_of` reads those after `--target`."""
    for option in (
        click.option(
            "--install", help="What pip installs on the runner.  [default: culm's repository, at this revision]"
        ),
        click.option("--branch", default=roles.MAIN, show_default=True, help="What is deployed."),
        click.option("--account", help="The AWS account's id.  [default: the target's, or your credentials']"),
        click.option(
            "--target", "target_name", help="What main is deployed to.  [default: culm.yml's only one on AWS]"
        ),
    ):
        function = option(function)
    return function


@ci.command()
@runs_options
@click.option("--force", is_flag=True, help="Write over a workflow that is there.")
def github(target_name: str | None, force: bool, **given: Any) -> None:
    """Write .github/workflows/culm.yml: test, plan, deploy; with `previews: true` also culm-previews.yml.

    A pull request is linted and tested, and gets the plan of its deploy as one comment that is kept up to date. The
    branch is deployed, one deploy at a time. Keys are not stored anywhere: the jobs assume two roles of the target's
    base, of which the one for pull requests can only look.

    Previews are opened, commented on and closed with their pull request, by a role that changes nothing shared.
    """
    demand_forms(given)
    project, settings = opened(target_name)
    path, folder = workflow.placed(project)
    if path.exists() and not force:
        raise UsageError(f"there is {shown(path)} already", "culm ci github --force writes over it")
    runs = runs_of(project, settings, given)
    written(path, workflow.within(workflow.workflow(project, settings, runs), folder))
    if settings.previews:
        written(workflow.beside(path), workflow.within(workflow.previews(project, settings, runs), folder))
    if settings.environment is not None:
        click.echo(
            f"environment {settings.environment} of the repository: set its reviewers, and {runs.branch} as the only"
            " branch",
            err=True,
        )
    if settings.github is None:
        click.echo(
            f"say `github: owner/name` at target {settings.name}, so that the base stack makes its roles", err=True
        )


@ci.command("gitlab")
@runs_options
@click.option("--force", is_flag=True, help="Write over a pipeline that is there.")
def gitlab_pipeline(target_name: str | None, force: bool, **given: Any) -> None:
    """Write .gitlab-ci.yml: test, plan, deploy.

    A merge request is linted and tested, and has the plan of its deploy. The branch is deployed, one deploy at a time;
    to a target with `protect: true` or `environment:` when somebody starts it. Keys are not stored anywhere: the jobs
    assume two roles of the target's base, of which the one for merge requests can only look.
    """
    demand_forms(given)
    project, settings = opened(target_name)
    path, folder = gitlab.placed(project)
    if path.exists() and not force:
        raise UsageError(f"there is {shown(path)} already", "culm ci gitlab --force writes over it")
    runs = runs_of(project, settings, given)
    written(path, gitlab.pipeline(project, settings, runs, folder))
    if settings.environment is not None:
        click.echo(
            f"environment {settings.environment} of the project: protect it, so that only some may deploy", err=True
        )
    if settings.gitlab is None:
        click.echo(
            f"say `gitlab: group/name` at target {settings.name}, so that the base stack makes its roles", err=True
        )


def runs_of(project: Project, settings: TargetSettings, given: Mapping[str, Any]) -> workflow.Runs:
    """Return where and how jobs run. Raises UsageError where nobody is logged in to ask for the account."""
    return workflow.Runs(
        region=settings.region or DEFAULT_REGION,
        account=given["account"] or settings.account or account_of(project, settings.name),
        branch=given["branch"],
        install=given["install"] or installed.requirement(),
    )


def written(path: Path, text: str) -> None:
    """Write a file of CI, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    click.echo(f"wrote {shown(path)}", err=True)


def demand_forms(given: Mapping[str, Any]) -> None:
    """Raise UsageError for values that would break the file that they are written into."""
    wrong = [
        f"--{option} {given[option]!r}"
        for option, form in (("account", r"\d{12}"), ("branch", r"[\w./-]+"), ("install", r"[^\"'$\\\n]+"))
        if given[option] is not None and not re.fullmatch(form, given[option])
    ]
    if wrong:
        raise UsageError(f"this cannot be: {', '.join(wrong)}", "culm ci --help")


@ci.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def comment(file: Path) -> None:
    """Put FILE on the pull request that this job runs for, as one comment.

    It is written over the comment that begins with the same line, if there is one. Needs what GitHub gives every job,
    and its token in GITHUB_TOKEN.
    """
    try:
        event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text())
        on = PullRequest(
            api=os.environ.get("GITHUB_API_URL", "https://api.github.com"),
            token=os.environ["GITHUB_TOKEN"],
            repository=os.environ["GITHUB_REPOSITORY"],
            number=event["pull_request"]["number"],
        )
    except (OSError, KeyError) as error:
        raise UsageError(
            f"this is no job of a pull request on GitHub: there is no {error}", "`culm ci github` writes one"
        ) from None
    click.echo(write(on, file.read_text()), err=True)


@ci.command()
@click.argument("junit", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def summary(junit: Path) -> None:
    """Print what a JUnit file says as Markdown."""
    click.echo(summed_up(junit.read_text()))


def account_of(project: Project, name: str) -> str:
    """Return the number of the AWS account that a target is in. Raises UsageError when nobody is logged in."""
    try:
        with faults.translated():
            return open_target(project, name).account
    except faults.NotLoggedIn:
        raise UsageError("nobody is logged in to ask for the account's id", "--account 123456789012") from None
