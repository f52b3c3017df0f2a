"""ECS Exec: a session with a command in a running container.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExecuteCommand.html
"""

from typing import Any

from culm.cluster.exec import sessions
from culm.cluster.exec.sessions import ExecSession
from culm.cluster.services.ecs.references import find_cluster, full_task_arn
from culm.cluster.store.ecs import tasks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.tasks import Container, Task
from culm.errors import AwsError

PATH = "/v1/data-channel/"
TOKEN_SECONDS = 60.0
"""A session that is not opened by then cannot be opened any more."""
NOT_ENABLED = (
    "The execute command failed because execute command was not enabled when the task was run or the execute command "
    "agent isn\u2019t running. Wait and try again or run a new task with execute command enabled and try again."
)


@record
class ExecuteCommandInput:
    command: str
    interactive: bool
    task: str
    cluster: str | None = None
    container: str | None = None


@operation("ecs", "ExecuteCommand")
def execute_command(call: Call, req: ExecuteCommandInput) -> dict[str, Any]:
    """Begin a session: whoever has the token may open the stream, once; the command begins then."""
    cluster = find_cluster(call, req.cluster)
    arn = full_task_arn(call, cluster, req.task)
    task = tasks.find(call.db, arn)
    if task is None:
        raise AwsError("InvalidParameterException", "The task was not found. Check the task ID and try again.")
    if not req.interactive:
        raise AwsError("InvalidParameterException", "Interactive is the only mode supported currently.")
    if not req.command.strip():
        raise AwsError("InvalidParameterException", "Command cannot be empty.")
    container = container_of(task, req.container)
    if not task.enable_execute_command or container.last_status != "RUNNING":
        raise AwsError("InvalidParameterException", NOT_ENABLED)
    session = ExecSession(
        id=f"ecs-execute-command-{call.new_id()[:24]}",
        task_arn=arn,
        container=container.name,
        command=req.command,
        expires_at=call.now + TOKEN_SECONDS,
    )
    token = call.new_id() + call.new_id()
    sessions.save(call.db, session, token, call.now)
    address = call.endpoint.replace("http", "ws", 1)
    return {
        "cluster_arn": task.cluster_arn,
        "task_arn": arn,
        "container_arn": container.container_arn,
        "container_name": container.name,
        "interactive": True,
        "session": {
            "session_id": session.id,
            "stream_url": f"{address}{PATH}{session.id}?role=publish_subscribe",
            "token_value": token,
        },
    }


def container_of(task: Task, name: str | None) -> Container:
    """Return the one that is named; the only one, if none is."""
    if name is None and len(task.containers) == 1:
        return task.containers[0]
    if name is None:
        raise AwsError(
            "InvalidParameterException", "The container name is required for tasks with more than one container."
        )
    named = next((container for container in task.containers if container.name == name), None)
    if named is None:
        raise AwsError("InvalidParameterException", f"The container {name} was not found in the task.")
    return named
