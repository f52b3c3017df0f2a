"""The records of a snapshot. Times are epoch seconds, memory is MiB, CPU is per cent of what a task reserves.

`None` always means "not known", never zero: a service without traffic has 0.0 requests/s, one whose load balancer does
not answer has None.
"""

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from culm.core.model.record import record

State = Literal["well", "wrong", "moving", "asleep", "off"]
"""`moving`: on its way to what is wanted. `asleep`: without tasks until it is woken. `off`: wanted to have no task."""


@record
class Series:
    """Points of a graph, oldest first, `step` seconds apart; None where nothing was measured."""

    start: float
    step: int
    values: tuple[float | None, ...] = ()

    @property
    def latest(self) -> float | None:
        """The last point that was measured."""
        return next((value for value in reversed(self.values) if value is not None), None)


@record
class Instance:
    name: str
    """`#1`: the number that `culm plan` shows, too."""
    id: str
    type: str
    zone: str
    status: str
    connected: bool
    memory: int
    """Registered, MiB."""
    free: int
    """Not reserved by tasks, MiB."""
    cpu: int
    free_cpu: int
    """CPU units; a vCPU has 1024."""


@record
class Task:
    id: str
    service: str
    """The service that it belongs to, a migration's as well; empty when it belongs to none of them."""
    kind: Literal["service", "migration", "other"]
    group: str
    revision: str
    """`bamboo-orders:7`."""
    image: str
    """Its digest, without `sha256:`."""
    status: str
    desired_status: str
    instance: str
    """`#1`; empty when it is not known."""
    port: int | None
    """On the instance."""
    memory: int | None
    """Its limit."""
    memory_used: int | None = None
    memory_peak: int | None = None
    cpu: float | None = None
    target_health: str = ""
    """What the load balancer says of it: `healthy`, `unhealthy`, `initial`, `draining`; empty: it has no target."""
    target_reason: str = ""
    created_at: float | None
    started_at: float | None
    stopped_at: float | None
    stop_code: str = ""
    stopped_reason: str = ""
    exit_code: int | None = None
    failed: bool = False
    """It ended by itself or was killed: not because a deployment, a scaling or a person stopped it."""
    ending: str = ""
    """How it ended, in words."""
    log_stream: str = ""
    last_lines: tuple[str, ...] = ()
    """The end of its output; read for tasks that failed."""


@record
class Deployment:
    id: str
    status: str
    """`PRIMARY`, `ACTIVE`."""
    rollout: str
    """`IN_PROGRESS`, `COMPLETED`, `FAILED`."""
    reason: str
    revision: str
    created_at: float
    updated_at: float
    desired: int
    running: int
    pending: int
    failed: int


@record
class Traffic:
    """What the load balancer carried; None: it has not said so (yet)."""

    requests: float | None = None
    """A second, over the last minute."""
    errors: float | None = None
    """Share of answers with 5xx, 0 to 1, over the last five minutes; None without any answer."""
    answers: Mapping[str, float] = field(default_factory=dict)
    """By status class, `2xx` to `5xx`: a second, over the last minute. Empty on AWS, where each would cost."""
    mean: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    """Seconds, of the last minute with an answer. The local load balancer's are off by a sixth at most."""
    requests_series: Series | None = None
    errors_series: Series | None = None
    latency_series: Series | None = None
    """Of p95."""


@record
class Usage:
    """Of a service's tasks, from CloudWatch."""

    memory: float | None = None
    memory_peak: float | None = None
    cpu: float | None = None
    """Per cent of what a task reserves."""
    memory_series: Series | None = None
    cpu_series: Series | None = None


@record
class Action:
    """What a person may do next: a command of culm's, and words for a button."""

    label: str
    command: tuple[str, ...]
    """`("rollback", "orders", "6")`."""
    why: str = ""
    """Why this one, where that is no matter of course."""


@record
class Cause:
    """Why a service is not well, as far as it is known without looking further."""

    text: str
    """One sentence."""
    at: float | None = None
    task: str = ""
    lines: tuple[str, ...] = ()
    """The last ones that its task wrote."""
    health: str = ""
    """What the load balancer's health check got."""
    action: Action | None = None


@record
class ServiceTarget:
    """One of a target group, as the load balancer sees it."""

    id: str
    port: int
    state: str
    reason: str
    description: str


@record
class ServiceState:
    name: str
    url: str
    paths: tuple[str, ...]
    state: State
    summary: str
    """`1 of 1 running`."""
    scaling: str
    """`1-4, cpu 60` of a service whose count changes by itself; empty: it does not."""
    desired: int
    running: int
    pending: int
    revision: str
    image: str
    memory: int | None
    """The limit of one task, MiB."""
    deployed_at: float | None
    deployed_by: str
    deployments: tuple[Deployment, ...]
    targets: tuple[ServiceTarget, ...]
    health_check: str
    """`GET /orders/health every 10 s, healthy after 2`."""
    log_group: str
    traffic: Traffic
    usage: Usage
    failures: int
    """Tasks that failed in the last hour, which is as long as ECS remembers them."""
    cause: Cause | None
    known: bool
    """Whether culm.yml has it."""
    asleep: int | None = None
    """How many tasks it has when it is awake; None: it does not sleep."""


@record
class Event:
    key: str
    at: float
    service: str
    kind: Literal["event", "deployment", "task", "schedule"]
    message: str
    wrong: bool = False


@record
class RouteRule:
    priority: int | None
    """None: the default rule."""
    conditions: tuple[str, ...]
    """`path is /orders/*`."""
    action: str
    """`forward to orders`."""
    service: str


@record
class Trouble:
    """Something that is wrong right now."""

    service: str
    """Empty: not one service's."""
    text: str
    since: float | None = None
    action: Action | None = None


@record
class Cost:
    dollars: float
    """A month, on Amazon."""
    lines: tuple[tuple[str, str, float], ...]
    """What, how much of it, and dollars a month."""
    assumptions: str
    prices: str
    """Whose and when."""
    saved: float | None = None
    """Dollars an hour of instances that nothing needs, as every service sleeps; None: one is awake."""


@record
class Room:
    """Whether one more task fits."""

    memory: int
    """MiB of the task that is asked for: the size most services have."""
    cpu: int
    instances: tuple[str, ...]
    """Names of the instances where it fits."""


@record
class Snapshot:
    project: str
    target: str
    provider: str
    region: str
    endpoint: str
    """Empty: Amazon's."""
    at: float
    exists: bool
    """Whether the target has the project's cluster."""
    instances: tuple[Instance, ...] = ()
    tasks: tuple[Task, ...] = ()
    """Those that run or are about to, then those that stopped within the hour, newest first."""
    services: tuple[ServiceState, ...] = ()
    missing: tuple[str, ...] = ()
    """In culm.yml, but not on the target."""
    events: tuple[Event, ...] = ()
    """Newest first."""
    rules: tuple[RouteRule, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    room: Room | None = None
    cost: Cost | None = None
    unknown: tuple[str, ...] = ()
    """What the target does not tell, and why: `metrics: you may not cloudwatch:GetMetricData on *`."""
    unreachable: str = ""
    """Why the last look failed; the rest is what was there before."""
    unreachable_since: float | None = None

    @property
    def running(self) -> tuple[Task, ...]:
        """The tasks that have not stopped."""
        return tuple(task for task in self.tasks if task.stopped_at is None)

    def service(self, name: str) -> ServiceState | None:
        """Return a service by name; None when it is not deployed."""
        return next((service for service in self.services if service.name == name), None)

    def tasks_of(self, name: str) -> tuple[Task, ...]:
        """Return a service's tasks, those that have stopped among them."""
        return tuple(task for task in self.tasks if task.service == name)
