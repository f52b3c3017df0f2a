"""Looks at the whole cluster: everything that the scheduler would look at, whoever put it there."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from culm import render
from culm.plan.observed import Described, Observed, Survey
from culm.project.project import Project, TargetSettings
from culm.target import region
from culm.target.connection import Target
from culm.target.observe import DESCRIBE_AT_ONCE, described_instances, observe
from culm.target.surroundings import surroundings

TASKS_AT_ONCE = 100
"""In one ecs.DescribeTasks."""


def survey(target: Target, project: Project) -> Survey:
    """Look at everything; nothing is changed, nothing is started. Raises CulmError where the project is elsewhere."""
    observed = observe(target, project, render.vault_bucket(project.name, target.account, target.region))
    given = surroundings(target, project, observed)
    if observed.cluster is None:
        region.demand(target, project, observed.roles.get(render.execution_role_name(project), {}))
        return Survey(observed=observed, surroundings=given)
    ecs = target.client("ecs")
    with ThreadPoolExecutor(max_workers=12) as pool:
        instances = pool.submit(described_instances, target, project.name)
        listed = pool.submit(every_task, ecs, project.name)
        services = every_service(ecs, project.name)
        tasks = [task for task in listed.result() if task["lastStatus"] != "STOPPED"]
        arns = {task["taskDefinitionArn"] for task in tasks}
        arns |= {s["taskDefinition"] for s in services}
        arns |= {d["taskDefinition"] for s in services for d in s.get("deployments", ())}
        described = pool.map(lambda arn: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"], arns)
        return Survey(
            observed=observed,
            surroundings=given,
            instances=instances.result(),
            tasks=tasks,
            stopped=[task for task in listed.result() if task["lastStatus"] == "STOPPED"],
            services=services,
            task_definitions=list(described),
        )


def nothing(project: Project, settings: TargetSettings, where: str) -> Survey:
    """Return the survey of a target that has nothing on it yet."""
    observed = Observed(
        cluster=None,
        repositories={},
        log_groups=frozenset(),
        vault=None,
        databases={},
        roles={},
        load_balancer=None,
        listener=None,
        rules={},
        target_groups={},
        attributes={},
        services={},
        task_definitions={},
    )
    account = "000000000000"
    given = render.Surroundings(
        env=settings.env,
        region=where,
        account=account,
        vault=render.vault_bucket(project.name, account, where),
        vpc="",
        subnets=(),
        port=settings.port or 0,
        instances=" + ".join(map(str, settings.instances)),
    )
    return Survey(observed=observed, surroundings=given)


def every_task(ecs: Any, cluster: str) -> list[Described]:
    """Return the tasks that should run, and the stopped ones, as far as ECS still keeps them (about an hour)."""
    return [task for status in ("RUNNING", "STOPPED") for task in tasks_by_wish(ecs, cluster, status)]


def tasks_by_wish(ecs: Any, cluster: str, desired_status: str) -> list[Described]:
    """Return a cluster's tasks that should be `RUNNING`, or `STOPPED`, as ECS describes them."""
    pages = ecs.get_paginator("list_tasks").paginate(cluster=cluster, desiredStatus=desired_status)
    arns = [arn for page in pages for arn in page["taskArns"]]
    described: list[Described] = []
    for start in range(0, len(arns), TASKS_AT_ONCE):
        described += ecs.describe_tasks(cluster=cluster, tasks=arns[start : start + TASKS_AT_ONCE])["tasks"]
    return described


def every_service(ecs: Any, cluster: str) -> list[Described]:
    """Return all services of a cluster but INACTIVE ones, as ECS describes them."""
    pages = ecs.get_paginator("list_services").paginate(cluster=cluster)
    arns = [arn for page in pages for arn in page["serviceArns"]]
    described: list[Described] = []
    for start in range(0, len(arns), DESCRIBE_AT_ONCE):
        some = arns[start : start + DESCRIBE_AT_ONCE]
        described += ecs.describe_services(cluster=cluster, services=some, include=["TAGS"])["services"]
    return [service for service in described if service["status"] != "INACTIVE"]
