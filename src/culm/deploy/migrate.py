"""Runs a service's migration as a one-time task and reads its exit code.

When it runs: `plan/rollout.py`. That it has run: a label of the next revision, read by `plan.wishes.migrated`.
"""

from typing import Any

from culm import render
from culm.core.model.arn import last
from culm.deploy import causes, diagnoses, exits, host_names, scripts
from culm.deploy.executor import Work
from culm.deploy.job import Job
from culm.deploy.wait import UNKNOWN_SECONDS, likely
from culm.errors import CulmError, TimedOut
from culm.plan.steps import RunMigration
from culm.target.eventual_consistency import until_known
from culm.target.observe import tasks
from culm.target.polling import intervals


def run(job: Job, step: RunMigration, task_definition: str) -> Work:
    """Start the migration. Returns its task's ARN, or None when one that still ran has done what it was to do.

    One of a deploy that was broken off is waited for: two at once would step on each other. RunTask says
    RESOURCE:MEMORY and the like in an answer that is no error; raises CulmError when that lasts longer than the step's
    patience.
    """
    ecs, service = job.target.client("ecs"), job.service(step.service)
    family = render.family(job.project, service, migrate=True)
    for running in tasks(ecs, job.project.name, family=family, desiredStatus="RUNNING"):
        job.doing(service.name, "a migration of an earlier deploy still runs")
        ended = yield from until_stopped(job, service.name, running["taskArn"])
        if ended["taskDefinitionArn"] == task_definition and exit_code(ended) == 0:
            return None
    started = job.clock.seconds()
    for pause in intervals(0.5, 2.0):
        arn, reasons = yield from try_to_run(job, task_definition)
        if arn is not None:
            return arn
        if job.clock.seconds() - started >= step.patience:
            raise CulmError(
                f"there is no room for the migration of {service.name} ({service.memory} MiB): {', '.join(reasons)}",
                f"culm plan {service.name} shows the ways out, with their prices",
            )
        job.doing(service.name, f"waiting for room ({', '.join(reasons)})")
        yield pause
    raise AssertionError("intervals do not end")


def try_to_run(job: Job, task_definition: str) -> Work:
    """Start the task; return its ARN, or None and why there is no place for it now."""
    from botocore.exceptions import ClientError

    ecs = job.target.client("ecs")
    given = {"cluster": job.project.name, "taskDefinition": task_definition, "count": 1}
    try:
        answer = yield from until_known(
            lambda: ecs.run_task(**given, launchType="EC2", startedBy="culm migrate"), job.clock
        )
    except ClientError as error:
        if "No Container Instances" in error.response["Error"].get("Message", ""):
            return None, ["no container instance"]
        raise
    if answer["tasks"]:
        return str(answer["tasks"][0]["taskArn"]), []
    return None, sorted({failure.get("reason", "") for failure in answer["failures"]})


def until_ended(job: Job, name: str, arn: str | None) -> Work:
    """Wait for the migration's end; raise CulmError with its exit code and last lines when it failed."""
    if arn is None:
        return
    ended = yield from until_stopped(job, name, arn)
    if (code := exit_code(ended)) != 0:
        ending = f"ended with exit code {code}" if code is not None else "did not start"
        service = job.service(name)
        finding = exits.cause(ended, causes.output_of(job, name, ended, prefix="migrate"))
        finding = scripts.located(service, host_names.located(job.project, service, finding))
        screen = causes.of_task(job, name, ended, prefix="migrate")
        raise CulmError(
            f"the migration of {name} {ending}; {name} stays as it was{likely(finding)}\n{screen}",
            (finding and finding.hint) or diagnoses.cure(screen) or f"fix it, then: culm deploy {name}",
        )


def until_stopped(job: Job, name: str, arn: str) -> Work:
    """Wait until a migration's task has stopped. Returns its description."""
    ecs, cluster = job.target.client("ecs"), job.project.name
    started = job.clock.seconds()
    for pause in intervals(0.05, job.target.longest_pause):
        described: list[dict[str, Any]] = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        waited = job.clock.seconds() - started
        if not described and waited < UNKNOWN_SECONDS:
            job.doing(name, "waiting until AWS shows the migration's task")
            yield pause
            continue
        if not described:
            raise CulmError(f"the migration of {name} is gone: {last(arn)}", f"culm logs {name}")
        if described[0]["lastStatus"] == "STOPPED":
            return described[0]
        job.doing(name, f"migration {described[0]['lastStatus'].lower()}")
        if waited > (longest := job.service(name).migrate_timeout):
            hint = f"culm logs {name}; to stop it: aws ecs stop-task --cluster {cluster} --task {last(arn)}"
            raise TimedOut(f"the migration of {name} still runs after {longest} s", hint)
        yield pause
    raise AssertionError("intervals do not end")


def exit_code(task: dict[str, Any]) -> int | None:
    """Return the exit code of the task's one container; None when it never started."""
    codes = [container.get("exitCode") for container in task["containers"]]
    return codes[0] if codes else None
