"""Policies of buckets: who may use them, and who may not.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
"""

import re
from typing import Any

from culm.cluster.services.s3.buckets import BucketInput
from culm.cluster.services.s3.references import bucket_named
from culm.cluster.store.s3 import bucket_policies
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.policy_documents import Malformed, parse_resource
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class PutBucketPolicyInput:
    bucket: str
    policy: str
    expected_bucket_owner: str | None = None
    content_md5: Stored[str | None] = None
    checksum_algorithm: Stored[str | None] = None
    confirm_remove_self_bucket_access: Stored[bool | None] = None


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(call: Call, req: PutBucketPolicyInput) -> None:
    """Save who else may use a bucket. Raises MalformedPolicy."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    try:
        for statement in parse_resource(req.policy, names_itself=True, free_ids=True).statements:
            for resource in statement.resources or statement.not_resources or ():
                if not _is_inside(resource, bucket.name):
                    raise Malformed("Policy has invalid resource")
    except Malformed as problem:
        raise AwsError("MalformedPolicy", str(problem)) from problem
    bucket_policies.save(call.db, bucket.name, req.policy)


def _is_inside(resource: str, bucket: str) -> bool:
    """Return whether a resource of a policy can be this bucket, or in it: `*` and `arn:aws:s3:::uploads-*/a` may."""
    name = resource if resource == "*" else resource.split(":", 5)[-1].partition("/")[0]
    pattern = "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in name)
    return "${" in name or re.fullmatch(pattern, bucket) is not None


@operation("s3", "GetBucketPolicy")
def get_bucket_policy(call: Call, req: BucketInput) -> dict[str, Any]:
    """Return a bucket's policy. Raises NoSuchBucketPolicy when it has none."""
    bucket = bucket_named(call, req.bucket, req.expected_bucket_owner)
    document = bucket_policies.find(call.db, bucket.name)
    if document is None:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404, bucket_name=req.bucket)
    return {"policy": document}


@operation("s3", "DeleteBucketPolicy")
def delete_bucket_policy(call: Call, req: BucketInput) -> None:
    """Delete a bucket's policy; that it has none is no error."""
    bucket_policies.delete(call.db, bucket_named(call, req.bucket, req.expected_bucket_owner).name)
