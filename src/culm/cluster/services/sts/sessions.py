"""What sessions are given: policies that limit them, and tags; and sessions of the operator itself.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
"""

from collections.abc import Sequence
from typing import Any

from culm.cluster.services.iam.references import checked, policy_named
from culm.cluster.wire.keyring import Keyring, Limits
from culm.cluster.wire.operations import Call, operation
from culm.core.model.agent import RoleCredentials
from culm.core.model.principals import Principal, federated_arn
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

HALF_A_DAY = 43200
CONFLICT = (
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the "
    "calling session."
)


@record
class PolicyArn:
    arn: str


@record
class LimitedInput:
    """Members that say what a session may do less, and how it is tagged."""

    policy: str | None = None
    policy_arns: tuple[PolicyArn, ...] = ()
    tags: tuple[Tag, ...] = ()


@record
class GetSessionTokenInput:
    duration_seconds: int = HALF_A_DAY


@operation("sts", "GetSessionToken")
def get_session_token(call: Call, req: GetSessionTokenInput) -> dict[str, Any]:
    """Return temporary keys of the operator, who may do with them what it may do anyway. Raises AccessDenied."""
    _check_is_operator(call, "GetSessionToken")
    expiration = call.now + req.duration_seconds
    made = keys_of(call).issue(role_arn="", role_id="", name="", expiration=expiration, seed=call.new_id())
    return {"credentials": credentials(made)}


@record
class GetFederationTokenInput(LimitedInput):
    name: str
    duration_seconds: int = HALF_A_DAY


@operation("sts", "GetFederationToken")
def get_federation_token(call: Call, req: GetFederationTokenInput) -> dict[str, Any]:
    """Return keys of a user who may do what the given policies allow: without any, nothing. Raises AccessDenied."""
    _check_is_operator(call, "GetFederationToken")
    tags, _ = merged_tags(call.principal, req.tags, ())
    limits = Limits(policies=documents(call, req) or (), tags=tags, federated=True)
    made = keys_of(call).issue(
        role_arn="",
        role_id="",
        name=req.name,
        expiration=call.now + req.duration_seconds,
        seed=call.new_id(),
        limits=limits,
    )
    return {
        "credentials": credentials(made),
        "federated_user": {
            "federated_user_id": f"{call.account}:{req.name}",
            "arn": federated_arn(call.account, req.name),
        },
        "packed_policy_size": 0,
    }


def documents(call: Call, req: LimitedInput) -> tuple[str, ...] | None:
    """Return the policy documents that limit a session; None where there are none.

    Raises MalformedPolicyDocument, and NoSuchEntity for the ARN of a policy that there is not.
    """
    return documents_of(call, req.policy, req.policy_arns)


def documents_of(call: Call, policy: str | None, policy_arns: Sequence[PolicyArn]) -> tuple[str, ...] | None:
    """Return the same of a policy and of ARNs of policies. Raises the same."""
    inline = [checked(policy)] if policy else []
    managed = [policy_named(call, each.arn).document for each in policy_arns]
    return (*inline, *managed) or None


def merged_tags(
    caller: Principal, given: Sequence[Tag], transitive: Sequence[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return a session's tags, those that it inherits among them, and which are transitive. Keys ignore case.

    Raises InvalidParameterValue for a key given twice, a transitive one that is not among the tags, and one that the
    calling session has as a transitive tag of its own.
    """
    inherited = {key: caller.tags[key] for key in caller.transitive_tags}
    keys = [tag.key.lower() for tag in given]
    if len(set(keys)) < len(keys):
        message = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        raise AwsError("InvalidParameterValue", message)
    if not {key.lower() for key in transitive} <= set(keys):
        message = "The specified transitive tag key must be included in the requested tags."
        raise AwsError("InvalidParameterValue", message)
    if not {key.lower() for key in inherited}.isdisjoint(keys):
        raise AwsError("InvalidParameterValue", CONFLICT)
    own = {tag.key: tag.value for tag in given}
    wanted = {key.lower() for key in transitive}
    return {**inherited, **own}, (*inherited, *(key for key in own if key.lower() in wanted))


def lowered(tags: Sequence[Tag]) -> dict[str, str]:
    """Return tags by key in lower case, as conditions have them."""
    return {tag.key.lower(): tag.value for tag in tags}


def credentials(made: RoleCredentials) -> dict[str, Any]:
    """Return keys as STS shows them."""
    return {
        "access_key_id": made.access_key_id,
        "secret_access_key": made.secret_access_key,
        "session_token": made.session_token,
        "expiration": made.expiration,
    }


def keys_of(call: Call) -> Keyring:
    """Return what makes keys. Raises ServiceUnavailable where there is nothing to make them with."""
    if call.keys is None:
        raise AwsError("ServiceUnavailable", "There are no keys to make sessions with.", 503)
    return call.keys


def _check_is_operator(call: Call, operation: str) -> None:
    if not call.principal.is_operator:
        raise AwsError("AccessDenied", f"Cannot call {operation} with session credentials", 403)
