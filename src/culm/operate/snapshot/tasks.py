"""One task: how it ended and whether that was a failure, in words; pure."""

from collections.abc import Mapping

from culm.core.model.arn import last
from culm.deploy.causes import without_arns
from culm.plan.observed import Described

SIGNALS = {129: "SIGHUP", 130: "SIGINT", 134: "SIGABRT", 137: "SIGKILL", 139: "SIGSEGV", 143: "SIGTERM"}
"""Exit codes that mean: a signal ended it."""


def ended_badly(task: Described) -> bool:
    """Return whether a task stopped by itself with an error, could not start, or was unhealthy.

    Not when a person, a deployment or a scaling stopped it, and not when it ended with 0 as a migration does.
    """
    if "stoppedAt" not in task:
        return False
    code = task.get("stopCode")
    if code == "TaskFailedToStart":
        return True
    if code == "EssentialContainerExited":
        return task.get("group", "").startswith("service:") or exit_code(task) != 0
    return code == "ServiceSchedulerInitiated" and "health" in task.get("stoppedReason", "").lower()


def exit_code(task: Described) -> int | None:
    """Return the first container's that has one that is not 0; else 0; None: no container got that far."""
    codes = [int(container["exitCode"]) for container in task.get("containers", ()) if "exitCode" in container]
    return next((code for code in codes if code), codes[0] if codes else None)


def out_of_memory(task: Described) -> bool:
    """Return whether a container of the task was killed for the memory that it took."""
    return any("OutOfMemory" in container.get("reason", "") for container in task.get("containers", ()))


def ending(task: Described) -> str:
    """Return how a task ended: `killed: passed its limit of 256 MiB (exit code 137)`; empty while it runs."""
    if "stoppedAt" not in task and task.get("desiredStatus") != "STOPPED":
        return ""
    code = exit_code(task)
    reason = without_arns(task.get("stoppedReason", ""))
    match task.get("stopCode"):
        case _ if out_of_memory(task):
            limit = f"its limit of {task['memory']} MiB" if task.get("memory") else "its memory limit"
            return f"killed: passed {limit} (exit code {code if code is not None else 137})"
        case "EssentialContainerExited":
            return f"exited with code {code}{_signal(code)}" if code is not None else reason or "exited"
        case "TaskFailedToStart":
            details = [c["reason"] for c in task.get("containers", ()) if c.get("reason")]
            return "did not start: " + (without_arns(details[0]) if details else reason)
        case "UserInitiated":
            return f"stopped: {reason[0].lower()}{reason[1:]}" if reason else "stopped by hand"
        case "ServiceSchedulerInitiated":
            return _scheduled(reason)
        case _:
            return reason or "stopped"


def _scheduled(reason: str) -> str:
    if "health" in reason.lower():
        return f"replaced: {reason[0].lower()}{reason[1:]}"
    if "deployment" in reason.lower() or "Scaling" in reason:
        return "stopped for a deployment or a scaling"
    return reason or "stopped by the scheduler"


def _signal(code: int | None) -> str:
    return f" ({SIGNALS[code]})" if code in SIGNALS else ""


def log_place(task: Described, definitions: Mapping[str, Described]) -> tuple[str, str] | None:
    """Return the log group and stream of its first container that has one; None: it logs elsewhere."""
    definition = definitions.get(task["taskDefinitionArn"])
    for container in (definition or {}).get("containerDefinitions", ()):
        options = (container.get("logConfiguration") or {}).get("options") or {}
        if "awslogs-group" in options and "awslogs-stream-prefix" in options:
            stream = f"{options['awslogs-stream-prefix']}/{container['name']}/{last(task['taskArn'])}"
            return options["awslogs-group"], stream
    return None
