"""Policies of buckets, as public Terraform modules write them."""

import json


def test_statement_ids_are_any_text(s3):
    """As the module s3-bucket of terraform-aws-modules makes them for the accounts of each region's load balancers."""
    statement = {
        "Sid": "ELBRegionUs-East-1",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::127311923021:root"},
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::vault/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket="vault", Policy=document)
    assert s3.get_bucket_policy(Bucket="vault")["Policy"] == document
