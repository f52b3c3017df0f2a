"""Evaluate policies: an explicit denial wins, then an allowance; everything else is denied.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from collections.abc import Callable, Iterable, Sequence

from culm.core.decide.conditions import holds
from culm.core.decide.patterns import filled, like
from culm.core.model.policies import Ask, Policy, Statement, Verdict


def evaluate(ask: Ask, identity: Sequence[Policy], resource: Sequence[Policy] = ()) -> Verdict:
    """Evaluate a caller's policies and the resource's, both of one account: one of them has to allow."""
    own = [s for policy in identity for s in policy.statements if _has_resource(s) and applies(s, ask)]
    others = [s for policy in resource for s in policy.statements if applies(s, ask) and is_for(s, ask)]
    if any(s.effect == "Deny" for s in own):
        return Verdict(allowed=False, why="denied by an identity policy")
    if any(s.effect == "Deny" for s in others):
        return Verdict(allowed=False, why="denied by a resource policy")
    if own or others:
        return Verdict(allowed=True, why="allowed")
    return Verdict(allowed=False, why="not allowed")


def applies(statement: Statement, ask: Ask) -> bool:
    """Return whether a statement covers this action, on this resource, with these conditions."""
    return (
        _is_in(statement.actions, statement.not_actions, lambda pattern: like(pattern.lower(), ask.action.lower()))
        and _is_in(statement.resources, statement.not_resources, lambda p: like(filled(p, ask.context), ask.resource))
        and all(holds(condition, ask.context) for condition in statement.conditions)
    )


def _has_resource(statement: Statement) -> bool:
    """Return whether a statement names resources; without them an identity policy's applies to nothing."""
    return statement.resources is not None or statement.not_resources is not None


def is_for(statement: Statement, ask: Ask) -> bool:
    """Return whether a statement of a resource's policy names this caller.

    Naming the account lets its own policies decide: that allows nothing by itself, but it denies.
    """
    account = {ask.account, f"arn:aws:iam::{ask.account}:root"}
    names = {"*", *ask.principals}
    if statement.effect == "Deny":
        names |= account
    if statement.principals is not None:
        return not names.isdisjoint(statement.principals)
    if statement.not_principals is not None:
        return names.isdisjoint(statement.not_principals)
    return False


def trusts(trust: Policy, ask: Ask, identity: Sequence[Policy]) -> bool:
    """Return whether a role may be assumed: it names the caller, or the caller's account, and its own policies allow.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create_for-user.html
    """
    without_resource = [s for s in trust.statements if applies(s, ask)]
    denied = any(s.effect == "Deny" and is_for(s, ask) for s in without_resource)
    if denied or evaluate(ask, identity).why == "denied by an identity policy":
        return False
    allowing = [s for s in without_resource if s.effect == "Allow"]
    if any(is_for(s, ask) for s in allowing):
        return True
    account = {ask.account, f"arn:aws:iam::{ask.account}:root"}
    delegated = any(not account.isdisjoint(s.principals or ()) for s in allowing)
    return delegated and evaluate(ask, identity).allowed


def _is_in(wanted: Iterable[str] | None, unwanted: Iterable[str] | None, matches: Callable[[str], bool]) -> bool:
    if wanted is not None:
        return any(matches(pattern) for pattern in wanted)
    if unwanted is not None:
        return not any(matches(pattern) for pattern in unwanted)
    return True  # a trust policy has no resource: it is the role's
