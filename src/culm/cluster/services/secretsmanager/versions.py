"""The versions of a secret: values, and the staging labels that point to them.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from culm.cluster.services.secretsmanager.references import SecretInput, secret_named
from culm.cluster.store import secrets
from culm.cluster.store.sealing import Corrupted
from culm.cluster.store.secrets import Secret, SecretVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
DAY = 86400


@record
class ValueInput:
    """Members that say what a secret's new version is; the token becomes its id."""

    secret_string: str | None = None
    secret_binary: bytes | None = None
    client_request_token: str | None = None


def check_token(req: ValueInput) -> None:
    """Raise InvalidRequestException for a value without a token, which SDKs make of their own."""
    if req.client_request_token is None and (req.secret_string, req.secret_binary) != (None, None):
        raise AwsError(
            "InvalidRequestException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )


@record
class PutSecretValueInput(ValueInput):
    secret_id: str
    version_stages: tuple[str, ...] = (CURRENT,)


@operation("secretsmanager", "PutSecretValue")
def put_secret_value(call: Call, req: PutSecretValueInput) -> dict[str, Any]:
    """Add a version; it becomes AWSCURRENT unless other labels are given.

    Raises InvalidRequestException without a value.
    """
    check_token(req)
    secret = secret_named(call, req.secret_id)
    version = put(call, secret, req, req.version_stages or (CURRENT,))
    if version is None:
        raise AwsError("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
    secrets.save(call.db, replace(secret, changed_at=call.now))
    return version_view(secret, version) | {"version_stages": version.stages}


@record
class GetSecretValueInput:
    secret_id: str
    version_id: str | None = None
    version_stage: str | None = None


@operation("secretsmanager", "GetSecretValue")
def get_secret_value(call: Call, req: GetSecretValueInput) -> dict[str, Any]:
    """Return a value: the current one, or by version or label.

    Raises ResourceNotFoundException, and InvalidRequestException for a label that this version does not have.
    """
    secret = secret_named(call, req.secret_id)
    stage = req.version_stage or (CURRENT if req.version_id is None else None)
    by_id = [v for v in secrets.versions(call.db, secret.arn) if req.version_id in (None, v.version_id)]
    staged = [v for v in by_id if stage is None or stage in v.stages]
    if by_id and not staged and req.version_id is not None:
        raise AwsError(
            "InvalidRequestException",
            "You provided a VersionStage that is not associated to the provided VersionId.",
        )
    if not staged:
        what = f"VersionId: {req.version_id}" if req.version_id else f"staging label: {stage}"
        raise AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified secret value for {what}")
    return value_of(call, secret, staged[0])


def value_of(call: Call, secret: Secret, version: SecretVersion) -> dict[str, Any]:
    """Return a value; that it was shown is remembered by the day, as AWS does."""
    try:
        value = secrets.value(call.db, secret.arn, version.version_id)
    except Corrupted as what:
        raise AwsError("InternalServiceError", f"This is corrupted: {what}. Put it there again.", 500) from what
    today = call.now - call.now % DAY
    if secret.accessed_at != today:
        secrets.save(call.db, replace(secret, accessed_at=today))
    if version.accessed_at != today:
        secrets.record_access(call.db, secret.arn, version.version_id, today)
    return {
        "arn": secret.arn,
        "name": secret.name,
        "version_id": version.version_id,
        "secret_binary" if version.binary else "secret_string": value if version.binary else value.decode(),
        "version_stages": version.stages,
        "created_date": version.created_at,
    }


@record
class ListSecretVersionIdsInput(SecretInput):
    include_deprecated: bool = False
    """Those without a staging label."""


@operation("secretsmanager", "ListSecretVersionIds")
def list_secret_version_ids(call: Call, req: ListSecretVersionIdsInput) -> dict[str, Any]:
    secret = secret_named(call, req.secret_id, even_deleted=True)
    return {
        "arn": secret.arn,
        "name": secret.name,
        "versions": [
            {
                "version_id": version.version_id,
                "version_stages": version.stages or None,
                "created_date": version.created_at,
                "last_accessed_date": version.accessed_at,
                "kms_key_ids": [secret.kms_key_id or "DefaultEncryptionKey"],
            }
            for version in secrets.versions(call.db, secret.arn)
            if version.stages or req.include_deprecated
        ],
    }


@record
class UpdateSecretVersionStageInput:
    secret_id: str
    version_stage: str
    remove_from_version_id: str | None = None
    move_to_version_id: str | None = None


@operation("secretsmanager", "UpdateSecretVersionStage")
def update_secret_version_stage(call: Call, req: UpdateSecretVersionStageInput) -> dict[str, Any]:
    """Move a label from one version to another, or take it away.

    Raises ResourceNotFoundException for a version, and InvalidParameterException when the label is elsewhere or
    AWSCURRENT would be nowhere.
    """
    secret = secret_named(call, req.secret_id)
    there = {version.version_id: version for version in secrets.versions(call.db, secret.arn)}
    for id in (req.remove_from_version_id, req.move_to_version_id):
        if id is not None and id not in there:
            raise AwsError(
                "ResourceNotFoundException",
                f"Secrets Manager can't find the specified secret value for VersionId: {id}",
            )
    stage, holder = req.version_stage, next((v for v in there.values() if req.version_stage in v.stages), None)
    given = req.remove_from_version_id
    if given is not None and (holder is None or holder.version_id != given):
        raise AwsError(
            "InvalidParameterException",
            f"The staging label {stage} isn't currently attached to version {given}."
            if holder is None
            else f"The staging label {stage} is currently attached to version {holder.version_id}, not to {given}.",
        )
    if req.move_to_version_id is None:
        if given is None:
            raise AwsError("InvalidParameterException", "Give RemoveFromVersionId, MoveToVersionId, or both.")
        if stage == CURRENT:
            raise AwsError(
                "InvalidParameterException",
                f"You can only move staging label {CURRENT} to a different secret version. It can't be completely "
                "removed.",
            )
        _take(call, secret, [stage])
    else:
        if holder is not None and given is None and holder.version_id != req.move_to_version_id:
            raise AwsError(
                "InvalidParameterException",
                f"The parameter RemoveFromVersionId can't be empty. Staging label {stage} is currently attached to "
                f"version {holder.version_id}, so you must explicitly reference that version in RemoveFromVersionId.",
            )
        _move(call, secret, [stage], req.move_to_version_id)
    secrets.save(call.db, replace(secret, changed_at=call.now))
    return {"arn": secret.arn, "name": secret.name}


def put(call: Call, secret: Secret, req: ValueInput, stages: Sequence[str]) -> SecretVersion | None:
    """Return a new version, which takes over its staging labels; the one that was current becomes the previous.

    The first is current, whatever else it is.

    None: there was nothing to put. The same request once more changes nothing.
    """
    text, binary, token = req.secret_string, req.secret_binary, req.client_request_token or ""
    if text is not None and binary is not None:
        raise AwsError("InvalidParameterException", "You can't specify both a binary secret value and a string.")
    if text is None and binary is None:
        return None
    check_token(req)
    value = binary if binary is not None else (text or "").encode()
    there = secrets.versions(call.db, secret.arn)
    for version in there:
        if version.version_id == token:
            if secrets.value(call.db, secret.arn, token) != value:
                raise AwsError(
                    "ResourceExistsException",
                    f"You can't use ClientRequestToken {token} because that value is already in use for a version of "
                    f"secret {secret.arn}.",
                )
            return version
    if not there:
        stages = [*stages, *([] if CURRENT in stages else [CURRENT])]
    made = SecretVersion(version_id=token, created_at=call.now, stages=(), binary=binary is not None)
    secrets.put(call.db, secret.arn, made, value)
    if CURRENT in stages:  # a rotation that has ended leaves no mark on the version that it replaced
        replaced = next((v for v in there if CURRENT in v.stages), None)
        if replaced is not None and PENDING in replaced.stages:
            _take(call, secret, [PENDING])
    _move(call, secret, stages, token)
    return replace(made, stages=tuple(stages))


def _move(call: Call, secret: Secret, stages: Sequence[str], id: str) -> None:
    """Labels are each on one version; the version that AWSCURRENT leaves is AWSPREVIOUS."""
    before = next((v for v in secrets.versions(call.db, secret.arn) if CURRENT in v.stages), None)
    _take(call, secret, stages)
    _give(call, secret, stages, id)
    if CURRENT in stages and before is not None and before.version_id != id:
        _take(call, secret, [PREVIOUS])
        _give(call, secret, [PREVIOUS], before.version_id)


def _take(call: Call, secret: Secret, stages: Sequence[str]) -> None:
    for version in secrets.versions(call.db, secret.arn):
        left = [stage for stage in version.stages if stage not in stages]
        if len(left) < len(version.stages):
            secrets.set_stages(call.db, secret.arn, version.version_id, left)


def _give(call: Call, secret: Secret, stages: Sequence[str], id: str) -> None:
    for version in secrets.versions(call.db, secret.arn):
        if version.version_id == id:
            secrets.set_stages(call.db, secret.arn, id, [*version.stages, *stages])


def version_view(secret: Secret, version: SecretVersion | None) -> dict[str, Any]:
    """Return what every answer about a new version has."""
    return {"arn": secret.arn, "name": secret.name, "version_id": version.version_id if version else None}
