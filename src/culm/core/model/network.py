"""VPCs, subnets, gateways, routes and network ACLs, in the words of the EC2 API.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/OperationList-query-vpc.html
"""

from typing import Literal

from culm.core.model.record import record


@record
class Vpc:
    id: str
    cidr_block: str
    instance_tenancy: Literal["default", "dedicated"] = "default"
    is_default: bool = False
    dns_support: bool = True
    dns_hostnames: bool = False
    network_address_usage_metrics: bool = False


@record
class Subnet:
    id: str
    vpc_id: str
    cidr_block: str
    zone: str
    """The letter behind the region's name."""
    default_for_az: bool = False
    map_public_ip_on_launch: bool = False
    hostname_type: Literal["ip-name", "resource-name"] = "ip-name"
    dns_a_record: bool = False
    """Whether a name that is made of an instance's id answers."""


@record
class InternetGateway:
    id: str
    vpc_id: str | None = None
    """None: it is attached nowhere."""


@record
class Route:
    destination: str
    """An IPv4 CIDR block."""
    gateway_id: str
    """`local`, or an internet gateway's id."""


@record
class Association:
    id: str
    subnet_id: str | None = None
    """None: the table is its VPC's main one."""


@record
class RouteTable:
    id: str
    vpc_id: str
    routes: tuple[Route, ...] = ()
    """Besides the local one."""
    associations: tuple[Association, ...] = ()
    client_token: str | None = None

    @property
    def main(self) -> bool:
        return any(association.subnet_id is None for association in self.associations)


@record
class AclEntry:
    """One rule of a network ACL; number 32767 denies what no other rule covers."""

    number: int
    egress: bool
    protocol: str
    """A number; `-1` for all."""
    action: Literal["allow", "deny"]
    cidr: str | None = None
    cidr_v6: str | None = None
    from_port: int | None = None
    to_port: int | None = None
    icmp_code: int | None = None
    icmp_type: int | None = None


@record
class AclAssociation:
    id: str
    subnet_id: str


@record
class NetworkAcl:
    id: str
    vpc_id: str
    is_default: bool = False
    entries: tuple[AclEntry, ...] = ()
    associations: tuple[AclAssociation, ...] = ()
    client_token: str | None = None
