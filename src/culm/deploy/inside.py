"""Makes users and databases in a private RDS server by a one-time task inside its network; see `render.database_task`.

put a parameter for each user, register the task definition
run the task (waits for instances and for room), wait until it has stopped
whatever happened: delete the parameters, deregister the task definition
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from culm.core.model.arn import last
from culm.deploy import causes
from culm.deploy.job import Job
from culm.errors import CulmError, TimedOut
from culm.project.project import Service
from culm.render import database_task
from culm.render.database_task import PrivateServer, SqlLogin
from culm.target.eventual_consistency import until_known
from culm.target.observe import tasks
from culm.target.polling import intervals

STARTED_BY = "culm databases"
JOIN_SECONDS = 300.0
"""How long there may be no instance: on Amazon they boot first, and register a minute or two later."""
ROOM_SECONDS = 60.0
"""How long instances may have no room for so small a task."""
TASK_SECONDS = 300.0
"""How long it may take, with fetching its image."""
MOST_AT_ONCE = 10
"""Names that DeleteParameters takes."""


def make(job: Job, server: PrivateServer, logins: Mapping[str, SqlLogin]) -> None:
    """Run the task for these users, by service. Raises CulmError when it fails, or there is no place for it."""
    project, given = job.project, job.surroundings
    services = [job.service(name) for name in logins]
    names = [database_task.parameter(project, service, given.env) for service in services]
    until_no_other_runs(job)
    ssm, ecs = job.target.client("ssm"), job.target.client("ecs")
    definition = None
    try:
        texts = database_task.script(server.engine, logins)
        for name, text in zip(names, texts.values(), strict=True):
            ssm.put_parameter(Name=name, Value=text, Type="SecureString", Overwrite=True)
        wanted = database_task.definition(project, server, services, given)
        definition = ecs.register_task_definition(**wanted)["taskDefinition"]["taskDefinitionArn"]
        check_end(job, server, services, until_stopped(job, started(job, definition, services)))
    finally:
        for begin in range(0, len(names), MOST_AT_ONCE):
            ssm.delete_parameters(Names=names[begin : begin + MOST_AT_ONCE])
        if definition is not None:
            ecs.deregister_task_definition(taskDefinition=definition)


def until_no_other_runs(job: Job) -> None:
    """Wait for the task of an `up` that was broken off: it might set a password that nobody knows, after this one."""
    for each in tasks(
        job.target.client("ecs"), job.project.name, family=database_task.family(job.project), desiredStatus="RUNNING"
    ):
        until_stopped(job, each["taskArn"])


def started(job: Job, definition: str, services: Sequence[Service]) -> str:
    """Start the task, as soon as there is an instance with room for it. Returns its ARN."""
    begin = job.clock.seconds()
    for pause in intervals(0.5, 5.0):
        arn, reason = try_to_run(job, definition)
        if arn is not None:
            return arn
        waited = job.clock.seconds() - begin
        if waited > (ROOM_SECONDS if reason else JOIN_SECONDS):
            listed = ", ".join(service.name for service in services)
            why = f"no instance has room for it: {reason}" if reason else "no instance has joined"
            what = f"the task of {database_task.MEMORY} MiB that makes the databases of {listed} cannot run: {why}"
            raise CulmError(what, "culm plan shows the room that there is" if reason else "culm aws shell INSTANCE")
        waits = f"waiting for room ({reason})" if reason else "waiting for container instances"
        job.doing(job.project.name, f"{waits}: a task makes databases inside")
        job.clock.wait((), pause)
    raise AssertionError("intervals do not end")


def try_to_run(job: Job, definition: str) -> tuple[str | None, str]:
    """Return the task's ARN; or None and why there is no room for it, which is empty where there is no instance."""
    from botocore.exceptions import ClientError

    ecs, cluster = job.target.client("ecs"), job.project.name
    run = partial(ecs.run_task, cluster=cluster, taskDefinition=definition, launchType="EC2", startedBy=STARTED_BY)
    try:
        answer = finished(job, lambda: run(count=1))
    except ClientError as error:
        if "No Container Instances" in error.response["Error"].get("Message", ""):
            return None, ""
        raise
    if answer["tasks"]:
        return str(answer["tasks"][0]["taskArn"]), ""
    return None, ", ".join(sorted({failure.get("reason", "") for failure in answer["failures"]}))


def finished(job: Job, call: Callable[[], Any]) -> Any:
    """Return a call's answer, once AWS knows what it stands on."""
    work = until_known(call, job.clock)
    while True:
        try:
            pause = next(work)
        except StopIteration as end:
            return end.value
        job.clock.wait((), pause)


def until_stopped(job: Job, arn: str) -> Mapping[str, Any]:
    """Wait for the task's end. Returns its description. Raises TimedOut after `TASK_SECONDS`."""
    ecs, cluster, begin = job.target.client("ecs"), job.project.name, job.clock.seconds()
    for pause in intervals(0.1, job.target.longest_pause):
        described = ecs.describe_tasks(cluster=cluster, tasks=[arn])["tasks"]
        status = described[0]["lastStatus"].lower() if described else "not shown yet"
        if status == "stopped":
            job.doing(job.project.name)
            stopped: Mapping[str, Any] = described[0]
            return stopped
        if job.clock.seconds() - begin > TASK_SECONDS:
            hint = f"to stop it: aws ecs stop-task --cluster {cluster} --task {last(arn)}"
            raise TimedOut(f"the task that makes databases is still {status} after {TASK_SECONDS:g} s", hint)
        job.doing(job.project.name, f"a task makes databases inside the network: {status}")
        job.clock.wait((), pause)
    raise AssertionError("intervals do not end")


def check_end(job: Job, server: PrivateServer, services: Sequence[Service], task: Mapping[str, Any]) -> None:
    """Raise CulmError unless the task ended well."""
    codes = [container.get("exitCode") for container in task["containers"]]
    if codes == [0]:
        return
    listed, first = ", ".join(service.name for service in services), services[0].name
    how = "did not start" if codes == [None] else f"ended with exit code {codes[0]}"
    screen = causes.of_task(job, first, task, prefix=database_task.LOG_PREFIX)
    image = database_task.IMAGES[server.engine]
    raise CulmError(
        f"the databases of {listed} could not be made: the task for it {how}\n{screen}",
        f"private subnets need a way to {image.partition('/')[0]} (a NAT), or the same command is run where "
        f"{server.address} is reached (a VPN, a runner in the VPC)"
        if "Pull" in screen or codes == [None]
        else "fix it, then run the same command again: what was made is kept",
    )
