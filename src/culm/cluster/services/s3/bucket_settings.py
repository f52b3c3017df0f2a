"""What clients set on a bucket and read back: tags, owners, encryption, lifecycle, CORS, public access.

All of it is kept, and changes nothing here: every object is sealed with AES-256, one account owns them all, no request
is served without a key, and lifecycle rules expire nothing.
https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

from collections.abc import Mapping
from typing import Any, Literal

from culm.cluster.services.s3.buckets import BucketInput
from culm.cluster.services.s3.references import bucket_named
from culm.cluster.services.s3.tagging import Tagging, checked
from culm.cluster.store.s3 import bucket_settings
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError

MISSING: Mapping[str, tuple[str, str]] = {
    "tagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "ownership": ("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
    "lifecycle": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "public access": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
}
"""How S3 says that a bucket has no setting of a kind."""


@record
class SettingInput(BucketInput):
    """The members that every request has which sets something on a bucket."""

    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


def save(call: Call, req: SettingInput, kind: str, document: object) -> None:
    bucket_settings.save(call.db, bucket_named(call, req.bucket, req.expected_bucket_owner).name, kind, document)


def read(call: Call, req: BucketInput, kind: str) -> Any:
    """Return a setting. Raises the error by which S3 says that there is none."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    document = bucket_settings.find(call.db, bucket.name, kind)
    if document is None:
        code, message = MISSING[kind]
        raise AwsError(code, message, 404, bucket_name=bucket.name)
    return document


def remove(call: Call, req: BucketInput, kind: str) -> None:
    """Take a setting away; that there is none is no error."""
    bucket_settings.delete(call.db, bucket_named(call, req.bucket, req.expected_bucket_owner).name, kind)


@record
class PutBucketTaggingInput(SettingInput):
    tagging: Tagging


@operation("s3", "PutBucketTagging")
def put_bucket_tagging(call: Call, req: PutBucketTaggingInput) -> None:
    """Replace a bucket's tags. Raises InvalidTag for a key that repeats or is AWS's own."""
    save(call, req, "tagging", checked(req.tagging, "Bucket", 50))


@operation("s3", "GetBucketTagging")
def get_bucket_tagging(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return a bucket's tags. Raises NoSuchTagSet when it has none."""
    tags: dict[str, str] = read(call, req, "tagging")
    return {"tag_set": [{"key": key, "value": value} for key, value in tags.items()]}


@operation("s3", "DeleteBucketTagging")
def delete_bucket_tagging(call: Call, req: BucketInput) -> None:
    remove(call, req, "tagging")


@record
class EncryptionByDefault:
    sse_algorithm: Literal["AES256"]


@record
class EncryptionRule:
    apply_server_side_encryption_by_default: EncryptionByDefault
    bucket_key_enabled: Stored[bool] = False


@record
class EncryptionConfiguration:
    rules: tuple[EncryptionRule, ...]


@record
class PutBucketEncryptionInput(SettingInput):
    server_side_encryption_configuration: EncryptionConfiguration


@operation("s3", "PutBucketEncryption")
def put_bucket_encryption(call: Call, req: PutBucketEncryptionInput) -> None:
    """Keep whether a bucket key is wanted; every object is sealed anyway."""
    [rule] = req.server_side_encryption_configuration.rules[:1] or (None,)
    save(call, req, "encryption", rule is not None and rule.bucket_key_enabled)


@operation("s3", "GetBucketEncryption")
def get_bucket_encryption(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return AES256, which is what every bucket has."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    key = bucket_settings.find(call.db, bucket.name, "encryption") or False
    rule = {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}, "bucket_key_enabled": key}
    return {"server_side_encryption_configuration": {"rules": [rule]}}


@operation("s3", "DeleteBucketEncryption")
def delete_bucket_encryption(call: Call, req: BucketInput) -> None:
    """Go back to what a new bucket has."""
    remove(call, req, "encryption")


@record
class OwnershipRule:
    object_ownership: Stored[Literal["BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"]]


@record
class OwnershipControls:
    rules: tuple[OwnershipRule, ...]


@record
class PutBucketOwnershipControlsInput(SettingInput):
    ownership_controls: OwnershipControls


@operation("s3", "PutBucketOwnershipControls")
def put_bucket_ownership_controls(call: Call, req: PutBucketOwnershipControlsInput) -> None:
    """Keep the setting: whoever writes an object, its owner is the one account."""
    save(call, req, "ownership", req.ownership_controls)


@operation("s3", "GetBucketOwnershipControls")
def get_bucket_ownership_controls(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return who owns the objects. Raises OwnershipControlsNotFoundError after they were deleted."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    unset = {"rules": [{"object_ownership": "BucketOwnerEnforced"}]}
    controls = bucket_settings.find(call.db, bucket.name, "ownership") or unset
    if not controls["rules"]:
        code, message = MISSING["ownership"]
        raise AwsError(code, message, 404, bucket_name=bucket.name)
    return {"ownership_controls": controls}


@operation("s3", "DeleteBucketOwnershipControls")
def delete_bucket_ownership_controls(call: Call, req: BucketInput) -> None:
    """Leave a bucket without controls, which is something else than those of a new bucket."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    bucket_settings.save(call.db, bucket.name, "ownership", OwnershipControls(rules=()))


@record
class PutBucketLifecycleInput(SettingInput):
    lifecycle_configuration: Stored[Mapping[str, Any]]
    transition_default_minimum_object_size: Stored[str] = "all_storage_classes_128K"


@operation("s3", "PutBucketLifecycleConfiguration")
def put_bucket_lifecycle_configuration(call: Call, req: PutBucketLifecycleInput) -> dict[str, Any]:
    """Keep a bucket's rules; they expire nothing here. Raises InvalidArgument for an id that repeats."""
    size = req.transition_default_minimum_object_size
    rules = [{"id": call.new_id(), **rule} for rule in req.lifecycle_configuration.get("rules", ())]
    if len({rule["id"] for rule in rules}) < len(rules):
        raise AwsError("InvalidArgument", "Rule ID must be unique. Found same ID for more than one rule")
    save(call, req, "lifecycle", {"rules": rules, "transition_default_minimum_object_size": size})
    return {"transition_default_minimum_object_size": size}


@operation("s3", "GetBucketLifecycleConfiguration")
def get_bucket_lifecycle_configuration(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return a bucket's rules. Raises NoSuchLifecycleConfiguration when it has none."""
    kept: dict[str, Any] = read(call, req, "lifecycle")
    return kept


@operation("s3", "DeleteBucketLifecycle")
def delete_bucket_lifecycle(call: Call, req: BucketInput) -> None:
    remove(call, req, "lifecycle")


@record
class PutBucketCorsInput(SettingInput):
    cors_configuration: Stored[Mapping[str, Any]]


@operation("s3", "PutBucketCors")
def put_bucket_cors(call: Call, req: PutBucketCorsInput) -> None:
    save(call, req, "cors", req.cors_configuration)


@operation("s3", "GetBucketCors")
def get_bucket_cors(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return which sites may use a bucket. Raises NoSuchCORSConfiguration when nobody said so."""
    kept: dict[str, Any] = read(call, req, "cors")
    return kept


@operation("s3", "DeleteBucketCors")
def delete_bucket_cors(call: Call, req: BucketInput) -> None:
    remove(call, req, "cors")


@record
class PublicAccessBlock:
    block_public_acls: Stored[bool] = False
    ignore_public_acls: Stored[bool] = False
    block_public_policy: Stored[bool] = False
    restrict_public_buckets: Stored[bool] = False


NEW = PublicAccessBlock(
    block_public_acls=True, ignore_public_acls=True, block_public_policy=True, restrict_public_buckets=True
)
"""What a bucket has had from the start since 2023."""


@record
class PutPublicAccessBlockInput(SettingInput):
    public_access_block_configuration: PublicAccessBlock


@operation("s3", "PutPublicAccessBlock")
def put_public_access_block(call: Call, req: PutPublicAccessBlockInput) -> None:
    save(call, req, "public access", req.public_access_block_configuration)


@operation("s3", "GetPublicAccessBlock")
def get_public_access_block(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return what is blocked. Raises NoSuchPublicAccessBlockConfiguration after it was deleted."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    kept = bucket_settings.find(call.db, bucket.name, "public access")
    if kept == {}:
        code, message = MISSING["public access"]
        raise AwsError(code, message, 404, bucket_name=bucket.name)
    return {"public_access_block_configuration": kept or NEW}


@operation("s3", "DeletePublicAccessBlock")
def delete_public_access_block(call: Call, req: BucketInput) -> None:
    """Block nothing any more, which is something else than what a new bucket has."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    bucket_settings.save(call.db, bucket.name, "public access", {})
