"""Roles of AWS's own services: kept and described back; here ECS and load balancing need none.

https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html
"""

import json
from typing import Any

from culm.cluster.services.iam.references import new_unique_id, role_named
from culm.cluster.services.iam.roles import RoleInput, view
from culm.cluster.store.iam import roles
from culm.cluster.store.iam.roles import Role
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import record
from culm.errors import AwsError

NAMES = {
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
    "spot.amazonaws.com": "AWSServiceRoleForEC2Spot",
}
PATH = "/aws-service-role/"


@record
class CreateServiceLinkedRoleInput:
    aws_service_name: str
    description: str | None = None


@operation("iam", "CreateServiceLinkedRole")
def create_service_linked_role(call: Call, req: CreateServiceLinkedRoleInput) -> dict[str, Any]:
    """Create the role that a service of AWS has for itself.

    Raises InvalidInput when it is there, and for a service whose role culm does not have.
    """
    service = req.aws_service_name
    name = NAMES.get(service)
    if name is None:
        known = ", ".join(NAMES)
        raise AwsError("InvalidInput", f"culm has no service-linked role for {service}; it has those of {known}")
    if roles.find(call.db, name) is not None:
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise AwsError("InvalidInput", message)
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    path = f"{PATH}{service}/"
    role = Role(
        name=name,
        arn=arn("iam", "", call.account, f"role{path}{name}"),
        path=path,
        id=new_unique_id(call, "AROA"),
        created_at=call.now,
        trust=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        description=req.description,
    )
    roles.save(call.db, role)
    return {"role": view(role)}


@operation("iam", "DeleteServiceLinkedRole")
def delete_service_linked_role(call: Call, req: RoleInput) -> dict[str, Any]:
    """Delete a role at once."""
    role = role_named(call, req.role_name)
    if not role.path.startswith(PATH):
        raise AwsError("InvalidInput", f"{role.name} is not a service-linked role.")
    roles.delete(call.db, role.name)
    digits = call.new_id()
    return {
        "deletion_task_id": f"task{role.path}{role.name}/{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}"
    }


@record
class GetServiceLinkedRoleDeletionStatusInput:
    deletion_task_id: str


@operation("iam", "GetServiceLinkedRoleDeletionStatus")
def get_service_linked_role_deletion_status(call: Call, req: GetServiceLinkedRoleDeletionStatusInput) -> dict[str, Any]:
    """Return SUCCEEDED: such a role goes at once. Raises NoSuchEntity for a deletion that there was not."""
    if not req.deletion_task_id.startswith(f"task{PATH}"):
        raise AwsError("NoSuchEntity", f"The deletion task {req.deletion_task_id} cannot be found.", 404)
    return {"status": "SUCCEEDED"}
