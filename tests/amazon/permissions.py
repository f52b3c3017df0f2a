"""Whose policies allow what: judges the calls of a client as Amazon would, dependent actions and PassRole included."""

from collections.abc import Mapping
from typing import Any

from culm.cluster.wire.actions import Place, needs
from culm.cluster.wire.authorization import circumstances
from culm.core.decide.policies import evaluate
from culm.core.model.policies import Ask, Policy
from culm.core.model.principals import Principal

ACCOUNT = "123456789012"
PLACE = Place(region="us-east-1", account=ACCOUNT)
ROLE = f"arn:aws:iam::{ACCOUNT}:role/bamboo.deploy"
ME = Principal(
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/bamboo.deploy/ci", user_id="AROA:ci", account=ACCOUNT, role_arn=ROLE
)
DEPENDENT_ACTIONS = {
    "CreateLoadBalancer": (
        *("ec2:DescribeAccountAttributes", "ec2:DescribeAddresses", "ec2:DescribeInternetGateways"),
        *("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs", "iam:CreateServiceLinkedRole"),
    ),
    "CreateTargetGroup": ("ec2:DescribeInternetGateways", "ec2:DescribeVpcs"),
    "RegisterTargets": (
        *("ec2:DescribeInstances", "ec2:DescribeInternetGateways"),
        *("ec2:DescribeSubnets", "ec2:DescribeVpcs"),
    ),
    "SetSubnets": ("ec2:DescribeSubnets",),
    "RegisterTaskDefinition": ("iam:PassRole",),
    "RunTask": ("iam:PassRole",),
}
"""What an operation needs besides its own action; PassRole is judged by the roles that a definition names.
https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-permissions.html
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerservice.html"""


def refused(calls: list[Mapping[str, Any]], policy: Policy) -> list[str]:
    """What the policy does not allow of these calls, as a trace has them: `ecs:RunTask on arn:...`."""
    missing = {}
    for call in calls:
        context = circumstances(ME, call["service"], call["parameters"], PLACE, None)
        for action in DEPENDENT_ACTIONS.get(call["operation"], ()):
            ask = Ask(action=action, resource="*", principals=(ME.arn, ROLE), account=ACCOUNT, context=context)
            if action != "iam:PassRole" and not evaluate(ask, [policy]).allowed:
                missing[f"{action} for {call['operation']}"] = None
        for need in needs(call["service"], call["operation"], call["parameters"], PLACE):
            ask = Ask(
                action=need.action, resource=need.resource, principals=(ME.arn, ROLE), account=ACCOUNT, context=context
            )
            if not evaluate(ask, [policy]).allowed:
                missing[f"{need.action} on {need.resource}"] = None
    return list(missing)
