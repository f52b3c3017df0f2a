"""A vault that outlived its stack comes home: first its key, which has no name to be found by, then the rest by name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-new-stack.html
"""

from dataclasses import replace

from culm.aws.document import Section, Template
from culm.errors import CulmError
from culm.plan.observed import Described
from culm.target.connection import Target
from culm.target.observe import or_none

KEY = "VaultKey"


def key_of(target: Target, bucket: str) -> Described | None:
    """Return the KMS key that a bucket is encrypted with; None: no such bucket, or no key of one's own."""
    s3, kms = target.client("s3"), target.client("kms")
    encryption = or_none(
        lambda: s3.get_bucket_encryption(Bucket=bucket),
        "NoSuchBucket",
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    rules = encryption["ServerSideEncryptionConfiguration"]["Rules"] if encryption else []
    keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
    if not any(keys):
        return None
    described: Described = kms.describe_key(KeyId=keys[0])["KeyMetadata"]
    return described if described["KeyManager"] == "CUSTOMER" else None


def orphaned_key(target: Target, bucket: str) -> str | None:
    """Return the id of the key of a vault whose stack is gone; None when there is none."""
    key = key_of(target, bucket)
    if key is None:
        return None
    if key["KeyState"] == "PendingDeletion":
        raise CulmError(
            f"{bucket} is encrypted with key {key['KeyId']}, which is about to be deleted",
            f"aws kms cancel-key-deletion --key-id {key['KeyId']}; then aws kms enable-key with the same",
        )
    return str(key["KeyId"])


def only_key(whole: Template) -> Template:
    """Return the part of a template that an import of the key takes: nothing else may be in it."""
    return replace(
        whole,
        parameters={},
        sections=(Section(title="The key of a vault that was there before.", resources={KEY: whole.resources[KEY]}),),
        outputs={},
    )
