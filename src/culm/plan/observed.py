"""What is on the target now, of all that a project has there: one look, no verdicts."""

from collections.abc import Mapping
from typing import Any

from culm.core.model.record import record

Described = Mapping[str, Any]
"""A member of an AWS answer, as AWS names it."""


@record
class Live:
    cluster: Described | None
    """With its tags; None: there is none that is ACTIVE."""
    repositories: Mapping[str, str]
    """Name to URI."""
    log_groups: frozenset[str]
    vault: frozenset[str] | None
    """Keys in the vault's bucket; None: there is no bucket."""
    roles: Mapping[str, Described]
    """Services' own, by name, with what each may do: a policy document, empty where there is none."""
    databases: Mapping[str, Described]
    """DB instances of this project, by identifier."""
    load_balancer: Described | None
    listener: Described | None
    rules: Mapping[str, Described]
    """By the name of the service whose target group they forward to."""
    other_rules: tuple[Described, ...] = ()
    """The listener's other rules, but for its default: nobody's that culm.yml names."""
    target_groups: Mapping[str, Described]
    """By name."""
    attributes: Mapping[str, Mapping[str, str]]
    """Of target groups, by name."""
    services: Mapping[str, Described]
    """By name; those that are ACTIVE."""
    task_definitions: Mapping[str, Described]
    """By ARN: the services' own."""
