"""A service's revisions: which one to go back to, and what lies between."""

from collections.abc import Iterable, Mapping
from typing import Any

from culm import render
from culm.core.model.record import record
from culm.errors import CulmError
from culm.plan.way_back import effect, files_of
from culm.project.project import Project, Service
from culm.target.connection import Target

READY = "SUCCESSFUL"
OUTCOMES = {
    READY: "ready",
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
AT_ONCE = 20
"""Service revisions that DescribeServiceRevisions takes: its documented maximum."""


@record
class Earlier:
    """A revision to go back to."""

    arn: str
    why: str
    """As in "the last before #5 whose deploy ended well"; empty for one that was asked for by its number."""


def earlier_revision(target: Target, project: Project, service: Service, revision: int | None) -> Earlier:
    """Return the revision to go back to: the named one, or the last one before the live one that served well.

    Raises CulmError where there is none.
    """
    ecs = target.client("ecs")
    family = render.family(project, service)
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family, sort="DESC")
    known = {
        number(arn): str(arn)
        for page in pages
        for arn in page["taskDefinitionArns"]
        if arn.rpartition("/")[2].rpartition(":")[0] == family
    }
    listed = f"there are: {', '.join(map(str, sorted(known))) or 'none'}"
    if revision is not None:
        if revision not in known:
            raise CulmError(f"there is no revision {family}:{revision}", listed)
        return Earlier(arn=known[revision], why="")
    [described] = ecs.describe_services(cluster=project.name, services=[service.name])["services"] or [None]
    live = number(described["taskDefinition"]) if described else 0
    if not any(each < live for each in known):
        raise CulmError(f"{service.name} has no revision before {family}:{live}", listed)
    outcomes = last_outcomes(ecs, project.name, service.name)
    earlier = last_good(known.values(), live, outcomes)
    if earlier is None:
        failed = "; ".join(f"#{each}: {_outcome(known[each], outcomes)}" for each in sorted(known) if each < live)
        raise CulmError(
            f"no revision of {service.name} before #{live} is known to have served well ({failed})",
            f"culm history {service.name}, then name the one to run: culm rollback {service.name} REVISION",
        )
    return earlier


def last_good(arns: Iterable[str], live: int, outcomes: Mapping[str, str]) -> Earlier | None:
    """Return the revision before number `live` that served well last; None where each is known to have failed. Pure.

    That is the one deployed last of those whose last deploy ended well, which need not have the highest number: who
    went back from 2 to 1 and then deployed 3 comes from 1. Where ECS knows of none it is the newest of which it knows
    no deploy: ECS forgets them after 90 days.

    Args:
        arns: those of the task definitions that are there.
        outcomes: how the last deploy of each ended, by ARN, the newest deploy first.
    """
    older = [arn for arn in arns if number(arn) < live]
    good = [arn for arn in outcomes if arn in older and outcomes[arn] == READY]
    if good:
        passed = sorted((arn for arn in older if number(arn) > number(good[0])), key=number)
        skipped = "; ".join(f"#{number(arn)}: {_outcome(arn, outcomes)}" for arn in passed)
        why = f"the last before #{live} whose deploy ended well"
        return Earlier(arn=good[0], why=f"{why} (passed over: {skipped})" if skipped else why)
    unknown = [arn for arn in older if arn not in outcomes]
    if not unknown:
        return None
    return Earlier(
        arn=max(unknown, key=number), why=f"ECS knows of no deploy before #{live} that ended well, nor how this one did"
    )


def last_outcomes(ecs: Any, cluster: str, service: str) -> dict[str, str]:
    """Return how the last deploy of each task definition ended, in ECS's words by its ARN; the newest deploy first."""
    which = {"cluster": cluster, "service": service}
    states: dict[str, str] = {}  # of service revisions
    page = ecs.list_service_deployments(**which)
    while True:
        for each in page["serviceDeployments"]:
            states.setdefault(each["targetServiceRevisionArn"], each["status"])
        if not page.get("nextToken"):
            break
        page = ecs.list_service_deployments(**which, nextToken=page["nextToken"])
    revisions = list(states)
    last: dict[str, str] = {}
    for first in range(0, len(revisions), AT_ONCE):
        arns = revisions[first : first + AT_ONCE]
        described = ecs.describe_service_revisions(serviceRevisionArns=arns)["serviceRevisions"]
        task_definitions = {each["serviceRevisionArn"]: each["taskDefinition"] for each in described}
        for arn in arns:
            if arn in task_definitions:
                last.setdefault(task_definitions[arn], states[arn])
    return last


def _outcome(arn: str, outcomes: Mapping[str, str]) -> str:
    return OUTCOMES.get(outcomes.get(arn, ""), "no deploy that ECS knows of")


def migrated_since(target: Target, project: Project, service: Service, arn: str) -> str | None:
    """Return why going back to this revision is no matter of course: the live one came after another migration."""
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
    """Return the digest of the migration that a revision came after; None where it has none."""
    labels: Mapping[str, str] = revision["containerDefinitions"][0].get("dockerLabels") or {}
    return labels.get(render.MIGRATION_LABEL)


def name(arn: str) -> str:
    """Return `family:revision` of an ARN."""
    return arn.rpartition("/")[2]


def number(arn: str) -> int:
    """Return the revision's number of an ARN."""
    return int(arn.rpartition(":")[2])
