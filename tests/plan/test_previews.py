"""What a preview's deploy calls, and that it changes nothing of the shared environment."""

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.bamboo import NOTHING

from culm import render
from culm.errors import Differs
from culm.plan import diff
from culm.plan.observed import Observed
from culm.project.previews import preview
from culm.project.project import Project
from culm.render import identity


@pytest.fixture
def derived(project: Project) -> Project:
    return preview(project, "local", "pr-1", ["accounts"])


@pytest.fixture
def beside(live: Observed, derived: Project) -> Observed:
    """What the preview's deploy sees of a shared environment that is up: the shared rules are other people's."""
    rules = [
        {**rule, "Actions": [{"Type": "forward", "TargetGroupArn": f"arn:targetgroup/bamboo-{name}/1"}]}
        for name, rule in live.rules.items()
    ]
    return replace(
        NOTHING,
        cluster=live.cluster,
        repositories=live.repositories,
        vault=live.vault,
        log_groups=live.log_groups,
        load_balancer=live.load_balancer,
        listener=live.listener,
        other_rules=tuple(rules),
    )


def with_group(observed: Observed, derived: Project, around: render.Surroundings) -> Observed:
    [service] = derived.services.values()
    group = {**render.target_group(derived, service, around), "TargetGroupArn": "arn:targetgroup/own/1"}
    attributes = dict(render.target_group_attributes(service, around))
    name = render.group_name(derived, service)
    return replace(observed, target_groups={name: group}, attributes={name: attributes})


def test_a_preview_makes_what_is_its_own_and_moves_the_shared_rules_once(
    derived: Project, beside: Observed, around: render.Surroundings
) -> None:
    calls = diff.base(derived, beside, replace(around, env="pr-1", instances="9 x t3.small", port=9999))
    assert [call.what for call in calls] == [
        "create role bamboo.pr-1.execution",
        "create role bamboo-pr-1--accounts",
        "create log group /culm/bamboo/pr-1--accounts",
        "create target group bamboo-pr-1-P-accounts",
        "reorder listener rules",
    ], "neither the cluster's instances nor the listener's port are a preview's to change"
    assert calls[-1].input["RulePriorities"] == [
        {"RuleArn": "arn:rule/accounts", "Priority": 1010},
        {"RuleArn": "arn:rule/web", "Priority": 1020},
    ]


@pytest.mark.parametrize("lacking", ["cluster", "load_balancer", "listener", "vault"])
def test_a_preview_of_what_is_not_up_is_refused(
    derived: Project, beside: Observed, around: render.Surroundings, lacking: str
) -> None:
    with pytest.raises(Differs, match="bamboo is not up there, and a preview stands beside it"):
        diff.base(derived, replace(beside, **{lacking: None}), around)


def test_its_rules_come_before_the_shared_ones_by_host_by_header_and_by_cookie(
    derived: Project, beside: Observed, around: render.Surroundings
) -> None:
    [service] = derived.services.values()
    observed = with_group(beside, derived, around)
    first = diff.rule(derived, service, observed)
    assert first is not None
    calls = [first, *diff.further_rules(derived, service, observed)]
    assert [(call.input["Priority"], fields(call.input)) for call in calls] == [
        (1, {"path-pattern": ["/accounts/*", "/accounts"], "host-header": ["pr-1.localhost"]}),
        (2, {"path-pattern": ["/accounts/*", "/accounts"], "culm-preview": ["pr-1"]}),
        (3, {"path-pattern": ["/accounts/*", "/accounts"], "cookie": ["*culm-preview=pr-1", "*culm-preview=pr-1;*"]}),
    ]


def fields(given: dict[str, Any]) -> dict[str, list[str]]:
    """Values by field, or by the header's name."""
    configs = [
        (each["Field"], next(v for k, v in each.items() if k.endswith("Config"))) for each in given["Conditions"]
    ]
    return {config.get("HttpHeaderName", field): config["Values"] for field, config in configs}


def test_numbers_of_other_previews_are_left_to_them(
    derived: Project, beside: Observed, around: render.Surroundings
) -> None:
    others = [preview_rule("pr-7", number) for number in (1, 2, 4)]
    observed = replace(beside, other_rules=tuple(others))
    numbers = diff.entry_priorities(derived, observed)
    assert list(numbers.values()) == [3, 5, 6]


def preview_rule(name: str, number: int) -> dict[str, Any]:
    group = f"arn:aws:elasticloadbalancing:us-east-1:0:targetgroup/bamboo-{name}-P-accounts/1"
    action = {"Type": "forward", "TargetGroupArn": group}
    return {"RuleArn": f"arn:rule/{name}/{number}", "Priority": str(number), "Conditions": [], "Actions": [action]}


def test_a_rule_that_is_none_of_the_project_s_stays_where_it_is(derived: Project, beside: Observed) -> None:
    own = {"Type": "forward", "TargetGroupArn": "arn:targetgroup/somebody/1"}
    foreign = {"RuleArn": "arn:foreign", "Priority": "1", "Conditions": [], "Actions": [own]}
    observed = replace(beside, other_rules=(*beside.other_rules, foreign))
    assert min(diff.entry_priorities(derived, observed).values()) == 2
    assert "arn:foreign" not in {move["RuleArn"] for move in diff.moved_away(derived, observed)}


def test_shared_rules_that_cannot_keep_their_order_are_not_moved(derived: Project, beside: Observed) -> None:
    group = {"Type": "forward", "TargetGroupArn": "arn:targetgroup/bamboo-last/1"}
    last = {"RuleArn": "arn:last", "Priority": "1005", "Conditions": [], "Actions": [group]}
    with pytest.raises(Differs, match="would have to move past rule 1005"):
        diff.moved_away(derived, replace(beside, other_rules=(*beside.other_rules, last)))


def test_the_shared_services_keep_their_numbers_behind_those_of_previews(project: Project, live: Observed) -> None:
    moved = {name: {**rule, "Priority": str(int(rule["Priority"]) + 1000)} for name, rule in live.rules.items()}
    observed = replace(live, rules=moved, other_rules=(preview_rule("pr-1", 1),))
    assert diff.priorities(project, observed) == {"accounts": 1010, "web": 1020}
    assert diff.renumbered(project, observed) == []
    fresh = replace(observed, rules={"web": moved["web"]})
    assert 1000 <= diff.priorities(project, fresh)["accounts"] < 1020


def test_a_service_that_comes_while_previews_are_there_gets_a_number_behind_theirs(
    project: Project, live: Observed
) -> None:
    observed = replace(live, rules={}, other_rules=(preview_rule("pr-1", 1),))
    assert diff.priorities(project, observed) == {"accounts": 1010, "web": 1020}


def test_a_preview_s_role_reads_its_own_folder_and_writes_its_own_logs(
    derived: Project, around: render.Surroundings
) -> None:
    [service] = derived.services.values()
    own = replace(around, env="pr-1")
    policy = identity.policy(derived, service, own)
    assert policy["Statement"][0]["Resource"] == f"arn:aws:s3:::{around.vault}/pr-1/accounts/*"
    assert "local" not in json.dumps(policy)
    logs = [
        each for each in identity.execution_policy(derived, own)["Statement"] if "logs:PutLogEvents" in each["Action"]
    ]
    assert logs[0]["Resource"] == "arn:aws:logs:us-east-1:000000000000:log-group:/culm/bamboo/pr-1--*"


def test_a_preview_s_task_has_its_environment_and_the_shared_image(
    derived: Project, around: render.Surroundings
) -> None:
    [service] = derived.services.values()
    made = render.task_definition(derived, service, "image@sha256:1", None, replace(around, env="pr-1"))
    [container] = made["containerDefinitions"]
    assert made["family"] == "bamboo-pr-1--accounts"
    assert made["executionRoleArn"].endswith("role/bamboo.pr-1.execution")
    assert {"name": "MYENV", "value": "pr-1"} in container["environment"]
    assert container["logConfiguration"]["options"]["awslogs-group"] == "/culm/bamboo/pr-1--accounts"
    assert render.repository(derived, service) == "bamboo/accounts"
    assert render.repository(derived, service, migrate=True) == "bamboo/accounts-migrate"


def test_rules_of_a_preview_that_are_in_order_keep_their_numbers(
    derived: Project, beside: Observed, around: render.Surroundings
) -> None:
    wanted = diff.entry_priorities(derived, beside)
    shifted = {key: number + 7 for key, number in wanted.items()}
    entries: dict[str, dict[int, Any]] = {}
    rules = {}
    for (name, kind), number in shifted.items():
        rule = {"RuleArn": f"arn:rule/{kind}", "Priority": str(number)}
        if kind:
            entries.setdefault(name, {})[kind] = rule
        else:
            rules[name] = rule
    assert diff.entry_priorities(derived, replace(beside, rules=rules, entries=entries)) == shifted
