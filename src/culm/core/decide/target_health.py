"""Judge the health of targets from probes, and choose the targets that get requests.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html

A new target needs one good probe ("After your target is registered, it must pass one health check to be considered
healthy"); HealthyThresholdCount is for one that was found unhealthy.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import inf

from culm.core.model.load_balancers import RegisteredTarget, TargetGroup, TargetState
from culm.core.model.record import record

_SAME_INTERVAL = 0.9
"""Failures closer than this part of the interval are one: timers are not exact."""
_MATCHER_ITEM = re.compile(r"(\d{3})(?:-(\d{3}))?")
_GRPC_ITEM = re.compile(r"(\d{1,2})(?:-(\d{1,2}))?")


@record
class Answer:
    """The result of one probe."""

    status: int | None = None
    """The HTTP status, or gRPC's; None: no connection, or no such answer."""
    timed_out: bool = False


@record
class Health:
    """The results of a target's probes so far."""

    state: TargetState = "initial"
    reason: str | None = "Elb.InitialHealthChecking"
    description: str | None = "Initial health checks in progress"
    passed: int = 0
    """In a row."""
    failed: int = 0
    """In a row, not counting those sooner than the group's interval after each other."""
    counted_at: float
    """When a failure counted last, or the first probe was due: seconds on the prober's clock, as every `now` here."""


def known(target: RegisteredTarget, now: float) -> Health:
    """Return the health to go on from, for a target whose state an earlier process may have found."""
    if target.state == "healthy":
        return Health(state="healthy", reason=None, description=None, counted_at=-inf)
    if target.state == "unhealthy":
        return Health(state="unhealthy", reason=target.reason, description=target.description, counted_at=-inf)
    return Health(counted_at=now)


def judge(health: Health, answer: Answer, group: TargetGroup, now: float) -> Health:
    """Return the target's health after one more probe."""
    if answer.status is not None and matches(group.healthy_codes, answer.status):
        passed = health.passed + 1
        needed = group.healthy_threshold_count if health.state == "unhealthy" else 1
        if passed >= needed:
            return Health(state="healthy", reason=None, description=None, passed=passed, counted_at=-inf)
        return replace(health, passed=passed, failed=0, counted_at=-inf)

    if now - health.counted_at < _SAME_INTERVAL * group.health_check_interval_seconds:
        return replace(health, passed=0)
    health = replace(health, passed=0, failed=health.failed + 1, counted_at=now)
    if health.state == "unhealthy" or health.failed >= group.unhealthy_threshold_count:
        reason, description = _why(answer)
        return replace(health, state="unhealthy", reason=reason, description=description)
    return health


def next_probe_after(health: Health, group: TargetGroup, eager_seconds: float) -> float:
    """Return the seconds until the next probe.

    A target that is not healthy is looked at sooner, so that it serves as soon as it can; `judge` sees to it that it
    does not fail any sooner for that. One that goes on failing is looked at less and less eagerly.
    """
    interval = float(group.health_check_interval_seconds)
    return interval if health.state == "healthy" else min(interval, eager_seconds * 2.0 ** min(health.failed, 10))


def matches(http_code: str, status: int) -> bool:
    """Return whether a matcher such as `200,301-399` takes the status."""
    items = (item.partition("-") for item in http_code.split(","))
    return any(int(low) <= status <= int(high or low) for low, _, high in items)


def matcher_problem(http_code: str) -> str | None:
    """Return why a matcher is not valid, or None; ALB accepts 200 to 499."""
    for item in http_code.split(","):
        match = _MATCHER_ITEM.fullmatch(item)
        if not match:
            return f"Health check matcher HTTP code '{item}' is not valid"
        low, high = int(match[1]), int(match[2] or match[1])
        if not 200 <= low <= high <= 499:
            return f"Health check matcher HTTP code '{item}' must be within '200-499' inclusive"
    return None


def grpc_matcher_problem(grpc_code: str) -> str | None:
    """Return why a matcher of gRPC codes is not valid, or None; ALB accepts 0 to 99."""
    for item in grpc_code.split(","):
        match = _GRPC_ITEM.fullmatch(item)
        if not match or int(match[1]) > int(match[2] or match[1]):
            return f"Health check matcher GRPC code '{item}' must be within '0-99' inclusive"
    return None


def routable(targets: Sequence[RegisteredTarget]) -> tuple[RegisteredTarget, ...]:
    """Return the targets that get requests: the healthy ones or, when there is none, the unhealthy (ALB fails open)."""
    for state in ("healthy", "unhealthy"):
        if able := tuple(target for target in targets if target.state == state):
            return able
    return ()


def _why(answer: Answer) -> tuple[str, str]:
    if answer.timed_out:
        return "Target.Timeout", "Request timed out"
    if answer.status is None:
        return "Target.FailedHealthChecks", "Health checks failed"
    return "Target.ResponseCodeMismatch", f"Health checks failed with these codes: [{answer.status}]"
