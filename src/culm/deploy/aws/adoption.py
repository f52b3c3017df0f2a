"""A vault that outlived its stack comes home: first its key, which has no name to be found by, then the rest by name.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-import-new-stack.html
"""

from dataclasses import replace

from culm.deploy.aws.document import Section, Template
from culm.deploy.observe import or_none
from culm.deploy.target import Target
from culm.errors import CulmError

KEY = "VaultKey"


def orphaned_key(target: Target, bucket: str) -> str | None:
    """The id of the key that a bucket without a stack is encrypted with; None: no bucket, or no key of one's own."""
    s3, kms = target.client("s3"), target.client("kms")
    found = or_none(
        lambda: s3.get_bucket_encryption(Bucket=bucket),
        "NoSuchBucket",
        "ServerSideEncryptionConfigurationNotFoundError",
    )
    rules = found["ServerSideEncryptionConfiguration"]["Rules"] if found else []
    keys = [rule.get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
    if not any(keys):
        return None
    [key] = keys
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    if described["KeyManager"] != "CUSTOMER":
        return None
    if described["KeyState"] == "PendingDeletion":
        raise CulmError(
            f"{bucket} is encrypted with key {described['KeyId']}, which is about to be deleted",
            f"aws kms cancel-key-deletion --key-id {described['KeyId']}; then aws kms enable-key with the same",
        )
    return str(described["KeyId"])


def only_key(whole: Template) -> Template:
    """The part of a template that an import of the key takes: nothing else may be in it."""
    return replace(
        whole,
        parameters={},
        sections=(Section(title="The key of a vault that was there before.", resources={KEY: whole.resources[KEY]}),),
        outputs={},
    )
