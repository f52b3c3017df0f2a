"""Alarms: from points to a state, and from a state to the end of a deployment."""

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import a_deployment, a_service, a_state, a_task

from culm.core.decide.alarms import evaluated, span
from culm.core.decide.schedule import schedule
from culm.core.decide.simulate import apply
from culm.core.decide.state import ClusterState
from culm.core.model.alarms import Alarm
from culm.core.model.metrics import metric, sample
from culm.core.model.services import DeploymentAlarms, Service


def an_alarm(**fields: Any) -> Alarm:
    values: dict[str, Any] = {
        "statistic": "Maximum",
        "unit": None,
        "period": 60,
        "evaluation_periods": 3,
        "datapoints_to_alarm": 2,
        "threshold": 10.0,
        "comparison_operator": "GreaterThanThreshold",
        "updated_at": 0.0,
        "state_updated_at": 0.0,
    }
    return Alarm(alarm_name="errors", metric=metric("shop", "errors"), **{**values, **fields})


def state_of(alarm: Alarm, values: list[float | None], now: float = 600.0) -> str:
    """`values` are those of the periods before the present one, the oldest first."""
    begin = now - 60 * len(values)
    points = [sample(begin + 60 * n, value) for n, value in enumerate(values) if value is not None]
    return evaluated(alarm, points, now).state_value


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ([11, 0, 11], "ALARM"),
        ([11, 0, 0], "OK"),
        ([10, 10, 10], "OK"),
        ([None, 11, 11], "ALARM"),
        ([None, None, 11], "OK"),
        ([None, None, None], "INSUFFICIENT_DATA"),
    ],
)
def test_an_alarm_needs_datapoints_to_alarm_breaching_periods(values: list[float | None], state: str) -> None:
    assert state_of(an_alarm(), values) == state


@pytest.mark.parametrize(
    ("comparison", "value", "state"),
    [
        ("GreaterThanOrEqualToThreshold", 10, "ALARM"),
        ("LessThanThreshold", 10, "OK"),
        ("LessThanThreshold", 9, "ALARM"),
        ("LessThanOrEqualToThreshold", 10, "ALARM"),
    ],
)
def test_each_comparison_operator_compares_as_its_name_says(comparison: str, value: float, state: str) -> None:
    alarm = an_alarm(comparison_operator=comparison, evaluation_periods=1, datapoints_to_alarm=1)
    assert state_of(alarm, [value]) == state


@pytest.mark.parametrize(
    ("treat", "state"), [("breaching", "ALARM"), ("notBreaching", "OK"), ("ignore", "ALARM"), ("missing", "OK")]
)
def test_missing_data_is_treated_as_the_alarm_is_set(treat: Any, state: str) -> None:
    alarm = an_alarm(treat_missing_data=treat, state_value="ALARM")
    values: list[float | None] = [None, None, None] if treat != "missing" else [0, None, None]
    assert state_of(alarm, values) == state


def test_the_present_period_counts_as_soon_as_it_has_a_point() -> None:
    alarm = an_alarm(evaluation_periods=1, datapoints_to_alarm=1)
    assert span(alarm, 610.0) == (540.0, 660.0)
    assert evaluated(alarm, [sample(540.0, 0.0), sample(600.0, 99.0)], 610.0).state_value == "ALARM"
    assert evaluated(alarm, [sample(540.0, 0.0)], 610.0).state_value == "OK"


def test_an_alarm_whose_state_stays_is_the_same_alarm() -> None:
    alarm = an_alarm(state_value="OK")
    assert evaluated(alarm, [sample(540.0, 0.0)], 600.0) is alarm


def rolling(**fields: Any) -> ClusterState:
    """A roll that began at 5,000, over a version that was completed."""
    setting = DeploymentAlarms(**{"alarm_names": ("errors",), "rollback": True, "enable": True, **fields})
    new = a_deployment("ecs-svc/2", "web:2", created_at=5000.0)
    old = a_deployment("ecs-svc/1", "web:1", status="ACTIVE", rollout_state="COMPLETED")
    service = a_service("web", new, old)
    configuration = replace(service.deployment_configuration, alarms=setting)
    service = replace(service, deployment_configuration=configuration)
    return a_state(service, tasks=[a_task("t1", of=service, deployment="ecs-svc/1")])


def after(state: ClusterState, **alarms: float) -> Service:
    state = replace(state, alarms=alarms)
    return apply(state, schedule(state)).services[0]


def test_an_alarm_that_goes_off_rolls_the_deployment_back() -> None:
    service = after(rolling(), errors=6000.0)
    assert service.primary is not None
    assert (service.primary.id, service.primary.rollout_state) == ("ecs-svc/1", "IN_PROGRESS")
    assert service.primary.rollout_state_reason == (
        "ECS deployment alarm detected: rolling back to deploymentId ecs-svc/1."
    )
    messages = [event.message for event in service.events]
    assert "(service web) (deployment ecs-svc/2) deployment failed: alarm detected." in messages


def test_without_rollback_the_deployment_fails() -> None:
    primary = after(rolling(rollback=False), errors=6000.0).primary
    assert primary is not None
    assert (primary.id, primary.rollout_state) == ("ecs-svc/2", "FAILED")


@pytest.mark.parametrize(
    ("fields", "alarms"),
    [({}, {}), ({}, {"errors": 4000.0}), ({"enable": False}, {"errors": 6000.0}), ({}, {"others": 6000.0})],
    ids=["silent", "since before the deployment", "not enabled", "another one"],
)
def test_alarms_from_before_the_deployment_are_ignored(fields: Any, alarms: dict[str, float]) -> None:
    primary = after(rolling(**fields), **alarms).primary
    assert primary is not None
    assert (primary.id, primary.rollout_state) == ("ecs-svc/2", "IN_PROGRESS")
