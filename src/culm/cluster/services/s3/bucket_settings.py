"""What every new bucket of Amazon's has, and every bucket has here: objects sealed with AES-256, no other owners.

Saying so again is no error; anything else is refused by name.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-encryption-faq.html
"""

from typing import Any, Literal

from culm.cluster.services.s3.buckets import BucketInput
from culm.cluster.services.s3.references import bucket_named
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record


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
class PutBucketEncryptionInput:
    bucket: str
    server_side_encryption_configuration: EncryptionConfiguration
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "PutBucketEncryption")
def put_bucket_encryption(call: Call, req: PutBucketEncryptionInput) -> None:
    """Take the setting and change nothing: every object is sealed anyway."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)


@operation("s3", "GetBucketEncryption")
def get_bucket_encryption(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return AES256, which is what every bucket has."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    rule = {"apply_server_side_encryption_by_default": {"sse_algorithm": "AES256"}, "bucket_key_enabled": False}
    return {"server_side_encryption_configuration": {"rules": [rule]}}


@record
class OwnershipRule:
    object_ownership: Literal["BucketOwnerEnforced"]


@record
class OwnershipControls:
    rules: tuple[OwnershipRule, ...]


@record
class PutBucketOwnershipControlsInput:
    bucket: str
    ownership_controls: OwnershipControls
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None


@operation("s3", "PutBucketOwnershipControls")
def put_bucket_ownership_controls(call: Call, req: PutBucketOwnershipControlsInput) -> None:
    """Take the setting and change nothing: the owner of a bucket owns its objects."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)


@operation("s3", "GetBucketOwnershipControls")
def get_bucket_ownership_controls(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return BucketOwnerEnforced, which is what every bucket has."""
    bucket_named(call, req.bucket, req.expected_bucket_owner)
    return {"ownership_controls": {"rules": [{"object_ownership": "BucketOwnerEnforced"}]}}
