"""From what requests name to secrets, or Secrets Manager's own errors."""

import re
from collections.abc import Mapping

from culm.cluster.store import secrets
from culm.cluster.store.secrets import Secret
from culm.cluster.wire.operations import Call
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

_NAME = re.compile(r"[A-Za-z0-9/_+=.@!-]+")
NOT_FOUND = "Secrets Manager can't find the specified secret."
MARKED = "You can't perform this operation on the secret because it was marked for deletion."


@record
class SecretInput:
    secret_id: str


def secret_named(call: Call, name_or_arn: str, *, even_deleted: bool = False) -> Secret:
    """Return a secret by name, by ARN, or by ARN without its last six characters."""
    check_name(name_or_arn.rpartition(":secret:")[2])
    secret = secrets.find(call.db, name_or_arn)
    if secret is None or has_gone(call, secret):
        raise AwsError("ResourceNotFoundException", NOT_FOUND)
    if secret.deleted_at is not None and not even_deleted:
        raise AwsError("InvalidRequestException", MARKED)
    return secret


def has_gone(call: Call, secret: Secret) -> bool:
    """Return whether a secret's time to be restored is over."""
    return secret.deleted_at is not None and secret.deleted_at <= call.now


def check_name(name: str) -> None:
    """Raise ValidationException for a name that a secret cannot have."""
    if not _NAME.fullmatch(name):
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
        )


def tags_of(given: tuple[Tag, ...]) -> dict[str, str]:
    return {tag.key: tag.value for tag in given}


def shown(tags: Mapping[str, str] | None) -> list[dict[str, str]] | None:
    return None if tags is None else [{"key": key, "value": value} for key, value in tags.items()]
