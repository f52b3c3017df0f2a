"""Looks at the target: the calls that fill a `Observed`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.plan.observed import Described, LiveJob, Observed
from culm.project.project import Project, Service
from culm.render import identity, jobs
from culm.target.connection import Target

NO_SCHEDULE = "ResourceNotFoundException"
DESCRIBE_AT_ONCE = 10
"""Services in one ecs.DescribeServices."""


def observe(target: Target, project: Project, vault_bucket: str) -> Observed:
    """Read everything about the project on the target, with as many calls in parallel as possible."""
    names = [render.group_name(project, service) for service in project.services.values()]
    with ThreadPoolExecutor(max_workers=12) as pool:
        cluster = pool.submit(active_cluster, target, project.name)
        repositories = pool.submit(repository_uris, target, project)
        log_groups = pool.submit(log_group_names, target, project)
        vault = pool.submit(vault_keys, target, vault_bucket)
        buckets = [pool.submit(bucket_name, target, project, name) for name in project.buckets]
        databases = pool.submit(db_instances, target, project)
        caches = pool.submit(replication_groups, target, project)
        own = {identity.role_name(project, service): identity.POLICY for service in project.everything.values()}
        own |= {jobs.role_name(project): jobs.POLICY} if project.jobs else {}
        policies = own | {render.execution_role_name(project): identity.EXECUTION_POLICY}
        roles = pool.map(lambda name: role_policy(target, name, policies[name]), policies)
        live_jobs = {name: pool.submit(live_job, target, project, job) for name, job in project.jobs.items()}
        unnamed = pool.submit(unnamed_schedules, target, project)
        balancer = pool.submit(load_balancer, target, project.name)
        scaled = pool.submit(scalable_targets, target, project.name)
        groups = pool.submit(target_groups, target, project.name, names)
        called = [] if project.preview is None else [n for n, each in project.preview.beside.items() if each.called]
        services = active_services(target, project.name, [*project.services, *called]) if cluster.result() else {}
        ecs = target.client("ecs")
        described = pool.map(
            lambda arn: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"],
            {service["taskDefinition"] for service in services.values()},
        )
        by_name = groups.result()
        attributes = dict(
            zip(
                by_name,
                pool.map(lambda g: group_attributes(target, g["TargetGroupArn"]), by_name.values()),
                strict=True,
            )
        )
        lb = balancer.result()
        listener = first_listener(target, lb) if lb else None
        ours, rules = split(project, every_rule(target, listener), by_name) if listener else ({}, [])
        routed, others = sorted_out(project, rules, by_name)
        return Observed(
            cluster=cluster.result(),
            repositories=repositories.result(),
            log_groups=log_groups.result(),
            vault=vault.result(),
            roles={n: by_name for n, by_name in zip(policies, roles, strict=True) if by_name is not None},
            databases=databases.result(),
            caches=caches.result(),
            buckets=frozenset(name for each in buckets if (name := each.result()) is not None),
            jobs={name: each.result() for name, each in live_jobs.items()},
            past_schedules=tuple(name for name, ours in unnamed.result().items() if ours),
            other_schedules=tuple(name for name, ours in unnamed.result().items() if not ours),
            load_balancer=lb,
            listener=listener,
            rules=routed,
            other_rules=tuple(others),
            entries=ours,
            target_groups=by_name,
            attributes=attributes,
            services=services,
            scalable_targets=scaled.result(),
            scaling_policies=scaling_policies(target, project.name) if scaled.result() else {},
            task_definitions={d["taskDefinitionArn"]: d for d in described},
        )


def or_none(call: Callable[[], Any], *codes: str) -> Any:
    """Return the call's answer; None when AWS answers with one of these codes."""
    try:
        return call()
    except Exception as error:
        from botocore.exceptions import ClientError  # many calls need no SDK as long as they are answered

        if isinstance(error, ClientError) and error.response["Error"]["Code"] in codes:
            return None
        raise


def live_job(target: Target, project: Project, job: Service) -> LiveJob:
    """Return a job's schedule and the revision that it runs; each is None where there is none."""
    scheduler, ecs = target.client("scheduler"), target.client("ecs")
    schedule = or_none(lambda: scheduler.get_schedule(Name=jobs.schedule_name(project, job)), NO_SCHEDULE)
    arn = runs(schedule)
    revision = None
    if arn:
        revision = or_none(
            lambda: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"], "ClientException"
        )
    return LiveJob(schedule=schedule, revision=revision)


def runs(schedule: Described | None) -> str:
    """Return the ARN of the task definition that a schedule runs; empty: it runs none."""
    parameters = ((schedule or {}).get("Target") or {}).get("EcsParameters") or {}
    return str(parameters.get("TaskDefinitionArn", ""))


def unnamed_schedules(target: Target, project: Project) -> dict[str, bool]:
    """Return the schedules of the project's cluster that culm.yml does not name, and whether culm made each.

    It then runs the family of task definitions that has the schedule's name. On aws the stack takes away the role of
    the schedules, and the right to list them, with the last job.
    """
    if project.preview is not None or (not project.jobs and target.settings.provider != "local"):
        return {}
    scheduler = target.client("scheduler")
    pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=f"{project.name}-")
    listed = [each for page in pages for each in page["Schedules"]]
    named = {jobs.schedule_name(project, job) for job in project.jobs.values()}
    own = [each["Name"] for each in listed if each["Target"]["Arn"].endswith(f":cluster/{project.name}")]
    unnamed = sorted(name for name in own if name.startswith(f"{project.name}-") and name not in named)
    described = {name: or_none(partial(scheduler.get_schedule, Name=name), NO_SCHEDULE) for name in unnamed}
    return {name: last(runs(each)).partition(":")[0] == name for name, each in described.items()}


def active_cluster(target: Target, name: str) -> Described | None:
    """Return the cluster as ECS describes it, None if there is none that is ACTIVE."""
    clusters = target.client("ecs").describe_clusters(clusters=[name], include=["TAGS"])["clusters"]
    return next((cluster for cluster in clusters if cluster["status"] == "ACTIVE"), None)


def active_services(target: Target, cluster: str, names: list[str]) -> dict[str, Described]:
    """Return the ACTIVE ones of these services by name, as ECS describes them, with Service Connect's settings."""
    ecs = target.client("ecs")
    services: dict[str, Described] = {}
    for start in range(0, len(names), DESCRIBE_AT_ONCE):
        some = names[start : start + DESCRIBE_AT_ONCE]
        for service in ecs.describe_services(cluster=cluster, services=some, include=["TAGS"])["services"]:
            if service["status"] == "ACTIVE":
                services[service["serviceName"]] = {**service, "serviceConnectConfiguration": connect(service)}
    return services


def connect(service: Described) -> Described:
    """Return how a service takes part in Service Connect, which ECS tells of its deployments alone."""
    primary: Described = next((each for each in service["deployments"] if each["status"] == "PRIMARY"), {})
    return primary.get("serviceConnectConfiguration") or {"enabled": False}


def repository_uris(target: Target, project: Project) -> dict[str, str]:
    """Return the URIs of the project's repositories by name."""
    pages = target.client("ecr").get_paginator("describe_repositories").paginate()
    begin = f"{project.name}/"
    return {
        r["repositoryName"]: r["repositoryUri"]
        for page in pages
        for r in page["repositories"]
        if r["repositoryName"].startswith(begin)
    }


def log_group_names(target: Target, project: Project) -> frozenset[str]:
    """Return the names of the project's log groups."""
    pages = (
        target.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/culm/{project.name}/")
    )
    return frozenset(group["logGroupName"] for page in pages for group in page["logGroups"])


def bucket_name(target: Target, project: Project, name: str) -> str | None:
    """Return a bucket's full name; None where it is not there."""
    full = render.bucket(project, name, target.account, target.region)
    there = or_none(lambda: target.client("s3").head_bucket(Bucket=full), "NoSuchBucket", "404")
    return full if there is not None else None


def vault_keys(target: Target, bucket: str) -> frozenset[str] | None:
    """Return the keys of all objects in the vault, None if there is no such bucket."""

    def keys() -> frozenset[str]:
        pages = target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return frozenset(item["Key"] for page in pages for item in page.get("Contents", ()))

    present: frozenset[str] | None = or_none(keys, "NoSuchBucket", "404")
    return present


def role_policy(target: Target, name: str, policy: str) -> Described | None:
    """Return a role's policy document, empty if it has none; None when there is no such role."""
    iam = target.client("iam")
    if or_none(lambda: iam.get_role(RoleName=name), "NoSuchEntity") is None:
        return None
    answer = or_none(lambda: iam.get_role_policy(RoleName=name, PolicyName=policy), "NoSuchEntity")
    document: Described = answer["PolicyDocument"] if answer else {}
    return document


def db_instances(target: Target, project: Project) -> dict[str, Described]:
    """Return the project's database instances by identifier, as RDS describes them."""
    if not project.bases:
        return {}
    wanted = {f"{project.name}-{name}" for name in project.bases}
    pages = target.client("rds").get_paginator("describe_db_instances").paginate()
    described = (instance for page in pages for instance in page["DBInstances"])
    return {i["DBInstanceIdentifier"]: i for i in described if i["DBInstanceIdentifier"] in wanted}


def replication_groups(target: Target, project: Project) -> dict[str, Described]:
    """Return the project's caches by id, as ElastiCache describes them."""
    if not project.caches:
        return {}
    wanted = {f"{project.name}-{name}" for name in project.caches}
    pages = target.client("elasticache").get_paginator("describe_replication_groups").paginate()
    described = (group for page in pages for group in page["ReplicationGroups"])
    return {g["ReplicationGroupId"]: g for g in described if g["ReplicationGroupId"] in wanted}


def primary_endpoint(group: Described) -> Described | None:
    """Return where a replication group takes writes; None while it has no address yet."""
    nodes = group.get("NodeGroups") or [{}]
    endpoint: Described | None = nodes[0].get("PrimaryEndpoint")
    return endpoint


def load_balancer(target: Target, name: str) -> Described | None:
    """Return the load balancer of that name as ELB describes it, None if there is none."""
    elb = target.client("elbv2")
    answer = or_none(lambda: elb.describe_load_balancers(Names=[name]), "LoadBalancerNotFound")
    return answer["LoadBalancers"][0] if answer else None


def first_listener(target: Target, lb: Described) -> Described | None:
    """Return the listener that services' rules are on: that of HTTPS if there is one, else that of HTTP."""
    listeners = target.client("elbv2").describe_listeners(LoadBalancerArn=lb["LoadBalancerArn"])["Listeners"]
    return min(listeners, key=lambda listener: listener["Protocol"] != "HTTPS", default=None)


def target_groups(target: Target, project: str, names: Iterable[str]) -> dict[str, Described]:
    """Return those of these target groups that there are, by name."""
    wanted = set(names)
    pages = target.client("elbv2").get_paginator("describe_target_groups").paginate()
    described = (group for page in pages for group in page["TargetGroups"])
    return {group["TargetGroupName"]: group for group in described if group["TargetGroupName"] in wanted}


def groups_behind(target: Target, load_balancer_arn: str) -> list[Described]:
    """Return the target groups of a load balancer; that there are none may be an error in the answer."""
    pages = target.client("elbv2").get_paginator("describe_target_groups").paginate(LoadBalancerArn=load_balancer_arn)
    described = or_none(lambda: [group for page in pages for group in page["TargetGroups"]], "TargetGroupNotFound")
    return described or []


def group_attributes(target: Target, arn: str) -> dict[str, str]:
    """Return the attributes of a target group by key."""
    answer = target.client("elbv2").describe_target_group_attributes(TargetGroupArn=arn)
    return {attribute["Key"]: attribute["Value"] for attribute in answer["Attributes"]}


def newest_revision(target: Target, family: str) -> Described | None:
    """Return a family's newest ACTIVE task definition; None when it has none."""
    ecs = target.client("ecs")
    newest: Described | None = or_none(
        lambda: ecs.describe_task_definition(taskDefinition=family)["taskDefinition"], "ClientException"
    )
    return newest


def scalable_targets(target: Target, cluster: str) -> dict[str, Described]:
    """Return the services of a cluster whose count Application Auto Scaling changes, by name."""
    pages = target.client("application-autoscaling").get_paginator("describe_scalable_targets")
    described = (each for page in pages.paginate(ServiceNamespace="ecs") for each in page["ScalableTargets"])
    return {name: each for each in described if (name := service_in(cluster, each)) is not None}


def scaling_policies(target: Target, cluster: str) -> dict[str, list[Described]]:
    """Return what Application Auto Scaling changes counts by, by the name of the service."""
    pages = target.client("application-autoscaling").get_paginator("describe_scaling_policies")
    policies: dict[str, list[Described]] = {}
    for page in pages.paginate(ServiceNamespace="ecs"):
        for policy in page["ScalingPolicies"]:
            if (name := service_in(cluster, policy)) is not None:
                policies.setdefault(name, []).append(policy)
    return policies


def service_in(cluster: str, described: Described) -> str | None:
    """Return the name of the service that a scalable target or a policy is about; None: one of another cluster."""
    kind, where, name = str(described["ResourceId"]).split("/")
    return name if (kind, where) == ("service", cluster) else None


def target_health(target: Target, group: str) -> Sequence[Described]:
    """Return the TargetHealthDescriptions of a target group, given its ARN."""
    answer = target.client("elbv2").describe_target_health(TargetGroupArn=group)
    descriptions: Sequence[Described] = answer["TargetHealthDescriptions"]
    return descriptions


def every_rule(target: Target, listener: Described) -> list[Described]:
    """Return all rules of a listener, the default one too."""
    pages = target.client("elbv2").get_paginator("describe_rules").paginate(ListenerArn=listener["ListenerArn"])
    return [rule for page in pages for rule in page["Rules"]]


def split(
    project: Project, rules: Sequence[Described], groups: Mapping[str, Described]
) -> tuple[dict[str, dict[int, Described]], list[Described]]:
    """Return the rules of services' further entries, by service and number, and all other rules."""
    entries: dict[str, dict[int, Described]] = {}
    taken = set()
    for service in project.services.values():
        group = groups.get(render.group_name(project, service), {}).get("TargetGroupArn")
        own = [rule for rule in rules if rule["Actions"][-1].get("TargetGroupArn", "") == group]
        for number, entry in enumerate(service.entries, 1):
            other = replace(service, routing=entry)
            if (rule := next((each for each in own if render.routes(each, other)), None)) is not None:
                entries.setdefault(service.name, {})[number] = rule
                taken.add(rule["RuleArn"])
    return entries, [rule for rule in rules if rule["RuleArn"] not in taken]


def sorted_out(
    project: Project, rules: Iterable[Described], groups: Mapping[str, Described]
) -> tuple[dict[str, Described], list[Described]]:
    """Return the rule of each service, and the rules of no service; the default rule is in neither.

    A service's rule forwards to its target group. Of several, the one with its paths is its own, else the first.
    """
    service_of = {
        groups[name]["TargetGroupArn"]: service
        for service in project.services.values()
        if (name := render.group_name(project, service)) in groups
    }
    rules_by_service: dict[str, Described] = {}
    others: list[Described] = []
    for rule in (rule for rule in rules if not rule.get("IsDefault")):
        [service] = [service_of.get(a.get("TargetGroupArn", "")) for a in rule["Actions"][-1:]] or [None]
        if service is None:
            others.append(rule)
        elif service.name not in rules_by_service:
            rules_by_service[service.name] = rule
        elif render.routes(rule, service) and not render.routes(rules_by_service[service.name], service):
            others.append(rules_by_service[service.name])
            rules_by_service[service.name] = rule
        else:
            others.append(rule)
    return rules_by_service, others


def described_instances(target: Target, cluster: str) -> Sequence[Mapping[str, Any]]:
    """Return the cluster's container instances, whatever their status, as ECS describes them."""
    ecs = target.client("ecs")
    pages = ecs.get_paginator("list_container_instances").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page["containerInstanceArns"]]
    described: list[Mapping[str, Any]] = []
    for start in range(0, len(arns), 100):
        some = arns[start : start + 100]
        described += ecs.describe_container_instances(cluster=cluster, containerInstances=some)["containerInstances"]
    return described


def tasks(ecs: Any, cluster: str, **which: str) -> list[dict[str, Any]]:
    """Return descriptions of up to 100 tasks of a cluster, which is as many as one call lists.

    `which` narrows ListTasks: `serviceName`, `desiredStatus`.
    """
    arns = ecs.list_tasks(cluster=cluster, **which)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
