"""IAM policies as values.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import record


@record
class Condition:
    operator: str
    """`StringLike`, without what stands around it."""
    key: str
    """In lower case: `aws:sourceip`."""
    values: tuple[str, ...]
    quantifier: Literal["", "ForAllValues", "ForAnyValue"] = ""
    if_exists: bool = False


@record
class Statement:
    """A tuple that is None is an element that the statement does not have."""

    effect: Literal["Allow", "Deny"]
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    principals: tuple[str, ...] | None = None
    """ARNs, accounts, `*`, and services' names (`ecs-tasks.amazonaws.com`)."""
    not_principals: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()


@record
class Policy:
    statements: tuple[Statement, ...]


@record
class Ask:
    """A question to policies: may this caller do this action on this resource?"""

    action: str
    """`s3:GetObject`."""
    resource: str = "*"
    """An ARN; `*` where the action has no resource."""
    principals: tuple[str, ...] = ()
    """The caller's names: its session's ARN, its role's, or a service's name."""
    account: str = ""
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Condition keys in lower case."""


@record
class Verdict:
    allowed: bool
    why: Literal["allowed", "denied by an identity policy", "denied by a resource policy", "not allowed"]
