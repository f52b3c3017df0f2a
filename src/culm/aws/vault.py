"""The vault: the bucket with the configuration files, and its key. Both outlive the stack. Pure."""

from typing import Any

from culm.aws.document import ACCOUNT, Att, Ref, Section, Sub, kept, resource, substituted
from culm.project.project import Project

OLD_VERSIONS = 10
"""That many are kept however old they are."""
OLD_DAYS = 90


def section(project: Project, bucket: str) -> Section:
    """Return the vault's section.

    The bucket's name is written out: by a name that has to be filled in first, nothing is adopted.
    """
    return Section(
        title="Vault: configuration files by environment and service, versioned and encrypted. It outlives this\n"
        "stack, and the next stack of this name adopts it.",
        resources={
            "VaultKey": kept(
                "KMS::Key",
                {
                    "Description": f"culm: the vault of {project.name}",
                    "EnableKeyRotation": True,
                    "PendingWindowInDays": 30,
                    "KeyPolicy": substituted(key_policy()),
                },
            ),
            "VaultKeyAlias": resource("KMS::Alias", {"AliasName": alias(project), "TargetKeyId": Ref("VaultKey")}),
            "Vault": kept("S3::Bucket", {"BucketName": substituted(bucket), **locked()}),
            "VaultPolicy": resource("S3::BucketPolicy", {"Bucket": Ref("Vault"), "PolicyDocument": bucket_policy()}),
        },
    )


def alias(project: Project) -> str:
    return f"alias/culm-{project.name}"


def key_policy() -> dict[str, Any]:
    """Return the key's policy, which lets the account's own policies decide.

    Roles are not named here: the key outlives them.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    statement = {
        "Sid": "AccountsOwnPolicies",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def locked() -> dict[str, Any]:
    everything = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
    by_key = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": Att("VaultKey.Arn")}
    return {
        "VersioningConfiguration": {"Status": "Enabled"},
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [{"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": by_key}]
        },
        "PublicAccessBlockConfiguration": dict.fromkeys(everything, True),
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
        "LifecycleConfiguration": {
            "Rules": [
                {
                    "Id": "old-versions",
                    "Status": "Enabled",
                    "NoncurrentVersionExpiration": {
                        "NoncurrentDays": OLD_DAYS,
                        "NewerNoncurrentVersions": OLD_VERSIONS,
                    },
                    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                }
            ]
        },
    }


def bucket_policy() -> dict[str, Any]:
    statement = {
        "Sid": "EncryptedOnTheWay",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [Att("Vault.Arn"), Sub("${Vault.Arn}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
