"""Takes a project off its target: services first, then what they stood on; data only when told to."""

import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.deploy import caches, databases, secret_variables, vault_files
from culm.errors import TimedOut, UsageError
from culm.plan.observed import Observed
from culm.plan.vault_files import LOAD_BALANCER_FILE
from culm.project.project import Project
from culm.render import jobs as render_jobs
from culm.render.scaling import resource
from culm.target.connection import Target
from culm.target.observe import (
    NO_SCHEDULE,
    active_cluster,
    every_rule,
    first_listener,
    observe,
    or_none,
    scalable_targets,
    tasks,
    vault_keys,
)
from culm.target.observe import load_balancer as balancer_of
from culm.target.observe import target_groups as target_groups_of
from culm.target.polling import intervals
from culm.vault.names import of_key

MISSING = "ResourceNotFoundException"
Removed = Callable[[str, str], None]
"""Is called with the kind and the name of each thing that goes."""
SENTENCES = {"service": "deleting service {}", "scaling": "stopped scaling {}"}
STOP_SECONDS = 120.0


def sentence(kind: str, name: str) -> str:
    """Return what people read when a thing has gone."""
    return SENTENCES.get(kind, f"deleted {kind} {{}}").format(name)


def down(target: Target, project: Project, removed: Removed, *, volumes: bool, stack: bool = False) -> None:
    """Remove all that `up` makes; what it made with data in it stays unless `volumes`, and what a stack made anyway."""
    live = observe(target, project, render.vault_bucket(project.name, target.account, target.region))
    for name in schedules(project, live):
        or_none(partial(target.client("scheduler").delete_schedule, Name=name), NO_SCHEDULE)
        removed("schedule", name)
    for name in live.scalable_targets:
        unscale(target, project, name, removed)
    if live.cluster is not None:
        services(target, project, removed)
    if stack:
        rules(target, live)
        target_groups(target, live)
        task_definitions(target, project)
        return
    load_balancer(target, live, removed)
    if live.cluster is not None:
        task_definitions(target, project)
        cluster(target, project, live, removed)
    roles(target, live, removed)
    if volumes:
        data(target, project, live, removed)


def schedules(project: Project, live: Observed) -> list[str]:
    """Return the schedules that run something in the cluster, also those that culm.yml no longer names."""
    own = [render_jobs.schedule_name(project, project.jobs[name]) for name, job in live.jobs.items() if job.schedule]
    return sorted([*own, *live.past_schedules, *live.other_schedules])


def others(target: Target, project: Project) -> bool:
    """Return whether anything else is deployed on the same target."""
    described = target.client("ecs").describe_clusters(clusters=clusters(target))["clusters"]
    return any(
        cluster["clusterName"] != project.name and (cluster["activeServicesCount"] or cluster["runningTasksCount"])
        for cluster in described
    )


def clusters(target: Target) -> list[str]:
    """Return the ARNs of all clusters of the target."""
    pages = target.client("ecs").get_paginator("list_clusters").paginate()
    return [arn for page in pages for arn in page["clusterArns"]]


def services(target: Target, project: Project, removed: Removed) -> None:
    """Remove every service of the cluster, also those that culm.yml no longer names; then every other task."""
    ecs = target.client("ecs")
    for arn in service_arns(target, project):
        ecs.delete_service(cluster=project.name, service=arn, force=True)
        removed("service", last(arn))
    until_gone(target, project)


def until_gone(target: Target, project: Project, groups: Collection[str] = ()) -> None:
    """Stop one-time tasks, and wait until none is left; of these groups, or of all when none is given."""
    ecs = target.client("ecs")
    if active_cluster(target, project.name) is None:
        return
    started = time.monotonic()
    for pause in intervals():
        left = [
            task
            for status in ("RUNNING", "STOPPED")
            for task in tasks(ecs, project.name, desiredStatus=status)
            if task["lastStatus"] != "STOPPED" and (not groups or task["group"] in groups)
        ]
        if not left:
            return
        for task in left:
            if task["desiredStatus"] == "RUNNING" and task["group"].startswith("family:"):
                ecs.stop_task(cluster=project.name, task=task["taskArn"], reason="culm down")
        if time.monotonic() - started > STOP_SECONDS:
            raise TimedOut(
                f"{len(left)} tasks still run after {STOP_SECONDS:.0f} s", "culm status; then culm down again"
            )
        time.sleep(pause)


def service(target: Target, project: Project, name: str, removed: Removed, *, volumes: bool) -> None:
    """Remove one service and all that `up` made for it, also when culm.yml no longer names it.

    What holds data stays unless `volumes`: images, logs, configuration. Its database stays in the shared server.
    Raises UsageError when there is nothing of that name.
    """
    running = [last(arn) for arn in service_arns(target, project)]
    if name not in running and name not in project.services:
        raise UsageError(
            f"{project.name} has no service {name!r}", f"there are: {', '.join(sorted(running)) or 'none'}"
        )
    ecs, family = target.client("ecs"), f"{project.name}-{name}"
    if name in scalable_targets(target, project.name):
        unscale(target, project, name, removed)
    if name in running:
        ecs.delete_service(cluster=project.name, service=name, force=True)
        removed("service", name)
    until_gone(target, project, [f"service:{name}", f"family:{family}-migrate"])
    unroute(target, project, family)
    for each in (family, f"{family}-migrate"):
        deregister(target, each)
    if or_none(partial(target.client("iam").get_role, RoleName=family), "NoSuchEntity") is not None:
        role(target, family, removed)
    if volumes:
        data_of(target, project, name, removed)


def unscale(target: Target, project: Project, name: str, removed: Removed) -> None:
    """Take a service from Application Auto Scaling, with its policies and their alarms; one that is gone is as good.

    On AWS a scalable target outlives its service.
    """
    given = resource(project.name, name)
    deregister_target = partial(target.client("application-autoscaling").deregister_scalable_target, **given)
    if or_none(deregister_target, "ObjectNotFoundException") is not None:
        removed("scaling", name)


def service_arns(target: Target, project: Project) -> list[str]:
    """Return the ARNs of all services in the project's cluster; none where there is no cluster."""
    if active_cluster(target, project.name) is None:
        return []
    pages = target.client("ecs").get_paginator("list_services").paginate(cluster=project.name)
    return [arn for page in pages for arn in page["serviceArns"]]


def unroute(target: Target, project: Project, group_name: str) -> None:
    """Delete a target group and the rules that forward to it."""
    elb = target.client("elbv2")
    groups = target_groups_of(target, project.name, [group_name])
    balancer = balancer_of(target, project.name)
    listener = first_listener(target, balancer) if balancer else None
    for group in groups.values():
        for rule in every_rule(target, listener) if listener else ():
            if any(action.get("TargetGroupArn") == group["TargetGroupArn"] for action in rule["Actions"]):
                elb.delete_rule(RuleArn=rule["RuleArn"])
        retried(partial(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"]), "ResourceInUse")


def data_of(target: Target, project: Project, name: str, removed: Removed) -> None:
    """Remove a service's images, logs and configuration."""
    for repository in (f"{project.name}/{name}", f"{project.name}/{name}-migrate"):
        ecr = target.client("ecr")
        delete = partial(ecr.delete_repository, repositoryName=repository, force=True)
        if or_none(delete, "RepositoryNotFoundException") is not None:
            removed("repository", repository)
    group = f"/culm/{project.name}/{name}"
    if or_none(partial(target.client("logs").delete_log_group, logGroupName=group), MISSING) is not None:
        removed("log group", group)
    vault = vault_files.vault_of(target, project)
    for key in sorted(vault_keys(target, vault.bucket) or ()):
        if key.startswith(f"{target.settings.env}/{name}/") and (file := of_key(key)) is not None:
            vault.purge(file)
            removed("vault file", key)


def load_balancer(target: Target, live: Observed, removed: Removed) -> None:
    """Delete the load balancer, and the target groups that it held."""
    elb = target.client("elbv2")
    if live.load_balancer is not None:
        elb.delete_load_balancer(LoadBalancerArn=live.load_balancer["LoadBalancerArn"])
        removed("load balancer", live.load_balancer["LoadBalancerName"])
    target_groups(target, live)


def rules(target: Target, live: Observed) -> None:
    """Delete the rules of the project's services; the listener stays."""
    for rule in live.rules.values():
        target.client("elbv2").delete_rule(RuleArn=rule["RuleArn"])


def target_groups(target: Target, live: Observed) -> None:
    """Delete the project's target groups; waits while ELB still counts them as used."""
    elb = target.client("elbv2")
    for group in live.target_groups.values():
        retried(partial(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"]), "ResourceInUse")


def roles(target: Target, live: Observed, removed: Removed) -> None:
    """Delete the project's roles, each with its policies."""
    for name in live.roles:
        role(target, name, removed)


def role(target: Target, name: str, removed: Removed) -> None:
    """Delete a role with its policies."""
    iam = target.client("iam")
    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
    iam.delete_role(RoleName=name)
    removed("role", name)


def task_definitions(target: Target, project: Project) -> None:
    """Deregister all revisions, of services and of migrations."""
    for service in project.everything.values():
        for migrate in (False, True):
            deregister(target, render.family(project, service, migrate=migrate))


def deregister(target: Target, family: str) -> None:
    """Deregister every revision of a family. AWS keeps them for ever; INACTIVE ones start nothing."""
    ecs = target.client("ecs")
    pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family)
    for arn in [arn for page in pages for arn in page["taskDefinitionArns"]]:
        if last(arn).rpartition(":")[0] == family:
            ecs.deregister_task_definition(taskDefinition=arn)


def cluster(target: Target, project: Project, live: Observed, removed: Removed) -> None:
    """Remove the cluster, its instances first: a cluster that has some is not deleted."""
    assert live.cluster is not None
    ecs = target.client("ecs")
    if target.settings.provider != "local":
        return  # on Amazon the base stack made it
    tags = [{"key": render.INSTANCES_TAG, "value": "none"}]
    ecs.tag_resource(resourceArn=live.cluster["clusterArn"], tags=tags)
    retried(lambda: ecs.delete_cluster(cluster=project.name), "ClusterContainsContainerInstancesException")
    removed("cluster", project.name)


def data(target: Target, project: Project, live: Observed, removed: Removed) -> None:
    """Remove images, logs, databases, and the project's files in the vault."""
    for name in live.repositories:
        target.client("ecr").delete_repository(repositoryName=name, force=True)
        removed("repository", name)
    for group in sorted(live.log_groups):
        target.client("logs").delete_log_group(logGroupName=group)
        removed("log group", group)
    for name in live.databases:
        target.client("rds").delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        removed("database server", name)
    for name in live.caches:
        target.client("elasticache").delete_replication_group(ReplicationGroupId=name)
        removed("database server", name)
    begins = [f"{target.settings.env}/{name}/" for name in project.everything]
    begins += [
        f"{target.settings.env}/{vault_files.OPERATOR}/{databases.instance_name(project, name)}."
        for name in project.databases
    ]
    for key in sorted(live.vault or ()):
        if (key.startswith(tuple(begins)) or made_here(key, project, target.settings.env)) and (
            file := of_key(key)
        ) is not None:
            vault_files.vault_of(target, project).purge(file)
            removed("vault file", key)
    if target.settings.provider == "local":
        for name in secret_variables.delete(target, project.name, target.settings.env):
            removed("parameter", name)
    for name in sorted(live.buckets):
        empty(target, name)
        target.client("s3").delete_bucket(Bucket=name)
        removed("bucket", name)
    rds = target.client("rds")
    for name in live.databases:
        gone(partial(rds.describe_db_instances, DBInstanceIdentifier=name), "DBInstanceNotFound")
    cache = target.client("elasticache")
    for name in live.caches:
        gone(partial(cache.describe_replication_groups, ReplicationGroupId=name), "ReplicationGroupNotFound")
    for name in project.caches:
        caches.delete(target, project, name)


def made_here(key: str, project: Project, env: str) -> bool:
    """Return whether `up` wrote this file.

    Also for a service that culm.yml no longer names: its database goes now.
    """
    begin, _, file = key.rpartition("/")
    return begin.startswith(f"{env}/") and file in (
        databases.FILE,
        LOAD_BALANCER_FILE,
        *(f"{name}.url" for name in project.databases),
    )


def empty(target: Target, bucket: str) -> None:
    """Delete every object of a bucket, old versions too: S3 deletes no bucket with something in it."""
    s3 = target.client("s3")
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def retried(act: Callable[[], Any], *codes: str) -> None:
    """Do it as soon as AWS no longer answers with one of these codes; one that is gone is as good."""
    from botocore.exceptions import ClientError

    started = time.monotonic()
    for pause in intervals():
        try:
            act()
            return
        except ClientError as error:
            if error.response["Error"]["Code"] not in codes or time.monotonic() - started > STOP_SECONDS:
                raise
        time.sleep(pause)


def gone(look: Callable[[], Any], code: str) -> None:
    """Wait until AWS says that there is no such thing."""
    started = time.monotonic()
    for pause in intervals():
        if or_none(look, code, f"{code}Fault") is None:
            return
        if time.monotonic() - started > STOP_SECONDS:
            raise TimedOut("the databases are still being deleted", "culm down --volumes again")
        time.sleep(pause)
