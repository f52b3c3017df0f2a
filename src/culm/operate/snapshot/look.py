"""Asks the AWS API for everything that a snapshot shows: once a look, and as little as that takes.

What cannot change (task definitions, the end of a stopped task's output) is asked for once; what changes seldom (rules,
metrics, which arrive once a minute) every SLOW_SECONDS. One look of four services is some fifteen calls.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from culm.core.model.arn import last
from culm.core.model.record import record
from culm.deploy.revisions import last_outcomes
from culm.operate.snapshot import metrics
from culm.operate.snapshot.observed import About, Graph, Observed
from culm.operate.snapshot.tasks import ended_badly, log_place
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target import faults
from culm.target.connection import Target
from culm.target.observe import (
    active_cluster,
    described_instances,
    every_rule,
    first_listener,
    groups_behind,
    load_balancer,
    or_none,
    scalable_targets,
    scaling_policies,
)
from culm.target.survey import every_service, tasks_by_wish

SLOW_SECONDS = 10.0
LINES = 15
"""Of a failed task's output."""
METRICS_MINUTES = 60
DEFINITIONS_KEPT = 500
MISSING = "ResourceNotFoundException"

T = TypeVar("T")


@record
class Scaled:
    """Application Auto Scaling's side, by the names of services."""

    targets: Mapping[str, Described]
    policies: Mapping[str, Sequence[Described]]


@record
class Balanced:
    """The load balancer's side."""

    balancer: Described | None = None
    listener: Described | None = None
    rules: Sequence[Described] = ()
    groups: Mapping[str, Described]


class Looker:
    """Looks at one project on one target, again and again. Not for several threads at once."""

    def __init__(self, target: Target, project: Project, now: Callable[[], float]) -> None:
        self.target = target
        self.project = project
        self.now = now
        self._definitions: dict[str, Described] = {}
        self._lines: dict[str, tuple[str, ...]] = {}
        self._balanced = Balanced(groups={})
        self._balanced_at = 0.0
        self._scaled = Scaled(targets={}, policies={})
        self._scaled_at = 0.0
        self._outcomes: dict[str, tuple[object, Mapping[str, str]]] = {}
        self._metrics: dict[tuple[str, str], Graph] = {}
        self._metrics_at = 0.0
        self._unknown: dict[str, str] = {}

    @property
    def about(self) -> About:
        """What a snapshot is of: the project, the target, its region and its address."""
        return About(
            project=self.project,
            settings=self.target.settings,
            region=self.target.region,
            endpoint=self.target.endpoint_url or "",
        )

    def look(self) -> Observed:
        """Ask for what is there now. Raises what boto3 raises (see `target.faults.translated`).

        What is refused of metrics, scaling, log lines or earlier deploys is in `unknown`; all else is there without it.
        """
        at = self.now()
        if active_cluster(self.target, self.project.name) is None:
            return Observed(
                at=at, cluster=False, task_definitions={}, target_groups={}, targets={}, metrics={}, last_lines={}
            )
        with ThreadPoolExecutor(max_workers=8) as pool:
            services = pool.submit(self._services)
            ecs, cluster = self.target.client("ecs"), self.project.name
            running = pool.submit(tasks_by_wish, ecs, cluster, "RUNNING")
            stopped = pool.submit(tasks_by_wish, ecs, cluster, "STOPPED")
            instances = pool.submit(described_instances, self.target, self.project.name)
            balanced = pool.submit(self._look_at_balancer, at)
            scaled = pool.submit(self._or, "scaling", partial(self._look_at_scaling, at), self._scaled)
            # a task may stop between the two lists: what it was last wins
            tasks = {task["taskArn"]: task for task in (*running.result(), *stopped.result())}
            balancing = balanced.result()
            targets = pool.map(self._targets, balancing.groups)
            definitions = self._definitions_of(services.result(), tasks.values())
            healths = dict(zip(balancing.groups, targets, strict=True))
            troubled = in_trouble(services.result(), tasks.values(), healths)
            looks = partial(self._look_at_metrics, at, services.result(), tasks.values(), balancing)
            measured = self._or("metrics", looks, self._metrics)
            lines: dict[str, tuple[str, ...]] = self._or(
                "log lines", partial(self._last_lines, tasks.values(), definitions), {}
            )
            outcomes: dict[str, Mapping[str, str]] = self._or(
                "earlier deploys", partial(self._look_at_outcomes, services.result(), troubled), {}
            )
        return Observed(
            at=at,
            cluster=True,
            services=services.result(),
            tasks=list(tasks.values()),
            instances=instances.result(),
            task_definitions=definitions,
            scalable_targets=scaled.result().targets,
            scaling_policies=scaled.result().policies,
            load_balancer=balancing.balancer,
            listener=balancing.listener,
            url=self._url(balancing),
            rules=balancing.rules,
            target_groups=balancing.groups,
            targets=healths,
            metrics=measured,
            last_lines=lines,
            outcomes=outcomes,
            unknown=dict(self._unknown),
        )

    def _or(self, what: str, read: Callable[[], T], instead: T) -> T:
        """Return what `read` does, or `instead` where AWS refuses it, and note why."""
        try:
            value = read()
        except Exception as error:
            ours = faults.in_our_words(error)
            if ours is None:
                raise
            self._unknown[what] = ours.what
            return instead
        self._unknown.pop(what, None)
        return value

    def _services(self) -> list[Described]:
        services = every_service(self.target.client("ecs"), self.project.name)
        return [service for service in services if service["status"] == "ACTIVE"]

    def _definitions_of(self, services: Iterable[Described], tasks: Iterable[Described]) -> dict[str, Described]:
        """Return task definitions by ARN; they never change, so each is asked for once."""
        wanted = {deployment["taskDefinition"] for service in services for deployment in service["deployments"]}
        wanted |= {service["taskDefinition"] for service in services}
        wanted |= {task["taskDefinitionArn"] for task in tasks}
        ecs = self.target.client("ecs")
        if len(self._definitions) > DEFINITIONS_KEPT:
            self._definitions = {arn: each for arn, each in self._definitions.items() if arn in wanted}
        for arn in wanted - self._definitions.keys():
            answer = or_none(partial(ecs.describe_task_definition, taskDefinition=arn), "ClientException")
            if answer is not None:
                self._definitions[arn] = answer["taskDefinition"]
        return {arn: self._definitions[arn] for arn in wanted if arn in self._definitions}

    def _look_at_balancer(self, at: float) -> Balanced:
        if at - self._balanced_at < SLOW_SECONDS and self._balanced.listener is not None:
            return self._balanced
        balancer = load_balancer(self.target, self.project.name)
        listener = first_listener(self.target, balancer) if balancer else None
        groups: dict[str, Described] = {}
        if balancer is not None:
            attached = groups_behind(self.target, balancer["LoadBalancerArn"])
            groups = {group["TargetGroupArn"]: group for group in attached}
        rules = every_rule(self.target, listener) if listener else []
        self._balanced = Balanced(balancer=balancer, listener=listener, rules=rules, groups=groups)
        self._balanced_at = at
        return self._balanced

    def _look_at_scaling(self, at: float) -> Scaled:
        if at - self._scaled_at >= SLOW_SECONDS:
            targets = scalable_targets(self.target, self.project.name)
            policies = scaling_policies(self.target, self.project.name) if targets else {}
            self._scaled, self._scaled_at = Scaled(targets=targets, policies=policies), at
        return self._scaled

    def _targets(self, group: str) -> Sequence[Described]:
        elb = self.target.client("elbv2")
        answer = or_none(lambda: elb.describe_target_health(TargetGroupArn=group), "TargetGroupNotFound")
        health: Sequence[Described] = answer["TargetHealthDescriptions"] if answer else ()
        return health

    def _look_at_outcomes(self, services: Iterable[Described], names: set[str]) -> dict[str, Mapping[str, str]]:
        """How the last deploy of each revision ended, of these services: asked for when their deployments changed."""
        kept = {}
        for service in services:
            if (name := service["serviceName"]) not in names:
                continue
            state = [(each["id"], each.get("rolloutState")) for each in service["deployments"]]
            if name not in self._outcomes or self._outcomes[name][0] != state:
                ecs, cluster = self.target.client("ecs"), self.project.name
                outcomes = or_none(partial(last_outcomes, ecs, cluster, name), "ServiceNotFoundException")
                self._outcomes[name] = (state, outcomes or {})
            kept[name] = self._outcomes[name][1]
        return kept

    def _url(self, balanced: Balanced) -> str:
        if balanced.balancer is None or balanced.listener is None:
            return ""
        return self.target.url(balanced.balancer["DNSName"], int(balanced.listener["Port"]))

    def _look_at_metrics(
        self, at: float, services: Iterable[Described], tasks: Iterable[Described], balanced: Balanced
    ) -> dict[tuple[str, str], Graph]:
        if at - self._metrics_at < SLOW_SECONDS:
            return self._metrics
        free = self.target.settings.provider == "local"  # on AWS each metric that is asked for costs
        asked = metrics.queries(self.project.name, services, balanced.balancer, answers=free)
        asked += self._task_queries({last(task["taskArn"]) for task in tasks if task["lastStatus"] == "RUNNING"})
        end = datetime.fromtimestamp(at // metrics.PERIOD_SECONDS * metrics.PERIOD_SECONDS, UTC)  # as periods begin
        graphs: dict[tuple[str, str], Graph] = {}
        for start in range(0, len(asked), metrics.MOST_AT_ONCE):
            some = asked[start : start + metrics.MOST_AT_ONCE]
            pages = (
                self.target.client("cloudwatch")
                .get_paginator("get_metric_data")
                .paginate(
                    MetricDataQueries=[query.asked(f"q{index}") for index, query in enumerate(some)],
                    StartTime=end - timedelta(minutes=METRICS_MINUTES),
                    EndTime=end + timedelta(minutes=2),
                    ScanBy="TimestampAscending",
                )
            )
            graphs |= metrics.answered(some, pages)
        self._metrics, self._metrics_at = graphs, at
        return graphs

    def _task_queries(self, running: set[str]) -> list[metrics.Query]:
        """Those of single tasks, which only a cluster with Container Insights has: their dimensions are looked up."""
        cloudwatch = self.target.client("cloudwatch")
        asked = []
        for name, what in metrics.OF_TASKS.items():
            pages = cloudwatch.get_paginator("list_metrics").paginate(
                Namespace=metrics.INSIGHTS,
                MetricName=name,
                Dimensions=[{"Name": "ClusterName", "Value": self.project.name}, {"Name": "TaskId"}],
            )
            for metric in (metric for page in pages for metric in page["Metrics"]):
                task = {d["Name"]: d["Value"] for d in metric["Dimensions"]}["TaskId"]
                if task in running:
                    asked += metrics.of_task(task, what, metric)
        return asked

    def _last_lines(self, tasks: Iterable[Any], definitions: Mapping[str, Described]) -> dict[str, tuple[str, ...]]:
        """Return the end of the output of each service's newest failed tasks."""
        bad = sorted(
            (task for task in tasks if ended_badly(task)), key=lambda task: task["stoppedAt"].timestamp(), reverse=True
        )
        wanted: dict[str, list[Described]] = {}
        for task in bad:
            if len(some := wanted.setdefault(task.get("group", ""), [])) < 3:
                some.append(task)
        kept: dict[str, tuple[str, ...]] = {}
        for task in (task for some in wanted.values() for task in some):
            arn = task["taskArn"]
            if self._lines.get(arn):
                kept[arn] = self._lines[arn]
            elif (place := log_place(task, definitions)) is not None:
                kept[arn] = self._end_of(*place)
        self._lines = kept
        return kept

    def _end_of(self, group: str, stream: str) -> tuple[str, ...]:
        logs = self.target.client("logs")
        answer = or_none(lambda: logs.get_log_events(logGroupName=group, logStreamName=stream, limit=LINES), MISSING)
        return tuple(event["message"] for event in answer["events"]) if answer else ()


def in_trouble(
    services: Iterable[Described], tasks: Iterable[Described], healths: Mapping[str, Sequence[Described]]
) -> set[str]:
    """Return the services that a person may want to take back.

    They have a failed task or deploy, or a target that is not healthy.
    """
    failed = {task.get("group", "").removeprefix("service:") for task in tasks if ended_badly(task)}
    names = set()
    for service in services:
        groups = [each["targetGroupArn"] for each in service.get("loadBalancers", ()) if "targetGroupArn" in each]
        states = {each["TargetHealth"]["State"] for arn in groups for each in healths.get(arn, ())}
        rollouts = {each.get("rolloutState") for each in service["deployments"]}
        if service["serviceName"] in failed or "unhealthy" in states or "FAILED" in rollouts:
            names.add(service["serviceName"])
    return names
