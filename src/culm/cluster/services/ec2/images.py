"""Machine images: Amazon's own for ECS instances, under names as Amazon gives them, for who looks the newest one up.

The simulated instances are made from no image. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/al2ami.html
"""

from typing import Any

from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, named
from culm.cluster.services.ssm.public_parameters import IMAGE_ID
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record

NAMES = (
    "al2023-ami-ecs-hvm-2023.0.20250101-kernel-6.1-{}",
    "al2023-ami-2023.6.20250101.0-kernel-6.1-{}",
    "amzn2-ami-ecs-hvm-2.0.20250101-{}-ebs",
    "amzn2-ami-hvm-2.0.20250101.0-{}-gp2",
)
"""The first has the id that the public parameters name."""
OWNERS = ("amazon", "591542846629", "137112412989")
"""Amazon's alias, and its accounts of ECS's images and of Amazon Linux."""


@record
class DescribeImagesInput:
    image_ids: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    """None: of all."""
    filters: tuple[Filter, ...] = ()
    executable_users: Stored[tuple[str, ...]] = ()
    include_deprecated: Stored[bool] = False
    include_disabled: Stored[bool] = False


@operation("ec2", "DescribeImages")
def describe_images(call: Call, req: DescribeImagesInput) -> dict[str, Any]:
    """Return the images that every filter lets through; there are none of one's own."""
    known = {
        "architecture": member("architecture"),
        "image-id": member("image_id"),
        "image-type": member("image_type"),
        "is-public": member("public"),
        "name": member("name"),
        "owner-alias": member("image_owner_alias"),
        "owner-id": member("owner_id"),
        "root-device-type": member("root_device_type"),
        "state": member("state"),
        "virtualization-type": member("virtualization_type"),
    }
    kinds = [kind for kind in ("x86_64", "arm64") for _ in NAMES]
    items = [described(number, kind) for number, kind in enumerate(kinds)]
    items = [item for item in items if not req.owners or {item["owner_id"], "amazon"} & set(req.owners)]
    matching = named(items, "image_id", req.image_ids, "InvalidAMIID.NotFound", "image id")
    return {"images": chosen(matching, req.filters, known)}


def described(number: int, architecture: str) -> Seen:
    name = NAMES[number % len(NAMES)].format(architecture)
    owner = OWNERS[1 if "-ecs-" in name else 2]
    return {
        "image_id": f"{IMAGE_ID[:-1]}{number}",
        "name": name,
        "image_location": f"amazon/{name}",
        "owner_id": owner,
        "image_owner_alias": "amazon",
        "architecture": architecture,
        "creation_date": "2025-01-01T00:00:00.000Z",
        "description": "An image of simulated instances",
        "hypervisor": "xen",
        "image_type": "machine",
        "public": True,
        "root_device_name": "/dev/xvda",
        "root_device_type": "ebs",
        "state": "available",
        "virtualization_type": "hvm",
        "ena_support": True,
    }
