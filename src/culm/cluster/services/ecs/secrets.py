"""What containers' `secrets` stand for, looked up with the task's execution role.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html
"""

import json
from collections.abc import Sequence
from sqlite3 import Connection

from culm.cluster.store import parameters
from culm.cluster.store import secrets as stored
from culm.cluster.store.iam import roles
from culm.cluster.store.sealing import Corrupted
from culm.core.decide.policies import evaluate
from culm.core.decide.policy_documents import parse
from culm.core.model.arn import arn
from culm.core.model.policies import Ask
from culm.core.model.task_definitions import ContainerSecret

SECRETS_MANAGER = ":secretsmanager:"
PREFIX = "unable to pull secrets or registry auth: execution resource retrieval failed: "


class Unavailable(Exception):
    """Why a secret cannot be had, as ECS says it; never what it holds."""


def resolve(db: Connection, wanted: Sequence[ContainerSecret], role_arn: str | None, task_arn: str) -> dict[str, str]:
    """Return the secrets' values by name; parameters are those of the task's region. Raises `Unavailable`."""
    return {secret.name: _value(db, secret.value_from, role_arn, task_arn) for secret in wanted}


def _value(db: Connection, reference: str, role_arn: str | None, task_arn: str) -> str:
    try:
        if SECRETS_MANAGER in reference:
            return _from_secrets_manager(db, reference, role_arn)
        return _from_parameter_store(db, reference, role_arn, task_arn)
    except Corrupted as what:
        raise Unavailable(f"{PREFIX}{what} is corrupted") from what


def _from_parameter_store(db: Connection, reference: str, role_arn: str | None, task_arn: str) -> str:
    """`reference`: a parameter's ARN, or its name in the task's own region."""
    named = reference.split(":parameter", 1)[1] if reference.startswith("arn:") else reference
    region, account = task_arn.split(":")[3:5]
    resource = arn("ssm", region, account, f"parameter/{named.removeprefix('/')}")
    _permit(db, role_arn, "ssm:GetParameters", resource, "ssm")
    name = named if parameters.find(db, named) else named.removeprefix("/")
    parameter = parameters.version(db, name)
    if parameter is None or parameter.value is None:
        raise Unavailable(
            f"{PREFIX}unable to retrieve secrets from ssm: service call has been retried 1 time(s):"
            f" invalid parameters: {reference}"
        )
    return parameter.value


def _from_secrets_manager(db: Connection, reference: str, role_arn: str | None) -> str:
    """`arn:aws:secretsmanager:region:account:secret:name-AbCdEf:json-key:version-stage:version-id`."""
    parts = reference.split(":")
    secret_arn, extra = ":".join(parts[:7]), [*parts[7:], "", "", ""]
    key, stage, version_id = extra[0], extra[1], extra[2]
    _permit(db, role_arn, "secretsmanager:GetSecretValue", secret_arn, "asm")
    secret = stored.find(db, secret_arn)
    versions = stored.versions(db, secret.arn) if secret and secret.deleted_at is None else ()
    wanted = stage or ("" if version_id else "AWSCURRENT")
    for version in versions:
        if version_id in ("", version.version_id) and (not wanted or wanted in version.stages):
            value = stored.value(db, secret_arn, version.version_id).decode("utf-8", "replace")
            return _member(value, key, secret_arn) if key else value
    raise Unavailable(
        f"{PREFIX}unable to retrieve secret from asm: service call has been retried 1 time(s):"
        f" failed to fetch secret {secret_arn} from secrets manager: ResourceNotFoundException:"
        " Secrets Manager can't find the specified secret."
    )


def _member(value: str, key: str, secret_arn: str) -> str:
    try:
        members = json.loads(value)
    except ValueError:
        members = None
    if not isinstance(members, dict) or key not in members:
        raise Unavailable(
            f"{PREFIX}unable to retrieve secret from asm: retrieved secret from Secrets Manager"
            f" did not contain json key {key}: {secret_arn}"
        )
    return members[key] if isinstance(members[key], str) else json.dumps(members[key])


def _permit(db: Connection, role_arn: str | None, action: str, resource: str, where: str) -> None:
    own = [parse(document) for document in roles.documents(db, role_arn)] if role_arn else []
    if not evaluate(Ask(action=action, resource=resource), own).allowed:
        raise Unavailable(
            f"{PREFIX}unable to retrieve secrets from {where}: service call has been retried 1 time(s):"
            f" AccessDeniedException: User: {role_arn} is not authorized to perform: {action} on resource: {resource}"
        )
