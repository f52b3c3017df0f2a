"""A service's revisions: which one to go back to, and what lies between."""

from collections.abc import Mapping
from typing import Any

from culm import render
from culm.errors import CulmError
from culm.plan.way_back import effect, files_of
from culm.project.project import Project, Service
from culm.target.connection import Target


def earlier_revision(target: Target, project: Project, service: Service, revision: int | None) -> str:
    """The ARN of the revision to go back to: the named one, or the newest that is older than the live one."""
    ecs = target.client("ecs")
    family = render.family(project, service)
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, sort="DESC")
    known = {
        int(arn.rpartition(":")[2]): arn
        for page in pages
        for arn in page["taskDefinitionArns"]
        if arn.rpartition("/")[2].rpartition(":")[0] == family
    }
    [described] = ecs.describe_services(cluster=project.name, services=[service.name])["services"] or [None]
    now = int(described["taskDefinition"].rpartition(":")[2]) if described else 0
    listed = ", ".join(map(str, sorted(known)))
    if revision is None:
        revision = max((number for number in known if number < now), default=None)
        if revision is None:
            raise CulmError(f"{service.name} has no revision before {family}:{now}", f"there are: {listed or 'none'}")
    if revision not in known:
        raise CulmError(f"there is no revision {family}:{revision}", f"there are: {listed or 'none'}")
    return str(known[revision])


def migrated_since(target: Target, project: Project, service: Service, arn: str) -> str | None:
    """Why going back to this revision is no matter of course: the live one came after another migration."""
    ecs = target.client("ecs")
    [described] = ecs.describe_services(cluster=project.name, services=[service.name])["services"] or [None]
    if described is None:
        return None
    then = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
    now = ecs.describe_task_definition(taskDefinition=described["taskDefinition"])["taskDefinition"]
    if migration_of(then) == migration_of(now):
        return None
    if effect(files_of(then), files_of(now), service.schema_change) in ("none", "expand"):
        return None
    return (
        f"between {name(then['taskDefinitionArn'])} and {name(now['taskDefinitionArn'])} of {service.name} "
        "another migration has run, and nothing undoes it: the earlier code would meet the newer schema"
    )


def migration_of(revision: Mapping[str, Any]) -> str | None:
    """The digest of the migration that a revision came after; None: it has none."""
    labels: Mapping[str, str] = revision["containerDefinitions"][0].get("dockerLabels") or {}
    return labels.get(render.MIGRATION_LABEL)


def name(arn: str) -> str:
    """Return `family:revision` of an ARN."""
    return arn.rpartition("/")[2]


def number(arn: str) -> int:
    """Return the revision's number of an ARN."""
    return int(arn.rpartition(":")[2])
