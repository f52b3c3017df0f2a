"""A job's runs: the last one that ECS still knows, the next one, and one now."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from culm import render
from culm.core.model.arn import last
from culm.errors import CulmError
from culm.operate.one_off import OneOff
from culm.plan.jobs import described, next_run
from culm.project.infer_service import TIMEOUT
from culm.project.project import Project, Service
from culm.target.connection import Target
from culm.target.eventual_consistency import once_known
from culm.target.observe import live_job, tasks

STARTED_BY = "culm run-now"


def look(target: Target, project: Project, job: Service, now: float) -> dict[str, Any]:
    """Return when a job runs, as JSON has it: times in epoch seconds, None for what is not known or not to come."""
    live = live_job(target, project, job)
    if live.schedule is None:
        return {"name": job.name, "schedule": None, "next": None, "last": None}
    zone = ZoneInfo(live.schedule.get("ScheduleExpressionTimezone") or "UTC")
    return {
        "name": job.name,
        "schedule": described(live.schedule),
        "task_definition": last((live.revision or {}).get("taskDefinitionArn", "")),
        "next": next_run(live.schedule, zone, now),
        "last": newest(target, project, job),
    }


def newest(target: Target, project: Project, job: Service) -> dict[str, Any] | None:
    """Return the job's newest task. ECS forgets tasks about an hour after they have stopped."""
    ecs, family = target.client("ecs"), render.family(project, job)
    known = [
        task
        for status in ("RUNNING", "STOPPED")
        for task in tasks(ecs, project.name, family=family, desiredStatus=status)
    ]
    if not known:
        return None
    task: Mapping[str, Any] = max(known, key=lambda each: each["createdAt"])
    own: Mapping[str, Any] = next((each for each in task["containers"] if each["name"] == job.name), {})
    return {
        "id": last(task["taskArn"]),
        "at": task["createdAt"].timestamp(),
        "status": task["lastStatus"],
        "exit_code": own.get("exitCode"),
        "started_by": task.get("startedBy"),
        "timed_out": any(each["name"] == TIMEOUT and each.get("exitCode") == 0 for each in task["containers"]),
    }


def run_now(target: Target, project: Project, job: Service) -> OneOff:
    """Start it as its schedule would; raises CulmError when it is not deployed, or no instance has room."""
    live = live_job(target, project, job)
    if live.revision is None:
        raise CulmError(f"{job.name} is not deployed", f"culm deploy {job.name}")
    revision = live.revision["taskDefinitionArn"]
    ecs = target.client("ecs")
    answer = once_known(
        lambda: ecs.run_task(
            cluster=project.name, taskDefinition=revision, count=1, launchType="EC2", startedBy=STARTED_BY
        )
    )
    if not answer["tasks"]:
        reasons = ", ".join(sorted({failure.get("reason", "") for failure in answer["failures"]}))
        raise CulmError(
            f"there is no room for {job.name} ({job.memory} MiB): {reasons}", "culm status shows the instances"
        )
    arn = str(answer["tasks"][0]["taskArn"])
    stream = f"{job.name}/{job.name}/{last(arn)}"
    return OneOff(arn=arn, container=job.name, group=render.log_group(project, job), stream=stream)
