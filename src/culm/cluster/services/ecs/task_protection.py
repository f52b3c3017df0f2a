"""Scale-in protection: tasks that the scheduler must not stop for a while.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-scale-in-protection.html
"""

from typing import Any

from culm.cluster.services.ecs.references import find_cluster, full_task_arn
from culm.cluster.store.ecs import tasks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.tasks import Task
from culm.errors import AwsError

MOST_AT_ONCE = 10
DEFAULT_MINUTES = 120
LONGEST_MINUTES = 2880


@record
class UpdateTaskProtectionInput:
    cluster: str
    tasks: tuple[str, ...]
    protection_enabled: bool
    expires_in_minutes: int | None = None


@operation("ecs", "UpdateTaskProtection", wakes=True)
def update_task_protection(call: Call, req: UpdateTaskProtectionInput) -> dict[str, Any]:
    """Protect tasks of services from scale-in for so many minutes, or end that.

    Raises InvalidParameterException for too few or too many minutes; a task of no service is in `failures`.
    """
    minutes = DEFAULT_MINUTES if req.expires_in_minutes is None else req.expires_in_minutes
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise AwsError("InvalidParameterException", f"expiresInMinutes must be between 1 and {LONGEST_MINUTES}.")
    matching, failures = _service_tasks(call, req.cluster, req.tasks)
    until = call.now + 60.0 * minutes if req.protection_enabled else None
    for task in matching:
        tasks.protect(call.db, task.task_arn, until)
    return {"protected_tasks": [_view(task, until) for task in matching], "failures": failures}


@record
class GetTaskProtectionInput:
    cluster: str
    tasks: tuple[str, ...] = ()


@operation("ecs", "GetTaskProtection")
def get_task_protection(call: Call, req: GetTaskProtectionInput) -> dict[str, Any]:
    """Return until when tasks are protected; one whose time is over is not."""
    matching, failures = _service_tasks(call, req.cluster, req.tasks)
    views = []
    for task in matching:
        until = task.protected_until
        views.append(_view(task, until if until is not None and until > call.now else None))
    return {"protected_tasks": views, "failures": failures}


def _service_tasks(call: Call, reference: str, references: tuple[str, ...]) -> tuple[list[Task], list[dict[str, str]]]:
    """Return the running tasks of services among them; each of the others is a failure of its own."""
    cluster = find_cluster(call, reference)
    if not 1 <= len(references) <= MOST_AT_ONCE:
        raise AwsError("InvalidParameterException", f"Between 1 and {MOST_AT_ONCE} tasks can be named at once.")
    matching, failures = [], []
    for arn in (full_task_arn(call, cluster, r) for r in references):
        task = tasks.find(call.db, arn)
        if task is None:
            failures.append({"arn": arn, "reason": "TASK_NOT_VALID", "detail": "The task was not found."})
        elif not task.group.startswith("service:"):
            failures.append(
                {"arn": arn, "reason": "TASK_NOT_VALID", "detail": "Only tasks of services can be protected."}
            )
        elif task.desired_status == "STOPPED":
            failures.append({"arn": arn, "reason": "TASK_NOT_VALID", "detail": "The task is stopping."})
        else:
            matching.append(task)
    return matching, failures


def _view(task: Task, until: float | None) -> dict[str, Any]:
    return {"task_arn": task.task_arn, "protection_enabled": until is not None, "expiration_date": until}
