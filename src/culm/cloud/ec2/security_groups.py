"""Security groups: AWS's rules about them hold, but on one machine's loopback they guard nothing."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Literal

from culm.cloud.ec2.filters import Filter, Seen, chosen, member, named
from culm.cloud.ec2.network import VPC_ID
from culm.errors import AwsError
from culm.model.arn import arn
from culm.model.record import record
from culm.store import ec2
from culm.store.ec2 import GroupBody, Rule, SecurityGroup
from culm.wire.operations import Call, operation


@record
class Tag:
    key: str
    value: str = ""


@record
class TagSpecification:
    resource_type: Literal["security-group"]
    tags: tuple[Tag, ...] = ()


@record
class CreateSecurityGroupInput:
    group_name: str
    description: str
    vpc_id: str = VPC_ID
    tag_specifications: tuple[TagSpecification, ...] = ()


@operation("ec2", "CreateSecurityGroup")
def create_security_group(call: Call, req: CreateSecurityGroupInput) -> dict[str, Any]:
    """A new group lets everything out, as AWS's do."""
    if req.vpc_id != VPC_ID:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{req.vpc_id}' does not exist")
    if any(group.group_name == req.group_name for group in ec2.list_all(call.db)):
        message = f"The security group '{req.group_name}' already exists for VPC '{VPC_ID}'"
        raise AwsError("InvalidGroup.Duplicate", message)
    everything = Rule(rule_id=fresh("sgr", call), egress=True, protocol="-1", cidr="0.0.0.0/0")
    tags = {tag.key: tag.value for specification in req.tag_specifications for tag in specification.tags}
    body = GroupBody(description=req.description, rules=(everything,), tags=tags)
    group = SecurityGroup(group_id=fresh("sg", call), group_name=req.group_name, body=body)
    ec2.save(call.db, group)
    return {"group_id": group.group_id, "tags": shown_tags(group), "security_group_arn": group_arn(call, group)}


def fresh(kind: str, call: Call) -> str:
    return f"{kind}-{call.new_id()[:17]}"


@record
class DeleteSecurityGroupInput:
    group_id: str | None = None
    group_name: str | None = None


@operation("ec2", "DeleteSecurityGroup")
def delete_security_group(call: Call, req: DeleteSecurityGroupInput) -> dict[str, Any]:
    group = group_named(call, req.group_id, req.group_name)
    if group.group_name == "default":
        raise AwsError("CannotDelete", f'the specified group: "{group.group_id}" name: "default" cannot be deleted')
    for other in ec2.list_all(call.db):
        if other.group_id != group.group_id and any(rule.group_id == group.group_id for rule in other.body.rules):
            raise AwsError("DependencyViolation", f"resource {group.group_id} has a dependent object")
    ec2.delete(call.db, group.group_id)
    return {"return": True, "group_id": group.group_id}


def group_named(call: Call, group_id: str | None, group_name: str | None) -> SecurityGroup:
    if group_id is None and group_name is None:
        raise AwsError("MissingParameter", "The request must contain the parameter groupId")
    for group in ec2.list_all(call.db):
        if group.group_id == group_id or (group_id is None and group.group_name == group_name):
            return group
    raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id or group_name}' does not exist")


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
    seen: Sequence[Seen] = [described(call, group) for group in ec2.list_all(call.db)]
    seen = named(seen, "group_id", req.group_ids, "InvalidGroup.NotFound", "security group")
    seen = named(seen, "group_name", req.group_names, "InvalidGroup.NotFound", "security group")
    return {"security_groups": chosen(seen, req.filters, known)}


def described(call: Call, group: SecurityGroup) -> Seen:
    return {
        "group_id": group.group_id,
        "group_name": group.group_name,
        "description": group.body.description,
        "vpc_id": VPC_ID,
        "owner_id": call.account,
        "security_group_arn": group_arn(call, group),
        "ip_permissions": permissions(call, (rule for rule in group.body.rules if not rule.egress)),
        "ip_permissions_egress": permissions(call, (rule for rule in group.body.rules if rule.egress)),
        "tags": shown_tags(group),
    }


def group_arn(call: Call, group: SecurityGroup) -> str:
    return arn("ec2", call.region, call.account, f"security-group/{group.group_id}")


def shown_tags(group: SecurityGroup) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in group.body.tags.items()]


def permissions(call: Call, rules: Iterable[Rule]) -> list[dict[str, Any]]:
    """Rules as AWS describes them: those of one protocol and port range together."""

    def span(rule: Rule) -> tuple[str, int, int]:
        return rule.protocol, -1 if rule.from_port is None else rule.from_port, rule.to_port or -1

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


@record
class IpRange:
    cidr_ip: str
    description: str | None = None


@record
class Ipv6Range:
    cidr_ipv6: str
    description: str | None = None


@record
class UserIdGroupPair:
    group_id: str
    user_id: str | None = None
    description: str | None = None


@record
class IpPermission:
    ip_protocol: str
    from_port: int | None = None
    to_port: int | None = None
    ip_ranges: tuple[IpRange, ...] = ()
    ipv6_ranges: tuple[Ipv6Range, ...] = ()
    user_id_group_pairs: tuple[UserIdGroupPair, ...] = ()


@record
class PermissionsInput:
    ip_permissions: tuple[IpPermission, ...]
    group_id: str | None = None
    group_name: str | None = None


@operation("ec2", "AuthorizeSecurityGroupIngress")
def authorize_ingress(call: Call, req: PermissionsInput) -> dict[str, Any]:
    return authorize(call, req, egress=False)


@operation("ec2", "AuthorizeSecurityGroupEgress")
def authorize_egress(call: Call, req: PermissionsInput) -> dict[str, Any]:
    return authorize(call, req, egress=True)


@operation("ec2", "RevokeSecurityGroupIngress")
def revoke_ingress(call: Call, req: PermissionsInput) -> dict[str, Any]:
    return revoke(call, req, egress=False)


@operation("ec2", "RevokeSecurityGroupEgress")
def revoke_egress(call: Call, req: PermissionsInput) -> dict[str, Any]:
    return revoke(call, req, egress=True)


def authorize(call: Call, req: PermissionsInput, *, egress: bool) -> dict[str, Any]:
    group = group_named(call, req.group_id, req.group_name)
    wanted = rules_of(call, req.ip_permissions, egress=egress)
    there = {rule.identity for rule in group.body.rules}
    if any(rule.identity in there for rule in wanted):
        raise AwsError("InvalidPermission.Duplicate", "the specified rule already exists")
    ec2.save(call.db, replace(group, body=replace(group.body, rules=(*group.body.rules, *wanted))))
    return {
        "return": True,
        "security_group_rules": [
            {
                "security_group_rule_id": rule.rule_id,
                "group_id": group.group_id,
                "group_owner_id": call.account,
                "is_egress": egress,
                "ip_protocol": rule.protocol,
                "from_port": rule.from_port,
                "to_port": rule.to_port,
                "cidr_ipv4": rule.cidr,
                "cidr_ipv6": rule.cidr_v6,
                "referenced_group_info": {"group_id": rule.group_id} if rule.group_id else None,
                "description": rule.description,
            }
            for rule in wanted
        ],
    }


def revoke(call: Call, req: PermissionsInput, *, egress: bool) -> dict[str, Any]:
    group = group_named(call, req.group_id, req.group_name)
    unwanted = {rule.identity for rule in rules_of(call, req.ip_permissions, egress=egress)}
    if not unwanted <= {rule.identity for rule in group.body.rules}:
        raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    left = tuple(rule for rule in group.body.rules if rule.identity not in unwanted)
    ec2.save(call.db, replace(group, body=replace(group.body, rules=left)))
    return {"return": True}


def rules_of(call: Call, asked: Iterable[IpPermission], *, egress: bool) -> list[Rule]:
    """One rule for each source of each permission."""
    rules = []
    for one in asked:
        for source in sources(call, one):
            rules.append(
                Rule(
                    rule_id=fresh("sgr", call),
                    egress=egress,
                    protocol=one.ip_protocol,
                    from_port=one.from_port,
                    to_port=one.to_port,
                    **source,
                )
            )
    return rules


def sources(call: Call, asked: IpPermission) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    found += [{"cidr": one.cidr_ip, "description": one.description} for one in asked.ip_ranges]
    found += [{"cidr_v6": one.cidr_ipv6, "description": one.description} for one in asked.ipv6_ranges]
    for pair in asked.user_id_group_pairs:
        if pair.user_id not in (None, call.account):
            raise AwsError("InvalidGroup.NotFound", f"The account '{pair.user_id}' has no groups here")
        other = group_named(call, pair.group_id, None)
        found.append({"group_id": other.group_id, "description": pair.description})
    return found
