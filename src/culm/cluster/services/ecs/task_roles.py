"""The roles of tasks: ECS has to be able to assume them before it starts one.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
"""

from sqlite3 import Connection

from culm.cluster.store.iam import roles
from culm.core.decide import events
from culm.core.decide.policies import trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask
from culm.core.model.task_definitions import TaskDefinition
from culm.core.model.tasks import TaskOverride
from culm.errors import AwsError

ECS_TASKS = "ecs-tasks.amazonaws.com"

UNCHANGED = TaskOverride()


def unassumable(db: Connection, definition: TaskDefinition, overrides: TaskOverride = UNCHANGED) -> str | None:
    """Return the first of its two roles, by ARN, that is not there or does not trust ECS; None when all is well."""
    task_role = overrides.task_role_arn or definition.task_role_arn
    execution_role = overrides.execution_role_arn or definition.execution_role_arn
    for arn in (task_role, execution_role):
        if arn and not _is_assumable(db, arn, definition.task_definition_arn):
            return arn
    return None


def check(db: Connection, definition: TaskDefinition, overrides: TaskOverride) -> None:
    """Raise ClientException when ECS cannot assume a role that the task would have."""
    if (arn := unassumable(db, definition, overrides)) is not None:
        raise AwsError("ClientException", events.cannot_assume(arn))


def _is_assumable(db: Connection, role_arn: str, task_definition_arn: str) -> bool:
    role = roles.find_arn(db, role_arn)
    _, _, _, region, account, _ = task_definition_arn.split(":", 5)
    ask = Ask(
        action="sts:AssumeRole",
        resource=role_arn,
        principals=(ECS_TASKS,),
        account=account,
        context={"aws:sourceaccount": (account,), "aws:sourcearn": (f"arn:aws:ecs:{region}:{account}:*",)},
    )
    return role is not None and trusts(parse(role.trust), ask, ())
