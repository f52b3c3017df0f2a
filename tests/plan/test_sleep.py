"""Sleep: who does, in which order services stop and start, what a deploy leaves alone, and what it saves."""

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.test_rollout import IMAGES, MIGRATION, OTHER, a_plan, changed, part, steps_of, survey  # noqa: F401
from tests.plan.test_wishes import frame, numbered  # noqa: F401

from culm import render
from culm.cli.price_lists import load
from culm.core.model.sleep import AWAKE_TAG, CALLS_TAG
from culm.operate.drift.live import LiveState
from culm.operate.drift.services import service as drift_of
from culm.plan import scaling, sleep, wishes
from culm.plan.calls import Call
from culm.plan.observed import Survey
from culm.plan.steps import Recall, text_of
from culm.project.project import Project, Rds, Scaling, Sleep
from culm.project.values import Range, Scale

PRICES = load("us-east-1")


def with_live(survey: Survey, name: str, **changed: Any) -> Survey:  # noqa: F811
    services = survey.observed.services
    own = {**services[name], **changed}
    return replace(survey, observed=replace(survey.observed, services={**services, name: own}))


def asleep(survey: Survey, *names: str, count: int = 1) -> Survey:  # noqa: F811
    for name in names:
        tags = [{"key": AWAKE_TAG, "value": str(count)}]
        survey = with_live(survey, name, desiredCount=0, runningCount=0, tags=tags)
    return survey


def calling(project: Project) -> Project:
    """With `web` calling `accounts`."""
    web = replace(project.services["web"], calls=("accounts",))
    return replace(project, services={**project.services, "web": web})


@pytest.mark.parametrize(
    ("desired", "value", "count"), [(0, "2", 2), (0, None, None), (1, "2", None), (0, "none", 1), (0, "0", 1)]
)
def test_a_service_sleeps_when_it_wants_no_task_and_a_tag_has_its_count(
    desired: int, value: str | None, count: int | None
) -> None:
    tags = [] if value is None else [{"key": AWAKE_TAG, "value": value}]
    assert sleep.asleep({"desiredCount": desired, "tags": tags}) == count


def test_callers_go_to_sleep_before_those_whom_they_call(project: Project, survey: Survey) -> None:  # noqa: F811
    steps = sleep.put_to_sleep(
        calling(project), with_live(survey, "web", desiredCount=2).observed, list(project.services)
    )
    assert text_of(steps) == (
        "1  web       note that it wakes with 2 tasks; undo: that note as before\n"
        "2  web       stop its tasks; commits\n"
        "3  web       wait until its tasks have stopped\n"
        "4  accounts  note that it wakes with 1 task; after 2; undo: that note as before\n"
        "5  accounts  stop its tasks; commits\n"
        "6  accounts  wait until its tasks have stopped"
    )
    written = {tag["key"]: tag["value"] for tag in steps[0].act.input["tags"]}  # type: ignore[union-attr]
    assert written == {AWAKE_TAG: "2", CALLS_TAG: "accounts"}


def test_those_that_are_called_wake_first(project: Project, survey: Survey) -> None:  # noqa: F811
    steps = sleep.wake(calling(project), asleep(survey, "web", "accounts", count=2).observed, ["web", "accounts"])
    assert text_of(steps) == (
        "1  accounts  start its 2 tasks; commits\n"
        "2  accounts  wait until it is steady\n"
        "3  accounts  delete that note\n"
        "4  web       start its 2 tasks; after 2; commits\n"
        "5  web       wait until it is steady\n"
        "6  web       delete that note"
    )


def test_only_what_is_awake_is_put_to_sleep_and_only_what_sleeps_is_woken(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    half = asleep(survey, "web").observed
    assert {step.lane for step in sleep.put_to_sleep(project, half, list(project.services))} == {"accounts"}
    assert {step.lane for step in sleep.wake(project, half, list(project.services))} == {"web"}


def test_services_that_call_each_other_in_a_circle_have_an_order_all_the_same(project: Project) -> None:
    circle = calling(project)
    accounts = replace(circle.services["accounts"], calls=("web",))
    circle = replace(circle, services={**circle.services, "accounts": accounts})
    assert sleep.order(circle, ["accounts", "web"]) == ["web", "accounts"]
    assert sleep.with_callees(circle, ["web"]) == ["accounts", "web"]


def test_a_deploy_leaves_a_sleeping_service_asleep(project: Project, survey: Survey) -> None:  # noqa: F811
    sleeping = asleep(survey, "web")
    assert not any(
        "web" in line and "wait" not in line
        for line in steps_of(project, sleeping, a_plan(), IMAGES | MIGRATION).splitlines()
    )
    lines = steps_of(project, sleeping, a_plan((part("web"),)), changed() | MIGRATION)
    assert "roll out the new revision; " in lines
    assert "scale to" not in lines


def test_a_deploy_corrects_the_count_that_a_sleeping_service_wakes_with(project: Project, survey: Survey) -> None:  # noqa: F811
    sleeping = numbered(asleep(survey, "web", count=3))
    lines = steps_of(project, sleeping, a_plan(), IMAGES | MIGRATION)
    assert "note how it sleeps" in lines
    [difference] = [d for d in wishes.deployed(project, project.services["web"], sleeping, IMAGES).differences]
    assert (difference.field, difference.old, difference.new) == ("count when awake", "3", "1")


def test_a_deploy_deletes_the_note_of_a_service_that_a_request_has_woken(project: Project, survey: Survey) -> None:  # noqa: F811
    woken = with_live(survey, "web", tags=[{"key": AWAKE_TAG, "value": "1"}, {"key": CALLS_TAG, "value": "accounts"}])
    assert (
        steps_of(project, woken, a_plan(), IMAGES | MIGRATION)
        .splitlines()[-1]
        .endswith("delete what was noted of its sleep")
    )


def test_a_service_that_is_scaled_sleeps_with_the_count_that_its_scaler_gave_it(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    how = Scaling(bounds=Range(least=1, most=4), by=Scale(metric="cpu", value=60))
    web = replace(project.services["web"], scaling=how)
    live = asleep(survey, "web", count=3).observed.services["web"]
    assert (scaling.with_count(web, live).count, scaling.with_count(web, live).asleep) == (3, True)
    assert render.service(project, scaling.with_count(web, live), "arn:1", None)["desiredCount"] == 0


def test_nothing_differs_about_a_service_that_sleeps(project: Project, survey: Survey) -> None:  # noqa: F811
    sleeping = asleep(survey, "web")
    live = LiveState(survey=sleeping, images=IMAGES | MIGRATION, gone=frozenset(), roles={}, attached_groups=())
    wanted = scaling.with_count(project.services["web"], sleeping.observed.services["web"])
    assert [row for row in drift_of(project, wanted, live) if row.field in ("desiredCount", "count when awake")] == []
    off = with_live(survey, "web", desiredCount=0)
    live = replace(live, survey=off)
    assert "desiredCount" in [row.field for row in drift_of(project, project.services["web"], live)]


def test_a_plan_says_who_sleeps_and_what_that_saves(project: Project, survey: Survey) -> None:  # noqa: F811
    one = sleep.notes(project, asleep(survey, "web").observed, ["t2.micro"], PRICES)
    assert one == [
        "web sleeps, and a deploy leaves it asleep: `culm wake web`, or `--wake`, starts its 1 task",
        "asleep: 256 MiB free; the instances go on, and so does their price, as long as one service is awake",
    ]
    both = sleep.saving(project, asleep(survey, "web", "accounts").observed, ["t2.micro"] * 2, PRICES)
    host = PRICES.of_host("t2.micro", 30.0)
    assert host is not None
    assert both.dollars_an_hour == pytest.approx(2 * host / PRICES.hours_a_month)
    assert str(both).startswith("512 MiB free; no instance is needed, which is worth $0.0")
    assert sleep.notes(project, survey.observed, ["t2.micro"], PRICES) == []


def test_a_plan_says_how_much_of_a_week_office_hours_are(project: Project, survey: Survey) -> None:  # noqa: F811
    hours = Sleep(hours="mon-fri 08:00-20:00 Europe/Berlin")
    services = {name: replace(service, sleep=hours) for name, service in project.services.items()}
    host = PRICES.of_host("t2.micro", 30.0)
    assert host is not None
    [line] = sleep.notes(replace(project, services=services), survey.observed, ["t2.micro"], PRICES)
    assert line == (
        "office hours are mon-fri 08:00-20:00 Europe/Berlin: services sleep 108 of 168 hours a week, "
        f"when no instance is needed: ${host * 108 / 168:.2f} a month on aws"
    )
    some = replace(project, services=project.services | {"web": services["web"]})
    [line] = sleep.notes(some, survey.observed, ["t2.micro"], PRICES)
    assert line.endswith("108 of 168 hours a week")


def test_a_plan_for_aws_says_what_a_request_that_wakes_costs_and_what_stops(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    policy = Sleep(hours="mon-fri 08:00-20:00 UTC", on_request=True, by_stack=True)
    services = {name: replace(service, sleep=policy) for name, service in project.services.items()}
    servers = {"main": Rds(instance="db.t4g.micro", storage=20, backups=7, sleep=True)}
    sleeper = replace(project, services=services, rds=servers, jobs={"nightly": project.services["web"]})
    _, woken, stopped, jobs = sleep.notes(sleeper, survey.observed, ["t2.micro"], PRICES)
    assert "services answer after about 15 minutes" in woken
    assert "for $4.37 a million requests" in woken
    assert stopped == "main stops while all sleep; RDS itself starts it after 7 days, and it then costs"
    assert jobs == "outside office hours there is no instance for nightly: these runs fail"


def test_where_the_stack_has_the_clock_the_count_is_noted_beforehand_and_follows_culm_yml(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    policy = Sleep(hours="mon-fri 08:00-20:00 UTC", by_stack=True)
    web = replace(project.services["web"], sleep=policy, count=2)
    assert render.sleep_tags(web)[AWAKE_TAG] == "2"
    scaled = replace(web, count=3, scaling=Scaling(bounds=Range(least=1, most=4), by=Scale(metric="cpu", value=60)))
    assert render.sleep_tags(scaled)[AWAKE_TAG] == "1"
    live = survey.observed.services["web"]
    noted = {**live, "tags": [{"key": key, "value": value} for key, value in render.sleep_tags(web).items()]}
    assert sleep.tag_steps(web, noted) == []
    [step] = sleep.tag_steps(replace(web, count=3), noted)
    assert isinstance(step.act, Call)
    assert step.act.input["tags"] == [{"key": AWAKE_TAG, "value": "3"}]
    assert sleep.asleep({**noted, "desiredCount": 0}) == 2, "what the clock has stopped sleeps"


def test_what_a_service_sleeps_by_is_noted_at_it_and_compared(project: Project, survey: Survey) -> None:  # noqa: F811
    policy = Sleep(after=1800, ignore=("UptimeRobot",), hours="mon-fri 08:00-20:00 UTC", holidays=("2026-12-25",))
    web = replace(project.services["web"], sleep=policy)
    live = survey.observed.services["web"]
    [step] = sleep.tag_steps(web, live)
    assert isinstance(step.act, Call)
    tags = step.act.input["tags"]
    [difference] = sleep.difference(web, live)
    assert (difference.field, difference.old, difference.new) == (
        "sleep",
        None,
        "outside mon-fri 08:00-20:00 UTC and on 2026-12-25; after 1800 s, not counting UptimeRobot",
    )
    noted = {**live, "tags": tags}
    assert sleep.tag_steps(web, noted) == []
    assert sleep.difference(web, noted) == ()
    [step] = sleep.tag_steps(project.services["web"], noted)
    assert step.act.operation == "untag_resource"  # type: ignore[union-attr]
    fell_asleep = {**noted, "desiredCount": 0, "tags": [*tags, {"key": AWAKE_TAG, "value": "1"}]}
    assert sleep.tag_steps(web, fell_asleep) == []
    woken = {**fell_asleep, "desiredCount": 1}
    assert sleep.tag_steps(web, woken) == []


def test_a_note_is_undone_by_the_tags_of_before_and_without_those_that_were_not_there(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    web = project.services["web"]

    def way_back(*had: str) -> list[tuple[str, Any]]:
        tags = [{"key": key, "value": "before"} for key in had]
        live = {**survey.observed.services["web"], "tags": tags}
        undo = sleep.note(web, live, {AWAKE_TAG: "2", CALLS_TAG: "7"}).undo
        assert isinstance(undo, Recall)
        return [(call.operation, call.input.get("tagKeys") or call.input["tags"]) for call in undo.calls]

    assert way_back() == [("untag_resource", [AWAKE_TAG, CALLS_TAG])]
    kept = {"key": AWAKE_TAG, "value": "before"}
    assert way_back(AWAKE_TAG) == [("tag_resource", [kept]), ("untag_resource", [CALLS_TAG])]
    assert way_back(AWAKE_TAG, CALLS_TAG) == [("tag_resource", [kept, {"key": CALLS_TAG, "value": "before"}])]


def test_a_service_that_wakes_loses_the_tags_that_it_has_not_when_awake(project: Project, survey: Survey) -> None:  # noqa: F811
    web = project.services["web"]

    def marked(*had: str) -> list[str]:
        tags = [{"key": key, "value": "1"} for key in (*had, "team")]
        return sleep.marks(web, {**survey.observed.services["web"], "tags": tags})

    assert (marked(), marked(AWAKE_TAG), marked(AWAKE_TAG, CALLS_TAG)) == ([], [AWAKE_TAG], [AWAKE_TAG, CALLS_TAG])
