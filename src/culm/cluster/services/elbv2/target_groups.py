"""Target groups.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
"""

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import Any, Literal

from culm.cluster.services.elbv2 import attributes, names
from culm.cluster.services.elbv2.attributes import Attribute
from culm.cluster.services.elbv2.references import find_load_balancer, find_target_group, target_group_arn
from culm.cluster.services.elbv2.tags import Tag, put
from culm.cluster.store.ec2 import networks
from culm.cluster.store.elbv2 import tags, target_groups
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.target_health import grpc_matcher_problem, matcher_problem
from culm.core.model.load_balancers import (
    GRPC_CODE,
    GRPC_PATH,
    HTTP_CODE,
    INNER,
    HealthCheck,
    Matcher,
    ProtocolVersion,
    TargetGroup,
)
from culm.core.model.network import Vpc
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class CreateTargetGroupInput(HealthCheck):
    name: str
    protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    protocol_version: ProtocolVersion = "HTTP1"
    port: int | None = None
    vpc_id: str | None = None
    health_check_protocol: Literal["HTTP", "HTTPS"] = "HTTP"
    health_check_enabled: Literal[True] = True
    health_check_path: str = ""
    matcher: Matcher = Matcher()
    target_type: Literal["instance", "ip"] = "instance"
    tags: Stored[tuple[Tag, ...]] = ()
    ip_address_type: Literal["ipv4"] = "ipv4"


@operation("elbv2", "CreateTargetGroup")
def create_target_group(call: Call, req: CreateTargetGroupInput) -> dict[str, Any]:
    """Create a target group; one that is there with the same settings is the answer."""
    names.check_target_group(req.name)
    if req.port is None:
        raise AwsError("ValidationError", "A port must be specified")
    if req.vpc_id is None:
        raise AwsError("ValidationError", "A VPC ID must be specified")
    if networks.find(call.db, Vpc, req.vpc_id) is None:
        raise AwsError("ValidationError", f"The VPC ID '{req.vpc_id}' is not found")
    grpc = req.protocol_version == "GRPC"
    default = Matcher(grpc_code=GRPC_CODE) if grpc else Matcher(http_code=HTTP_CODE)
    wished = TargetGroup(
        target_group_arn=target_group_arn(call, req.name),
        target_group_name=req.name,
        protocol=req.protocol,
        health_check_protocol=req.health_check_protocol,
        protocol_version=req.protocol_version,
        port=req.port,
        vpc_id=req.vpc_id,
        target_type=req.target_type,
        health_check_port=req.health_check_port,
        health_check_path=req.health_check_path or (GRPC_PATH if grpc else "/"),
        health_check_interval_seconds=req.health_check_interval_seconds,
        health_check_timeout_seconds=req.health_check_timeout_seconds,
        healthy_threshold_count=req.healthy_threshold_count,
        unhealthy_threshold_count=req.unhealthy_threshold_count,
        matcher=req.matcher if req.matcher != Matcher() else default,
    )
    _check_health_check(wished)
    there = target_groups.find_by_name(call.db, req.name)
    if there is not None:
        if replace(there, attributes={}) != replace(wished, target_group_arn=there.target_group_arn):
            raise AwsError(
                "DuplicateTargetGroupName",
                f"A target group with the same name '{req.name}' exists, but with different settings",
            )
        return {"target_groups": [_view(call, there)]}
    target_groups.save(call.db, wished)
    put(call, wished.target_group_arn, req.tags)
    return {"target_groups": [_settings(wished)]}


@record
class ModifyTargetGroupInput:
    """What is left out stays."""

    target_group_arn: str
    health_check_protocol: Literal["HTTP", "HTTPS"] | None = None
    health_check_port: str | None = None
    health_check_path: str | None = None
    health_check_enabled: Literal[True] = True
    health_check_interval_seconds: int | None = None
    health_check_timeout_seconds: int | None = None
    healthy_threshold_count: int | None = None
    unhealthy_threshold_count: int | None = None
    matcher: Matcher | None = None


@operation("elbv2", "ModifyTargetGroup", wakes=True)
def modify_target_group(call: Call, req: ModifyTargetGroupInput) -> dict[str, Any]:
    """Change those parts of a target group's health check that are given. Raises what the health check raises."""
    given = {
        field.name: getattr(req, field.name)
        for field in fields(req)
        if field.name in TargetGroup.__dataclass_fields__ and getattr(req, field.name) is not None
    }
    group = replace(find_target_group(call, req.target_group_arn), **given)
    _check_health_check(group)
    target_groups.save(call.db, group)
    return {"target_groups": [_view(call, group)]}


@record
class DescribeTargetGroupsInput:
    load_balancer_arn: str = ""
    target_group_arns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


@operation("elbv2", "DescribeTargetGroups")
def describe_target_groups(call: Call, req: DescribeTargetGroupsInput) -> dict[str, Any]:
    """Return target groups by ARN, by name, of a load balancer, or all.

    Raises ValidationError for more than one of these, and TargetGroupNotFound.
    """
    if sum(map(bool, (req.load_balancer_arn, req.target_group_arns, req.names))) > 1:
        raise AwsError(
            "ValidationError",
            "Only one of load balancer ARN, target group ARNs and target group names can be specified",
        )
    if req.target_group_arns:
        selected = _all_there(target_groups.find(call.db, arn) for arn in dict.fromkeys(req.target_group_arns))
    elif req.names:
        selected = _all_there(target_groups.find_by_name(call.db, name) for name in dict.fromkeys(req.names))
    else:
        selected = [each for each in target_groups.list_all(call.db) if not each.target_group_arn.startswith(INNER)]
    if req.load_balancer_arn:
        arn = find_load_balancer(call, req.load_balancer_arn).load_balancer_arn
        selected = [g for g in selected if arn in target_groups.load_balancer_arns(call.db, g.target_group_arn)]
    return {"target_groups": [_view(call, group) for group in selected]}


def _all_there(looked_up: Iterable[TargetGroup | None]) -> list[TargetGroup]:
    present = []
    for group in looked_up:
        if group is None:
            raise AwsError("TargetGroupNotFound", "One or more target groups not found")
        present.append(group)
    return present


@record
class DeleteTargetGroupInput:
    target_group_arn: str


@operation("elbv2", "DeleteTargetGroup", wakes=True)
def delete_target_group(call: Call, req: DeleteTargetGroupInput) -> None:
    """Delete a target group with its targets. One that is not there is not an error."""
    if target_groups.load_balancer_arns(call.db, req.target_group_arn):
        raise AwsError(
            "ResourceInUse", f"Target group '{req.target_group_arn}' is currently in use by a listener or a rule"
        )
    tags.forget(call.db, req.target_group_arn)
    target_groups.delete(call.db, req.target_group_arn)


@record
class DescribeTargetGroupAttributesInput:
    target_group_arn: str


@operation("elbv2", "DescribeTargetGroupAttributes")
def describe_target_group_attributes(call: Call, req: DescribeTargetGroupAttributesInput) -> dict[str, Any]:
    group = find_target_group(call, req.target_group_arn)
    return {"attributes": attributes.described(attributes.TARGET_GROUP, group.attributes)}


@record
class ModifyTargetGroupAttributesInput:
    target_group_arn: str
    attributes: tuple[Attribute, ...]


@operation("elbv2", "ModifyTargetGroupAttributes", wakes=True)
def modify_target_group_attributes(call: Call, req: ModifyTargetGroupAttributesInput) -> dict[str, Any]:
    """Set those attributes that are given. Raises the error of a key or a value that a target group cannot have."""
    group = find_target_group(call, req.target_group_arn)
    merged = attributes.merged(attributes.TARGET_GROUP, group.attributes, req.attributes, "Target group")
    attributes.check_stickiness(group.protocol, attributes.effective(attributes.TARGET_GROUP, merged))
    target_groups.save(call.db, replace(group, attributes=merged))
    return {"attributes": attributes.described(attributes.TARGET_GROUP, merged)}


def _check_health_check(group: TargetGroup) -> None:
    if group.health_check_timeout_seconds >= group.health_check_interval_seconds:
        raise AwsError(
            "ValidationError",
            f"Health check timeout '{group.health_check_timeout_seconds}' must be smaller than the interval "
            f"'{group.health_check_interval_seconds}'",
        )
    if not group.health_check_path.startswith("/") or any(c <= " " or c > "~" for c in group.health_check_path):
        raise AwsError("ValidationError", f"Health check path '{group.health_check_path}' must begin with '/'")
    port = group.health_check_port
    if port != "traffic-port" and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise AwsError("ValidationError", f"Health check port '{port}' must be 'traffic-port' or from 1 to 65535")
    if group.protocol_version == "GRPC":
        other, problem = group.matcher.http_code, grpc_matcher_problem(group.healthy_codes)
    else:
        other, problem = group.matcher.grpc_code, matcher_problem(group.healthy_codes)
    if other is not None:
        which = "GrpcCode" if group.protocol_version == "GRPC" else "HttpCode"
        problem = f"The matcher of a target group with protocol version {group.protocol_version} is {which}"
    if problem:
        raise AwsError("ValidationError", problem)


def _view(call: Call, group: TargetGroup) -> dict[str, Any]:
    arns = target_groups.load_balancer_arns(call.db, group.target_group_arn)
    return {**_settings(group), "load_balancer_arns": arns}


def _settings(group: TargetGroup) -> dict[str, Any]:
    """Return a group as CreateTargetGroup answers: no load balancer can have it yet."""
    settings = {field.name: getattr(group, field.name) for field in fields(group)}
    return {**settings, "health_check_enabled": True, "ip_address_type": "ipv4"}
