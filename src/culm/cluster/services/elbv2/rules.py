"""Listener rules.

https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from culm.cluster.services.elbv2.actions import check_secret, checked_actions, checked_conditions, checked_transforms
from culm.cluster.services.elbv2.references import find_listener, find_rule, rule_arn
from culm.cluster.services.elbv2.tags import Tag, put
from culm.cluster.store.elbv2 import listeners, rules, sign_ins, tags
from culm.cluster.wire.operations import Call, operation
from culm.core.decide.listener_rules import RULES_PER_LOAD_BALANCER
from culm.core.model.load_balancers import Action, Condition, Rule, Transform
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class CreateRuleInput:
    listener_arn: str
    conditions: tuple[Condition, ...]
    priority: int
    actions: tuple[Action, ...]
    tags: Stored[tuple[Tag, ...]] = ()
    transforms: tuple[Transform, ...] = ()


@operation("elbv2", "CreateRule", wakes=True)
def create_rule(call: Call, req: CreateRuleInput) -> dict[str, Any]:
    """Create a rule. Raises PriorityInUse, TooManyRules, and what its conditions and actions raise."""
    listener = find_listener(call, req.listener_arn)
    conditions = checked_conditions(req.conditions)
    actions = checked_actions(call, listener, req.actions)
    check_secret(actions, there=False)
    if any(rule.priority == req.priority for rule in rules.of_listener(call.db, listener.listener_arn)):
        raise AwsError("PriorityInUse", f"Priority '{req.priority}' is currently in use")
    siblings = [
        rule
        for each in listeners.of_load_balancer(call.db, listener.load_balancer_arn)
        for rule in rules.of_listener(call.db, each.listener_arn)
        if rule.priority is not None
    ]
    if len(siblings) >= RULES_PER_LOAD_BALANCER:
        raise AwsError(
            "TooManyRules", f"The maximum number of rules for a load balancer, '{RULES_PER_LOAD_BALANCER}', is reached"
        )
    rule = Rule(
        rule_arn=rule_arn(call, listener),
        listener_arn=listener.listener_arn,
        priority=req.priority,
        conditions=conditions,
        actions=actions,
        transforms=checked_transforms(req.transforms),
    )
    rules.save(call.db, rule)
    put(call, rule.rule_arn, req.tags)
    return {"rules": [_view(rule)]}


@record
class ModifyRuleInput:
    rule_arn: str
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Action, ...] = ()
    transforms: tuple[Transform, ...] = ()
    reset_transforms: bool = False


@operation("elbv2", "ModifyRule", wakes=True)
def modify_rule(call: Call, req: ModifyRuleInput) -> dict[str, Any]:
    """Change those parts of a rule that are given.

    Raises OperationNotPermitted for the default rule, and ValidationError for transforms that are both set and reset.
    """
    rule = find_rule(call, req.rule_arn)
    if rule.priority is None:
        raise AwsError("OperationNotPermitted", f"Default rule '{rule.rule_arn}' cannot be modified")
    if req.conditions:
        rule = replace(rule, conditions=checked_conditions(req.conditions))
    if req.actions:
        listener = find_listener(call, rule.listener_arn)
        actions = checked_actions(call, listener, req.actions)
        check_secret(actions, there=sign_ins.find(call.db, rule.rule_arn) is not None)
        rule = replace(rule, actions=actions)
    if req.transforms and req.reset_transforms:
        raise AwsError("ValidationError", "You cannot specify both Transforms and ResetTransforms")
    if req.transforms or req.reset_transforms:
        rule = replace(rule, transforms=checked_transforms(req.transforms))
    rules.save(call.db, rule)
    return {"rules": [_view(rule)]}


@record
class DeleteRuleInput:
    rule_arn: str


@operation("elbv2", "DeleteRule", wakes=True)
def delete_rule(call: Call, req: DeleteRuleInput) -> None:
    """Delete a rule and its tags. Raises OperationNotPermitted for the default rule."""
    rule = find_rule(call, req.rule_arn)
    if rule.priority is None:
        raise AwsError("OperationNotPermitted", f"Default rule '{rule.rule_arn}' cannot be deleted")
    tags.forget(call.db, rule.rule_arn)
    rules.delete(call.db, rule.rule_arn)


@record
class DescribeRulesInput:
    listener_arn: str = ""
    rule_arns: tuple[str, ...] = ()


@operation("elbv2", "DescribeRules")
def describe_rules(call: Call, req: DescribeRulesInput) -> dict[str, Any]:
    """Return rules by ARN, or those of a listener in the order in which they are tried.

    Raises ValidationError for both or neither, and RuleNotFound.
    """
    if bool(req.listener_arn) == bool(req.rule_arns):
        raise AwsError("ValidationError", "You must specify either listener ARN or rule ARNs")
    if req.rule_arns:
        selected = [rules.find(call.db, arn) for arn in dict.fromkeys(req.rule_arns)]
        if None in selected:
            raise AwsError("RuleNotFound", "One or more rules not found")
        return _views(rule for rule in selected if rule)
    return _views(rules.of_listener(call.db, find_listener(call, req.listener_arn).listener_arn))


@record
class RulePriority:
    rule_arn: str = ""
    priority: int = 0


@record
class SetRulePrioritiesInput:
    rule_priorities: tuple[RulePriority, ...]


@operation("elbv2", "SetRulePriorities", wakes=True)
def set_rule_priorities(call: Call, req: SetRulePrioritiesInput) -> dict[str, Any]:
    """Set priorities all at once.

    "You can reorder the rules as long as there are no priority conflicts in the new order."
    """
    wished = {pair.rule_arn: pair.priority for pair in req.rule_priorities}
    moved = [find_rule(call, arn) for arn in wished]
    for rule in moved:
        if rule.priority is None:
            raise AwsError("OperationNotPermitted", f"Default rule '{rule.rule_arn}' cannot change its priority")
    for listener_arn in {rule.listener_arn for rule in moved}:
        taken: set[int] = set()
        for rule in rules.of_listener(call.db, listener_arn):
            priority = wished.get(rule.rule_arn, rule.priority)
            if priority in taken:
                raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use")
            if priority is not None:
                taken.add(priority)
    rules.set_priorities(call.db, wished)
    return _views(find_rule(call, arn) for arn in wished)


def _views(selected: Iterable[Rule]) -> dict[str, Any]:
    return {"rules": [_view(rule) for rule in selected]}


def _view(rule: Rule) -> dict[str, Any]:
    return {
        "rule_arn": rule.rule_arn,
        "priority": "default" if rule.priority is None else str(rule.priority),
        "conditions": [_without_empties(msgspec.to_builtins(condition)) for condition in rule.conditions],
        "actions": sign_ins.without_secret(rule).actions,
        "is_default": rule.priority is None,
        "transforms": rule.transforms,
    }


def _without_empties(members: dict[str, Any]) -> dict[str, Any]:
    """A condition has members for every field there is; those of other fields are not described."""
    pruned = {name: _without_empties(each) if isinstance(each, dict) else each for name, each in members.items()}
    return {name: each for name, each in pruned.items() if each}
