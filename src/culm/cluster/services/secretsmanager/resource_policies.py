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

PUBLIC = "The resource policy grants a wide range of IAM principals access."


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
    if _is_public(_read(req.resource_policy)) and req.block_public_policy:
        raise AwsError("PublicPolicyException", PUBLIC)
    secrets.save(call.db, replace(secret, policy=req.resource_policy))
    return {"arn": secret.arn, "name": secret.name}


def _read(document: str) -> Policy:
    try:
        return parse_resource(document)
    except Malformed as problem:
        raise AwsError("MalformedPolicyDocumentException", str(problem)) from problem


def _is_public(policy: Policy) -> bool:
    return any(
        statement.effect == "Allow" and "*" in (statement.principals or ()) and not statement.conditions
        for statement in policy.statements
    )


@record
class ValidateResourcePolicyInput:
    resource_policy: str
    secret_id: str | None = None


@operation("secretsmanager", "ValidateResourcePolicy")
def validate_resource_policy(call: Call, req: ValidateResourcePolicyInput) -> dict[str, Any]:
    """Say whether a policy is well formed and lets in nobody unnamed. Raises MalformedPolicyDocumentException."""
    if req.secret_id is not None:
        secret_named(call, req.secret_id)
    if not _is_public(_read(req.resource_policy)):
        return {"policy_validation_passed": True, "validation_errors": []}
    error = {"check_name": "NO_PUBLIC_ACCESS", "error_message": PUBLIC}
    return {"policy_validation_passed": False, "validation_errors": [error]}


@operation("secretsmanager", "GetResourcePolicy")
def get_resource_policy(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    return {"arn": secret.arn, "name": secret.name, "resource_policy": secret.policy}


@operation("secretsmanager", "DeleteResourcePolicy")
def delete_resource_policy(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    secrets.save(call.db, replace(secret, policy=None))
    return {"arn": secret.arn, "name": secret.name}
