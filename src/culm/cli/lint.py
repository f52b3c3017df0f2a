"""`culm lint`."""

import dataclasses
import json
import sys

import click

from culm.cli.context import json_option, open_project
from culm.errors import CulmError, Differs
from culm.lint.findings import Finding
from culm.lint.project import check
from culm.project.project import Project


@click.command()
@json_option
def lint(as_json: bool) -> None:
    """Look for secrets in files that others can read. Exit status 3 when there are some.

    In task definitions' environments, Dockerfiles, and compose files for staging; every deploy looks, too, and at the
    images that it has built. Images that a container engine built of what is here now are opened: a private key or a
    registry's token in a layer is found, whatever later lines remove.
    A line is excused by `# culm: allow-secret REASON` at its end or above it.
    """
    project = open_project()
    findings = [*check(project), *of_built_images(project)]
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(str(finding))
    for service in project.everything.values():
        for name, secret in service.container.secrets.items():
            click.echo(f"{service.name}: secrets.{name} is allowed: {secret.reason}", err=True)
    if findings:
        sys.exit(Differs.exit_status)
    click.echo(f"no secrets in {', '.join(project.services)}", err=True)


def of_built_images(project: Project) -> list[Finding]:
    """Return what the layers hold of images that the engine of this machine built, for any target.

    None without an engine.
    """
    from culm.engine.client import Engine, unavailable

    if unavailable() is not None:
        return []
    from culm.deploy.build.docker import DockerBuilder
    from culm.deploy.images import recipe

    builder = DockerBuilder(Engine())
    wanted = {
        repr(each): each
        for settings in project.targets.values()
        for service in project.everything.values()
        for migrate in (False, True)
        if (each := recipe(service, settings, migrate=migrate)) is not None
    }
    findings: dict[str, Finding] = {}
    for each in wanted.values():
        try:
            findings |= {str(finding): finding for finding in builder.layer_findings(each)}
        except CulmError as error:
            click.echo(f"culm: layers of {each.dockerfile} not looked at: {error.what}", err=True)
    return list(findings.values())
