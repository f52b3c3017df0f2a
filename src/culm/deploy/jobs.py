"""Carries jobs out: their images, revisions and schedules; and takes schedules away."""

from collections.abc import Callable, Mapping
from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.core.model.record import record
from culm.deploy.images import Images, recipe
from culm.plan.jobs import JobPlan, LiveJob, plan_of
from culm.plan.observed import Described, Observed
from culm.project.project import Project, Service
from culm.render import Surroundings, jobs
from culm.target.connection import Target
from culm.target.eventual_consistency import once_known
from culm.target.observe import or_none

MISSING = "ResourceNotFoundException"
BUILT = "built on deploy"
"""Stands for an image that is not in its repository yet."""
Say = Callable[[str], None]


@record
class Deploying:
    """What a deploy of jobs works with."""

    target: Target
    project: Project
    images: Images
    live: Observed
    surroundings: Surroundings


def live_job(target: Target, project: Project, job: Service) -> LiveJob:
    scheduler, ecs = target.client("scheduler"), target.client("ecs")
    schedule = or_none(lambda: scheduler.get_schedule(Name=jobs.schedule_name(project, job)), MISSING)
    parameters = ((schedule or {}).get("Target") or {}).get("EcsParameters") or {}
    arn = parameters.get("TaskDefinitionArn")
    revision = None
    if arn is not None:
        revision = or_none(
            lambda: ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"], "ClientException"
        )
    return LiveJob(schedule=schedule, revision=revision)


def planned(at: Deploying, job: Service) -> JobPlan:
    """What a deploy would do for it; nothing is built or changed."""
    wanted = recipe(job, at.target.settings)
    name = render.repository(at.project, job)
    uri = at.live.repositories.get(name)
    known = at.images.known(name, uri, wanted) if wanted is not None and uri is not None else None
    image = job.image or known or BUILT
    return plan_of(at.project, job, live_job(at.target, at.project, job), image, at.surroundings)


def deploy(at: Deploying, job: Service, say: Say, progress: Say) -> bool:
    """Build, register, and make or change its schedule; whether anything changed."""
    image = job.image or built(at, job, say, progress)
    live = live_job(at.target, at.project, job)
    plan = plan_of(at.project, job, live, image, at.surroundings)
    if not plan.anything:
        return False
    arn = str((live.revision or {}).get("taskDefinitionArn", ""))
    if plan.registers:
        arn = register(at.target, render.task_definition(at.project, job, image, None, at.surroundings), say)
    wanted = jobs.schedule(at.project, job, arn, at.surroundings)
    scheduler = at.target.client("scheduler")
    if live.schedule is None:
        once_known(lambda: scheduler.create_schedule(**wanted))
        say(f"scheduled: {described(wanted)}")
    else:
        once_known(lambda: scheduler.update_schedule(**wanted))
        say(f"rescheduled: {described(wanted)}" if plan.changes else "its schedule runs the new revision")
    return True


def built(at: Deploying, job: Service, say: Say, progress: Say) -> str:
    wanted = recipe(job, at.target.settings)
    assert wanted is not None, "a job has an image or a Dockerfile"
    name = render.repository(at.project, job)
    return at.images.ensure(name, at.live.repositories[name], wanted, say, progress)


def register(target: Target, wanted: Mapping[str, Any], say: Say) -> str:
    made = target.client("ecs").register_task_definition(**wanted)["taskDefinition"]
    say(f"registered {made['family']}:{made['revision']}")
    return str(made["taskDefinitionArn"])


def described(schedule: Described) -> str:
    """`cron(0 6 ? * MON-FRI *) in Europe/Berlin`."""
    return f"{schedule['ScheduleExpression']} in {schedule['ScheduleExpressionTimezone']}"


def leftovers(target: Target, project: Project) -> list[str]:
    """Names of schedules of this project that culm.yml does not have any more."""
    pages = target.client("scheduler").get_paginator("list_schedules").paginate(NamePrefix=f"{project.name}-")
    cluster = f":cluster/{project.name}"
    live = [each["Name"] for page in pages for each in page["Schedules"] if each["Target"]["Arn"].endswith(cluster)]
    wanted = {jobs.schedule_name(project, job) for job in project.jobs.values()}
    return sorted(set(live) - wanted)


def is_ours(target: Target, name: str) -> bool:
    """Whether culm made a schedule: it then runs the family of task definitions that has the schedule's name."""
    schedule: Described = or_none(lambda: target.client("scheduler").get_schedule(Name=name), MISSING) or {}
    parameters = (schedule.get("Target") or {}).get("EcsParameters") or {}
    return last(str(parameters.get("TaskDefinitionArn", ""))).partition(":")[0] == name


def remove(target: Target, name: str) -> None:
    """Take a schedule away; one that is gone is as good."""
    or_none(lambda: target.client("scheduler").delete_schedule(Name=name), MISSING)
