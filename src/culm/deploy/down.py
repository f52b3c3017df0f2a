"""Takes a project off its target: services first, then what they stood on; data only when told to."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from culm import render
from culm.deploy import databases, jobs, vault_files
from culm.errors import TimedOut
from culm.plan.observed import Observed
from culm.project.project import Project
from culm.render import jobs as render_jobs
from culm.target.connection import Target
from culm.target.observe import observe, or_none, tasks
from culm.target.polling import intervals
from culm.vault.names import of_key

Say = Callable[[str], None]
STOP_SECONDS = 120.0


def down(target: Target, project: Project, say: Say, *, volumes: bool, stack: bool = False) -> None:
    """Remove all that `up` makes; what it made with data in it stays unless `volumes`, and what a stack made anyway."""
    live = observe(target, project, render.vault_bucket(project.name, target.account, target.region))
    for name in schedules(target, project) if project.jobs else ():
        jobs.remove(target, name)
        say(f"deleted schedule {name}")
    if live.cluster is not None:
        services(target, project, say)
    if stack:
        rules(target, live)
        target_groups(target, live)
        task_definitions(target, project)
        return
    load_balancer(target, live, say)
    if live.cluster is not None:
        task_definitions(target, project)
        cluster(target, project, live, say)
    roles(target, live, say)
    if volumes:
        data(target, project, live, say)


def schedules(target: Target, project: Project) -> list[str]:
    """Every schedule of the project, also those that culm.yml no longer names."""
    own = {render_jobs.schedule_name(project, job) for job in project.jobs.values()}
    return sorted(own | set(jobs.leftovers(target, project)))


def others(target: Target, project: Project) -> bool:
    """Whether anything else is deployed on the same target."""
    found = target.client("ecs").describe_clusters(clusters=clusters(target))["clusters"]
    return any(
        cluster["clusterName"] != project.name and (cluster["activeServicesCount"] or cluster["runningTasksCount"])
        for cluster in found
    )


def clusters(target: Target) -> list[str]:
    pages = target.client("ecs").get_paginator("list_clusters").paginate()
    return [arn for page in pages for arn in page["clusterArns"]]


def services(target: Target, project: Project, say: Say) -> None:
    """Every service of the cluster, also those that culm.yml no longer names; then every other task."""
    ecs = target.client("ecs")
    pages = ecs.get_paginator("list_services").paginate(cluster=project.name)
    for arn in [arn for page in pages for arn in page["serviceArns"]]:
        ecs.delete_service(cluster=project.name, service=arn, force=True)
        say(f"deleting service {arn.rpartition('/')[2]}")
    started = time.monotonic()
    for pause in intervals():
        left = tasks(ecs, project.name, desiredStatus="RUNNING")
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


def load_balancer(target: Target, live: Observed, say: Say) -> None:
    elb = target.client("elbv2")
    if live.load_balancer is not None:
        elb.delete_load_balancer(LoadBalancerArn=live.load_balancer["LoadBalancerArn"])
        say(f"deleted load balancer {live.load_balancer['LoadBalancerName']}")
    target_groups(target, live)


def rules(target: Target, live: Observed) -> None:
    for rule in live.rules.values():
        target.client("elbv2").delete_rule(RuleArn=rule["RuleArn"])


def target_groups(target: Target, live: Observed) -> None:
    elb = target.client("elbv2")
    for group in live.target_groups.values():
        retried(partial(elb.delete_target_group, TargetGroupArn=group["TargetGroupArn"]), "ResourceInUse")


def roles(target: Target, live: Observed, say: Say) -> None:
    iam = target.client("iam")
    for name in live.roles:
        for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]:
            iam.delete_role_policy(RoleName=name, PolicyName=policy)
        for attached in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=attached["PolicyArn"])
        iam.delete_role(RoleName=name)
        say(f"deleted role {name}")


def task_definitions(target: Target, project: Project) -> None:
    """AWS keeps revisions for ever; INACTIVE ones start nothing."""
    ecs = target.client("ecs")
    for service in project.everything.values():
        for migrate in (False, True):
            family = render.family(project, service, migrate=migrate)
            pages = ecs.get_paginator("list_task_definitions").paginate(familyPrefix=family)
            for arn in [arn for page in pages for arn in page["taskDefinitionArns"]]:
                ecs.deregister_task_definition(taskDefinition=arn)


def cluster(target: Target, project: Project, live: Observed, say: Say) -> None:
    """Its instances are sent away first: a cluster that has some is not deleted."""
    assert live.cluster is not None
    ecs = target.client("ecs")
    if target.settings.provider != "local":
        return  # on Amazon the base stack made it
    tags = [{"key": render.INSTANCES_TAG, "value": "none"}]
    ecs.tag_resource(resourceArn=live.cluster["clusterArn"], tags=tags)
    retried(lambda: ecs.delete_cluster(cluster=project.name), "ClusterContainsContainerInstancesException")
    say(f"deleted cluster {project.name}")


def data(target: Target, project: Project, live: Observed, say: Say) -> None:
    """Images, logs, databases, and the project's files in the vault."""
    for name in live.repositories:
        target.client("ecr").delete_repository(repositoryName=name, force=True)
        say(f"deleted repository {name}")
    for group in sorted(live.log_groups):
        target.client("logs").delete_log_group(logGroupName=group)
        say(f"deleted log group {group}")
    for name in live.databases:
        target.client("rds").delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        say(f"deleted database server {name}")
    begins = [f"{target.settings.env}/{name}/" for name in project.everything]
    begins += [
        f"{target.settings.env}/{vault_files.OPERATOR}/{databases.instance_name(project, name)}."
        for name in project.databases
    ]
    for key in sorted(live.vault or ()):
        if key.startswith(tuple(begins)) and (file := of_key(key)) is not None:
            vault_files.vault_of(target, project).purge(file)
            say(f"deleted vault file {key}")
    rds = target.client("rds")
    for name in live.databases:
        gone(partial(rds.describe_db_instances, DBInstanceIdentifier=name), "DBInstanceNotFound")


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
