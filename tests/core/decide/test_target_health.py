from dataclasses import replace
from math import inf

import pytest

from culm.core.decide.target_health import (
    Answer,
    Health,
    judge,
    known,
    matcher_problem,
    matches,
    next_probe_after,
    routable,
)
from culm.core.model.load_balancers import Matcher, RegisteredTarget, TargetGroup

GROUP = TargetGroup(
    target_group_arn="group",
    target_group_name="web",
    port=80,
    health_check_interval_seconds=10,
    healthy_threshold_count=3,
    unhealthy_threshold_count=2,
    matcher=Matcher(http_code="200-299,404"),
)
GOOD, BAD, SILENT, CLOSED = Answer(status=200), Answer(status=500), Answer(timed_out=True), Answer()
TARGET = RegisteredTarget(target_group_arn="group", id="i-1", port=80, registered_at=0.0)


def after(health: Health, *answers: tuple[float, Answer]) -> Health:
    for at, answer in answers:
        health = judge(health, answer, GROUP, at)
    return health


def test_a_new_target_is_healthy_after_one_good_probe():
    assert known(TARGET, 0.0).reason == "Elb.InitialHealthChecking"
    found = after(known(TARGET, 0.0), (0.0, GOOD))
    assert (found.state, found.reason, found.description) == ("healthy", None, None)


@pytest.mark.parametrize(
    ("answer", "reason", "description"),
    [
        (BAD, "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
        (SILENT, "Target.Timeout", "Request timed out"),
        (CLOSED, "Target.FailedHealthChecks", "Health checks failed"),
    ],
)
def test_a_new_target_is_unhealthy_after_failures_an_interval_apart(answer, reason, description):
    still = after(known(TARGET, 0.0), (10.0, answer))
    assert (still.state, still.reason) == ("initial", "Elb.InitialHealthChecking")
    found = after(still, (20.0, answer))
    assert (found.state, found.reason, found.description) == ("unhealthy", reason, description)


def test_failures_within_one_interval_count_once():
    eager = [(0.25 * n, CLOSED) for n in range(70)]
    assert after(known(TARGET, 0.0), *eager).state == "initial"
    assert after(known(TARGET, 0.0), *eager, (20.0, CLOSED)).state == "unhealthy"


def test_one_failure_does_not_make_a_healthy_target_unhealthy_but_two_in_a_row_do():
    healthy = known(replace(TARGET, state="healthy"), 0.0)
    assert after(healthy, (0.0, BAD), (10.0, GOOD), (20.0, BAD)).state == "healthy"
    assert after(healthy, (0.0, BAD), (10.0, SILENT)).reason == "Target.Timeout"


def test_an_unhealthy_target_needs_the_healthy_threshold_in_a_row():
    unhealthy = known(replace(TARGET, state="unhealthy", reason="Target.Timeout", description="Request timed out"), 0.0)
    assert (unhealthy.reason, unhealthy.description) == ("Target.Timeout", "Request timed out")
    assert after(unhealthy, (0.0, GOOD), (1.0, GOOD), (2.0, BAD), (3.0, GOOD), (4.0, GOOD)).state == "unhealthy"
    assert after(unhealthy, (0.0, GOOD), (1.0, GOOD), (2.0, GOOD)).state == "healthy"


def test_an_unhealthy_target_says_why_it_failed_last():
    unhealthy = known(replace(TARGET, state="unhealthy", reason="Target.Timeout"), 0.0)
    assert after(unhealthy, (0.0, BAD)).reason == "Target.ResponseCodeMismatch"


def test_a_target_that_is_not_healthy_is_probed_sooner_but_less_and_less_so():
    healthy = Health(state="healthy", counted_at=-inf)
    waits = [next_probe_after(Health(counted_at=0.0, failed=failed), GROUP, 0.25) for failed in (0, 1, 3, 9)]
    assert (next_probe_after(healthy, GROUP, 0.25), waits) == (10.0, [0.25, 0.5, 2.0, 10.0])


@pytest.mark.parametrize(
    ("http_code", "status", "taken"),
    [
        ("200", 200, True),
        ("200", 201, False),
        ("200,302", 302, True),
        ("200-299,404", 250, True),
        ("200-299,404", 404, True),
        ("200-299,404", 300, False),
    ],
)
def test_matchers_take_the_statuses_they_list(http_code, status, taken):
    assert matches(http_code, status) is taken


@pytest.mark.parametrize(
    ("http_code", "problem"),
    [
        ("200,301-399", None),
        ("2xx", "'2xx' is not valid"),
        ("", "'' is not valid"),
        ("200-500", "must be within '200-499'"),
        ("300-200", "must be within '200-499'"),
    ],
)
def test_matchers_that_amazon_refuses(http_code, problem):
    found = matcher_problem(http_code)
    assert found is None if problem is None else problem in (found or "")


def test_healthy_targets_get_the_requests_and_unhealthy_ones_where_there_is_no_healthy_one():
    initial = TARGET
    healthy, unhealthy = replace(TARGET, state="healthy"), replace(TARGET, state="unhealthy")
    assert routable([initial, unhealthy, healthy]) == (healthy,)
    assert routable([initial, unhealthy]) == (unhealthy,)
    assert routable([initial]) == ()
