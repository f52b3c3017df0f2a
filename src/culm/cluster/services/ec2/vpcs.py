"""VPCs: the default one and those that are made.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ec2 import network_acls, route_tables, security_groups, tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member
from culm.cluster.services.ec2.references import DEPENDENCIES, block_of, existing, fresh, views
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import networks
from culm.cluster.store.ec2 import security_groups as groups
from culm.cluster.wire.operations import Call, operation
from culm.core.model.network import InternetGateway, NetworkAcl, RouteTable, Subnet, Vpc
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class CreateVpcInput:
    cidr_block: str | None = None
    instance_tenancy: Stored[Literal["default", "dedicated"]] = "default"
    amazon_provided_ipv6_cidr_block: Literal[False] = False
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateVpc")
def create_vpc(call: Call, req: CreateVpcInput) -> dict[str, Any]:
    """Create a VPC with a security group and a route table of its own, as AWS's."""
    if req.cidr_block is None:
        raise AwsError("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.")
    block = block_of(req.cidr_block, "cidrBlock", "InvalidVpc.Range")
    vpc = Vpc(id=fresh("vpc", call), cidr_block=str(block), instance_tenancy=req.instance_tenancy)
    networks.save(call.db, vpc)
    tags.given(call, vpc.id, req.tag_specifications)
    security_groups.make_default(call, vpc.id)
    route_tables.make_main(call, vpc.id)
    network_acls.make_default(call, vpc.id)
    return {"vpc": {**described(call, vpc), "state": "pending"}}


@record
class VpcInput:
    vpc_id: str


@operation("ec2", "DeleteVpc")
def delete_vpc(call: Call, req: VpcInput) -> None:
    """Delete a VPC with its default group, main table and default ACL.

    Raises OperationNotPermitted for the default VPC, and DependencyViolation while anything else is in it.
    """
    vpc = existing(call, Vpc, req.vpc_id)
    if vpc.is_default:
        raise AwsError("OperationNotPermitted", "culm's simulated instances are in the default VPC: it stays")
    own = [group for group in groups.of_vpc(call.db, vpc.id) if group.group_name == "default"]
    tables = [table for table in networks.of_kind(call.db, RouteTable) if table.vpc_id == vpc.id]
    acls = [acl for acl in networks.of_kind(call.db, NetworkAcl) if acl.vpc_id == vpc.id]
    inside = [
        *(subnet for subnet in networks.of_kind(call.db, Subnet) if subnet.vpc_id == vpc.id),
        *(gateway for gateway in networks.of_kind(call.db, InternetGateway) if gateway.vpc_id == vpc.id),
        *(table for table in tables if not table.main),
        *(acl for acl in acls if not acl.is_default),
        *(group for group in groups.of_vpc(call.db, vpc.id) if group not in own),
    ]
    if inside:
        raise AwsError("DependencyViolation", DEPENDENCIES.format("vpc", vpc.id))
    for id in (*(table.id for table in tables), *(acl.id for acl in acls)):
        networks.delete(call.db, id)
    for group in own:
        groups.delete(call.db, group.group_id)
    networks.delete(call.db, vpc.id)


@record
class DescribeVpcsInput:
    vpc_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeVpcs")
def describe_vpcs(call: Call, req: DescribeVpcsInput) -> dict[str, Any]:
    known = {
        "vpc-id": member("vpc_id"),
        "cidr": member("cidr_block"),
        "cidr-block-association.cidr-block": member("cidr_block"),
        "dhcp-options-id": member("dhcp_options_id"),
        "state": member("state"),
        "is-default": member("is_default"),
        "isDefault": member("is_default"),
        "owner-id": member("owner_id"),
    }
    return {"vpcs": chosen(views(call, Vpc, req.vpc_ids, described), req.filters, known)}


def described(call: Call, vpc: Vpc) -> Seen:
    """Return a VPC as it is described; it has one block."""
    association = {
        "association_id": vpc.id.replace("vpc", "vpc-cidr-assoc"),
        "cidr_block": vpc.cidr_block,
        "cidr_block_state": {"state": "associated"},
    }
    return {
        "vpc_id": vpc.id,
        "owner_id": call.account,
        "cidr_block": vpc.cidr_block,
        "cidr_block_association_set": [association],
        "ipv6_cidr_block_association_set": [],
        "state": "available",
        "is_default": vpc.is_default,
        "instance_tenancy": vpc.instance_tenancy,
        "dhcp_options_id": "dopt-00000000000000001",
        "tags": tags.shown(call, vpc.id),
    }


@record
class BooleanValue:
    value: bool = False


@record
class ModifyVpcAttributeInput:
    vpc_id: str
    enable_dns_support: Stored[BooleanValue | None] = None
    enable_dns_hostnames: Stored[BooleanValue | None] = None
    enable_network_address_usage_metrics: Stored[BooleanValue | None] = None


@operation("ec2", "ModifyVpcAttribute")
def modify_vpc_attribute(call: Call, req: ModifyVpcAttributeInput) -> None:
    """Set those attributes that are given."""
    vpc = existing(call, Vpc, req.vpc_id)
    if req.enable_dns_support:
        vpc = replace(vpc, dns_support=req.enable_dns_support.value)
    if req.enable_dns_hostnames:
        vpc = replace(vpc, dns_hostnames=req.enable_dns_hostnames.value)
    if req.enable_network_address_usage_metrics:
        vpc = replace(vpc, network_address_usage_metrics=req.enable_network_address_usage_metrics.value)
    networks.save(call.db, vpc)


@record
class DescribeVpcAttributeInput:
    vpc_id: str
    attribute: str


@operation("ec2", "DescribeVpcAttribute")
def describe_vpc_attribute(call: Call, req: DescribeVpcAttributeInput) -> dict[str, Any]:
    """Return one attribute of a VPC, as EC2 has it: each answer has its id and that attribute alone."""
    vpc = existing(call, Vpc, req.vpc_id)
    values = {
        "enableDnsSupport": ("enable_dns_support", vpc.dns_support),
        "enableDnsHostnames": ("enable_dns_hostnames", vpc.dns_hostnames),
        "enableNetworkAddressUsageMetrics": ("enable_network_address_usage_metrics", vpc.network_address_usage_metrics),
    }
    name, value = values[req.attribute]
    return {"vpc_id": vpc.id, name: {"value": value}}
