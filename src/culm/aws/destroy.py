"""Removes a target's stack, and what outlives it only when told to."""

from collections.abc import Sequence

from culm import render
from culm.aws import adoption, service_roles, stack
from culm.aws.stack import Say, Talk
from culm.core.model.record import record
from culm.deploy import caches
from culm.deploy.down import down, sentence
from culm.errors import CulmError
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import or_none, repository_uris, vault_keys

KEY_DAYS = 7
"""Until a key is gone for good; the least that KMS takes. `aws kms cancel-key-deletion` brings it back."""


@record
class Extent:
    """What `destroy` takes besides the stack."""

    vault: bool
    """The bucket with all its files, and later their key."""
    repositories: bool
    """The images."""


@record
class Holding:
    """What a target has that somebody may miss."""

    lost: Sequence[str]
    kept: Sequence[str]


def holding(target: Target, project: Project, live: Described | None, extent: Extent) -> Holding:
    """Return what `destroy` to this extent would take, and what would stay, as lines for people."""
    lost = running(target, project) if live is not None else []
    bucket = render.vault_bucket(project.name, target.account, target.region)
    files, images = vault_keys(target, bucket), sorted(repository_uris(target, project))
    kept: list[str] = []
    if files is not None:
        (lost if extent.vault else kept).append(
            f"the vault {bucket}: {len(files)} files with their versions, and their key"
        )
    if images:
        (lost if extent.repositories else kept).append(f"{len(images)} repositories of images: {', '.join(images)}")
    return Holding(lost=lost, kept=kept)


def running(target: Target, project: Project) -> list[str]:
    """Return lines about what is deleted with the stack. A stack that failed to create may have no cluster."""
    ecs = target.client("ecs")
    pages = ecs.get_paginator("list_services").paginate(cluster=project.name)
    arns = or_none(lambda: [arn for page in pages for arn in page["serviceArns"]], "ClusterNotFoundException")
    services = sorted(arn.rpartition("/")[2] for arn in arns or ())
    described = target.client("logs").get_paginator("describe_log_groups")
    groups = [g for page in described.paginate(logGroupNamePrefix=f"/culm/{project.name}/") for g in page["logGroups"]]
    written = sum(group.get("storedBytes", 0) for group in groups) / 1e6
    return [
        f"services: {', '.join(services) or 'none'}",
        f"instances: {' + '.join(map(str, target.settings.instances))}, and the load balancer with its address",
        f"logs: {len(groups)} groups, {written:.1f} MB",
        *(f"database {project.name}-{name}: a last snapshot of it stays" for name in project.rds),
        *(f"cache {project.name}-{name}: its data goes" for name in project.elasticache),
    ]


def destroy(target: Target, project: Project, live: Described | None, talk: Talk, extent: Extent) -> None:
    """Delete the stack and what `extent` names; `live` is None where the stack is gone already.

    Raises CulmError when CloudFormation cannot delete the stack, or S3 a version of a file.
    """
    if live is not None:
        down(target, project, lambda kind, name: talk.say(sentence(kind, name)), volumes=False, stack=True)
        talk.say(f"deleting stack {live['StackName']}: a few minutes")
        stack.delete(target, live, talk.progress, service_roles.of_administrator(target, project, live))
        service_roles.remove(target, project)
        talk.say(f"stack {live['StackName']} is gone")
        if project.elasticache:
            caches.forget(target, project)
    if extent.repositories:
        for name in sorted(repository_uris(target, project)):
            target.client("ecr").delete_repository(repositoryName=name, force=True)
            talk.say(f"deleted repository {name}")
    bucket = render.vault_bucket(project.name, target.account, target.region)
    if extent.vault and vault_keys(target, bucket) is not None:
        key = adoption.key_of(target, bucket)
        empty(target, bucket, talk.say)
        if key is not None and key["KeyState"] != "PendingDeletion":
            target.client("kms").schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=KEY_DAYS)
            talk.say(f"key {key['KeyId']} is deleted in {KEY_DAYS} days")


def empty(target: Target, bucket: str, say: Say) -> None:
    """Delete every version of every file, then the bucket."""
    s3 = target.client("s3")
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    for page in pages:
        versions = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if versions:
            some = [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]
            left = s3.delete_objects(Bucket=bucket, Delete={"Objects": some, "Quiet": True}).get("Errors")
            if left:
                raise CulmError(f"{len(left)} versions in {bucket} are still there: {left[0]['Message']}", "try again")
    s3.delete_bucket(Bucket=bucket)
    say(f"deleted vault {bucket}")
