"""What an update of the stack may never do, and what outlives it. Pure."""

import json
from typing import Any

DATA = ("AWS::S3::Bucket", "AWS::KMS::Key", "AWS::RDS::DBInstance")
"""What would be gone if it were replaced, or taken out of the template."""
IMAGES = "AWS::ECR::Repository"
"""A service that is taken out of culm.yml leaves its repositories behind, so these may be taken out."""


def stack_policy() -> str:
    """Return a policy that keeps updates from replacing or deleting what holds data.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
    """
    return json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
                denied(["Update:Replace", "Update:Delete"], list(DATA)),
                denied(["Update:Replace"], [IMAGES]),
            ]
        }
    )


def denied(actions: list[str], kinds: list[str]) -> dict[str, Any]:
    """Return the statement of a stack policy that forbids these changes of these kinds of resources."""
    return {
        "Effect": "Deny",
        "Action": actions,
        "Principal": "*",
        "Resource": "*",
        "Condition": {"StringEquals": {"ResourceType": kinds}},
    }
