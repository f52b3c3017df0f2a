"""Conditions and actions as rules keep them: checked against AWS's limits, and spelled as AWS describes them."""

from collections.abc import Sequence
from dataclasses import replace

from culm.cluster.services.elbv2.references import find_load_balancer, find_target_group
from culm.cluster.store.elbv2 import target_groups
from culm.cluster.wire.operations import Call
from culm.core.decide import listener_rules
from culm.core.model.load_balancers import (
    Action,
    Condition,
    ForwardConfig,
    Listener,
    TargetGroup,
    TargetGroupStickinessConfig,
    TargetGroupTuple,
    Transform,
)
from culm.errors import AwsError


def checked_actions(call: Call, listener: Listener, given: Sequence[Action]) -> tuple[Action, ...]:
    """Return the actions in full, if they are valid and their target groups free for the load balancer."""
    _raise(listener_rules.actions_problem(given))
    given = sorted(given, key=lambda action: action.order or 0)
    check_sign_in(listener, given)
    vpc_id = find_load_balancer(call, listener.load_balancer_arn).vpc_id
    for action in given:
        for group in action.target_groups:
            if find_target_group(call, group.target_group_arn).vpc_id not in (None, vpc_id):
                raise AwsError(
                    "InvalidConfigurationRequest",
                    f"Target group '{group.target_group_arn}' and its load balancer are in different VPCs",
                )
            check_protocol(listener, find_target_group(call, group.target_group_arn))
            used_by = target_groups.load_balancer_arns(call.db, group.target_group_arn)
            if any(arn != listener.load_balancer_arn for arn in used_by):
                raise AwsError(
                    "TargetGroupAssociationLimit",
                    "The following target groups cannot be associated with more than one load balancer: "
                    f"{group.target_group_arn}",
                )
    return tuple(_spelled_out(action) for action in given)


def check_sign_in(listener: Listener, actions: Sequence[Action]) -> None:
    """Raise InvalidLoadBalancerAction where users would sign in over plain HTTP."""
    if listener.protocol != "HTTPS" and any(action.type == listener_rules.SIGN_IN for action in actions):
        what = f"Actions of type '{listener_rules.SIGN_IN}' are supported only on HTTPS listeners"
        raise AwsError("InvalidLoadBalancerAction", what)


def check_secret(actions: Sequence[Action], *, there: bool) -> None:
    """Raise ValidationError where users are to sign in and no client secret is given, nor `there` from before."""
    for config in (each.authenticate_oidc_config for each in actions):
        if config is not None and not config.client_secret and not (there and config.use_existing_client_secret):
            raise AwsError("ValidationError", "A client secret must be specified")


def check_protocol(listener: Listener, group: TargetGroup) -> None:
    """Raise InvalidConfigurationRequest where the group's targets speak HTTP/2 and the listener does not.

    https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-target-groups.html
    """
    if listener.protocol == "HTTP" and group.protocol_version != "HTTP1":
        raise AwsError(
            "InvalidConfigurationRequest",
            f"Listener protocol '{listener.protocol}' is not supported with a target group with the protocol-version "
            f"setting '{group.protocol_version}'",
        )


def checked_conditions(given: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return a rule's conditions in both spellings, old and new.

    Raises the error that an ALB has for what is wrong with them.
    """
    _raise(listener_rules.conditions_problem(given))
    return tuple(_both_spellings(condition) for condition in given)


def checked_transforms(given: Sequence[Transform]) -> tuple[Transform, ...]:
    """Return a rule's transforms as they came. Raises the error that an ALB has for what is wrong with them."""
    _raise(listener_rules.transforms_problem(given))
    return tuple(given)


def _raise(problem: listener_rules.Problem | None) -> None:
    if problem is not None:
        raise AwsError(problem.code, problem.message)


def _spelled_out(action: Action) -> Action:
    """A forward is described with its ForwardConfig, and with TargetGroupArn where there is one group."""
    if action.type != "forward":
        return action
    groups = tuple(
        TargetGroupTuple(target_group_arn=group.target_group_arn, weight=1 if group.weight is None else group.weight)
        for group in action.target_groups
    )
    sticky = action.forward_config.target_group_stickiness_config if action.forward_config else None
    return replace(
        action,
        target_group_arn=groups[0].target_group_arn if len(groups) == 1 else None,
        forward_config=ForwardConfig(
            target_groups=groups, target_group_stickiness_config=sticky or TargetGroupStickinessConfig()
        ),
    )


def _both_spellings(condition: Condition) -> Condition:
    """Host-header and path-pattern conditions are described with Values and with their config."""
    if condition.field not in ("host-header", "path-pattern"):
        return condition
    config = listener_rules.patterns(condition)
    filled = replace(condition, values=config.values, regex_values=config.regex_values)
    if condition.field == "host-header":
        return replace(filled, host_header_config=config)
    return replace(filled, path_pattern_config=config)
