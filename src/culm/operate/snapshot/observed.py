"""What the AWS API answered in one look, in AWS's own words: the input of `compose`."""

from collections.abc import Mapping, Sequence
from dataclasses import field

from culm.core.model.record import record
from culm.plan.observed import Described
from culm.project.project import Project, TargetSettings


@record
class About:
    """What does not change between looks."""

    project: Project
    settings: TargetSettings
    region: str
    endpoint: str
    """Empty: Amazon's."""


@record
class Graph:
    """One metric's values by epoch second, `step` seconds apart."""

    step: int
    values: Mapping[float, float]


@record
class Observed:
    at: float
    cluster: bool
    services: Sequence[Described] = ()
    """Those that are ACTIVE."""
    tasks: Sequence[Described] = ()
    """Running and stopped ones."""
    instances: Sequence[Described] = ()
    task_definitions: Mapping[str, Described]
    """By ARN."""
    scalable_targets: Mapping[str, Described] = field(default_factory=dict)
    """Services whose count Application Auto Scaling changes, by name."""
    scaling_policies: Mapping[str, Sequence[Described]] = field(default_factory=dict)
    """By the name of their service."""
    load_balancer: Described | None = None
    listener: Described | None = None
    url: str = ""
    """Where the listener answers."""
    rules: Sequence[Described] = ()
    target_groups: Mapping[str, Described]
    """By ARN."""
    targets: Mapping[str, Sequence[Described]]
    """TargetHealthDescriptions by target group ARN."""
    metrics: Mapping[tuple[str, str], Graph]
    """By service (or task id) and what: `requests`, `errors`, `p95`, `memory`, `memory_peak`, `cpu`, ..."""
    last_lines: Mapping[str, tuple[str, ...]]
    """By task ARN, of tasks that failed."""
    outcomes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """How the last deploy of each revision ended (see `deploy.revisions`), by service; of services in trouble alone."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """What could not be asked for, and why: `metrics`: you may not cloudwatch:GetMetricData on *."""
