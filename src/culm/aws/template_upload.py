"""Templates that are too long for a request: CloudFormation reads them from S3, in a bucket of the account's own.

The bucket is made at the first need, is private and encrypted as every new bucket is, and is shared by the account's
projects. A template lies there only while CloudFormation takes it over; a day later S3 removes what a killed process
left behind.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from culm.aws.template import INLINE_BYTES
from culm.render import stack_role
from culm.target.connection import Target
from culm.target.observe import or_none

EXPIRE: Mapping[str, Any] = {
    "Rules": [
        {
            "ID": "forgotten templates",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "Expiration": {"Days": 1},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
        }
    ]
}


def bucket_name(target: Target) -> str:
    return f"{stack_role.TEMPLATES}-{target.account}-{target.region}"


@contextmanager
def given(target: Target, text: str, prefix: str = "") -> Iterator[dict[str, str]]:
    """Yield the parameter of CreateChangeSet that carries a template: its text, or the URL of it in S3 meanwhile.

    `prefix` is where it lies in the bucket; nobody but administrators may write elsewhere than at their own.
    """
    if len(text.encode()) <= INLINE_BYTES:
        yield {"TemplateBody": text}
        return
    s3, bucket = target.client("s3"), bucket_name(target)
    make_bucket(target, bucket)
    key = f"{prefix}{hashlib.sha256(text.encode()).hexdigest()}.yml"
    s3.put_object(Bucket=bucket, Key=key, Body=text.encode(), ContentType="application/yaml")
    try:
        yield {"TemplateURL": f"https://{bucket}.s3.{target.region}.amazonaws.com/{key}"}
    finally:
        s3.delete_object(Bucket=bucket, Key=key)


def make_bucket(target: Target, bucket: str) -> None:
    """Make the private bucket for templates, unless it is there; what is left in it expires."""
    s3 = target.client("s3")
    if or_none(lambda: s3.head_bucket(Bucket=bucket), "404", "NoSuchBucket") is not None:
        return
    place = {} if target.region == "us-east-1" else {"LocationConstraint": target.region}
    s3.create_bucket(Bucket=bucket, **({"CreateBucketConfiguration": place} if place else {}))
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration=EXPIRE)
