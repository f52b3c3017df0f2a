"""Fresh ids, address blocks, and from ids to what they name, or EC2's own errors."""

import ipaddress
from collections.abc import Callable, Collection

from culm.cluster.services.ec2.filters import Seen
from culm.cluster.store.ec2 import networks
from culm.cluster.store.ec2.networks import Network
from culm.cluster.wire.operations import Call
from culm.core.model.network import InternetGateway, NetworkAcl, RouteTable, Subnet, Vpc
from culm.errors import AwsError

DEPENDENCIES = "The {} '{}' has dependencies and cannot be deleted."
MISSING = {
    Vpc: ("InvalidVpcID.NotFound", "vpc"),
    Subnet: ("InvalidSubnetID.NotFound", "subnet"),
    InternetGateway: ("InvalidInternetGatewayID.NotFound", "internetGateway"),
    RouteTable: ("InvalidRouteTableID.NotFound", "routeTable"),
    NetworkAcl: ("InvalidNetworkAclID.NotFound", "networkAcl"),
}
"""By kind: the code of the error that says that there is none, and EC2's noun for it."""
PREFIXES = range(16, 29)
"""How long the prefix of a VPC's or a subnet's block may be."""


def fresh(kind: str, call: Call) -> str:
    """Return a new id of this kind, such as `vpc-0f0e...`."""
    return f"{kind}-{call.new_id()[:17]}"


def existing(call: Call, kind: type[Network], id: str) -> Network:
    """Return the resource of this kind with this id. Raises EC2's error of that kind where there is none."""
    resource = networks.find(call.db, kind, id)
    if resource is None:
        code, noun = MISSING[kind]
        raise AwsError(code, f"The {noun} ID '{id}' does not exist")
    return resource


def views(call: Call, kind: type[Network], ids: Collection[str], view: Callable[[Call, Network], Seen]) -> list[Seen]:
    """Describe the resources of this kind with these ids, all if none are given.

    Raises EC2's error of that kind for an id that there is not.
    """
    resources = networks.of_kind(call.db, kind)
    for id in sorted(set(ids) - {each.id for each in resources}):
        existing(call, kind, id)
    return [view(call, each) for each in resources if not ids or each.id in ids]


def block_of(text: str, member: str, out_of_range: str) -> ipaddress.IPv4Network:
    """Return the block that `text` is; AWS drops the bits behind the prefix."""
    block = cidr(text, member)
    if block.prefixlen not in PREFIXES:
        raise AwsError(out_of_range, f"The CIDR '{text}' is invalid.")
    return block


def cidr(text: str, member: str) -> ipaddress.IPv4Network:
    """Return the IPv4 block that `text` is, of a request's member. Raises InvalidParameterValue."""
    try:
        if "/" not in text:
            raise ValueError(text)
        return ipaddress.IPv4Network(text, strict=False)
    except ValueError:
        raise AwsError(
            "InvalidParameterValue",
            f"Value ({text}) for parameter {member} is invalid. This is not a valid CIDR block.",
        ) from None
