"""Task definitions: immutable revisions of families.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
"""

import re
from dataclasses import fields, replace
from typing import Any, Literal

from culm.cluster.services.ecs.capabilities import compatibilities, required_attributes
from culm.cluster.services.ecs.references import find_task_definition, task_definition_arn
from culm.cluster.services.ecs.task_definition_rules import check
from culm.cluster.store.ecs import tags, task_definitions
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn, resource
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import (
    ContainerDefinition,
    EphemeralStorage,
    PlacementConstraint,
    RuntimePlatform,
    Tag,
    TaskDefinition,
    Volume,
)
from culm.errors import AwsError

REVISION = re.compile(r"(task-definition/)?[A-Za-z0-9_-]+:[0-9]+")
AGAIN = "Specify a valid name or ARN and try again."
ANOTHER = "Specify a valid account, family, revision and try again."


@record
class RegisterTaskDefinitionInput:
    family: str
    container_definitions: tuple[ContainerDefinition, ...]
    task_role_arn: str | None = None
    execution_role_arn: str | None = None
    network_mode: Literal["bridge", "host", "none", "awsvpc"] | None = None
    pid_mode: Literal["host"] | None = None
    volumes: tuple[Volume, ...] = ()
    placement_constraints: tuple[PlacementConstraint, ...] = ()
    requires_compatibilities: tuple[str, ...] | None = None
    cpu: str | None = None
    memory: str | None = None
    tags: Stored[tuple[Tag, ...]] = ()
    runtime_platform: Stored[RuntimePlatform | None] = None
    ephemeral_storage: Stored[EphemeralStorage | None] = None
    enable_fault_injection: Stored[bool | None] = None


@operation("ecs", "RegisterTaskDefinition")
def register_task_definition(call: Call, req: RegisterTaskDefinitionInput) -> dict[str, Any]:
    """Return the next revision of the family, with AWS's defaults filled in."""
    revision = task_definitions.next_revision(call.db, req.family)
    given = {f.name: getattr(req, f.name) for f in fields(req) if f.name not in ("tags", "network_mode")}
    definition = check(
        TaskDefinition(
            **given,
            network_mode=req.network_mode or "bridge",
            task_definition_arn=task_definition_arn(call, req.family, revision),
            revision=revision,
            registered_at=call.now,
            registered_by=arn("iam", "", call.account, "root"),
        )
    )
    definition = replace(
        definition,
        requires_attributes=required_attributes(definition),
        compatibilities=compatibilities(definition),
    )
    task_definitions.insert(call.db, definition)
    tags.put(call.db, definition.task_definition_arn, req.tags)
    return {"task_definition": view(definition), "tags": req.tags}


@record
class DescribeTaskDefinitionInput:
    task_definition: str
    include: tuple[str, ...] = ()


@operation("ecs", "DescribeTaskDefinition")
def describe_task_definition(call: Call, req: DescribeTaskDefinitionInput) -> dict[str, Any]:
    """Return a revision; the newest active one of a family when no number is given.

    Raises ClientException when there is none.
    """
    definition = find_task_definition(call, req.task_definition)
    if definition is None:
        raise AwsError("ClientException", "Unable to describe task definition.")
    answer: dict[str, Any] = {"task_definition": view(definition)}
    if "TAGS" in req.include:
        answer["tags"] = tags.of(call.db, definition.task_definition_arn)
    return answer


@record
class ListTaskDefinitionsInput:
    family_prefix: str | None = None
    """The whole name of a family, in spite of its own."""
    status: str = "ACTIVE"
    sort: Literal["ASC", "DESC"] = "ASC"


@operation("ecs", "ListTaskDefinitions")
def list_task_definitions(call: Call, req: ListTaskDefinitionsInput) -> dict[str, Any]:
    """Return the ARNs of a family's revisions, or of all, the oldest first unless DESC is asked for."""
    matching = task_definitions.revisions(call.db, req.family_prefix, req.status)
    if req.sort == "DESC":
        matching.reverse()
    return {"task_definition_arns": [task_definition_arn(call, *which) for which in matching]}


@record
class ListTaskDefinitionFamiliesInput:
    family_prefix: str = ""
    status: Literal["ACTIVE", "INACTIVE", "ALL"] = "ALL"


@operation("ecs", "ListTaskDefinitionFamilies")
def list_task_definition_families(call: Call, req: ListTaskDefinitionFamiliesInput) -> dict[str, Any]:
    status = None if req.status == "ALL" else req.status
    return {"families": task_definitions.families(call.db, req.family_prefix, status)}


@record
class DeregisterTaskDefinitionInput:
    task_definition: str


@operation("ecs", "DeregisterTaskDefinition")
def deregister_task_definition(call: Call, req: DeregisterTaskDefinitionInput) -> dict[str, Any]:
    """Make a revision INACTIVE: what runs goes on, services may still scale it, nothing new may name it."""
    if ":" not in req.task_definition:
        raise AwsError("ClientException", "Revision is missing.")
    definition = find_task_definition(call, req.task_definition)
    if definition is None:
        raise AwsError("ClientException", "Unable to describe task definition.")
    if definition.status != "ACTIVE":
        raise AwsError("ClientException", "The specified task definition is inactive.")
    task_definitions.deregister(call.db, definition.family, definition.revision, call.now)
    return {"task_definition": view(replace(definition, status="INACTIVE", deregistered_at=call.now))}


@record
class DeleteTaskDefinitionsInput:
    task_definitions: tuple[str, ...]


@operation("ecs", "DeleteTaskDefinitions")
def delete_task_definitions(call: Call, req: DeleteTaskDefinitionsInput) -> dict[str, Any]:
    """Delete INACTIVE revisions; each of the others is a failure of its own."""
    if len(req.task_definitions) > 10:
        raise AwsError("InvalidParameterException", "Number of task definitions to delete is limited to 10.")
    deleted, failures = [], []
    for reference in req.task_definitions:
        if not REVISION.fullmatch(resource(reference)):
            failures.append(
                {"arn": reference, "reason": f"The specified task definition identifier is invalid. {AGAIN}"}
            )
            continue
        definition = find_task_definition(call, reference)
        if definition is None:
            failures.append({"arn": reference, "reason": f"The specified task definition does not exist. {ANOTHER}"})
        elif definition.status == "ACTIVE":
            failures.append(
                {
                    "arn": definition.task_definition_arn,
                    "reason": "The specified task definition is still in ACTIVE status. Please deregister the target"
                    " and try again.",
                }
            )
        else:
            task_definitions.request_deletion(call.db, definition.family, definition.revision, call.now)
            definition = replace(definition, status="DELETE_IN_PROGRESS", delete_requested_at=call.now)
            deleted.append(view(definition))
    return {"task_definitions": deleted, "failures": failures}


def view(definition: TaskDefinition) -> dict[str, Any]:
    """Return a definition as ECS shows it."""
    return {f.name: getattr(definition, f.name) for f in fields(definition)}
