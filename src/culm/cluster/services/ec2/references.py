"""Fresh ids, address blocks, and from ids to what they name, or EC2's own errors."""

import ipaddress

from culm.cluster.store.ec2 import networks
from culm.cluster.wire.operations import Call
from culm.core.model.network import InternetGateway, NetworkAcl, RouteTable, Subnet, Vpc
from culm.errors import AwsError

DEPENDENCIES = "The {} '{}' has dependencies and cannot be deleted."
PREFIXES = range(16, 29)
"""How long the prefix of a VPC's or a subnet's block may be."""


def fresh(kind: str, call: Call) -> str:
    return f"{kind}-{call.new_id()[:17]}"


def vpc_named(call: Call, id: str) -> Vpc:
    found = networks.find(call.db, Vpc, id)
    if found is None:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{id}' does not exist")
    return found


def subnet_named(call: Call, id: str) -> Subnet:
    found = networks.find(call.db, Subnet, id)
    if found is None:
        raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{id}' does not exist")
    return found


def gateway_named(call: Call, id: str) -> InternetGateway:
    found = networks.find(call.db, InternetGateway, id)
    if found is None:
        raise AwsError("InvalidInternetGatewayID.NotFound", f"The internetGateway ID '{id}' does not exist")
    return found


def table_named(call: Call, id: str) -> RouteTable:
    found = networks.find(call.db, RouteTable, id)
    if found is None:
        raise AwsError("InvalidRouteTableID.NotFound", f"The routeTable ID '{id}' does not exist")
    return found


def acl_named(call: Call, id: str) -> NetworkAcl:
    found = networks.find(call.db, NetworkAcl, id)
    if found is None:
        raise AwsError("InvalidNetworkAclID.NotFound", f"The networkAcl ID '{id}' does not exist")
    return found


def block_of(text: str, member: str, out_of_range: str) -> ipaddress.IPv4Network:
    """The block that `text` is; AWS drops the bits behind the prefix."""
    block = cidr(text, member)
    if block.prefixlen not in PREFIXES:
        raise AwsError(out_of_range, f"The CIDR '{text}' is invalid.")
    return block


def cidr(text: str, member: str) -> ipaddress.IPv4Network:
    try:
        if "/" not in text:
            raise ValueError(text)
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {member} is invalid. This is not a valid CIDR block.",
        ) from None
