"""A service's revisions, newest first: who made each, what it runs, how its deploys ended, and the way back to it."""

from collections.abc import Mapping, Sequence
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.deploy.revisions import OUTCOMES, last_outcomes, migration_of, number
from culm.errors import CulmError
from culm.operate.snapshot.services import person
from culm.plan.way_back import effect, files_of
from culm.project.project import Project, Service
from culm.target.connection import Target

MOST = 100
"""Revisions that are shown."""


@record
class Revision:
    """One revision of a service's task definition."""

    number: int
    made_at: float
    """Epoch seconds."""
    made_by: str
    """The last word of the ARN of who registered it."""
    image: str
    """The image's tag, or the beginning of its digest."""
    live: bool
    migration: bool
    """Whether it came after another migration than the one before it in the list: the next older one."""
    outcome: str
    """How its last deploy ended; empty where ECS no longer knows (it keeps 90 days)."""
    back: str
    """The command that goes back to it; empty for the live one."""


def history(target: Target, project: Project, service: Service) -> tuple[Revision, ...]:
    """Return the newest revisions of a service, by what ECS says of them.

    Raises CulmError where there are none.
    """
    ecs = target.client("ecs")
    family = render.family(project, service)
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, sort="DESC")
    arns = [
        a for page in pages for a in page["taskDefinitionArns"] if a.rpartition("/")[2].rpartition(":")[0] == family
    ]
    if not arns:
        raise CulmError(f"{service.name} has no revision on {target.settings.name}", "`culm up` makes the first")
    definitions = [ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"] for arn in arns[:MOST]]
    [described] = ecs.describe_services(cluster=project.name, services=[service.name])["services"] or [None]
    deploys = last_outcomes(ecs, project.name, service.name) if described else {}
    return of(service, definitions, described["taskDefinition"] if described else "", deploys)


def of(
    service: Service, definitions: Sequence[Mapping[str, Any]], live: str, deploys: Mapping[str, str]
) -> tuple[Revision, ...]:
    """Make the list out of what ECS describes. Pure.

    Args:
        definitions: task definitions, the newest first.
        live: the ARN of the one that the service runs; empty: the service is not there.
        deploys: the state of the last service deployment, by the ARN of its task definition.
    """
    now = next((each for each in definitions if each["taskDefinitionArn"] == live), None)
    older: Sequence[Mapping[str, Any] | None] = [*definitions[1:], None]
    return tuple(
        Revision(
            number=number(each["taskDefinitionArn"]),
            made_at=each["registeredAt"].timestamp(),
            made_by=person(each.get("registeredBy", "")),
            image=_image(str(each["containerDefinitions"][0]["image"])),
            live=each is now,
            migration=before is not None and migration_of(each) != migration_of(before),
            outcome=OUTCOMES.get(deploys.get(each["taskDefinitionArn"], ""), ""),
            back="" if each is now else _way_back(service, each, now),
        )
        for each, before in zip(definitions, older, strict=True)
    )


def report(revision: Revision) -> dict[str, Any]:
    """Return a revision as `--json` prints it."""
    return {name: getattr(revision, name) for name in revision.__dataclass_fields__}


def _way_back(service: Service, then: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    command = f"culm rollback {service.name} {number(then['taskDefinitionArn'])}"
    if now is None or migration_of(then) == migration_of(now):
        return command
    harmless = effect(files_of(then), files_of(now), service.schema_change) in ("none", "expand")
    return command if harmless else f"{command} --across-migration"


def _image(name: str) -> str:
    tagged, _, digest = name.partition("@")
    tag = tagged.rpartition("/")[2].partition(":")[2]
    return tag[:12] or digest.removeprefix("sha256:")[:12]
