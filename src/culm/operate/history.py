"""A service's revisions, newest first: who made each, what it runs, how its deploys ended, and the way back to it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.deploy.revisions import migration_of, number
from culm.errors import CulmError
from culm.operate.snapshot.services import person
from culm.plan.way_back import effect, files_of
from culm.project.project import Project, Service
from culm.target.connection import Target

OUTCOMES = {
    "SUCCESSFUL": "ready",
    "IN_PROGRESS": "under way",
    "PENDING": "under way",
    "ROLLBACK_REQUESTED": "going back",
    "ROLLBACK_IN_PROGRESS": "going back",
    "ROLLBACK_SUCCESSFUL": "failed, gone back",
    "ROLLBACK_FAILED": "failed, and so did going back",
    "STOPPED": "replaced before it was ready",
}
"""What ECS's states of a service deployment mean.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html"""
MOST = 100
"""Revisions that are shown."""
AT_ONCE = 20
"""Service revisions that DescribeServiceRevisions takes: its documented maximum."""


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
    deploys = _deploys(ecs, project, service) if described else {}
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
    """As `--json` prints it."""
    return {name: getattr(revision, name) for name in revision.__dataclass_fields__}


def _way_back(service: Service, then: Mapping[str, Any], now: Mapping[str, Any] | None) -> str:
    command = f"culm rollback {service.name} {number(then['taskDefinitionArn'])}"
    if now is None or migration_of(then) == migration_of(now):
        return command
    harmless = effect(files_of(then), files_of(now), service.schema_change) in ("none", "expand")
    return command if harmless else f"{command} --across-migration"


def _deploys(ecs: Any, project: Project, service: Service) -> dict[str, str]:
    """The state of the last deploy of each task definition, by its ARN."""
    which = {"cluster": project.name, "service": service.name}
    states: dict[str, str] = {}  # of service revisions, the newest deploy first
    page = ecs.list_service_deployments(**which)
    while True:
        for each in page["serviceDeployments"]:
            states.setdefault(each["targetServiceRevisionArn"], each["status"])
        if not page.get("nextToken"):
            break
        page = ecs.list_service_deployments(**which, nextToken=page["nextToken"])
    last: dict[str, str] = {}
    for arns in _batches(list(states)):
        described = ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
        task_definitions = {each["serviceRevisionArn"]: each["taskDefinition"] for each in described}
        for arn in arns:
            if arn in task_definitions:
                last.setdefault(task_definitions[arn], states[arn])
    return last


def _batches(arns: Sequence[str]) -> Iterable[list[str]]:
    return (list(arns[first : first + AT_ONCE]) for first in range(0, len(arns), AT_ONCE))


def _image(name: str) -> str:
    tagged, _, digest = name.partition("@")
    tag = tagged.rpartition("/")[2].partition(":")[2]
    return tag[:12] or digest.removeprefix("sha256:")[:12]
