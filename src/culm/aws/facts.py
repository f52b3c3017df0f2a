"""What the template leaves open: looked up when a stack is made, and kept as it was from then on."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from culm.aws import instances
from culm.errors import CulmError
from culm.plan.observed import Described
from culm.project.project import TargetSettings
from culm.target.connection import Target

IMAGE_PARAMETERS = ("Image", "ImageArm64")
NETWORKS = {"ZoneOne", "ZoneTwo", "Vpc", "Subnets"}
"""Parameters that say where a stack stands."""


def parameter_values(
    target: Target,
    settings: TargetSettings,
    parameters: Mapping[str, Any],
    stack: Described | None,
    *,
    renew_image: bool = False,
) -> dict[str, str]:
    """Return a value for each of the template's parameters.

    What a stack has stays: networks are not moved, and instances keep their AMI until `culm aws refresh`. Raises
    CulmError where culm.yml asks for another network than the stack's.
    """
    had = in_force(stack)
    defaults = {name: body["Default"] for name, body in parameters.items() if "Default" in body}
    image = instances.image_parameter(settings)
    kept_image = None if renew_image else had.get(image)
    chosen = defaults | {image: kept_image or newest_image(target, settings)}
    network = set(parameters) - set(chosen)
    made = any(name in had for name in IMAGE_PARAMETERS)  # one that is only in review has no values yet
    if made and network != NETWORKS & set(had):
        raise CulmError(
            f"targets.{settings.name}: the stack has another network than culm.yml says, and a network is not moved",
            "culm aws destroy, then culm aws bootstrap: the vault and the images stay",
        )
    if network <= set(had):
        return chosen | {name: had[name] for name in sorted(network)}
    if "ZoneOne" in network:
        first, second = zones(target, settings)[:2]
        return chosen | {"ZoneOne": first, "ZoneTwo": second}
    vpc, subnets = default_network(target, settings)
    return chosen | {"Vpc": vpc, "Subnets": ",".join(subnets)}


def in_force(stack: Described | None) -> dict[str, str]:
    """Return the values that a stack's parameters have, those that were looked up in SSM as they were then."""
    return {p["ParameterKey"]: p.get("ResolvedValue", p["ParameterValue"]) for p in (stack or {}).get("Parameters", ())}


def newest_image(target: Target, settings: TargetSettings) -> str:
    """Return the id of Amazon's current ECS image for the fleet's architecture, in the target's region."""
    path = instances.IMAGES[instances.architecture(settings)]
    return str(target.client("ssm").get_parameter(Name=path)["Parameter"]["Value"])


def zones(target: Target, settings: TargetSettings) -> list[str]:
    """Return at least two zones, by name, that have every instance type of the fleet. Raises CulmError.

    Local Zones (`us-east-1-bos-1a`) are listed, too, and are not meant.
    """
    ec2 = target.client("ec2")
    kinds = {group.instance_type for group in settings.instances}
    filters = [{"Name": "instance-type", "Values": sorted(kinds)}]
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=filters
    )
    offered: dict[str, set[str]] = {}
    for offering in (o for page in pages for o in page["InstanceTypeOfferings"]):
        offered.setdefault(offering["Location"], set()).add(offering["InstanceType"])
    ordinary = re.compile(re.escape(target.region) + "[a-z]")
    fitting = sorted(zone for zone, has in offered.items() if has == kinds and ordinary.fullmatch(zone))
    if len(fitting) < 2:
        listed = ", ".join(sorted(kinds))
        raise CulmError(
            f"{target.region} has no two zones with {listed}; a load balancer stands in two",
            "another type of instances, or another region",
        )
    return fitting


def default_network(target: Target, settings: TargetSettings) -> tuple[str, list[str]]:
    """Return the default VPC and a subnet of it in each of two zones. Raises CulmError without one."""
    ec2 = target.client("ec2")
    filters = [{"Name": "default-for-az", "Values": ["true"]}]
    by_zone = {s["AvailabilityZone"]: s for s in ec2.describe_subnets(Filters=filters)["Subnets"]}
    usable = [by_zone[zone] for zone in zones(target, settings) if zone in by_zone]
    if len(usable) < 2:
        raise CulmError(
            f"account {target.account} has no default subnets in two zones of {target.region}",
            "aws ec2 create-default-vpc, or leave out `vpc: default`: the stack then makes a network of its own",
        )
    return str(usable[0]["VpcId"]), [subnet["SubnetId"] for subnet in usable[:2]]


def check_network(target: Target, settings: TargetSettings) -> None:
    """Check culm.yml's own subnets before anything is made. Raises CulmError when they do not fit."""
    if not settings.subnets:
        return
    reached = zones_of(target, settings, "subnets", settings.subnets)
    if not settings.private_subnets:
        return
    inside = zones_of(target, settings, "private-subnets", settings.private_subnets)
    if left := sorted(inside - reached):
        raise CulmError(
            f"targets.{settings.name}.private-subnets: {', '.join(left)} has none of `subnets`; a load balancer sends "
            "nothing into a zone that it is not in",
            "a subnet of that zone in `subnets`, or private subnets of other zones",
        )
    check_way_out(target, settings)


def zones_of(target: Target, settings: TargetSettings, key: str, ids: Sequence[str]) -> set[str]:
    """Return the zones of subnets. Raises CulmError where one is in another network, or all are in one zone."""
    subnets = target.client("ec2").describe_subnets(SubnetIds=list(ids))["Subnets"]
    where = f"targets.{settings.name}.{key}"
    for subnet in subnets:
        if subnet["VpcId"] != settings.vpc:
            raise CulmError(
                f"{where}: {subnet['SubnetId']} is in {subnet['VpcId']}, not in {settings.vpc}",
                f"take subnets of {settings.vpc}, or set vpc: {subnet['VpcId']}",
            )
    zones = {subnet["AvailabilityZone"] for subnet in subnets}
    if len(zones) < 2:
        raise CulmError(
            f"{where}: all are in {subnets[0]['AvailabilityZone']}",
            "add a subnet of another zone: a load balancer stands in two",
        )
    return zones


ENDPOINTS = ("ecs", "ecs-agent", "ecs-telemetry", "ecr.api", "ecr.dkr", "logs", "s3")
"""What instances and their tasks call, each of which takes an endpoint where there is no NAT.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html"""


def check_way_out(target: Target, settings: TargetSettings) -> None:
    """Check that instances in private subnets can reach ECS. Raises CulmError with what is missing.

    An instance that cannot never joins, and says nothing.
    """
    ec2 = target.client("ec2")
    of_vpc = [{"Name": "vpc-id", "Values": [str(settings.vpc)]}]
    tables = ec2.describe_route_tables(Filters=of_vpc)["RouteTables"]
    endpoints = ec2.describe_vpc_endpoints(Filters=of_vpc)["VpcEndpoints"]
    there = {each["ServiceName"].partition(f"{target.region}.")[2] for each in endpoints}
    missing = [name for name in ENDPOINTS if name not in there]
    for subnet in settings.private_subnets:
        gateway = default_gateway(tables, subnet)
        if gateway.startswith("igw-"):
            raise CulmError(
                f"targets.{settings.name}.private-subnets: {subnet} leads out by {gateway}, which takes public "
                "addresses, and instances there have none",
                "a subnet whose default route is a NAT; or leave private-subnets out",
            )
        if not gateway and missing:
            raise CulmError(
                f"targets.{settings.name}.private-subnets: {subnet} has no way out: no default route to a NAT, and no "
                f"endpoints for {', '.join(missing)}",
                "a NAT gateway in its route table, or these endpoints in its VPC",
            )


def default_gateway(tables: Sequence[Described], subnet: str) -> str:
    """Return the id of what a subnet's default route leads to, by its own table or the main one; empty without."""
    own = [t for t in tables if any(a.get("SubnetId") == subnet for a in t.get("Associations", ()))]
    main = [t for t in tables if any(a.get("Main") for a in t.get("Associations", ()))]
    for route in (own or main or [{"Routes": ()}])[0]["Routes"]:
        if route.get("DestinationCidrBlock") == "0.0.0.0/0":
            ids = ("NatGatewayId", "GatewayId", "TransitGatewayId", "NetworkInterfaceId", "InstanceId")
            return next((str(route[key]) for key in ids if route.get(key)), "")
    return ""
