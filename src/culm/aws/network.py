"""The network: public subnets in two zones. Instances have public addresses: no NAT gateway is paid for. Pure.

In a network of the team's own, instances may be in private subnets instead, which have a NAT or endpoints of theirs.
"""

import ipaddress
from typing import Any

from culm.aws.document import Ref, Resources, Section, resource, tags
from culm.core.model.record import record
from culm.project.project import TargetSettings

CIDR = "10.99.0.0/24"


@record
class Network:
    """Where the rest of the stack stands."""

    vpc: Any
    public: Any
    """Subnets of the load balancer."""
    instances: Any
    """Subnets of instances."""
    private: Any
    """Subnets of databases."""
    section: Section | None
    parameters: Resources
    routed: str | None = None
    """What instances have to wait for; None: it is there already."""


def network(name: str, settings: TargetSettings, *, databases: bool) -> Network:
    """Return where the stack is: a VPC of its own, the account's default one, or the one that is named."""
    if settings.vpc is None:
        return own(name, settings.cidr or CIDR, databases=databases)
    if settings.vpc == "default":
        parameters = {
            "Vpc": {"Type": "AWS::EC2::VPC::Id", "Description": "The account's default VPC"},
            "Subnets": {
                "Type": "List<AWS::EC2::Subnet::Id>",
                "Description": "Two of its subnets: the load balancer pays for an address in each zone that it is in",
            },
        }
        subnets: Any = Ref("Subnets")
        return Network(
            vpc=Ref("Vpc"),
            public=subnets,
            instances=subnets,
            private=subnets,
            section=None,
            parameters=parameters,
        )
    inside = list(settings.private_subnets or settings.subnets)
    return Network(
        vpc=settings.vpc,
        public=list(settings.subnets),
        instances=inside,
        private=inside,
        section=None,
        parameters={},
    )


def own(name: str, cidr: str, *, databases: bool) -> Network:
    """Return a VPC with two public subnets; with private ones for databases, which have no way out.

    Each has a quarter of the block `cidr`.
    """
    quarters = [str(block) for block in ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=2)]
    zones = ("ZoneOne", "ZoneTwo")
    parameters = {
        zone: {
            "Type": "AWS::EC2::AvailabilityZone::Name",
            "Description": "Has the instance types of culm.yml; it stays as it was first chosen",
        }
        for zone in zones
    }
    resources: Resources = {
        "Network": resource(
            "EC2::VPC",
            {"CidrBlock": cidr, "EnableDnsSupport": True, "EnableDnsHostnames": True, "Tags": tags(Name=name)},
        ),
        "Gateway": resource("EC2::InternetGateway", {"Tags": tags(Name=name)}),
        "GatewayOfNetwork": resource(
            "EC2::VPCGatewayAttachment", {"VpcId": Ref("Network"), "InternetGatewayId": Ref("Gateway")}
        ),
        "Routes": resource("EC2::RouteTable", {"VpcId": Ref("Network"), "Tags": tags(Name=name)}),
        "RouteOut": resource(
            "EC2::Route",
            {
                "RouteTableId": Ref("Routes"),
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": Ref("Gateway"),
            },
            DependsOn="GatewayOfNetwork",
        ),
    }
    for number, block, zone in zip(("One", "Two"), quarters[:2], zones, strict=True):
        resources[f"Subnet{number}"] = subnet(block, zone, f"{name} public")
        resources[f"RoutesOfSubnet{number}"] = resource(
            "EC2::SubnetRouteTableAssociation",
            {"SubnetId": Ref(f"Subnet{number}"), "RouteTableId": Ref("Routes")},
        )
    if databases:
        for number, block, zone in zip(("One", "Two"), quarters[2:], zones, strict=True):
            resources[f"DatabaseSubnet{number}"] = subnet(block, zone, f"{name} databases")
    return Network(
        vpc=Ref("Network"),
        public=[Ref("SubnetOne"), Ref("SubnetTwo")],
        instances=[Ref("SubnetOne"), Ref("SubnetTwo")],
        private=[Ref("DatabaseSubnetOne"), Ref("DatabaseSubnetTwo")],
        section=Section(
            title="Network: two public subnets in two zones. There is no NAT gateway: instances have public\n"
            "addresses, and their security group lets nobody in but the load balancer.",
            resources=resources,
        ),
        parameters=parameters,
        routed="RouteOut",
    )


def subnet(block: str, zone: str, name: str) -> dict[str, Any]:
    """Return a subnet that gives no public addresses: who needs one asks for it, see the launch templates."""
    return resource(
        "EC2::Subnet",
        {
            "VpcId": Ref("Network"),
            "CidrBlock": block,
            "AvailabilityZone": Ref(zone),
            "MapPublicIpOnLaunch": False,
            "Tags": tags(Name=name),
        },
    )
