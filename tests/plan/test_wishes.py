"""What commands want of services that are there, and what is told of them before anything is changed."""

from dataclasses import replace
from typing import Any, Literal

import pytest
from tests.plan.test_described import an_instance
from tests.plan.test_rollout import IMAGES, MIGRATION, OTHER, changed, survey  # noqa: F401

from culm.cli.price_lists import load
from culm.errors import CulmError, Differs
from culm.plan import wishes
from culm.plan.bill import of_servers
from culm.plan.observed import Survey
from culm.project.project import EVERYWHERE, Container, ElastiCache, Project, Rds
from culm.project.sizes import fleet

NOW = 1_767_225_600.0


def numbered(survey: Survey) -> Survey:  # noqa: F811
    """With the numbers of revisions and the deployments' revisions, as ECS describes them."""
    definitions = {arn: {**each, "revision": 1} for arn, each in survey.observed.task_definitions.items()}
    services = {
        name: {
            **live,
            "clusterArn": "arn:cluster",
            "createdAt": NOW,
            "deployments": [
                {
                    "createdAt": NOW,
                    "updatedAt": NOW,
                    "desiredCount": 1,
                    "taskDefinition": live["taskDefinition"],
                    **each,
                }
                for each in live["deployments"]
            ],
        }
        for name, live in survey.observed.services.items()
    }
    observed = replace(survey.observed, task_definitions=definitions, services=services)
    return replace(survey, observed=observed)


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


def test_a_service_whose_images_are_the_live_ones_is_wanted_as_the_revision_that_it_runs(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    web = project.services["web"]
    same = wishes.deployed(project, web, numbered(survey), IMAGES | MIGRATION)
    assert same.wanted.definition.task_definition_arn.endswith("bamboo-web:1")
    assert (same.differences, same.rule, same.migration) == ((), None, "none")
    other = wishes.deployed(project, web, numbered(survey), changed() | MIGRATION)
    assert other.wanted.definition.task_definition_arn.endswith("bamboo-web:planned")
    assert [difference.field for difference in other.differences] == ["image"]


def test_a_plan_says_of_a_migration_what_is_known_of_it(project: Project, survey: Survey) -> None:  # noqa: F811
    accounts = project.services["accounts"]

    def said(images: wishes.Images, observed: Survey = survey) -> str:
        return wishes.deployed(project, accounts, numbered(observed), images).migration

    new = replace(survey, observed=replace(survey.observed, services={}))
    assert said(IMAGES | MIGRATION) == "has run"
    assert said(IMAGES | OTHER) == "runs"
    assert said({}) == "may run", "whether it is new is known only once it is built"
    assert said({}, new) == "runs"
    assert wishes.deployed(project, project.services["web"], new, {}).migration == "none"


def test_only_a_service_with_a_path_is_behind_the_load_balancer(project: Project, survey: Survey) -> None:  # noqa: F811
    web = project.services["web"]
    hidden = replace(web, paths=())
    unknown = replace(survey, observed=replace(survey.observed, target_groups={}, rules={}))
    assert wishes.group_of(project, web, survey) == survey.observed.target_groups["bamboo-web"]["TargetGroupArn"]
    assert wishes.group_of(project, web, unknown) == "planned"
    assert wishes.group_of(project, hidden, survey) is None


def test_a_plan_says_what_changes_on_the_load_balancer(project: Project, survey: Survey) -> None:  # noqa: F811
    web, live = project.services["web"], survey.observed
    hidden = replace(web, paths=())
    assert wishes.rule(project, web, live) is None
    assert wishes.rule(project, web, replace(live, rules={})) == "route /*"
    assert wishes.rule(project, web, replace(live, listener=None)) == "route /*"
    assert wishes.rule(project, web, replace(live, target_groups={})) == "route /*"
    assert wishes.rule(project, hidden, replace(live, rules={})) is None
    gone = wishes.rule(project, hidden, live)
    assert gone is not None
    assert "/*" in gone or "rule" in gone


def test_a_service_whose_last_deployment_failed_rolls_again(project: Project, survey: Survey) -> None:  # noqa: F811
    def again(*deployments: tuple[str, str]) -> bool:
        live = [{"id": "d", "status": status, "rolloutState": state} for status, state in deployments]
        web = {**survey.observed.services["web"], "deployments": live}
        observed = replace(survey.observed, services={**survey.observed.services, "web": web})
        there = numbered(replace(survey, observed=observed))
        return wishes.deployed(project, project.services["web"], there, IMAGES | MIGRATION).wanted.again

    assert again(("PRIMARY", "FAILED"))
    assert not again(("PRIMARY", "COMPLETED"))
    assert not again(("PRIMARY", "COMPLETED"), ("ACTIVE", "FAILED"))


def test_a_setting_that_culm_yml_changes_is_a_difference_by_its_name_there(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    web = replace(project.services["web"], count=3)
    asked = wishes.deployed(project, web, numbered(survey), IMAGES | MIGRATION)
    assert [(d.field, d.old, d.new) for d in asked.differences] == [("count", "1", "3")]
    scaled = wishes.scaled(project.services["web"], numbered(survey), 4)
    assert [(d.field, d.old, d.new) for d in scaled.differences] == [("count", "1", "4")]
    assert wishes.scaled(project.services["web"], numbered(survey), 1).differences == ()
    assert wishes.restarted(project.services["web"], numbered(survey)).wanted.again


def test_a_call_by_a_load_balancer_that_does_not_let_instances_in_is_refused(frame: wishes.Frame) -> None:
    project = frame.project
    web = replace(project.services["web"], container=Container(environment={"A": "{accounts.url}"}))
    closed = replace(frame.settings, provider="aws", allow=("203.0.113.0/24",))
    frame = replace(frame, project=replace(project, services={**project.services, "web": web}))
    wishes.check_reach(replace(frame, settings=replace(closed, allow=EVERYWHERE)))
    wishes.check_reach(replace(frame, settings=replace(closed, provider="local")))
    with pytest.raises(Differs, match="web calls accounts by the load balancer") as no:
        wishes.check_reach(replace(frame, settings=closed))
    assert no.value.hint.startswith("services.web.calls: [accounts]")
    inside = replace(web, calls=("accounts",))
    services = {**project.services, "web": inside}
    wishes.check_reach(replace(frame, project=replace(project, services=services), settings=closed))


def with_servers(project: Project) -> Project:
    return replace(
        project,
        databases={"main": "postgres", "cache": "valkey", "brought": "mysql"},
        rds={"main": Rds(instance="db.t4g.micro", storage=20, backups=7)},
        elasticache={"cache": ElastiCache(instance="cache.t4g.micro")},
    )


def test_a_plan_on_aws_has_the_price_of_the_stacks_servers(
    project: Project,
    survey: Survey,  # noqa: F811
    frame: wishes.Frame,
) -> None:
    project = with_servers(project)
    there = numbered(survey)
    there = replace(there, observed=replace(there.observed, databases={"bamboo-main": {}}))
    local = wishes.deploy(replace(frame, project=project), ["web"], there, IMAGES)
    amazon = replace(frame, project=project, settings=replace(frame.settings, provider="aws"))
    made = wishes.deploy(amazon, ["web"], there, IMAGES)
    assert [(line.name, round(line.dollars, 2)) for line in made.bill.lines if line not in local.bill.lines] == [
        ("the vault's key", 1.0),
        ("database main", 11.68),
        ("its storage", 2.3),
        ("its password", 0.4),
        ("cache cache", 9.34),
    ]
    assert made.bill_now is not None
    names = [line.name for line in made.bill_now.lines]
    assert ("database main" in names, "cache cache" in names) == (True, False)


@pytest.mark.parametrize(
    ("provider", "kinds", "planned"),
    [("local", ["t3.small"], "2 x t2.micro"), ("aws", ["t3.small"], "1 x t3.small"), ("aws", [], "2 x t2.micro")],
    ids=str,
)
def test_a_plan_is_of_culm_ymls_instances_but_on_aws_of_those_that_are_there(
    survey: Survey,  # noqa: F811
    frame: wishes.Frame,
    provider: Literal["local", "aws"],
    kinds: list[str],
    planned: str,
) -> None:
    attributes = [[{"name": "ecs.instance-type", "value": kind}] for kind in kinds]
    there = replace(
        numbered(survey), tasks=(), instances=[{**an_instance(1900, 1900), "attributes": each} for each in attributes]
    )
    named = replace(frame, settings=replace(frame.settings, provider=provider))
    assert wishes.deploy(named, ["web"], there, IMAGES).fleet == planned


def test_a_server_without_a_price_is_named_and_not_counted(project: Project) -> None:
    large = replace(with_servers(project), elasticache={"cache": ElastiCache(instance="cache.r7g.large")})
    priced = of_servers(large, load("eu-west-1"), large.databases)
    storage = "20 GB of storage of database main"
    assert priced.unpriced == ("db.t4g.micro (PostgreSQL)", storage, "cache.r7g.large (Valkey)")
    assert [line.name for line in priced.lines] == ["its password"]


def test_a_roll_back_wants_the_earlier_revision_as_it_was_and_names_what_changes(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    web, live = project.services["web"], numbered(survey)
    [now] = [each for arn, each in live.observed.task_definitions.items() if "bamboo-web:" in arn]
    [container, *others] = now["containerDefinitions"]
    earlier = {
        **now,
        "taskDefinitionArn": now["taskDefinitionArn"].replace(":1", ":0"),
        "containerDefinitions": [{**container, "memory": 1000}, *others],
    }
    asked = wishes.rolled_back(web, live, earlier)
    assert asked.wanted.definition.task_definition_arn == earlier["taskDefinitionArn"]
    assert asked.wanted.again
    assert [(each.field, each.new) for each in asked.differences] == [("memory", "1000")]
    assert wishes.rolled_back(web, live, now).differences == ()


def test_another_fleet_in_culm_yml_than_the_one_that_is_there_is_a_note(project: Project) -> None:
    settings = replace(project.targets["local"], instances=fleet("2 x t2.micro"))
    assert wishes.other_fleet(settings, ["t2.micro", "t2.micro"]) == []
    more = replace(settings, instances=fleet("2 x t2.micro + 1 x t3.small"))
    assert wishes.other_fleet(more, ["t3.small", "t2.micro", "t2.micro"]) == [], "their order does not count"
    assert wishes.other_fleet(more, ["t2.micro"]) == [
        "culm.yml says 2 x t2.micro + 1 x t3.small; planned with what is there, 1 x t2.micro"
    ]


def test_a_service_that_sleeps_is_wanted_with_the_room_that_it_takes_when_it_wakes(
    project: Project,
    survey: Survey,  # noqa: F811
) -> None:
    def wakes(asleep: bool) -> int:
        web = replace(project.services["web"], count=3, asleep=asleep)
        return wishes.deployed(project, web, numbered(survey), IMAGES | MIGRATION).wanted.wakes

    assert (wakes(asleep=True), wakes(asleep=False)) == (3, 0)
