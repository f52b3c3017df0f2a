"""Policies of secrets: they let in, and keep out, as buckets' do.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_resource-policies.html
"""

from dataclasses import replace
from typing import Any

from culm.cluster.services.secretsmanager.references import SecretInput, secret_named
from culm.cluster.store import secrets
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policy_documents import Malformed, parse_resource
from culm.core.model.policies import Policy
from culm.core.model.record import record
from culm.errors import AwsError


@record
class PutResourcePolicyInput:
    secret_id: str
    resource_policy: str
    block_public_policy: bool = False


@operation("secretsmanager", "PutResourcePolicy")
def put_resource_policy(call: Call, req: PutResourcePolicyInput) -> dict[str, Any]:
    """Save who else may use a secret.

    Raises MalformedPolicyDocumentException, and PublicPolicyException for one that lets everybody in where that is
    blocked.
    """
    secret = secret_named(call, req.secret_id)
    try:
        policy = parse_resource(req.resource_policy)
    except Malformed as problem:
        raise AwsError("MalformedPolicyDocumentException", str(problem)) from problem
    if req.block_public_policy and _is_public(policy):
        raise AwsError("PublicPolicyException", "The resource policy grants a wide range of IAM principals access.")
    secrets.save(call.db, replace(secret, policy=req.resource_policy))
    return {"arn": secret.arn, "name": secret.name}


def _is_public(policy: Policy) -> bool:
    return any(
        statement.effect == "Allow" and "*" in (statement.principals or ()) and not statement.conditions
        for statement in policy.statements
    )


@operation("secretsmanager", "GetResourcePolicy")
def get_resource_policy(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    return {"arn": secret.arn, "name": secret.name, "resource_policy": secret.policy}


@operation("secretsmanager", "DeleteResourcePolicy")
def delete_resource_policy(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    secrets.save(call.db, replace(secret, policy=None))
    return {"arn": secret.arn, "name": secret.name}
