"""Secrets and their versions.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from dataclasses import replace
from typing import Any

from culm.errors import AwsError
from culm.model.arn import arn
from culm.model.record import Stored, record
from culm.model.task_definitions import Tag
from culm.store import secrets
from culm.store.sealing import Corrupted
from culm.store.secrets import Secret, Version
from culm.wire.operations import Call, operation

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
RECOVERY_DAYS = 30


@record
class CreateSecretInput:
    name: str
    secret_string: str | None = None
    secret_binary: bytes | None = None
    client_request_token: str | None = None
    description: str | None = None
    kms_key_id: Stored[str | None] = None
    tags: tuple[Tag, ...] = ()


@operation("secretsmanager", "CreateSecret")
def create_secret(call: Call, req: CreateSecretInput) -> dict[str, Any]:
    if secrets.find(call.db, req.name) is not None:
        raise AwsError("ResourceExistsException", f"The operation failed because the secret {req.name} already exists.")
    secret = Secret(
        arn=arn("secretsmanager", call.region, call.account, f"secret:{req.name}-{call.new_id()[:6]}"),
        name=req.name,
        created_at=call.now,
        changed_at=call.now,
        description=req.description,
        tags={tag.key: tag.value for tag in req.tags},
    )
    secrets.save(call.db, secret)
    return told(secret, put(call, secret, req.secret_string, req.secret_binary, req.client_request_token))


@record
class PutSecretValueInput:
    secret_id: str
    secret_string: str | None = None
    secret_binary: bytes | None = None
    client_request_token: str | None = None


@operation("secretsmanager", "PutSecretValue")
def put_secret_value(call: Call, req: PutSecretValueInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    version = put(call, secret, req.secret_string, req.secret_binary, req.client_request_token)
    if version is None:
        raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    secrets.save(call.db, replace(secret, changed_at=call.now))
    return told(secret, version) | {"version_stages": version.stages}


@record
class UpdateSecretInput:
    secret_id: str
    secret_string: str | None = None
    secret_binary: bytes | None = None
    client_request_token: str | None = None
    description: str | None = None
    kms_key_id: Stored[str | None] = None


@operation("secretsmanager", "UpdateSecret")
def update_secret(call: Call, req: UpdateSecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    version = put(call, secret, req.secret_string, req.secret_binary, req.client_request_token)
    description = req.description if req.description is not None else secret.description
    secrets.save(call.db, replace(secret, description=description, changed_at=call.now))
    return told(secret, version)


@record
class GetSecretValueInput:
    secret_id: str
    version_id: str | None = None
    version_stage: str | None = None


@operation("secretsmanager", "GetSecretValue")
def get_secret_value(call: Call, req: GetSecretValueInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id)
    stage = req.version_stage or (CURRENT if req.version_id is None else None)
    for version in secrets.versions(call.db, secret.arn):
        if req.version_id in (None, version.version_id) and (stage is None or stage in version.stages):
            break
    else:
        what = f"staging label: {stage}" if stage else f"VersionId: {req.version_id}"
        raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")
    try:
        value = secrets.value(call.db, secret.arn, version.version_id)
    except Corrupted as what:
        raise AwsError("InternalServiceError", f"This is corrupted: {what}. Put it there again.", 500) from what
    return {
        "arn": secret.arn,
        "name": secret.name,
        "version_id": version.version_id,
        "secret_binary" if version.binary else "secret_string": value if version.binary else value.decode(),
        "version_stages": version.stages,
        "created_date": version.created_at,
    }


@record
class SecretInput:
    secret_id: str


@operation("secretsmanager", "DescribeSecret")
def describe_secret(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id, even_deleted=True)
    stages = {v.version_id: v.stages for v in secrets.versions(call.db, secret.arn) if v.stages}
    return view(secret) | {"version_ids_to_stages": stages}


@record
class ListSecretsInput:
    include_planned_deletion: bool = False


@operation("secretsmanager", "ListSecrets")
def list_secrets(call: Call, req: ListSecretsInput) -> dict[str, Any]:
    kept = [s for s in secrets.list(call.db) if s.deleted_at is None or req.include_planned_deletion]
    return {"secret_list": [view(secret) for secret in kept]}


@record
class DeleteSecretInput:
    secret_id: str
    recovery_window_in_days: int | None = None
    force_delete_without_recovery: bool = False


@operation("secretsmanager", "DeleteSecret")
def delete_secret(call: Call, req: DeleteSecretInput) -> dict[str, Any]:
    """Marked at first, and readable by nobody; `RestoreSecret` takes the mark away."""
    secret = secret_named(call, req.secret_id, even_deleted=True)
    if req.force_delete_without_recovery:
        secrets.delete(call.db, secret.arn)
        return {"arn": secret.arn, "name": secret.name, "deletion_date": call.now}
    at = call.now + (req.recovery_window_in_days or RECOVERY_DAYS) * 86400
    secrets.save(call.db, replace(secret, deleted_at=at))
    return {"arn": secret.arn, "name": secret.name, "deletion_date": at}


@operation("secretsmanager", "RestoreSecret")
def restore_secret(call: Call, req: SecretInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id, even_deleted=True)
    secrets.save(call.db, replace(secret, deleted_at=None))
    return {"arn": secret.arn, "name": secret.name}


def secret_named(call: Call, name_or_arn: str, *, even_deleted: bool = False) -> Secret:
    secret = secrets.find(call.db, name_or_arn)
    if secret is None or (secret.deleted_at is not None and secret.deleted_at <= call.now):
        raise AwsError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
    if secret.deleted_at is not None and not even_deleted:
        raise AwsError(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        )
    return secret


def put(call: Call, secret: Secret, text: str | None, binary: bytes | None, token: str | None) -> Version | None:
    """A new current version; the one that was becomes the previous. None: there was nothing to put."""
    if text is not None and binary is not None:
        raise AwsError("InvalidParameterException", "You can't specify both a binary secret value and a string.")
    if text is None and binary is None:
        return None
    there = secrets.versions(call.db, secret.arn)
    if again := next((version for version in there if version.version_id == token), None):
        return again  # the same request once more
    for version in there:
        stages = [PREVIOUS] if CURRENT in version.stages else [s for s in version.stages if s != PREVIOUS]
        secrets.set_stages(call.db, secret.arn, version.version_id, stages)
    made = Version(version_id=token or call.new_id(), created_at=call.now, stages=(CURRENT,), binary=binary is not None)
    secrets.put(call.db, secret.arn, made, binary if binary is not None else (text or "").encode())
    return made


def told(secret: Secret, version: Version | None) -> dict[str, Any]:
    return {"arn": secret.arn, "name": secret.name, "version_id": version.version_id if version else None}


def view(secret: Secret) -> dict[str, Any]:
    return {
        "arn": secret.arn,
        "name": secret.name,
        "description": secret.description,
        "created_date": secret.created_at,
        "last_changed_date": secret.changed_at,
        "deleted_date": secret.deleted_at,
        "tags": [{"key": key, "value": value} for key, value in sorted(secret.tags.items())],
    }
