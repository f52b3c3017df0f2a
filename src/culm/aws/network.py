"""The network: public subnets in two zones. Instances have public addresses: no NAT gateway is paid for. Pure."""

from typing import Any

from culm.aws.document import Ref, Resources, Section, resource, tags
from culm.core.model.record import record
from culm.project.project import TargetSettings

CIDR = "10.99.0.0/24"
PUBLIC = ("10.99.0.0/26", "10.99.0.64/26")
PRIVATE = ("10.99.0.128/26", "10.99.0.192/26")
"""For databases alone: they have no way out."""


@record
class Network:
    """Where the rest of the stack stands."""

    vpc: Any
    public: Any
    private: Any
    section: Section | None
    parameters: Resources
    routed: str | None = None
    """What instances have to wait for; None: it is there already."""


def network(name: str, settings: TargetSettings, *, databases: bool) -> Network:
    """Return where the stack is: a VPC of its own, the account's default one, or the one that is named."""
    if settings.vpc is None:
        return own(name, databases=databases)
    if settings.vpc == "default":
        parameters = {
            "Vpc": {"Type": "AWS::EC2::VPC::Id", "Description": "The account's default VPC"},
            "Subnets": {
                "Type": "List<AWS::EC2::Subnet::Id>",
                "Description": "Two of its subnets: the load balancer pays for an address in each zone that it is in",
            },
        }
        subnets: Any = Ref("Subnets")
        return Network(vpc=Ref("Vpc"), public=subnets, private=subnets, section=None, parameters=parameters)
    subnets = list(settings.subnets)
    return Network(vpc=settings.vpc, public=subnets, private=subnets, section=None, parameters={})


def own(name: str, *, databases: bool) -> Network:
    """Return a VPC with two public subnets; with private ones for databases, which have no way out."""
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
            {"CidrBlock": CIDR, "EnableDnsSupport": True, "EnableDnsHostnames": True, "Tags": tags(Name=name)},
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
    for number, block, zone in zip(("One", "Two"), PUBLIC, zones, strict=True):
        resources[f"Subnet{number}"] = subnet(block, zone, f"{name} public")
        resources[f"RoutesOfSubnet{number}"] = resource(
            "EC2::SubnetRouteTableAssociation",
            {"SubnetId": Ref(f"Subnet{number}"), "RouteTableId": Ref("Routes")},
        )
    if databases:
        for number, block, zone in zip(("One", "Two"), PRIVATE, zones, strict=True):
            resources[f"DatabaseSubnet{number}"] = subnet(block, zone, f"{name} databases")
    return Network(
        vpc=Ref("Network"),
        public=[Ref("SubnetOne"), Ref("SubnetTwo")],
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
    """Who needs a public address asks for it: see the launch templates."""
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
