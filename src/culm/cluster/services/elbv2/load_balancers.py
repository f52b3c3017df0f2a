"""Load balancers.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.elbv2 import access_logs, attributes, names
from culm.cluster.services.elbv2.attributes import Attribute
from culm.cluster.services.elbv2.references import find_load_balancer, load_balancer_arn
from culm.cluster.services.elbv2.tags import Tag, put
from culm.cluster.store.ec2 import networks, security_groups
from culm.cluster.store.elbv2 import listeners, load_balancers, rules, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.load_balancers import INNER, LoadBalancer
from culm.core.model.network import Subnet
from culm.core.model.record import Stored, record
from culm.errors import AwsError

HOSTED_ZONE = "Z35SXDOTRQ7X7K"
"""us-east-1's. https://docs.aws.amazon.com/general/latest/gr/elb.html"""


@record
class SubnetMapping:
    subnet_id: str = ""


@record
class CreateLoadBalancerInput:
    name: str
    subnets: Stored[tuple[str, ...]] = ()
    subnet_mappings: Stored[tuple[SubnetMapping, ...]] = ()
    security_groups: Stored[tuple[str, ...]] = ()
    scheme: Stored[Literal["internet-facing", "internal"]] = "internet-facing"
    tags: Stored[tuple[Tag, ...]] = ()
    type: Literal["application"] = "application"
    ip_address_type: Literal["ipv4"] = "ipv4"


@operation("elbv2", "CreateLoadBalancer", wakes=True)
def create_load_balancer(call: Call, req: CreateLoadBalancerInput) -> dict[str, Any]:
    """Create a load balancer; one that is there with the same settings is the answer."""
    names.check_load_balancer(req.name)
    subnets = _subnets(call, req.subnets, req.subnet_mappings)
    wished = LoadBalancer(
        load_balancer_arn=load_balancer_arn(call, req.name),
        load_balancer_name=req.name,
        scheme=req.scheme,
        vpc_id=subnets[0].vpc_id,
        subnets=tuple(subnet.id for subnet in subnets),
        security_groups=_security_groups(call, req.security_groups, subnets[0].vpc_id),
        created_time=call.now,
    )
    there = load_balancers.find_by_name(call.db, req.name)
    if there is not None:
        same = replace(wished, load_balancer_arn=there.load_balancer_arn, created_time=there.created_time)
        if replace(there, attributes={}) != same:
            raise AwsError(
                "DuplicateLoadBalancerName",
                f"A load balancer with the same name '{req.name}' exists, but with different settings",
            )
        return {"load_balancers": _views(call, [there])}
    load_balancers.save(call.db, wished)
    put(call, wished.load_balancer_arn, req.tags)
    return {"load_balancers": _views(call, [wished])}


@record
class DescribeLoadBalancersInput:
    load_balancer_arns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@operation("elbv2", "DescribeLoadBalancers")
def describe_load_balancers(call: Call, req: DescribeLoadBalancersInput) -> dict[str, Any]:
    """Return load balancers by ARN, by name, or all. Raises ValidationError for both, and LoadBalancerNotFound."""
    if req.load_balancer_arns and req.names:
        raise AwsError("ValidationError", "Load balancer names and load balancer ARNs cannot be specified together")
    if req.load_balancer_arns:
        by_arn = [load_balancers.find(call.db, arn) for arn in dict.fromkeys(req.load_balancer_arns)]
        if None in by_arn:
            raise AwsError("LoadBalancerNotFound", "One or more load balancers not found")
        selected = [each for each in by_arn if each is not None]
    elif req.names:
        by_name = {name: load_balancers.find_by_name(call.db, name) for name in req.names}
        if missing := [name for name, each in by_name.items() if each is None]:
            raise AwsError("LoadBalancerNotFound", f"Load balancers '[{', '.join(missing)}]' not found")
        selected = [each for each in by_name.values() if each is not None]
    else:
        selected = [each for each in load_balancers.list_all(call.db) if not each.load_balancer_arn.startswith(INNER)]
    return {"load_balancers": _views(call, selected)}


@record
class DeleteLoadBalancerInput:
    load_balancer_arn: str


@operation("elbv2", "DeleteLoadBalancer", wakes=True)
def delete_load_balancer(call: Call, req: DeleteLoadBalancerInput) -> None:
    """Delete a load balancer with its listeners and rules.

    "If the load balancer does not exist, the call succeeds."
    """
    there = load_balancers.find(call.db, req.load_balancer_arn)
    if there is None:
        return
    if there.attributes.get("deletion_protection.enabled") == "true":
        raise AwsError(
            "OperationNotPermitted",
            f"Load balancer '{there.load_balancer_arn}' cannot be deleted because deletion protection is enabled",
        )
    for listener in listeners.of_load_balancer(call.db, there.load_balancer_arn):
        for rule in rules.of_listener(call.db, listener.listener_arn):
            tags.forget(call.db, rule.rule_arn)
        tags.forget(call.db, listener.listener_arn)
    tags.forget(call.db, there.load_balancer_arn)
    load_balancers.delete(call.db, there.load_balancer_arn)


@record
class DescribeLoadBalancerAttributesInput:
    load_balancer_arn: str


@operation("elbv2", "DescribeLoadBalancerAttributes")
def describe_load_balancer_attributes(call: Call, req: DescribeLoadBalancerAttributesInput) -> dict[str, Any]:
    there = find_load_balancer(call, req.load_balancer_arn)
    return {"attributes": attributes.described(attributes.LOAD_BALANCER, there.attributes)}


@record
class ModifyLoadBalancerAttributesInput:
    load_balancer_arn: str
    attributes: tuple[Attribute, ...]


@operation("elbv2", "ModifyLoadBalancerAttributes", wakes=True)
def modify_load_balancer_attributes(call: Call, req: ModifyLoadBalancerAttributesInput) -> dict[str, Any]:
    """Set those attributes that are given. Raises the error of a key or a value that a load balancer cannot have."""
    there = find_load_balancer(call, req.load_balancer_arn)
    merged = attributes.merged(attributes.LOAD_BALANCER, there.attributes, req.attributes, "Load balancer")
    access_logs.check(call, attributes.effective(attributes.LOAD_BALANCER, merged))
    load_balancers.save(call.db, replace(there, attributes=merged))
    return {"attributes": attributes.described(attributes.LOAD_BALANCER, merged)}


@record
class SetSecurityGroupsInput:
    load_balancer_arn: str
    security_groups: Stored[tuple[str, ...]]


@operation("elbv2", "SetSecurityGroups")
def set_security_groups(call: Call, req: SetSecurityGroupsInput) -> dict[str, Any]:
    """Replace a load balancer's security groups. Raises the error of one that is not of its VPC."""
    there = find_load_balancer(call, req.load_balancer_arn)
    groups = _security_groups(call, req.security_groups, there.vpc_id)
    load_balancers.save(call.db, replace(there, security_groups=groups))
    return {"security_group_ids": groups}


@record
class SetSubnetsInput:
    load_balancer_arn: str
    subnets: Stored[tuple[str, ...]] = ()
    subnet_mappings: Stored[tuple[SubnetMapping, ...]] = ()
    ip_address_type: Literal["ipv4"] = "ipv4"


@operation("elbv2", "SetSubnets")
def set_subnets(call: Call, req: SetSubnetsInput) -> dict[str, Any]:
    """Replace a load balancer's subnets. Raises InvalidConfigurationRequest for subnets of another VPC."""
    there = find_load_balancer(call, req.load_balancer_arn)
    subnets = _subnets(call, req.subnets, req.subnet_mappings)
    if subnets[0].vpc_id != there.vpc_id:
        raise AwsError("InvalidConfigurationRequest", f"All subnets must belong to the same VPC: '{there.vpc_id}'")
    changed = replace(there, subnets=tuple(subnet.id for subnet in subnets))
    load_balancers.save(call.db, changed)
    return {"availability_zones": _zones(changed, _zone_names(call)), "ip_address_type": "ipv4"}


@record
class SetIpAddressTypeInput:
    load_balancer_arn: str
    ip_address_type: Literal["ipv4"]


@operation("elbv2", "SetIpAddressType")
def set_ip_address_type(call: Call, req: SetIpAddressTypeInput) -> dict[str, Any]:
    """Keep ipv4, which is all that there is here."""
    find_load_balancer(call, req.load_balancer_arn)
    return {"ip_address_type": req.ip_address_type}


@record
class DescribeCapacityReservationInput:
    load_balancer_arn: str


@operation("elbv2", "DescribeCapacityReservation")
def describe_capacity_reservation(call: Call, req: DescribeCapacityReservationInput) -> dict[str, Any]:
    """Return none: a load balancer here has what the machine has."""
    find_load_balancer(call, req.load_balancer_arn)
    return {"capacity_reservation_state": []}


def _subnets(call: Call, subnets: tuple[str, ...], mappings: tuple[SubnetMapping, ...]) -> tuple[Subnet, ...]:
    """Of one VPC, each in a zone of its own."""
    if subnets and mappings:
        raise AwsError("ValidationError", "Subnets and subnet mappings cannot be specified together")
    wished = dict.fromkeys(subnets or (mapping.subnet_id for mapping in mappings))
    placed = []
    for id in wished:
        subnet = networks.find(call.db, Subnet, id)
        if subnet is None:
            raise AwsError("SubnetNotFound", f"The subnet ID '{id}' does not exist")
        placed.append(subnet)
    if len(placed) < 2:
        raise AwsError("ValidationError", "At least two subnets in two different Availability Zones must be specified")
    if len({subnet.vpc_id for subnet in placed}) > 1:
        raise AwsError("InvalidConfigurationRequest", f"All subnets must belong to the same VPC: '{placed[0].vpc_id}'")
    if len({subnet.zone for subnet in placed}) < len(placed):
        raise AwsError(
            "InvalidConfigurationRequest",
            "A load balancer cannot be attached to multiple subnets in the same Availability Zone",
        )
    return tuple(placed)


def _security_groups(call: Call, wished: tuple[str, ...], vpc_id: str) -> tuple[str, ...]:
    """Return those of the load balancer's VPC; its default group if none is given."""
    own = {group.group_id: group.group_name for group in security_groups.of_vpc(call.db, vpc_id)}
    for id in wished:
        if id not in own and security_groups.find(call.db, id) is not None:
            raise AwsError("InvalidConfigurationRequest", f"Security group '{id}' does not belong to VPC '{vpc_id}'")
        if id not in own:
            raise AwsError("InvalidSecurityGroup", f"Security group '{id}' does not exist in VPC '{vpc_id}'")
    return wished or tuple(id for id, name in own.items() if name == "default")


def _views(call: Call, selected: Sequence[LoadBalancer]) -> list[dict[str, Any]]:
    """As ELB describes them."""
    address, zones, problems = load_balancers.address(call.db), _zone_names(call), listeners.problems(call.db)
    return [_view(each, address, zones, problems.get(each.load_balancer_arn, ())) for each in selected]


def _view(
    load_balancer: LoadBalancer, address: str, zone_names: Mapping[str, str], problems: Sequence[str]
) -> dict[str, Any]:
    state = {"code": "active_impaired", "reason": "; ".join(problems)} if problems else {"code": "active"}
    return {
        "load_balancer_arn": load_balancer.load_balancer_arn,
        "load_balancer_name": load_balancer.load_balancer_name,
        "dns_name": address,
        "canonical_hosted_zone_id": HOSTED_ZONE,
        "created_time": load_balancer.created_time,
        "vpc_id": load_balancer.vpc_id,
        "scheme": load_balancer.scheme,
        "state": state,
        "type": "application",
        "availability_zones": _zones(load_balancer, zone_names),
        "security_groups": load_balancer.security_groups,
        "ip_address_type": "ipv4",
    }


def _zone_names(call: Call) -> dict[str, str]:
    """By subnet."""
    return {subnet.id: f"{call.region}{subnet.zone}" for subnet in networks.of_kind(call.db, Subnet)}


def _zones(load_balancer: LoadBalancer, zone_names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {"subnet_id": id, "zone_name": zone_names[id], "load_balancer_addresses": []} for id in load_balancer.subnets
    ]
