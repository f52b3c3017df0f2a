"""What every bucket has anyway."""

import pytest
from botocore.exceptions import ClientError


def encryption(algorithm):
    return {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}]}


def test_objects_are_sealed_and_their_owner_is_the_bucket_s(s3):
    s3.put_bucket_encryption(Bucket="vault", ServerSideEncryptionConfiguration=encryption("AES256"))
    [rule] = s3.get_bucket_encryption(Bucket="vault")["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}

    own = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket="vault", OwnershipControls=own)
    assert s3.get_bucket_ownership_controls(Bucket="vault")["OwnershipControls"] == own


def test_anything_else_is_refused_by_name(s3):
    with pytest.raises(ClientError, match="SSEAlgorithm = aws:kms"):
        s3.put_bucket_encryption(Bucket="vault", ServerSideEncryptionConfiguration=encryption("aws:kms"))
    with pytest.raises(ClientError, match="ObjectOwnership = ObjectWriter"):
        others = {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        s3.put_bucket_ownership_controls(Bucket="vault", OwnershipControls=others)
