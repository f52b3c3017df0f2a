"""Sessions of roles.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
from typing import Any

from culm.cluster.services.sts.sessions import LimitedInput, credentials, documents, keys_of, lowered, merged_tags
from culm.cluster.store.iam import roles
from culm.cluster.wire.authorization import limiting_policies, own_policies
from culm.cluster.wire.keyring import Limits
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policies import evaluate, trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask
from culm.core.model.principals import session_arn
from culm.core.model.record import record
from culm.errors import AwsError

_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")
CHAINED_SECONDS = 3600
"""The longest session of a role that another role's session makes."""


@record
class AssumeRoleInput(LimitedInput):
    role_arn: str
    role_session_name: str
    duration_seconds: int = 3600
    external_id: str | None = None
    transitive_tag_keys: tuple[str, ...] = ()


@operation("sts", "AssumeRole")
def assume_role(call: Call, req: AssumeRoleInput) -> dict[str, Any]:
    """Assume a role: the operator may assume every role, others those that trust them.

    Policies that are given limit the session. Tags are condition keys `aws:PrincipalTag/...`; transitive ones go on to
    the sessions that this one makes. Raises AccessDenied, ValidationError, and InvalidParameterValue for tags.
    """
    check_role_arn(req.role_arn)
    tags, transitive = merged_tags(call.principal, req.tags, req.transitive_tag_keys)
    role = roles.find_arn(call.db, req.role_arn)
    actions = ["sts:AssumeRole", *(["sts:TagSession"] if req.tags else [])]
    if role is None or not all(_may(call, role, req, action) for action in actions):
        raise AwsError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {req.role_arn}",
            403,
        )
    check_duration(role, req.duration_seconds)
    if call.principal.role_arn and req.duration_seconds > CHAINED_SECONDS:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        )
    made = keys_of(call).issue(
        role_arn=role.arn,
        role_id=role.id,
        name=req.role_session_name,
        expiration=call.now + req.duration_seconds,
        seed=call.new_id(),
        limits=Limits(policies=documents(call, req), tags=tags, transitive=transitive),
    )
    return {
        "credentials": credentials(made),
        "assumed_role_user": {
            "assumed_role_id": f"{role.id}:{req.role_session_name}",
            "arn": session_arn(role.arn, req.role_session_name),
        },
    }


def check_role_arn(given: str) -> None:
    """Raise ValidationError for what is no ARN."""
    if not _ARN.fullmatch(given):
        raise AwsError("ValidationError", f"{given} is invalid")


def check_duration(role: roles.Role, seconds: int) -> None:
    """Raise ValidationError for a longer session than the role allows."""
    if seconds > role.max_session_duration:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )


def _may(call: Call, role: roles.Role, req: AssumeRoleInput, action: str) -> bool:
    """Return whether the caller may do this with a role, by its trust policy and by what the caller's own say."""
    who = call.principal
    if who.is_operator:
        return True
    context = {f"aws:requesttag/{key}": (value,) for key, value in lowered(req.tags).items()}
    if req.external_id:
        context["sts:externalid"] = (req.external_id,)
    ask = Ask(
        action=action,
        resource=req.role_arn,
        principals=(who.arn, *([who.role_arn] if who.role_arn else ())),
        account=who.account,
        context=context,
    )
    limits = limiting_policies(call.db, who)
    return trusts(parse(role.trust), ask, own_policies(call.db, who)) and all(
        evaluate(ask, limit).allowed for limit in limits.values()
    )
