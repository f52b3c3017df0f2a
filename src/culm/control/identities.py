"""The keys that tasks sign with: made for each task, and made anew long before they expire."""

from collections.abc import Callable
from sqlite3 import Connection

from culm.model.agent import RoleCredentials
from culm.model.task_definitions import TaskDefinition
from culm.model.tasks import Task
from culm.store.ecs import task_credentials

LIFETIME = 6 * 3600.0
"""Seconds that keys are good for, as on ECS."""
RENEWED_BEFORE = 1800.0
"""Seconds before their end; the agent serves the new ones from then on."""
INSTANCE_ROLE = "role/ecsInstanceRole"
"""Of tasks without a role of their own: on EC2 their SDKs fall back to the instance's."""


def credentials_of(
    db: Connection, task: Task, definition: TaskDefinition, now: float, new_id: Callable[[], str]
) -> RoleCredentials:
    """The task's keys, new ones if it has none or they are about to expire."""
    there = task_credentials.find(db, task.task_arn)
    if there is not None and there.expiration - now > RENEWED_BEFORE:
        return there
    account = task.task_arn.split(":")[4]
    made = RoleCredentials(
        credentials_id=task.task_arn.rpartition("/")[2],
        role_arn=task.overrides.task_role_arn or definition.task_role_arn or f"arn:aws:iam::{account}:{INSTANCE_ROLE}",
        access_key_id=f"ASIA{new_id()[:16].upper()}",
        secret_access_key=f"{new_id()}{new_id()[:8]}",
        session_token=new_id() + new_id(),
        expiration=now + LIFETIME,
    )
    task_credentials.save(db, task.task_arn, made)
    return made


def expiring(db: Connection, now: float) -> list[str]:
    """Tasks whose keys are to be made anew, by ARN."""
    return [arn for arn, keys in task_credentials.list(db) if keys.expiration - now <= RENEWED_BEFORE]
