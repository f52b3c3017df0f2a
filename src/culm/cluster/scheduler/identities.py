"""The keys that tasks sign with: made for each task, and made anew long before they expire.

Kept is whose they are and until when; the keys themselves are made from that whenever they are asked for.
"""

from sqlite3 import Connection

from culm.cluster.store.ecs import task_credentials
from culm.cluster.store.ecs.task_credentials import Grant
from culm.cluster.wire.keyring import Keyring
from culm.core.model.agent import RoleCredentials
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import Task

LIFETIME = 6 * 3600.0
"""Seconds that keys are good for, as on ECS."""
RENEWED_BEFORE = 1800.0
"""Seconds before their end; the agent serves the new ones from then on."""
INSTANCE_ROLE = "role/ecsInstanceRole"
"""Of tasks without a role of their own: on EC2 their SDKs fall back to the instance's. Nobody has given it a policy."""


def credentials_of(
    db: Connection, task: Task, definition: TaskDefinition, keys: Keyring, now: float
) -> RoleCredentials:
    """Return the task's keys, new ones if it has none or they are about to expire."""
    grant = task_credentials.find(db, task.task_arn)
    if grant is None or grant.expiration - now <= RENEWED_BEFORE:
        account = task.task_arn.split(":")[4]
        role = task.overrides.task_role_arn or definition.task_role_arn or f"arn:aws:iam::{account}:{INSTANCE_ROLE}"
        grant = Grant(role_arn=role, expiration=now + LIFETIME)
        task_credentials.save(db, task.task_arn, grant)
    return keys.issue(
        role_arn=grant.role_arn,
        role_id="",
        name=task.task_arn.rpartition("/")[2],
        expiration=grant.expiration,
        seed=task.task_arn,
    )


def expiring(db: Connection, now: float) -> list[str]:
    """Return the tasks whose keys are to be made anew, by ARN."""
    return task_credentials.expiring(db, now + RENEWED_BEFORE)
