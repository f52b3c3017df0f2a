"""Network ACLs: kept and described back; they keep nothing out.

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkAcl.html
"""

from dataclasses import replace
from typing import Any, Literal

from culm.cluster.services.ec2 import tags
from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member, of_each
from culm.cluster.services.ec2.references import DEPENDENCIES, cidr, existing, fresh, views
from culm.cluster.services.ec2.tags import TagSpecification
from culm.cluster.store.ec2 import networks
from culm.cluster.wire.operations import Call, operation
from culm.core.model.network import AclAssociation, AclEntry, NetworkAcl, Subnet, Vpc
from culm.core.model.record import record
from culm.errors import AwsError

LAST = 32767
EVERYTHING = "0.0.0.0/0"


@record
class CreateNetworkAclInput:
    vpc_id: str
    tag_specifications: tuple[TagSpecification, ...] = ()
    client_token: str | None = None
    """Once more, it means the ACL that was made with it."""


@operation("ec2", "CreateNetworkAcl")
def create_network_acl(call: Call, req: CreateNetworkAclInput) -> dict[str, Any]:
    """Create a network ACL; a new one denies everything."""
    vpc = existing(call, Vpc, req.vpc_id)
    made = (a for a in networks.of_kind(call.db, NetworkAcl) if req.client_token and a.client_token == req.client_token)
    acl = next(made, None)
    if acl is None:
        acl = NetworkAcl(id=fresh("acl", call), vpc_id=vpc.id, entries=_deny(), client_token=req.client_token)
        networks.save(call.db, acl)
        tags.given(call, acl.id, req.tag_specifications)
    return {"network_acl": described(call, acl), "client_token": acl.client_token}


def make_default(call: Call, vpc_id: str) -> None:
    """Make the ACL that a VPC is born with, which lets everything through."""
    allow = tuple(_entry(100, egress, "allow") for egress in (True, False))
    networks.save(
        call.db, NetworkAcl(id=fresh("acl", call), vpc_id=vpc_id, is_default=True, entries=(*allow, *_deny()))
    )


def _deny() -> tuple[AclEntry, ...]:
    return tuple(_entry(LAST, egress, "deny") for egress in (True, False))


def _entry(number: int, egress: bool, action: Literal["allow", "deny"]) -> AclEntry:
    return AclEntry(number=number, egress=egress, protocol="-1", action=action, cidr=EVERYTHING)


def associate(call: Call, subnet: Subnet) -> None:
    """Give a new subnet its VPC's default ACL."""
    for acl in networks.of_kind(call.db, NetworkAcl):
        if acl.vpc_id == subnet.vpc_id and acl.is_default:
            made = AclAssociation(id=fresh("aclassoc", call), subnet_id=subnet.id)
            networks.save(call.db, replace(acl, associations=(*acl.associations, made)))


def dissociate(call: Call, subnet: Subnet) -> None:
    """Take a subnet that goes off its ACL."""
    for acl in networks.of_kind(call.db, NetworkAcl):
        left = tuple(each for each in acl.associations if each.subnet_id != subnet.id)
        networks.save(call.db, replace(acl, associations=left))


@record
class DeleteNetworkAclInput:
    network_acl_id: str


@operation("ec2", "DeleteNetworkAcl")
def delete_network_acl(call: Call, req: DeleteNetworkAclInput) -> None:
    """Delete a network ACL.

    Raises InvalidParameterValue for a VPC's default one, and DependencyViolation while a subnet has it.
    """
    acl = existing(call, NetworkAcl, req.network_acl_id)
    if acl.is_default:
        raise AwsError("InvalidParameterValue", f"cannot delete default network ACL {acl.id}")
    if acl.associations:
        raise AwsError("DependencyViolation", DEPENDENCIES.format("network ACL", acl.id))
    networks.delete(call.db, acl.id)


@record
class EntryInput:
    network_acl_id: str
    rule_number: int
    protocol: str
    rule_action: Literal["allow", "deny"]
    egress: bool
    cidr_block: str | None = None
    ipv6_cidr_block: str | None = None
    port_range: dict[str, int] | None = None
    icmp_type_code: dict[str, int] | None = None


@operation("ec2", "CreateNetworkAclEntry")
def create_network_acl_entry(call: Call, req: EntryInput) -> None:
    """Add an entry. Raises NetworkAclEntryAlreadyExists when its number is taken in this direction."""
    acl = existing(call, NetworkAcl, req.network_acl_id)
    if _find(acl, req.rule_number, req.egress):
        message = f"The network acl entry identified by {req.rule_number} already exists."
        raise AwsError("NetworkAclEntryAlreadyExists", message)
    networks.save(call.db, replace(acl, entries=(*acl.entries, _asked(req))))


@operation("ec2", "ReplaceNetworkAclEntry")
def replace_network_acl_entry(call: Call, req: EntryInput) -> None:
    """Replace the entry of this number and direction. Raises InvalidNetworkAclEntry.NotFound."""
    acl = existing(call, NetworkAcl, req.network_acl_id)
    left = _without(acl, req.rule_number, req.egress)
    networks.save(call.db, replace(acl, entries=(*left, _asked(req))))


@record
class DeleteNetworkAclEntryInput:
    network_acl_id: str
    rule_number: int
    egress: bool


@operation("ec2", "DeleteNetworkAclEntry")
def delete_network_acl_entry(call: Call, req: DeleteNetworkAclEntryInput) -> None:
    """Delete the entry of this number and direction. Raises InvalidNetworkAclEntry.NotFound."""
    acl = existing(call, NetworkAcl, req.network_acl_id)
    networks.save(call.db, replace(acl, entries=_without(acl, req.rule_number, req.egress)))


def _asked(req: EntryInput) -> AclEntry:
    if not 1 <= req.rule_number < LAST:
        message = f"Value ({req.rule_number}) for parameter ruleNumber is invalid. It is from 1 to {LAST - 1}."
        raise AwsError("InvalidParameterValue", message)
    if (req.cidr_block is None) == (req.ipv6_cidr_block is None):
        raise AwsError("MissingParameter", "The request must contain exactly one of cidrBlock and ipv6CidrBlock.")
    ports, icmp = req.port_range or {}, req.icmp_type_code or {}
    return AclEntry(
        number=req.rule_number,
        egress=req.egress,
        protocol=req.protocol,
        action=req.rule_action,
        cidr=str(cidr(req.cidr_block, "cidrBlock")) if req.cidr_block else None,
        cidr_v6=req.ipv6_cidr_block,
        from_port=ports.get("from"),
        to_port=ports.get("to"),
        icmp_code=icmp.get("code"),
        icmp_type=icmp.get("type"),
    )


def _find(acl: NetworkAcl, number: int, egress: bool) -> AclEntry | None:
    return next((each for each in acl.entries if (each.number, each.egress) == (number, egress)), None)


def _without(acl: NetworkAcl, number: int, egress: bool) -> tuple[AclEntry, ...]:
    entry = _find(acl, number, egress)
    if entry is None or number == LAST:
        side = "egress" if egress else "ingress"
        message = f"There is no {side} rule {number} in network ACL {acl.id} that can be changed."
        raise AwsError("InvalidNetworkAclEntry.NotFound", message)
    return tuple(each for each in acl.entries if each != entry)


@record
class ReplaceNetworkAclAssociationInput:
    association_id: str
    network_acl_id: str


@operation("ec2", "ReplaceNetworkAclAssociation")
def replace_network_acl_association(call: Call, req: ReplaceNetworkAclAssociationInput) -> dict[str, Any]:
    """Give a subnet, which always has an ACL, another one; the association gets another id."""
    existing(call, NetworkAcl, req.network_acl_id)
    for before in networks.of_kind(call.db, NetworkAcl):
        for association in before.associations:
            if association.id == req.association_id:
                left = tuple(each for each in before.associations if each != association)
                networks.save(call.db, replace(before, associations=left))
                after = existing(call, NetworkAcl, req.network_acl_id)
                made = replace(association, id=fresh("aclassoc", call))
                networks.save(call.db, replace(after, associations=(*after.associations, made)))
                return {"new_association_id": made.id}
    message = f"The association ID '{req.association_id}' does not exist"
    raise AwsError("InvalidAssociationID.NotFound", message)


@record
class DescribeNetworkAclsInput:
    network_acl_ids: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeNetworkAcls")
def describe_network_acls(call: Call, req: DescribeNetworkAclsInput) -> dict[str, Any]:
    known = {
        "network-acl-id": member("network_acl_id"),
        "vpc-id": member("vpc_id"),
        "owner-id": member("owner_id"),
        "default": member("is_default"),
        "association.association-id": of_each("associations", "network_acl_association_id"),
        "association.network-acl-id": of_each("associations", "network_acl_id"),
        "association.subnet-id": of_each("associations", "subnet_id"),
        "entry.cidr": of_each("entries", "cidr_block"),
        "entry.egress": of_each("entries", "egress"),
        "entry.protocol": of_each("entries", "protocol"),
        "entry.rule-action": of_each("entries", "rule_action"),
        "entry.rule-number": of_each("entries", "rule_number"),
    }
    return {"network_acls": chosen(views(call, NetworkAcl, req.network_acl_ids, described), req.filters, known)}


def described(call: Call, acl: NetworkAcl) -> Seen:
    return {
        "network_acl_id": acl.id,
        "vpc_id": acl.vpc_id,
        "owner_id": call.account,
        "is_default": acl.is_default,
        "associations": [
            {"network_acl_association_id": each.id, "network_acl_id": acl.id, "subnet_id": each.subnet_id}
            for each in acl.associations
        ],
        "entries": [
            {
                "rule_number": entry.number,
                "egress": entry.egress,
                "protocol": entry.protocol,
                "rule_action": entry.action,
                "cidr_block": entry.cidr,
                "ipv6_cidr_block": entry.cidr_v6,
                "port_range": None if entry.from_port is None else {"from": entry.from_port, "to": entry.to_port},
                "icmp_type_code": None
                if entry.icmp_type is None
                else {"type": entry.icmp_type, "code": entry.icmp_code},
            }
            for entry in sorted(acl.entries, key=lambda entry: (not entry.egress, entry.number))
        ],
        "tags": tags.shown(call, acl.id),
    }
