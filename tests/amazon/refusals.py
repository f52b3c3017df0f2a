"""What Amazon refuses and moto lets pass, as a table: which operation, what is judged, and the page that says so.

Each rule stands before the method of moto's backend that makes the thing, so it judges what CloudFormation makes as
well as what is asked for by the API.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any

import pytest
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.exceptions import ServiceException
from moto.ec2.models import ec2_backends
from moto.ecr.models import ECRBackend
from moto.ecs.models import EC2ContainerServiceBackend
from moto.elbv2.models import ELBv2Backend
from moto.iam.models import IAMBackend
from moto.logs.models import LogsBackend

INLINE_BYTES = 51_200
API = "https://docs.aws.amazon.com"
Given = Mapping[str, Any]
"""A method's arguments by name."""


class Refused(ServiceException):
    """An error in Amazon's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Rule:
    """Something that Amazon refuses."""

    backend: type[Any]
    method: str
    code: str
    problem: Callable[[Any, Given], str | None]
    """Given the backend and the arguments: the message, or None where there is nothing to refuse."""
    source: str
    """The page that says so."""


def named(argument: str, pattern: str, words: str) -> Callable[[Any, Given], str | None]:
    """A rule of names: the whole of the argument matches `pattern`."""

    def problem(_: Any, given: Given) -> str | None:
        value = given.get(argument)
        return None if value is None or re.fullmatch(pattern, str(value)) else f"'{value}': {words}"

    return problem


def groups_of_its_network(backend: Any, given: Given) -> str | None:
    """Security groups of a load balancer belong to the VPC of its subnets."""
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    subnets = [*(given.get("subnet_ids") or ()), *(each["SubnetId"] for each in given.get("subnet_mappings") or ())]
    vpcs = {subnet.vpc_id for each in subnets if (subnet := ec2.get_subnet(each)) is not None}
    for name in given.get("security_groups") or ():
        group = ec2.get_security_group_from_id(name)
        if group is None:
            return f"The security group '{name}' does not exist"
        if vpcs and group.vpc_id not in vpcs:
            return f"Security group '{name}' does not belong to VPC '{vpcs.pop()}'"
    return None


def short_enough(response: Any, _: Given) -> str | None:
    """A template in the request itself; one at an address in S3 may have 1 MB."""
    if len((response._get_param("TemplateBody") or "").encode()) <= INLINE_BYTES:
        return None
    return "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: length <= 51200"


def port_of_its_own(backend: Any, given: Given) -> str | None:
    """One listener a port, whatever its protocol: also for a moment within one update of a stack."""
    there = backend.load_balancers.get(given["load_balancer_arn"])
    taken = there is not None and any(str(each.port) == str(given["port"]) for each in there.listeners.values())
    return f"A listener already exists on this port ({given['port']}) for this load balancer" if taken else None


TASKS = r"[a-zA-Z0-9_-]{1,255}"
RULES = (
    Rule(
        ELBv2Backend,
        "create_load_balancer",
        "ValidationError",
        named("name", r"(?!internal-)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?", "1 to 32 letters, digits and -"),
        f"{API}/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html",
    ),
    Rule(
        ELBv2Backend,
        "create_load_balancer",
        "InvalidConfigurationRequest",
        groups_of_its_network,
        f"{API}/elasticloadbalancing/latest/APIReference/API_SetSecurityGroups.html",
    ),
    Rule(
        ELBv2Backend,
        "create_listener",
        "DuplicateListener",
        port_of_its_own,
        f"{API}/elasticloadbalancing/latest/APIReference/API_CreateListener.html",
    ),
    *(
        Rule(
            CloudFormationResponse,
            method,
            "ValidationError",
            short_enough,
            f"{API}/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
        )
        for method in ("create_stack", "update_stack", "create_change_set")
    ),
    Rule(
        IAMBackend,
        "create_role",
        "ValidationError",
        named("role_name", r"[\w+=,.@-]{1,64}", "1 to 64 letters, digits and _+=,.@-"),
        f"{API}/IAM/latest/APIReference/API_CreateRole.html",
    ),
    Rule(
        ECRBackend,
        "create_repository",
        "InvalidParameterException",
        named(
            "repository_name",
            r"(?=.{2,256}$)[a-z0-9]+(?:[._-][a-z0-9]+)*(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)*",
            "2 to 256 lower-case letters, digits and separators",
        ),
        f"{API}/AmazonECR/latest/APIReference/API_CreateRepository.html",
    ),
    Rule(
        LogsBackend,
        "create_log_group",
        "InvalidParameterException",
        named("log_group_name", r"[.\-_/#A-Za-z0-9]{1,512}", "1 to 512 letters, digits and .-_/#"),
        f"{API}/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    Rule(
        EC2ContainerServiceBackend,
        "register_task_definition",
        "ClientException",
        named("family", TASKS, "1 to 255 letters, digits, _ and -"),
        f"{API}/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
    ),
    Rule(
        EC2ContainerServiceBackend,
        "create_service",
        "InvalidParameterException",
        named("service_name", TASKS, "1 to 255 letters, digits, _ and -"),
        f"{API}/AmazonECS/latest/APIReference/API_CreateService.html",
    ),
    Rule(
        EC2ContainerServiceBackend,
        "create_cluster",
        "InvalidParameterException",
        named("cluster_name", TASKS, "1 to 255 letters, digits, _ and -"),
        f"{API}/AmazonECS/latest/APIReference/API_CreateCluster.html",
    ),
)
"""Besides what moto refuses itself: names of target groups and of buckets, priorities that are taken."""


def refuse(patch: pytest.MonkeyPatch) -> None:
    """Put the rules before moto's methods."""
    for rule in RULES:
        patch.setattr(rule.backend, rule.method, judged(rule))


def judged(rule: Rule) -> Callable[..., Any]:
    method = getattr(rule.backend, rule.method)
    parameters = signature(method)

    @wraps(method)
    def judge(self: Any, *arguments: Any, **named_arguments: Any) -> Any:
        given = parameters.bind_partial(self, *arguments, **named_arguments).arguments
        if (message := rule.problem(self, {**given, **given.get("kwargs", {})})) is not None:
            raise Refused(rule.code, message)
        return method(self, *arguments, **named_arguments)

    return judge
