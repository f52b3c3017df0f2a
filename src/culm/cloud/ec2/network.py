"""The default VPC, with a subnet in each of two zones; they cannot be changed."""

from typing import Any

from culm.cloud.ec2.filters import Filter, Seen, chosen, member, named
from culm.model.arn import arn
from culm.model.record import record
from culm.wire.operations import Call, operation

VPC_ID = "vpc-00000000000000001"
ZONES = "ab"


@record
class DescribeVpcsInput:
    vpc_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeVpcs")
def describe_vpcs(call: Call, req: DescribeVpcsInput) -> dict[str, Any]:
    vpc = {
        "vpc_id": VPC_ID,
        "owner_id": call.account,
        "cidr_block": "172.31.0.0/16",
        "state": "available",
        "is_default": True,
        "instance_tenancy": "default",
        "dhcp_options_id": "dopt-00000000000000001",
    }
    known = {
        "vpc-id": member("vpc_id"),
        "cidr": member("cidr_block"),
        "state": member("state"),
        "is-default": member("is_default"),
        "isDefault": member("is_default"),
        "owner-id": member("owner_id"),
    }
    found = named([vpc], "vpc_id", req.vpc_ids, "InvalidVpcID.NotFound", "vpc ID")
    return {"vpcs": chosen(found, req.filters, known)}


@record
class DescribeSubnetsInput:
    subnet_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeSubnets")
def describe_subnets(call: Call, req: DescribeSubnetsInput) -> dict[str, Any]:
    known = {
        "subnet-id": member("subnet_id"),
        "vpc-id": member("vpc_id"),
        "availability-zone": member("availability_zone"),
        "availability-zone-id": member("availability_zone_id"),
        "default-for-az": member("default_for_az"),
        "defaultForAz": member("default_for_az"),
        "map-public-ip-on-launch": member("map_public_ip_on_launch"),
        "state": member("state"),
    }
    found = named(subnets(call), "subnet_id", req.subnet_ids, "InvalidSubnetID.NotFound", "subnet ID")
    return {"subnets": chosen(found, req.filters, known)}


def subnets(call: Call) -> list[Seen]:
    return [
        {
            "subnet_id": subnet_id(zone),
            "subnet_arn": arn("ec2", call.region, call.account, f"subnet/{subnet_id(zone)}"),
            "vpc_id": VPC_ID,
            "owner_id": call.account,
            "cidr_block": f"172.31.{16 * number}.0/20",
            "available_ip_address_count": 4091,
            "availability_zone": f"{call.region}{zone}",
            "availability_zone_id": zone_id(call.region, number + 1),
            "default_for_az": True,
            "map_public_ip_on_launch": True,
            "assign_ipv6_address_on_creation": False,
            "state": "available",
        }
        for number, zone in enumerate(ZONES)
    ]


def subnet_id(zone: str) -> str:
    return f"subnet-0000000000000000{zone}"


def zone_id(region: str, number: int) -> str:
    """`use1-az1`, `apse2-az1`. https://docs.aws.amazon.com/ram/latest/userguide/working-with-az-ids.html"""
    area, direction, count = region.split("-")[0], region.split("-")[-2], region.split("-")[-1]
    short = "".join(word[0] for word in ("north", "south", "central", "east", "west") if word in direction)
    return f"{area}{short}{count}-az{number}"


@record
class DescribeAvailabilityZonesInput:
    zone_names: tuple[str, ...] = ()
    zone_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeAvailabilityZones")
def describe_availability_zones(call: Call, req: DescribeAvailabilityZonesInput) -> dict[str, Any]:
    zones: list[Seen] = [
        {
            "zone_name": f"{call.region}{zone}",
            "zone_id": zone_id(call.region, number),
            "region_name": call.region,
            "group_name": f"{call.region}-zg-1",
            "network_border_group": call.region,
            "zone_type": "availability-zone",
            "state": "available",
            "opt_in_status": "opt-in-not-required",
        }
        for number, zone in enumerate(ZONES, 1)
    ]
    known = {
        "zone-name": member("zone_name"),
        "zone-id": member("zone_id"),
        "zone-type": member("zone_type"),
        "region-name": member("region_name"),
        "state": member("state"),
        "opt-in-status": member("opt_in_status"),
    }
    zones = named(zones, "zone_name", req.zone_names, "InvalidParameterValue", "availability zone")
    zones = named(zones, "zone_id", req.zone_ids, "InvalidParameterValue", "availability zone id")
    return {"availability_zones": chosen(zones, req.filters, known)}
