"""Amazon's public parameters with the images of ECS instances, as Terraform and CloudFormation look them up.

The simulated instances are made from no image: each parameter names one id, the same for all, of which there is none.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/retrieve-ecs-optimized_AMI.html
"""

import json
import re
from typing import Any

from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn

PREFIX = "/aws/service/"
IMAGE_ID = "ami-00000000000000000"
"""What simulated instances say that they are made from."""
_ECS = re.compile(
    r"/aws/service/ecs/optimized-ami/(?P<family>amazon-linux-2|amazon-linux-2023|bottlerocket)"
    r"(?P<kind>/arm64|/gpu|/inf|/neuron|/kernel-5\.10)*/recommended(/(?P<part>[a-z_]+))?"
)
_LINUX = re.compile(r"/aws/service/ami-amazon-linux-latest/(al2023-ami|amzn2-ami)-[a-z0-9._-]+")
_SINCE = 1_735_689_600.0
"""Epoch seconds: the beginning of 2025, as public parameters must have been changed some time."""


def is_public(name: str) -> bool:
    return name.startswith(PREFIX)


def public_parameter(call: Call, name: str) -> dict[str, Any] | None:
    """Return a public parameter; None where it is not one of an image of Amazon Linux."""
    value = _value(name)
    if value is None:
        return None
    return {
        "name": name,
        "type": "String",
        "value": value,
        "version": 1,
        "last_modified_date": _SINCE,
        "arn": arn("ssm", call.region, "", f"parameter{name}"),
        "data_type": "aws:ec2:image" if value == IMAGE_ID else "text",
    }


def _value(name: str) -> str | None:
    if _LINUX.fullmatch(name):
        return IMAGE_ID
    matched = _ECS.fullmatch(name)
    if matched is None:
        return None
    described = {
        "image_id": IMAGE_ID,
        "image_name": f"{matched['family']}-simulated",
        "image_version": "simulated",
        "os": matched["family"],
        "schema_version": 1,
        "source_image_name": f"{matched['family']}-simulated",
    }
    part = matched["part"]
    if part is None:
        return json.dumps(described)
    return str(described[part]) if part in described else None
