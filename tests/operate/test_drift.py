"""Differences that take a target in trouble: pure. What hands do is in drift/."""

from dataclasses import replace
from typing import Any

import pytest
from tests.bamboo import NOTHING

from culm import render
from culm.operate.drift.compare import compare
from culm.operate.drift.live import LiveState
from culm.operate.drift.rows import Row
from culm.plan.observed import Described, Observed, Survey
from culm.project.project import Project

IMAGE = "127.0.0.1:5/bamboo/web@sha256:" + "1" * 64


@pytest.fixture
def seen(project: Project, live: Observed, around: render.Surroundings) -> LiveState:
    """All is as written: services and their revisions, two instances."""
    revisions = {
        one["taskDefinition"]: render.task_definition(project, project.services[name], "accounts", "sha256:2", around)
        if name == "accounts"
        else render.task_definition(project, project.services[name], IMAGE, None, around)
        for name, one in live.services.items()
    }
    rules = {
        name: {**rule, "Actions": [{"Type": "forward", "TargetGroupArn": f"arn:{name}"}]}
        for name, rule in live.rules.items()
    }
    listener = {**render.listener("arn:lb", around), **(live.listener or {})}
    there = replace(live, task_definitions=revisions, rules=rules, listener=listener)
    instances = [an_instance("i-1"), an_instance("i-2")]
    return LiveState(
        survey=Survey(observed=there, surroundings=around, instances=instances),
        images=None,
        gone=frozenset(),
        roles={},
        attached_groups=(),
    )


def an_instance(name: str, kind: str | None = "t2.micro") -> dict[str, Any]:
    attributes = [{"name": "ecs.instance-type", "value": kind}] if kind else []
    return {"ec2InstanceId": name, "status": "ACTIVE", "attributes": attributes}


def seeing(seen: LiveState, **changed: Any) -> LiveState:
    return replace(seen, survey=replace(seen.survey, observed=replace(seen.survey.observed, **changed)))


def differences(project: Project, seen: LiveState) -> list[Row]:
    return compare(project, project.targets["local"], seen)


def test_what_is_as_written_has_no_row(project: Project, seen: LiveState) -> None:
    assert differences(project, seen) == []


def test_a_failed_rollout_is_a_difference_that_up_mends(project: Project, seen: LiveState) -> None:
    failed = {**seen.survey.observed.services["web"], "deployments": [{"status": "PRIMARY", "rolloutState": "FAILED"}]}
    services = {**seen.survey.observed.services, "web": failed}
    assert differences(project, seeing(seen, services=services)) == [
        Row(what="service web", field="rolloutState", wanted="COMPLETED", live="FAILED", wins="culm.yml")
    ]


def test_a_lost_image_is_told_even_when_the_folders_are_not_asked(project: Project, seen: LiveState) -> None:
    assert differences(project, replace(seen, gone=frozenset({IMAGE}))) == [
        Row(what="service web", field="image", wanted=IMAGE, live="gone from its repository", wins="live")
    ]


def test_a_rule_that_does_more_than_forward_is_told(project: Project, seen: LiveState) -> None:
    rule = seen.survey.observed.rules["web"]
    login = {**rule, "Actions": [{"Type": "authenticate-oidc"}, *rule["Actions"]]}
    assert differences(project, seeing(seen, rules={**seen.survey.observed.rules, "web": login})) == [
        Row(what="rule of web", field="Actions", wanted="forward", live="authenticate-oidc, forward", wins="live")
    ]


def test_a_service_whose_target_group_is_missing_is_still_compared(project: Project, seen: LiveState) -> None:
    groups = {name: group for name, group in seen.survey.observed.target_groups.items() if name != "bamboo-web"}
    rules = {name: rule for name, rule in seen.survey.observed.rules.items() if name != "web"}
    rows = differences(project, seeing(seen, target_groups=groups, rules=rules))
    assert [(row.what, row.field) for row in rows] == [
        ("target group bamboo-web", ""),
        ("service web", "loadBalancers.targetGroupArn"),
    ]


def test_a_database_server_that_is_used_and_missing_is_a_difference(project: Project, seen: LiveState) -> None:
    web = replace(project.services["web"], databases=("main", "cache"))
    engines = {"main": "mariadb", "cache": "valkey"}
    using = replace(project, databases=engines, services={**project.services, "web": web})
    assert [row.what for row in differences(using, seen)] == [
        "database server bamboo-main",
        "database server bamboo-cache",
    ]
    unused = replace(project, databases={"main": "postgres"})
    assert differences(unused, seen) == []


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["t2.micro"], "1 x t2.micro"),
        (["t2.micro", "t3.nano"], "1 x t2.micro + 1 x t3.nano"),
        ([], "no instances"),
        ([None, None], None),
        ([None], "1 x unknown"),
    ],
    ids=str,
)
def test_instances_are_compared_by_type_where_they_say_it(
    project: Project, seen: LiveState, kinds: list[str | None], told: str | None
) -> None:
    there: list[Described] = [an_instance(f"i-{n}", kind) for n, kind in enumerate(kinds)]
    rows = differences(project, replace(seen, survey=replace(seen.survey, instances=there)))
    assert [row.live for row in rows] == ([told] if told else [])


def test_diff_of_an_empty_target_starts_with_the_cluster(
    project: Project, seen: LiveState, around: render.Surroundings
) -> None:
    rows = differences(project, replace(seen, survey=Survey(observed=NOTHING, surroundings=around)))
    assert {row.wins for row in rows} == {"culm.yml"}
    assert [row.what for row in rows][:2] == ["cluster bamboo", f"vault {around.vault}"]
    assert [row.what for row in rows][-2:] == ["service accounts", "service web"]
