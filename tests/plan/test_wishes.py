"""What commands want of services that are there, and what is told of them before anything is changed."""

from dataclasses import replace
from typing import Any

import pytest
from tests.plan.test_rollout import survey  # noqa: F401

from culm.cli.price_lists import load
from culm.errors import CulmError, Differs
from culm.plan import wishes
from culm.plan.observed import Survey
from culm.project.project import Project

NOW = 1_767_225_600.0


@pytest.fixture
def frame(project: Project) -> wishes.Frame:
    return wishes.Frame(project=project, settings=project.targets["local"], now=NOW, prices=load("us-east-1"))


def test_services_that_culm_yml_does_not_name_are_left_over(project: Project, survey: Survey) -> None:  # noqa: F811
    running = [{"serviceName": name, "status": "ACTIVE"} for name in ("web", "pets", "late")]
    gone = {"serviceName": "gone", "status": "DRAINING"}
    assert wishes.leftovers(project, replace(survey, services=[*running, gone])) == ("late", "pets")


def many(project: Project, count: int) -> Project:
    web = project.services["web"]
    return replace(project, services={f"s{n}": replace(web, name=f"s{n}") for n in range(count)})


def test_a_hundred_services_are_what_one_load_balancer_takes(
    project: Project,
    survey: Survey,  # noqa: F811
    frame: wishes.Frame,
) -> None:
    wishes.check_quotas(replace(frame, project=many(project, 100)), survey)
    with pytest.raises(Differs, match="101 services have a path, and a load balancer takes 100 target groups"):
        wishes.check_quotas(replace(frame, project=many(project, 101)), survey)
    other: dict[str, Any] = {"Priority": "7"}
    crowded = replace(survey, observed=replace(survey.observed, other_rules=(other,)))
    with pytest.raises(Differs, match="100 services need a rule each beside 1 of others"):
        wishes.check_quotas(replace(frame, project=many(project, 100)), crowded)
    amazon = replace(frame, project=many(project, 100), settings=replace(frame.settings, provider="aws"))
    wishes.check_quotas(amazon, crowded)


def test_a_service_in_trouble_is_a_note_of_the_plan(survey: Survey, frame: wishes.Frame) -> None:  # noqa: F811
    failing = [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "failedTasks": 3}]
    web = {**survey.observed.services["web"], "deployments": failing}
    seen = replace(survey, observed=replace(survey.observed, services={"web": web}))
    assert wishes.troubles(frame, ["accounts", "web"], seen) == [
        "web: its roll-out of  is not complete: 3 tasks have failed"
    ]


def test_what_is_not_deployed_cannot_be_changed(project: Project, survey: Survey) -> None:  # noqa: F811
    empty = replace(survey, observed=replace(survey.observed, services={}))
    with pytest.raises(CulmError, match="web is not deployed"):
        wishes.scaled(project.services["web"], empty, 3)
