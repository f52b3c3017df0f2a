"""The simulated EC2 instances, which the cluster's fleet starts and ends by itself."""

from typing import Any

from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, named
from culm.cluster.services.ec2.network import VPC_ID, subnet_id
from culm.cluster.store import autoscaling, machines
from culm.cluster.store.autoscaling import AutoScalingGroup
from culm.cluster.store.machines import SimulatedMachine
from culm.cluster.wire.operations import Call, operation
from culm.core.model import fargate
from culm.core.model.record import Stored, record


@record
class DescribeInstancesInput:
    instance_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    include_managed_resources: Stored[bool] = False


@operation("ec2", "DescribeInstances")
def describe_instances(call: Call, req: DescribeInstancesInput) -> dict[str, Any]:
    known = {
        "instance-id": member("instance_id"),
        "instance-type": member("instance_type"),
        "instance-state-name": lambda item: (item["state"]["name"],),
        "availability-zone": lambda item: (item["placement"]["availability_zone"],),
        "private-ip-address": member("private_ip_address"),
        "subnet-id": member("subnet_id"),
        "vpc-id": member("vpc_id"),
        "ip-address": member("public_ip_address"),
        "image-id": member("image_id"),  # simulated instances are of no image: none matches
    }
    groups = {group.name: group for group in autoscaling.list_all(call.db)}
    items = [
        described(machine, groups.get(machine.autoscaling_group or ""))
        for machine in machines.every(call.db)
        if machine.cluster != fargate.HOSTS
    ]
    matching = named(items, "instance_id", req.instance_ids, "InvalidInstanceID.NotFound", "instance ID")
    return {
        "reservations": [
            {
                "reservation_id": item["instance_id"].replace("i-", "r-", 1),
                "owner_id": call.account,
                "instances": [item],
            }
            for item in chosen(matching, req.filters, known)
        ]
    }


def described(machine: SimulatedMachine, group: AutoScalingGroup | None) -> Seen:
    """Return a simulated machine as DescribeInstances has it; it is always running, and its one address is both."""
    tags = {"Name": f"ECS Instance - {machine.cluster}"}
    if group is not None:
        tags |= {tag.key: tag.value for tag in group.tags if tag.propagate_at_launch}
        tags["aws:autoscaling:groupName"] = group.name
    zone = machine.availability_zone
    return {
        "instance_id": machine.ec2_instance_id,
        "instance_type": machine.instance_type,
        "state": {"code": 16, "name": "running"},
        "placement": {"availability_zone": zone, "tenancy": "default"},
        "private_ip_address": machine.address,
        "public_ip_address": machine.address,
        "subnet_id": subnet_id(zone[-1]),
        "vpc_id": VPC_ID,
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
    }
