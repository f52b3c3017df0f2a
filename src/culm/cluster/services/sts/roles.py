"""Sessions of roles.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

import re
from typing import Any

from culm.cluster.store.iam import roles
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policies import trusts
from culm.core.decide.policy_documents import parse
from culm.core.model.policies import Ask
from culm.core.model.principals import session_arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

_ARN = re.compile(r"arn:[^:]+:[^:]+:[^:]*:[^:]*:.+")


@record
class AssumeRoleInput:
    role_arn: str
    role_session_name: str
    duration_seconds: int = 3600
    external_id: str | None = None
    tags: Stored[tuple[Tag, ...]] = ()


@operation("sts", "AssumeRole")
def assume_role(call: Call, req: AssumeRoleInput) -> dict[str, Any]:
    """Assume a role: the operator may assume every role, others those that trust them."""
    if not _ARN.fullmatch(req.role_arn):
        raise AwsError("ValidationError", f"{req.role_arn} is invalid")
    role = roles.find_arn(call.db, req.role_arn)
    who = call.principal
    ask = Ask(
        action="sts:AssumeRole",
        resource=req.role_arn,
        principals=(who.arn, *([who.role_arn] if who.role_arn else ())),
        account=who.account,
        context={"sts:externalid": (req.external_id,)} if req.external_id else {},
    )
    own = [parse(document) for document in roles.documents(call.db, who.role_arn)] if who.role_arn else []
    if role is None or not (who.is_operator or trusts(parse(role.trust), ask, own)):
        raise AwsError(
            "AccessDenied",
            f"User: {who.arn} is not authorized to perform: sts:AssumeRole on resource: {req.role_arn}",
            403,
        )
    longest = role.max_session_duration
    if req.duration_seconds > longest:
        raise AwsError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
        )
    if call.keys is None:
        raise AwsError("ServiceUnavailable", "There are no keys to make sessions with.", 503)
    made = call.keys.issue(
        role_arn=role.arn,
        role_id=role.id,
        name=req.role_session_name,
        expiration=call.now + req.duration_seconds,
        seed=call.new_id(),
    )
    return {
        "credentials": {
            "access_key_id": made.access_key_id,
            "secret_access_key": made.secret_access_key,
            "session_token": made.session_token,
            "expiration": made.expiration,
        },
        "assumed_role_user": {
            "assumed_role_id": f"{role.id}:{req.role_session_name}",
            "arn": session_arn(role.arn, req.role_session_name),
        },
    }
