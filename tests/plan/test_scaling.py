"""Automatic scaling in a deploy: whose count it is, what is called when, and what takes it back."""

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.test_rollout import IMAGES, MIGRATION, OTHER, a_plan, changed, part, steps_of, survey  # noqa: F401
from tests.plan.test_wishes import frame, numbered  # noqa: F401

from culm import render
from culm.plan import diff, scaling, wishes
from culm.plan.observed import Observed, Survey
from culm.plan.scaling import LENDS_TAG
from culm.project.project import Project, Scaling, Service
from culm.project.values import Range, Scale
from culm.render.scaling import DIMENSION

LIVE = IMAGES | MIGRATION


def scaled(project: Project, least: int = 1, most: int = 4, metric: Any = "cpu", value: int = 60) -> Project:
    """With `web` scaled."""
    how = Scaling(bounds=Range(least=least, most=most), by=Scale(metric=metric, value=value))
    web = replace(project.services["web"], count=least, scaling=how)
    return replace(project, services={**project.services, "web": web})


def registered(project: Project, live: Observed) -> Observed:
    """With the scaling that culm.yml says."""
    web = project.services["web"]
    assert web.scaling is not None
    target = render.scalable_target(project, web, web.scaling)
    return replace(
        live,
        scalable_targets={"web": target},
        scaling_policies={"web": [scaling.wanted_policy(project, web, web.scaling, live)]},
    )


def with_live(survey: Survey, **changed: Any) -> Survey:  # noqa: F811
    services = survey.observed.services
    return replace(
        survey, observed=replace(survey.observed, services={**services, "web": {**services["web"], **changed}})
    )


def web_steps(project: Project, survey: Survey, images: Any = LIVE) -> list[str]:  # noqa: F811
    """What a deploy does for `web`, without the numbers."""
    lines = steps_of(project, survey, a_plan((part("web", "settings"),)), images).splitlines()
    return [words for line in lines for _, name, words in [line.split(maxsplit=2)] if name == "web"]


@pytest.mark.parametrize(
    ("live", "lends", "count"),
    [(2, None, 2), (1, None, 1), (4, None, 4), (6, None, 4), (0, None, 1), (0, "3", 3), (0, "9", 4)],
)
def test_a_count_within_the_range_stays_and_another_becomes_the_nearest_bound(
    project: Project, live: int, lends: str | None, count: int
) -> None:
    tags = [{"key": LENDS_TAG, "value": lends}] if lends else []
    web = scaling.with_count(scaled(project).services["web"], {"desiredCount": live, "tags": tags})
    assert web.count == count


def test_a_service_that_is_new_begins_with_the_fewest_tasks(project: Project) -> None:
    web = scaled(project, least=2).services["web"]
    assert scaling.with_count(web, None).count == 2
    assert render.service(project, web, "arn:1", None)["desiredCount"] == 2


def test_a_service_that_is_not_scaled_has_the_count_that_is_written(project: Project) -> None:
    assert scaling.with_count(project.services["web"], {"desiredCount": 5}).count == 1


def test_the_breaker_is_that_of_the_fewest_tasks_whatever_the_count_is_now(project: Project) -> None:
    web = replace(scaled(project).services["web"], count=3)
    breaker = render.deployment_configuration(web, start_first=True)["deploymentCircuitBreaker"]
    assert breaker["thresholdConfiguration"]["value"] == render.MOST_FAILURES


def test_scaling_is_registered_once_the_service_is_steady(project: Project, survey: Survey) -> None:  # noqa: F811
    assert web_steps(scaled(project), survey) == [
        "wait until it is steady",
        "scale between 1 and 4 tasks; undo: its scaling as before",
        "scale by cpu 60",
    ]


def test_a_deploy_of_what_is_scaled_already_leaves_count_and_scaling_alone(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    project = scaled(project)
    there = replace(survey, observed=registered(project, survey.observed))
    assert web_steps(project, with_live(there, desiredCount=3)) == ["wait until it is steady"]
    assert web_steps(project, with_live(there, desiredCount=7)) == [
        "scale to 4 tasks; commits",
        "wait until it is steady",
    ]


def test_new_bounds_and_a_new_target_are_called_each_by_itself(project: Project, survey: Survey) -> None:  # noqa: F811
    there = replace(survey, observed=registered(scaled(project), survey.observed))
    assert web_steps(scaled(project, most=9), there)[1:] == ["scale between 1 and 9 tasks; undo: its scaling as before"]
    assert web_steps(scaled(project, value=50), there)[1:] == ["scale by cpu 50; undo: its scaling as before"]


def test_scaling_that_culm_yml_has_no_longer_goes_before_the_count_changes(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    there = replace(survey, observed=registered(scaled(project), survey.observed))
    assert web_steps(project, with_live(there, desiredCount=3)) == [
        "stop scaling it; undo: its scaling as before",
        "scale to 1 task; commits",
        "wait until it is steady",
    ]


def test_a_roll_that_keeps_a_count_within_the_range_does_not_name_it(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    project = scaled(project)
    web = scaling.with_count(project.services["web"], {"desiredCount": 3})
    live = with_live(survey, desiredCount=3).observed
    call = diff.service(project, web, live, "arn:new", start_first=True)
    assert call is not None
    assert "desiredCount" not in call.input


def test_a_slot_that_was_lent_comes_back_with_the_count_of_before(project: Project, survey: Survey) -> None:  # noqa: F811
    services = {**project.services, "accounts": replace(scaled(project).services["web"], **own(project))}
    lending = a_plan((part("accounts", "stop-first", lends=True),))
    services_live = {
        **survey.observed.services,
        "accounts": {**survey.observed.services["accounts"], "desiredCount": 3},
    }
    there = replace(survey, observed=replace(survey.observed, services=services_live))
    text = steps_of(replace(project, services=services), there, lending, IMAGES | OTHER)
    assert "roll out the new revision, scale to 3 tasks" in text


def own(project: Project) -> dict[str, Any]:
    """What makes a service `accounts`."""
    accounts: Service = project.services["accounts"]
    return {
        name: getattr(accounts, name)
        for name in ("name", "folder", "dockerfile", "migration", "paths", "bare_paths", "check")
    }


def test_the_calls_are_those_of_application_auto_scaling(project: Project, live: Observed) -> None:
    balancer = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/bamboo/12ab"
    group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-web/34cd"
    project = scaled(project, metric="requests", value=500)
    there = replace(
        live,
        load_balancer={"LoadBalancerArn": balancer},
        target_groups={**live.target_groups, "bamboo-web": {"TargetGroupArn": group}},
    )
    register, put = scaling.changes(project, project.services["web"], there)
    who = {"ServiceNamespace": "ecs", "ResourceId": "service/bamboo/web", "ScalableDimension": DIMENSION}
    assert register.call.input == {**who, "MinCapacity": 1, "MaxCapacity": 4}
    assert [call.operation for call in register.back] == ["deregister_scalable_target"]
    assert put.call.input == {
        **who,
        "PolicyName": "bamboo-web",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 500.0,
            "PredefinedMetricSpecification": {
                "PredefinedMetricType": "ALBRequestCountPerTarget",
                "ResourceLabel": "app/bamboo/12ab/targetgroup/bamboo-web/34cd",
            },
            "ScaleOutCooldown": 300,
            "ScaleInCooldown": 300,
            "DisableScaleIn": False,
        },
    }


def test_what_took_scaling_away_is_taken_back_with_bounds_and_every_policy(project: Project, live: Observed) -> None:
    there = registered(scaled(project), live)
    by_hand = {**there.scaling_policies["web"][0], "PolicyName": "more", "PolicyARN": "arn:policy"}
    there = replace(there, scaling_policies={"web": [*there.scaling_policies["web"], by_hand]})
    removal = scaling.removal(project, project.services["web"], there)
    assert removal is not None
    assert [call.operation for call in removal.back] == ["register_scalable_target", *["put_scaling_policy"] * 2]
    assert [call.input.get("PolicyName") for call in removal.back] == [None, "bamboo-web", "more"]
    assert "PolicyARN" not in removal.back[2].input


def test_a_plan_says_what_scales_and_that_there_is_room_at_the_same_price(
    project: Project,
    survey: Survey,  # noqa: F811
    frame: wishes.Frame,  # noqa: F811
) -> None:
    project = scaled(project)
    made = wishes.deploy(replace(frame, project=project), ["web"], numbered(survey), LIVE)
    assert made.fits
    [web] = made.services
    assert web.rescales
    assert [(each.field, each.old, each.new) for each in web.differences] == [("scale", None, "1-4, cpu 60")]
    assert (
        "web scales between 1 and 4 tasks by cpu 60: there is room for all 4, at the same price; "
        "a deploy at 4 starts the new tasks first" in made.notes
    )
    there = numbered(replace(survey, observed=registered(project, survey.observed)))
    assert not wishes.deploy(replace(frame, project=project), ["web"], there, LIVE).services[0].rescales


def test_a_deploy_is_refused_where_it_takes_the_room_of_another_services_maximum(
    project: Project,
    survey: Survey,  # noqa: F811
    frame: wishes.Frame,  # noqa: F811
) -> None:
    project = scaled(project, most=7)
    made = wishes.deploy(replace(frame, project=project), ["accounts"], numbered(survey), LIVE)
    assert [(obstacle.name, obstacle.step) for obstacle in made.moves.obstacles] == [("web", "maximum")]
    assert "web: {count: 1-" in " ".join(remedy.write for remedy in made.remedies)


def test_live_scaling_is_told_by_its_bounds_and_what_it_follows(project: Project, live: Observed) -> None:
    web = scaled(project)
    assert scaling.live_words(web, web.services["web"], live) is None
    there = registered(web, live)
    assert scaling.live_words(web, web.services["web"], there) == "1-4, cpu 60"
    assert scaling.live_words(web, web.services["web"], replace(there, scaling_policies={})) == "1-4, by nothing"
    target = {"MinCapacity": 2, "MaxCapacity": 3}
    own: dict[str, Any] = {"TargetTrackingScalingPolicyConfiguration": {"TargetValue": 7.5}}
    assert scaling.described(target, own) == "2-3, another metric 7.5"
    assert scaling.described(target, {"StepScalingPolicyConfiguration": {}}) == "2-3, by nothing"
