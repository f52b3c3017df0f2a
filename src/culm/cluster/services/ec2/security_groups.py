"""Security groups: AWS's rules about them hold, but on one machine's loopback they guard nothing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Property, Seen, chosen, member, named
from culm.cluster.services.ec2.network import VPC_ID
from culm.cluster.services.ec2.references import existing, fresh
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import security_groups as groups
from culm.cluster.store.ec2.security_groups import GroupBody, Rule, SecurityGroup
from culm.cluster.store.elbv2 import load_balancers
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.network import Vpc
from culm.core.model.record import record
from culm.errors import AwsError


@record
class CreateSecurityGroupInput:
    group_name: str
    description: str
    vpc_id: str = VPC_ID
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateSecurityGroup")
def create_security_group(call: Call, req: CreateSecurityGroupInput) -> dict[str, Any]:
    """Create a security group; a new one lets everything out, as AWS's do."""
    vpc = existing(call, Vpc, req.vpc_id)
    if req.group_name.startswith("sg-"):
        message = f"Invalid value '{req.group_name}' for groupName. Group names may not be in the format sg-*"
        raise AwsError("InvalidParameterValue", message)
    if any(group.group_name == req.group_name for group in groups.of_vpc(call.db, vpc.id)):
        message = f"The security group '{req.group_name}' already exists for VPC '{vpc.id}'"
        raise AwsError("InvalidGroup.Duplicate", message)
    body = GroupBody(description=req.description, rules=(everything_out(call),))
    group = SecurityGroup(group_id=fresh("sg", call), vpc_id=vpc.id, group_name=req.group_name, body=body)
    groups.save(call.db, group)
    tags.given(call, group.group_id, req.tag_specifications)
    return {
        "group_id": group.group_id,
        "tags": tags.shown(call, group.group_id),
        "security_group_arn": group_arn(call, group),
    }


def make_default(call: Call, vpc_id: str) -> None:
    """Make the group that a VPC is born with: its members reach each other."""
    group_id = fresh("sg", call)
    among = Rule(rule_id=fresh("sgr", call), egress=False, protocol="-1", group_id=group_id)
    body = GroupBody(description="default VPC security group", rules=(everything_out(call), among))
    groups.save(call.db, SecurityGroup(group_id=group_id, vpc_id=vpc_id, group_name="default", body=body))


def everything_out(call: Call) -> Rule:
    """Return the rule that every new group has: everything may go out."""
    return Rule(rule_id=fresh("sgr", call), egress=True, protocol="-1", cidr="0.0.0.0/0")


@record
class DeleteSecurityGroupInput:
    group_id: str | None = None
    group_name: str | None = None


@operation("ec2", "DeleteSecurityGroup")
def delete_security_group(call: Call, req: DeleteSecurityGroupInput) -> dict[str, Any]:
    """Delete a group.

    Raises CannotDelete for a default one, and DependencyViolation while a rule of another group or a load balancer
    names it.
    """
    group = group_named(call, req.group_id, req.group_name)
    if group.group_name == "default":
        raise AwsError("CannotDelete", f'the specified group: "{group.group_id}" name: "default" cannot be deleted')
    named_by_rules = any(
        rule.group_id == group.group_id
        for other in groups.list_all(call.db)
        if other.group_id != group.group_id
        for rule in other.body.rules
    )
    if named_by_rules or any(group.group_id in each.security_groups for each in load_balancers.list_all(call.db)):
        raise AwsError("DependencyViolation", f"resource {group.group_id} has a dependent object")
    for rule in group.body.rules:
        tags.forget(call, rule.rule_id)
    groups.delete(call.db, group.group_id)
    return {"return": True, "group_id": group.group_id}


def group_named(call: Call, group_id: str | None, group_name: str | None) -> SecurityGroup:
    """Return a group by id, or by name in the default VPC."""
    if group_id is None and group_name is None:
        raise AwsError("MissingParameter", "The request must contain the parameter groupName or groupId")
    if group_id is not None:
        by_id = groups.find(call.db, group_id)
        if by_id is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return by_id
    for group in groups.of_vpc(call.db, VPC_ID):
        if group.group_name == group_name:
            return group
    message = f"The security group '{group_name}' does not exist in default VPC '{VPC_ID}'"
    raise AwsError("InvalidGroup.NotFound", message)


@record
class DescribeSecurityGroupsInput:
    group_ids: tuple[str, ...] = ()
    group_names: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeSecurityGroups")
def describe_security_groups(call: Call, req: DescribeSecurityGroupsInput) -> dict[str, Any]:
    known = {
        "group-id": member("group_id"),
        "group-name": member("group_name"),
        "description": member("description"),
        "vpc-id": member("vpc_id"),
        "owner-id": member("owner_id"),
    }
    known |= {f"ip-permission.{name}": _of("ip_permissions", name) for name in PERMISSION_FILTERS}
    known |= {f"egress.ip-permission.{name}": _of("ip_permissions_egress", name) for name in PERMISSION_FILTERS}
    items: Sequence[Seen] = [described(call, group) for group in groups.list_all(call.db)]
    items = named(items, "group_id", req.group_ids, "InvalidGroup.NotFound", "security group")
    if req.group_names:
        items = [each for each in items if each["vpc_id"] == VPC_ID]
        items = named(items, "group_name", req.group_names, "InvalidGroup.NotFound", "security group")
    return {"security_groups": chosen(items, req.filters, known)}


PERMISSION_FILTERS: Mapping[str, Callable[[Seen], list[str]]] = {
    "protocol": lambda permission: [permission["ip_protocol"]],
    "from-port": lambda permission: [str(permission["from_port"])],
    "to-port": lambda permission: [str(permission["to_port"])],
    "cidr": lambda permission: [each["cidr_ip"] for each in permission["ip_ranges"]],
    "ipv6-cidr": lambda permission: [each["cidr_ipv6"] for each in permission["ipv6_ranges"]],
    "group-id": lambda permission: [each["group_id"] for each in permission["user_id_group_pairs"]],
}


def _of(permissions: str, name: str) -> Property:
    return lambda item: [value for each in item[permissions] for value in PERMISSION_FILTERS[name](each)]


def described(call: Call, group: SecurityGroup) -> Seen:
    """Return a group with its rules folded into permissions, as DescribeSecurityGroups has it."""
    return {
        "group_id": group.group_id,
        "group_name": group.group_name,
        "description": group.body.description,
        "vpc_id": group.vpc_id,
        "owner_id": call.account,
        "security_group_arn": group_arn(call, group),
        "ip_permissions": permissions(call, (rule for rule in group.body.rules if not rule.egress)),
        "ip_permissions_egress": permissions(call, (rule for rule in group.body.rules if rule.egress)),
        "tags": tags.shown(call, group.group_id),
    }


def group_arn(call: Call, group: SecurityGroup) -> str:
    return arn("ec2", call.region, call.account, f"security-group/{group.group_id}")


def permissions(call: Call, rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Return rules as AWS describes them: those of one protocol and port range together."""

    def span(rule: Rule) -> tuple[str, int, int]:
        from_port, to_port = ((-2 if port is None else port) for port in (rule.from_port, rule.to_port))
        return rule.protocol, from_port, to_port  # ICMP has -1 for every type or code, and 0 for one

    return [
        {
            "ip_protocol": alike[0].protocol,
            "from_port": alike[0].from_port,
            "to_port": alike[0].to_port,
            "ip_ranges": [{"cidr_ip": r.cidr, "description": r.description} for r in alike if r.cidr],
            "ipv6_ranges": [{"cidr_ipv6": r.cidr_v6, "description": r.description} for r in alike if r.cidr_v6],
            "user_id_group_pairs": [
                {"group_id": r.group_id, "user_id": call.account, "description": r.description}
                for r in alike
                if r.group_id
            ],
            "prefix_list_ids": [],
        }
        for alike in (list(group) for _, group in groupby(sorted(rules, key=span), key=span))
    ]
