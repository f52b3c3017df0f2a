"""Tags of secrets."""

from dataclasses import replace

from culm.cluster.services.secretsmanager.references import secret_named, tags_of
from culm.cluster.store import secrets
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

TAGS_PER_RESOURCE = 50


@record
class TagResourceInput:
    secret_id: str
    tags: tuple[Tag, ...]


@operation("secretsmanager", "TagResource")
def tag_resource(call: Call, req: TagResourceInput) -> None:
    """Add tags to a secret. Raises InvalidParameterException when it would have too many."""
    secret = secret_named(call, req.secret_id)
    merged = {**(secret.tags or {}), **tags_of(req.tags)}
    if len(merged) > TAGS_PER_RESOURCE:
        raise AwsError("InvalidParameterException", f"A secret can have at most {TAGS_PER_RESOURCE} tags.")
    secrets.save(call.db, replace(secret, tags=merged))


@record
class UntagResourceInput:
    secret_id: str
    tag_keys: tuple[str, ...]


@operation("secretsmanager", "UntagResource")
def untag_resource(call: Call, req: UntagResourceInput) -> None:
    secret = secret_named(call, req.secret_id)
    kept = {key: value for key, value in (secret.tags or {}).items() if key not in req.tag_keys}
    secrets.save(call.db, replace(secret, tags=kept))
