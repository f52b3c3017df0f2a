"""Secrets: made, described, listed, deleted and restored.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.secretsmanager.filters import Filter, chosen
from culm.cluster.services.secretsmanager.references import (
    MARKED,
    NOT_FOUND,
    SecretInput,
    check_name,
    has_gone,
    secret_named,
    shown,
    tags_of,
)
from culm.cluster.services.secretsmanager.versions import CURRENT, ValueInput, check_token, put, version_view
from culm.cluster.store import secrets
from culm.cluster.store.secrets import Secret
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

RECOVERY_DAYS = 30
RECOVERY_WINDOWS = range(7, 31)
DAY = 86400


@record
class CreateSecretInput(ValueInput):
    name: str
    description: str | None = None
    kms_key_id: Stored[str | None] = None
    tags: tuple[Tag, ...] = ()
    force_overwrite_replica_secret: Literal[False] = False


@operation("secretsmanager", "CreateSecret")
def create_secret(call: Call, req: CreateSecretInput) -> dict[str, Any]:
    """Create a secret; the same request once more, by its token, is answered as the first was."""
    check_name(req.name)
    there = secrets.find(call.db, req.name)
    if there is not None and has_gone(call, there):
        secrets.delete(call.db, there.arn)
        there = None
    if there is not None and there.deleted_at is not None:
        raise AwsError(
            "InvalidRequestException",
            "You can't create this secret because a secret with this name is already scheduled for deletion.",
        )
    if there is not None and req.client_request_token not in {
        version.version_id for version in secrets.versions(call.db, there.arn)
    }:
        raise AwsError("ResourceExistsException", f"The operation failed because the secret {req.name} already exists.")
    secret = there or Secret(
        arn=arn("secretsmanager", call.region, call.account, f"secret:{req.name}-{call.new_id()[:6]}"),
        name=req.name,
        created_at=call.now,
        changed_at=call.now,
        description=req.description,
        kms_key_id=req.kms_key_id,
        tags=tags_of(req.tags) or None,
    )
    secrets.save(call.db, secret)
    return version_view(secret, put(call, secret, req, (CURRENT,)))


@record
class UpdateSecretInput(ValueInput):
    secret_id: str
    description: str | None = None
    kms_key_id: Stored[str | None] = None


@operation("secretsmanager", "UpdateSecret")
def update_secret(call: Call, req: UpdateSecretInput) -> dict[str, Any]:
    """Change a secret's description and key, and its value if one is given. Raises ResourceNotFoundException."""
    check_token(req)
    secret = secret_named(call, req.secret_id)
    version = put(call, secret, req, (CURRENT,))
    description = req.description if req.description is not None else secret.description
    key = req.kms_key_id if req.kms_key_id is not None else secret.kms_key_id
    secrets.save(call.db, replace(secret, description=description, kms_key_id=key, changed_at=call.now))
    return version_view(secret, version)


@operation("secretsmanager", "DescribeSecret")
def describe_secret(call: Call, req: SecretInput) -> dict[str, Any]:
    """Return what is known of a secret, not its value; one that is being deleted, too.

    Raises ResourceNotFoundException.
    """
    secret = secret_named(call, req.secret_id, even_deleted=True)
    return view(secret) | {"version_ids_to_stages": stages(call, secret) or None}


@record
class ListSecretsInput:
    include_planned_deletion: bool = False
    filters: tuple[Filter, ...] = ()
    sort_order: Literal["asc", "desc"] = "asc"
    sort_by: Literal["created-date", "last-accessed-date", "last-changed-date", "name"] = "created-date"


_ORDERS: dict[str, Callable[[Secret], Any]] = {
    "created-date": lambda secret: secret.created_at,
    "last-accessed-date": lambda secret: secret.accessed_at or 0.0,
    "last-changed-date": lambda secret: secret.changed_at,
    "name": lambda secret: secret.name,
}


@operation("secretsmanager", "ListSecrets")
def list_secrets(call: Call, req: ListSecretsInput) -> dict[str, Any]:
    kept = [
        secret
        for secret in chosen(secrets.list_all(call.db), req.filters)
        if secret.deleted_at is None or (req.include_planned_deletion and not has_gone(call, secret))
    ]
    kept.sort(key=_ORDERS[req.sort_by], reverse=req.sort_order == "desc")
    return {"secret_list": [view(each) | {"secret_versions_to_stages": stages(call, each)} for each in kept]}


@record
class DeleteSecretInput:
    secret_id: str
    recovery_window_in_days: int | None = None
    force_delete_without_recovery: bool = False


@operation("secretsmanager", "DeleteSecret")
def delete_secret(call: Call, req: DeleteSecretInput) -> dict[str, Any]:
    """Mark a secret, which nobody can read then; `RestoreSecret` takes the mark away.

    By force it goes at once, and one that is not there is no error.
    """
    check_name(req.secret_id.rpartition(":secret:")[2])
    days = req.recovery_window_in_days
    if days is not None and req.force_delete_without_recovery:
        raise AwsError(
            "InvalidParameterException",
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
        )
    if days is not None and days not in RECOVERY_WINDOWS:
        raise AwsError(
            "InvalidParameterException", "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive)."
        )
    secret = secrets.find(call.db, req.secret_id)
    if secret is not None and has_gone(call, secret):
        secret = None
    if req.force_delete_without_recovery:
        if secret is None:
            made_up = arn("secretsmanager", call.region, call.account, f"secret:{req.secret_id}-{call.new_id()[:6]}")
            return {"arn": made_up, "name": req.secret_id, "deletion_date": call.now}
        secrets.delete(call.db, secret.arn)
        return {"arn": secret.arn, "name": secret.name, "deletion_date": call.now}
    if secret is None:
        raise AwsError("ResourceNotFoundException", NOT_FOUND)
    if secret.deleted_at is not None:
        raise AwsError("InvalidRequestException", MARKED)
    at = call.now + (days or RECOVERY_DAYS) * DAY
    secrets.save(call.db, replace(secret, deleted_at=at))
    return {"arn": secret.arn, "name": secret.name, "deletion_date": at}


@operation("secretsmanager", "RestoreSecret")
def restore_secret(call: Call, req: SecretInput) -> dict[str, Any]:
    """Take a deletion back that has not happened yet. Raises ResourceNotFoundException."""
    secret = secret_named(call, req.secret_id, even_deleted=True)
    secrets.save(call.db, replace(secret, deleted_at=None))
    return {"arn": secret.arn, "name": secret.name}


def stages(call: Call, secret: Secret) -> dict[str, tuple[str, ...]]:
    """Return the labels of each version that has some."""
    return {each.version_id: each.stages for each in secrets.versions(call.db, secret.arn) if each.stages}


def view(secret: Secret) -> dict[str, Any]:
    """Return a secret as it is described, without its versions."""
    return {
        "arn": secret.arn,
        "name": secret.name,
        "description": secret.description or None,
        "kms_key_id": secret.kms_key_id,
        "created_date": secret.created_at,
        "last_changed_date": secret.changed_at,
        "last_accessed_date": secret.accessed_at,
        "deleted_date": secret.deleted_at,
        "tags": shown(secret.tags),
    }
