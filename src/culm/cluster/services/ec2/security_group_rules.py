"""What a security group lets in and out: authorize, revoke, describe.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, named
from culm.cluster.services.ec2.references import fresh
from culm.cluster.services.ec2.security_groups import group_named
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import security_groups as groups
from culm.cluster.store.ec2.security_groups import Rule, SecurityGroup
from culm.cluster.wire.operations import Call, operation
from culm.core.model.arn import arn
from culm.core.model.record import Stored, record
from culm.errors import AwsError


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
    group_id: str | None = None
    group_name: str | None = None
    """Of a group of the default VPC."""
    vpc_id: Stored[str | None] = None
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
    """What to let through: in full, or one source in the older, short way."""

    group_id: str | None = None
    group_name: str | None = None
    ip_permissions: tuple[IpPermission, ...] = ()
    cidr_ip: str | None = None
    ip_protocol: str | None = None
    from_port: int | None = None
    to_port: int | None = None

    @property
    def permissions(self) -> tuple[IpPermission, ...]:
        """The permissions that are asked for, in the long form also where the short one was sent."""
        if self.cidr_ip is None:
            return self.ip_permissions
        short = IpPermission(
            ip_protocol=self.ip_protocol or "-1",
            from_port=self.from_port,
            to_port=self.to_port,
            ip_ranges=(IpRange(cidr_ip=self.cidr_ip),),
        )
        return (*self.ip_permissions, short)


@record
class AuthorizeInput(PermissionsInput):
    tag_specifications: tuple[TagSpecification, ...] = ()


@record
class RevokeInput(PermissionsInput):
    security_group_rule_ids: tuple[str, ...] = ()


@operation("ec2", "AuthorizeSecurityGroupIngress")
def authorize_ingress(call: Call, req: AuthorizeInput) -> dict[str, Any]:
    """Allow what comes in; see `authorize`."""
    return authorize(call, req, egress=False)


@operation("ec2", "AuthorizeSecurityGroupEgress")
def authorize_egress(call: Call, req: AuthorizeInput) -> dict[str, Any]:
    """Allow what goes out; see `authorize`."""
    return authorize(call, req, egress=True)


@operation("ec2", "RevokeSecurityGroupIngress")
def revoke_ingress(call: Call, req: RevokeInput) -> dict[str, Any]:
    """Take permissions for what comes in away; see `revoke`."""
    return revoke(call, req, egress=False)


@operation("ec2", "RevokeSecurityGroupEgress")
def revoke_egress(call: Call, req: RevokeInput) -> dict[str, Any]:
    """Take permissions for what goes out away; see `revoke`."""
    return revoke(call, req, egress=True)


def authorize(call: Call, req: AuthorizeInput, *, egress: bool) -> dict[str, Any]:
    """Add rules to a group, all or none. Raises InvalidPermission.Duplicate for one that it has."""
    group = group_named(call, req.group_id, req.group_name)
    wanted = rules_of(call, req.permissions, egress=egress)
    there = {rule.identity for rule in group.body.rules}
    for rule in wanted:
        if rule.identity in there:
            peer = rule.cidr or rule.cidr_v6 or rule.group_id
            raise AwsError(
                "InvalidPermission.Duplicate",
                f'the specified rule "peer: {peer}, {_named(rule)}, ALLOW" already exists',
            )
    groups.save(call.db, replace(group, body=replace(group.body, rules=(*group.body.rules, *wanted))))
    for rule in wanted:
        tags.given(call, rule.rule_id, req.tag_specifications)
    return {"return": True, "security_group_rules": [described(call, group, rule) for rule in wanted]}


def _named(rule: Rule) -> str:
    """`TCP, from port: 80, to port: 80`."""
    if rule.protocol == "-1":
        return "ALL"
    return f"{rule.protocol.upper()}, from port: {rule.from_port}, to port: {rule.to_port}"


def revoke(call: Call, req: RevokeInput, *, egress: bool) -> dict[str, Any]:
    """Take rules away, by id or by what they are. Raises EC2's errors for one that there is not."""
    group = group_named(call, req.group_id, req.group_name)
    unwanted = {rule.identity for rule in rules_of(call, req.permissions, egress=egress)}
    own = {rule.rule_id: rule for rule in group.body.rules if rule.egress == egress}
    for rule_id in req.security_group_rule_ids:
        if rule_id not in own:
            raise AwsError(
                "InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist"
            )
        unwanted.add(own[rule_id].identity)
    if not unwanted <= {rule.identity for rule in group.body.rules}:
        raise AwsError("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
    gone = [rule for rule in group.body.rules if rule.identity in unwanted]
    left = tuple(rule for rule in group.body.rules if rule.identity not in unwanted)
    groups.save(call.db, replace(group, body=replace(group.body, rules=left)))
    for rule in gone:
        tags.forget(call, rule.rule_id)
    return {"return": True}


@record
class DescribeSecurityGroupRulesInput:
    security_group_rule_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeSecurityGroupRules")
def describe_security_group_rules(call: Call, req: DescribeSecurityGroupRulesInput) -> dict[str, Any]:
    """Return rules, one for each source or destination.

    Raises InvalidSecurityGroupRuleId.NotFound for an unknown id.
    """
    known = {"group-id": member("group_id"), "security-group-rule-id": member("security_group_rule_id")}
    items = [described(call, group, rule) for group in groups.list_all(call.db) for rule in group.body.rules]
    code, noun = "InvalidSecurityGroupRuleId.NotFound", "security group rule ID"
    matching = named(items, "security_group_rule_id", req.security_group_rule_ids, code, noun)
    return {"security_group_rules": chosen(matching, req.filters, known)}


@record
class RuleRequest:
    """A rule as it shall be; of the three sources exactly one."""

    ip_protocol: str
    from_port: int | None = None
    to_port: int | None = None
    cidr_ipv4: str | None = None
    cidr_ipv6: str | None = None
    referenced_group_id: str | None = None
    description: str | None = None


@record
class RuleUpdate:
    security_group_rule_id: str
    security_group_rule: RuleRequest


@record
class ModifySecurityGroupRulesInput:
    group_id: str
    security_group_rules: tuple[RuleUpdate, ...]


@operation("ec2", "ModifySecurityGroupRules")
def modify_security_group_rules(call: Call, req: ModifySecurityGroupRulesInput) -> dict[str, Any]:
    """Replace rules of one group by id.

    Raises InvalidSecurityGroupRuleId.NotFound for an id of another group, and InvalidParameterValue for a rule without
    exactly one source.
    """
    group = group_named(call, req.group_id, None)
    rules = {rule.rule_id: rule for rule in group.body.rules}
    for update in req.security_group_rules:
        id, wished = update.security_group_rule_id, update.security_group_rule
        if id not in rules:
            raise AwsError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{id}' does not exist")
        sources = [wished.cidr_ipv4, wished.cidr_ipv6, wished.referenced_group_id]
        if sum(source is not None for source in sources) != 1:
            raise AwsError("InvalidParameterValue", "A security group rule has exactly one source or destination.")
        if wished.referenced_group_id is not None:
            group_named(call, wished.referenced_group_id, None)
        rules[id] = Rule(
            rule_id=id,
            egress=rules[id].egress,
            **traffic(wished.ip_protocol, wished.from_port, wished.to_port),
            cidr=wished.cidr_ipv4,
            cidr_v6=wished.cidr_ipv6,
            group_id=wished.referenced_group_id,
            description=wished.description,
        )
    groups.save(call.db, replace(group, body=replace(group.body, rules=tuple(rules.values()))))
    return {"return": True}


def described(call: Call, group: SecurityGroup, rule: Rule) -> Seen:
    """Return one rule as DescribeSecurityGroupRules has it; -1 stands for all ports."""
    return {
        "security_group_rule_id": rule.rule_id,
        "security_group_rule_arn": arn("ec2", call.region, call.account, f"security-group-rule/{rule.rule_id}"),
        "group_id": group.group_id,
        "group_owner_id": call.account,
        "is_egress": rule.egress,
        "ip_protocol": rule.protocol,
        "from_port": -1 if rule.from_port is None else rule.from_port,
        "to_port": -1 if rule.to_port is None else rule.to_port,
        "cidr_ipv4": rule.cidr,
        "cidr_ipv6": rule.cidr_v6,
        "referenced_group_info": {"group_id": rule.group_id, "user_id": call.account} if rule.group_id else None,
        "description": rule.description,
        "tags": tags.shown(call, rule.rule_id),
    }


PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
"""Numbers of protocols that have a name."""
WITH_PORTS = ("tcp", "udp", "icmp", "icmpv6")
"""For all other protocols ports mean nothing, whatever is asked for."""


def traffic(protocol: str, from_port: int | None, to_port: int | None) -> dict[str, Any]:
    """Return the protocol and ports of a rule, as EC2 describes it.

    Raises InvalidParameterValue for TCP or UDP without ports.
    """
    name = PROTOCOLS.get(protocol.lower(), protocol.lower())
    if name in ("tcp", "udp") and (from_port is None or to_port is None):
        raise AwsError(
            "InvalidParameterValue",
            "Invalid value for portRange. Must specify both from and to ports with TCP/UDP.",
        )
    if name not in WITH_PORTS:
        from_port = to_port = None
    return {"protocol": name, "from_port": from_port, "to_port": to_port}


def rules_of(call: Call, asked: Iterable[IpPermission], *, egress: bool) -> list[Rule]:
    """Return one rule for each source of each permission."""
    rules = []
    for permission in asked:
        for source in sources(call, permission):
            rules.append(
                Rule(
                    rule_id=fresh("sgr", call),
                    egress=egress,
                    **traffic(permission.ip_protocol, permission.from_port, permission.to_port),
                    **source,
                )
            )
    return rules


def sources(call: Call, asked: IpPermission) -> list[dict[str, Any]]:
    """Return the sources or destinations of a permission, a rule for each. Raises InvalidGroup.NotFound."""
    sources: list[dict[str, Any]] = []
    sources += [{"cidr": each.cidr_ip, "description": each.description} for each in asked.ip_ranges]
    sources += [{"cidr_v6": each.cidr_ipv6, "description": each.description} for each in asked.ipv6_ranges]
    for pair in asked.user_id_group_pairs:
        if pair.user_id not in (None, call.account):
            raise AwsError("InvalidGroup.NotFound", f"The account '{pair.user_id}' has no groups here")
        other = group_named(call, pair.group_id, pair.group_name)
        sources.append({"group_id": other.group_id, "description": pair.description})
    return sources
