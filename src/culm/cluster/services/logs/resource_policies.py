"""Policies that let other services write to log groups; kept and described, since no such service is here.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutResourcePolicy.html
"""

import json
from typing import Any, Literal

from culm.cluster.store.logs import resource_policies
from culm.cluster.store.logs.resource_policies import ResourcePolicy
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

_MOST_POLICIES = 10
_MOST_CHARACTERS = 5120


@record
class PutResourcePolicyInput:
    policy_name: str
    policy_document: str


@operation("logs", "PutResourcePolicy")
def put_resource_policy(call: Call, req: PutResourcePolicyInput) -> dict[str, Any]:
    """Save who else may write logs.

    Raises InvalidParameterException when it is no policy, and LimitExceededException for the eleventh.
    """
    _check(req.policy_document)
    others = [each for each in resource_policies.list_all(call.db) if each.name != req.policy_name]
    if len(others) >= _MOST_POLICIES:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    policy = ResourcePolicy(req.policy_name, req.policy_document, int(call.now * 1000))
    resource_policies.save(call.db, policy)
    return {"resource_policy": _described(policy)}


def _check(document: str) -> None:
    """Raise InvalidParameterException if it is no policy."""
    if len(document) > _MOST_CHARACTERS:
        raise AwsError(
            "InvalidParameterException",
            f"1 validation error detected: Value at 'policyDocument' failed to satisfy constraint: Member must have "
            f"length less than or equal to {_MOST_CHARACTERS}",
        )
    try:
        policy = json.loads(document)
    except ValueError:
        policy = None
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(
        isinstance(each, dict) and {"Effect", "Principal"} <= each.keys() for each in statements
    ):
        raise AwsError("InvalidParameterException", "Invalid policy document")


@record
class DescribeResourcePoliciesInput:
    policy_scope: Literal["ACCOUNT", "RESOURCE"] = "ACCOUNT"


@operation("logs", "DescribeResourcePolicies")
def describe_resource_policies(call: Call, req: DescribeResourcePoliciesInput) -> dict[str, Any]:
    there = resource_policies.list_all(call.db) if req.policy_scope == "ACCOUNT" else ()
    return {"resource_policies": [_described(policy) for policy in there]}


def _described(policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "policy_name": policy.name,
        "policy_document": policy.document,
        "last_updated_time": policy.updated_ms,
        "policy_scope": "ACCOUNT",
    }


@record
class DeleteResourcePolicyInput:
    policy_name: str


@operation("logs", "DeleteResourcePolicy")
def delete_resource_policy(call: Call, req: DeleteResourcePolicyInput) -> None:
    """Delete a policy. Raises ResourceNotFoundException."""
    if not resource_policies.delete(call.db, req.policy_name):
        raise AwsError("ResourceNotFoundException", f"Policy with name [{req.policy_name}] does not exist.")
