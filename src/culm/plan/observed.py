"""What is on the target now, of all that a project has there: one look, no verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from culm import render
from culm.core.model.record import record

Described = Mapping[str, Any]
"""A member of an AWS answer, as AWS names it."""


@record
class LiveJob:
    """What is on the target of one job."""

    schedule: Described | None
    """As GetSchedule describes it."""
    revision: Described | None
    """The task definition that the schedule runs."""


@record
class Observed:
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
    entries: Mapping[str, Mapping[int, Described]] = field(default_factory=dict)
    """Rules of a service's further entries, by its name and by their number from 1."""
    services: Mapping[str, Described]
    """By name; those that are ACTIVE."""
    task_definitions: Mapping[str, Described]
    """By ARN: the services' own."""
    caches: Mapping[str, Described] = field(default_factory=dict)
    """ElastiCache's replication groups of this project, by identifier."""
    buckets: frozenset[str] = frozenset()
    """Names of the project's buckets that are there."""
    scalable_targets: Mapping[str, Described] = field(default_factory=dict)
    """Services whose count Application Auto Scaling changes, by name: also those that culm.yml does not name."""
    scaling_policies: Mapping[str, Sequence[Described]] = field(default_factory=dict)
    """By the name of their service."""
    jobs: Mapping[str, LiveJob] = field(default_factory=dict)
    """By name: those that culm.yml names."""
    past_schedules: tuple[str, ...] = ()
    """Names of schedules that culm made, of jobs that culm.yml does not name any more."""
    other_schedules: tuple[str, ...] = ()
    """Names of schedules that run something in the cluster, and that are not culm's."""
    newest: Mapping[str, Described] = field(default_factory=dict)
    """By family: the newest revision of a task definition, where somebody has looked for it."""
    migrated: frozenset[str] = frozenset()
    """Revisions of migrations, by ARN, that have run to a good end, where somebody has looked for them."""


@record
class Survey:
    """What is on the target: the project's own things, and the cluster as a whole."""

    observed: Observed
    surroundings: render.Surroundings
    instances: Sequence[Described] = ()
    tasks: Sequence[Described] = ()
    """Those that are wanted, and those that are still stopping."""
    stopped: Sequence[Described] = ()
    """Tasks that have stopped; ECS keeps them for an hour."""
    services: Sequence[Described] = ()
    """With their tags."""
    task_definitions: Sequence[Described] = ()
    """Those of the tasks and of the services."""
