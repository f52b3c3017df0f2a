"""Tags of EC2's resources, whatever they are.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html
"""

from collections.abc import Collection, Mapping
from typing import Any

from culm.cluster.services.ec2.filters import Filter, Seen, chosen, member
from culm.cluster.services.ec2.references import MISSING
from culm.cluster.store.ec2 import launch_templates, networks, security_groups, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.model.network import InternetGateway, NetworkAcl, RouteTable, Subnet, Vpc
from culm.core.model.record import record
from culm.errors import AwsError

TAGS_PER_RESOURCE = 50

KINDS = {
    "acl": "network-acl",
    "igw": "internet-gateway",
    "lt": "launch-template",
    "rtb": "route-table",
    "sg": "security-group",
    "sgr": "security-group-rule",
    "subnet": "subnet",
    "vpc": "vpc",
}
"""What an id begins with, and what the API calls such a resource."""

NETWORKS: Mapping[str, type[Vpc | Subnet | InternetGateway | RouteTable | NetworkAcl]] = {
    "acl": NetworkAcl,
    "igw": InternetGateway,
    "rtb": RouteTable,
    "subnet": Subnet,
    "vpc": Vpc,
}


@record
class Tag:
    key: str
    value: str = ""


@record
class TagSpecification:
    resource_type: str
    tags: tuple[Tag, ...] = ()


@record
class CreateTagsInput:
    resources: tuple[str, ...]
    tags: tuple[Tag, ...]


@operation("ec2", "CreateTags")
def create_tags(call: Call, req: CreateTagsInput) -> None:
    """Add tags to resources; a key that is there gets the new value.

    Raises the error of its kind for an id that there is not.
    """
    for resource in req.resources:
        check(call, resource)
        put(call, resource, req.tags)


@record
class UnwantedTag:
    key: str
    value: str | None = None
    """Given, only a tag with this value goes."""


@record
class DeleteTagsInput:
    resources: tuple[str, ...]
    tags: tuple[UnwantedTag, ...] = ()
    """None: all."""


@operation("ec2", "DeleteTags")
def delete_tags(call: Call, req: DeleteTagsInput) -> None:
    """Take tags from resources: those that are named, or all of them if none is.

    A tag with a value goes only if that is its present one.
    """
    for resource in req.resources:
        check(call, resource)
        there = tags.find(call.db, resource)
        named = {tag.key for tag in req.tags if tag.value in (None, there.get(tag.key))}
        tags.remove(call.db, resource, named if req.tags else there)


@record
class DescribeTagsInput:
    filters: tuple[Filter, ...] = ()


@operation("ec2", "DescribeTags")
def describe_tags(call: Call, req: DescribeTagsInput) -> dict[str, Any]:
    items: list[Seen] = [
        {"resource_id": id, "resource_type": KINDS[id.partition("-")[0]], "key": key, "value": value}
        for id, key, value in tags.list_all(call.db)
    ]
    known = {
        "resource-id": member("resource_id"),
        "resource-type": member("resource_type"),
        "key": member("key"),
        "value": member("value"),
    }
    return {"tags": chosen(items, req.filters, known)}


def given(call: Call, resource: str, specifications: Collection[TagSpecification]) -> None:
    """Tag what has just been made."""
    kind = KINDS[resource.partition("-")[0]]
    for specification in specifications:
        if specification.resource_type != kind:
            raise AwsError(
                "InvalidParameterValue",
                f"'{specification.resource_type}' is not a valid taggable resource type for this operation.",
            )
        put(call, resource, specification.tags)


def put(call: Call, resource: str, wished: Collection[Tag]) -> None:
    """Set tags of a resource; others stay. Raises InvalidParameterValue and TagLimitExceeded."""
    if reserved := next((tag.key for tag in wished if tag.key.startswith("aws:")), None):
        message = f"Tag keys starting with 'aws:' are reserved for internal use: {reserved}"
        raise AwsError("InvalidParameterValue", message)
    pairs = {tag.key: tag.value for tag in wished}
    if len(tags.find(call.db, resource) | pairs) > TAGS_PER_RESOURCE:
        raise AwsError(
            "TagLimitExceeded", f"The maximum number of Tags for a resource, {TAGS_PER_RESOURCE}, is reached"
        )
    tags.put(call.db, resource, pairs)


def forget(call: Call, resource: str) -> None:
    """Delete all tags of a resource that is deleted."""
    tags.forget(call.db, resource)


def shown(call: Call, resource: str) -> list[dict[str, str]]:
    """Return the tags of a resource, as they are described."""
    return [{"key": key, "value": value} for key, value in tags.find(call.db, resource).items()]


def check(call: Call, resource: str) -> None:
    """Raise EC2's error where there is no such resource."""
    match resource.partition("-")[0]:
        case "sg":
            exists, code = security_groups.find(call.db, resource) is not None, "InvalidGroup.NotFound"
        case "sgr":
            rules = (rule.rule_id for group in security_groups.list_all(call.db) for rule in group.body.rules)
            exists, code = resource in rules, "InvalidSecurityGroupRuleId.NotFound"
        case "lt":
            exists, code = launch_templates.find(call.db, id=resource) is not None, "InvalidLaunchTemplateId.NotFound"
        case prefix if prefix in NETWORKS:
            exists, (code, _) = networks.exists(call.db, resource), MISSING[NETWORKS[prefix]]
        case _:
            exists, code = False, "InvalidID"
    if not exists:
        raise AwsError(code, f"The ID '{resource}' does not exist")
