"""Subnets.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html
"""

from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any, Literal

from culm.cluster.services.ec2 import network_acls, tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member
from culm.cluster.services.ec2.network import ZONES, zone_id
from culm.cluster.services.ec2.references import DEPENDENCIES, block_of, existing, fresh, views
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.services.ec2.vpcs import BooleanValue
from culm.cluster.store.ec2 import networks
from culm.cluster.store.elbv2 import load_balancers
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.network import RouteTable, Subnet, Vpc
from culm.core.model.record import Stored, record
from culm.errors import AwsError

RESERVED_ADDRESSES = 5
"""https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


@record
class CreateSubnetInput:
    vpc_id: str
    cidr_block: str | None = None
    availability_zone: str | None = None
    availability_zone_id: str | None = None
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateSubnet")
def create_subnet(call: Call, req: CreateSubnetInput) -> dict[str, Any]:
    """Create a subnet.

    Raises InvalidSubnet.Range for a block outside of its VPC's, InvalidSubnet.Conflict for one that overlaps a
    sibling's, and MissingParameter without a block.
    """
    vpc = existing(call, Vpc, req.vpc_id)
    if req.cidr_block is None:
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = block_of(req.cidr_block, "cidrBlock", "InvalidSubnet.Range")
    if not block.subnet_of(IPv4Network(vpc.cidr_block)):
        raise AwsError("InvalidSubnet.Range", f"The CIDR '{req.cidr_block}' is invalid.")
    siblings = [each for each in networks.of_kind(call.db, Subnet) if each.vpc_id == vpc.id]
    if any(block.overlaps(IPv4Network(each.cidr_block)) for each in siblings):
        raise AwsError("InvalidSubnet.Conflict", f"The CIDR '{req.cidr_block}' conflicts with another subnet")
    subnet = Subnet(id=fresh("subnet", call), vpc_id=vpc.id, cidr_block=str(block), zone=_zone(call, req))
    networks.save(call.db, subnet)
    network_acls.associate(call, subnet)
    tags.given(call, subnet.id, req.tag_specifications)
    return {"subnet": described(call, subnet)}


def _zone(call: Call, req: CreateSubnetInput) -> str:
    """Return the letter of the zone that is asked for by name or id, else the first."""
    names = {f"{call.region}{zone}": zone for zone in ZONES}
    ids = {zone_id(call.region, zone): zone for zone in ZONES}
    if req.availability_zone is not None and req.availability_zone not in names:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req.availability_zone}) for parameter availabilityZone is invalid. Subnets can currently only be "
            f"created in the following availability zones: {', '.join(names)}.",
        )
    if req.availability_zone_id is not None and req.availability_zone_id not in ids:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({req.availability_zone_id}) for parameter availabilityZoneId is invalid. Subnets can currently "
            f"only be created in the following availability zones: {', '.join(ids)}.",
        )
    return names.get(req.availability_zone or "") or ids.get(req.availability_zone_id or "") or ZONES[0]


@record
class DeleteSubnetInput:
    subnet_id: str


@operation("ec2", "DeleteSubnet")
def delete_subnet(call: Call, req: DeleteSubnetInput) -> None:
    """Delete a subnet and what associates it with tables and ACLs.

    Raises OperationNotPermitted for a default one, and DependencyViolation while a load balancer is in it.
    """
    subnet = existing(call, Subnet, req.subnet_id)
    if subnet.default_for_az:
        raise AwsError("OperationNotPermitted", "culm's simulated instances are in the default subnets: they stay")
    if any(subnet.id in each.subnets for each in load_balancers.list_all(call.db)):
        raise AwsError("DependencyViolation", DEPENDENCIES.format("subnet", subnet.id))
    for table in networks.of_kind(call.db, RouteTable):
        left = tuple(each for each in table.associations if each.subnet_id != subnet.id)
        networks.save(call.db, replace(table, associations=left))
    network_acls.dissociate(call, subnet)
    networks.delete(call.db, subnet.id)


@record
class DescribeSubnetsInput:
    subnet_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeSubnets")
def describe_subnets(call: Call, req: DescribeSubnetsInput) -> dict[str, Any]:
    known = {
        "subnet-id": member("subnet_id"),
        "subnet-arn": member("subnet_arn"),
        "vpc-id": member("vpc_id"),
        "cidr-block": member("cidr_block"),
        "cidr": member("cidr_block"),
        "cidrBlock": member("cidr_block"),
        "availability-zone": member("availability_zone"),
        "availabilityZone": member("availability_zone"),
        "availability-zone-id": member("availability_zone_id"),
        "availabilityZoneId": member("availability_zone_id"),
        "default-for-az": member("default_for_az"),
        "defaultForAz": member("default_for_az"),
        "map-public-ip-on-launch": member("map_public_ip_on_launch"),
        "owner-id": member("owner_id"),
        "state": member("state"),
    }
    return {"subnets": chosen(views(call, Subnet, req.subnet_ids, described), req.filters, known)}


def described(call: Call, subnet: Subnet) -> Seen:
    """Return a subnet as it is described; five of its addresses are AWS's own."""
    return {
        "subnet_id": subnet.id,
        "subnet_arn": arn("ec2", call.region, call.account, f"subnet/{subnet.id}"),
        "vpc_id": subnet.vpc_id,
        "owner_id": call.account,
        "cidr_block": subnet.cidr_block,
        "ipv6_cidr_block_association_set": [],
        "available_ip_address_count": IPv4Network(subnet.cidr_block).num_addresses - RESERVED_ADDRESSES,
        "availability_zone": f"{call.region}{subnet.zone}",
        "availability_zone_id": zone_id(call.region, subnet.zone),
        "default_for_az": subnet.default_for_az,
        "map_public_ip_on_launch": subnet.map_public_ip_on_launch,
        "map_customer_owned_ip_on_launch": False,
        "assign_ipv6_address_on_creation": False,
        "enable_dns64": False,
        "ipv6_native": False,
        "private_dns_name_options_on_launch": {
            "hostname_type": subnet.hostname_type,
            "enable_resource_name_dns_a_record": subnet.dns_a_record,
            "enable_resource_name_dns_aaaa_record": False,
        },
        "state": "available",
        "tags": tags.shown(call, subnet.id),
    }


@record
class ModifySubnetAttributeInput:
    subnet_id: str
    map_public_ip_on_launch: Stored[BooleanValue | None] = None
    private_dns_hostname_type_on_launch: Stored[Literal["ip-name", "resource-name"] | None] = None
    enable_resource_name_dns_a_record_on_launch: Stored[BooleanValue | None] = None


@operation("ec2", "ModifySubnetAttribute")
def modify_subnet_attribute(call: Call, req: ModifySubnetAttributeInput) -> None:
    """Set those attributes that are given."""
    subnet = existing(call, Subnet, req.subnet_id)
    if req.map_public_ip_on_launch:
        subnet = replace(subnet, map_public_ip_on_launch=req.map_public_ip_on_launch.value)
    if req.private_dns_hostname_type_on_launch:
        subnet = replace(subnet, hostname_type=req.private_dns_hostname_type_on_launch)
    if req.enable_resource_name_dns_a_record_on_launch:
        subnet = replace(subnet, dns_a_record=req.enable_resource_name_dns_a_record_on_launch.value)
    networks.save(call.db, subnet)
