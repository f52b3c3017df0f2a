"""Many previews beside one another: their rules' numbers never meet, and one too many is refused by the plan."""

from dataclasses import replace

import pytest
from tests.plan.test_rollout import a_plan, survey  # noqa: F401
from tests.plan.test_wishes import frame, numbered  # noqa: F401

from culm.errors import Differs
from culm.plan import diff, wishes
from culm.plan.observed import Described, Survey
from culm.project.previews import preview
from culm.project.project import Project

RULES_OF_ONE = 3
"""By host, header and cookie."""


def rule(priority: int, name: str) -> Described:
    group = f"arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/bamboo-{name}-P-web/1"
    actions = [{"Type": "forward", "TargetGroupArn": group}]
    return {"RuleArn": f"rule/{priority}", "Priority": str(priority), "Conditions": [], "Actions": actions}


def test_twenty_previews_at_once_have_rules_of_their_own_before_the_shared_ones(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    live = replace(survey.observed, rules={}, other_rules=())
    for number in range(20):
        derived = preview(project, "local", f"pr-{number}", ["web"])
        numbers = list(diff.entry_priorities(derived, live).values())
        assert len(numbers) == RULES_OF_ONE
        assert max(numbers) < diff.FIRST_SHARED_PRIORITY
        more = tuple(rule(each, f"pr-{number}") for each in numbers)
        live = replace(live, other_rules=(*live.other_rules, *more))
    given = [each["Priority"] for each in live.other_rules]
    assert len(set(given)) == len(given) == 20 * RULES_OF_ONE


def test_a_preview_too_many_for_the_load_balancer_is_refused_with_the_way_out(
    frame: wishes.Frame,  # noqa: F811
    survey: Survey,  # noqa: F811
) -> None:
    derived = preview(frame.project, "local", "pr-99", ["web"])
    for others, fits in ((100 - RULES_OF_ONE, True), (101 - RULES_OF_ONE, False)):
        rules = tuple(rule(number, "pr-1") for number in range(1, others + 1))
        there = replace(survey, observed=replace(survey.observed, other_rules=rules))
        framed = replace(frame, project=derived)
        if fits:
            wishes.check_quotas(framed, there)
            continue
        with pytest.raises(Differs, match="1 services need 3 rules beside 98 of others") as refusal:
            wishes.check_quotas(framed, there)
        assert refusal.value.hint == "culm env ls, then culm env down NAME of a preview that nobody needs"


def test_a_rule_is_a_previews_when_one_of_its_groups_is() -> None:
    of_preview, shared = rule(1, "pr-1")["Actions"], rule(1, "web")["Actions"]
    shared = [{**shared[0], "TargetGroupArn": "arn:aws:elasticloadbalancing:us-east-1:1:targetgroup/bamboo-web/1"}]
    fixed = [{"Type": "fixed-response"}]
    assert [
        diff.of_preview({"RuleArn": "rule/1", "Actions": actions})
        for actions in (of_preview, [*of_preview, *shared], [*shared, *of_preview], shared, fixed, [])
    ] == [True, True, True, False, False, False]
