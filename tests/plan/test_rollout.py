"""A deploy as a list of steps, compared as the text that people read."""

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import a_state

from culm import render
from culm.cli.price_lists import load
from culm.plan import plan, rollout
from culm.plan.bill import Assumptions
from culm.plan.calls import Call
from culm.plan.observed import Described, Observed, Survey
from culm.plan.rollout import LENDS_TAG
from culm.plan.steps import AwaitSteady, Build, text_of
from culm.plan.waves import How, Moves, Wave, WavePart
from culm.project.project import MigrationCommand, Project

IMAGES = {(name, False): f"127.0.0.1:5/bamboo/{name}@sha256:{'1' * 64}" for name in ("accounts", "web")}
MIGRATION = {("accounts", True): f"127.0.0.1:5/bamboo/accounts-migrate@sha256:{'2' * 64}"}
OTHER = {("accounts", True): f"127.0.0.1:5/bamboo/accounts-migrate@sha256:{'3' * 64}"}


def a_plan(*waves: tuple[WavePart, ...], names: tuple[str, ...] = ("accounts", "web")) -> plan.Plan:
    """With these moves; services in none of them stay as they are."""
    basis = plan.Basis(
        project="bamboo",
        target="local",
        state=a_state(),
        fleet=[],
        fleet_now=None,
        prices=load("us-east-1"),
        assumed=Assumptions(),
    )
    parts = {part.name: part for wave in waves for part in wave}
    services = tuple(
        plan.ServicePlan(
            name=name,
            how=parts[name].how if name in parts else "unchanged",
            differences=(),
            rule=None,
            migration="none",
            lends=name in parts and parts[name].lends,
            percents=None,
            count=(1, 1),
            places=(),
            down=False,
        )
        for name in names
    )
    made = plan.make(basis, [])
    moves = Moves(waves=tuple(Wave(parts=wave, moments=()) for wave in waves), obstacles=(), state=basis.state)
    return replace(made, services=services, moves=moves)


def part(name: str, how: How = "start-first", *, lends: bool = False) -> WavePart:
    return WavePart(name=name, how=how, lends=lends)


@pytest.fixture
def survey(project: Project, live: Observed, around: render.Surroundings) -> Survey:
    """Both services run the images above, after the migration above."""
    definitions = {}
    services: dict[str, Described] = {}
    for name, service in project.services.items():
        arn = f"arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-{name}:1"
        migration = MIGRATION.get((name, True))
        wanted = render.task_definition(project, service, IMAGES[name, False], migration, around)
        definitions[arn] = {**wanted, "taskDefinitionArn": arn}
        services[name] = {**live.services[name], "taskDefinition": arn, "serviceArn": f"arn:service/{name}"}
    return Survey(observed=replace(live, services=services, task_definitions=definitions), surroundings=around)


def changed(image: str = "9") -> dict[tuple[str, bool], str]:
    return {key: f"{uri.partition('@')[0]}@sha256:{image * 64}" for key, uri in IMAGES.items()}


def steps_of(project: Project, survey: Survey, planned: plan.Plan, images: dict[tuple[str, bool], str]) -> str:
    return text_of(rollout.deploy(project, survey, planned, list(project.services), images))


def test_where_nothing_changed_nothing_is_called(project: Project, survey: Survey) -> None:
    steps = rollout.deploy(project, survey, a_plan(), list(project.services), IMAGES | MIGRATION)
    assert not any(step.writes for step in steps)
    assert text_of(steps) == (
        "1  accounts  wait until it is steady\n"  #
        "2  web       wait until it is steady"
    )


def test_services_of_a_wave_migrate_side_by_side_and_then_roll_in_turn(project: Project, survey: Survey) -> None:
    planned = a_plan((part("accounts"), part("web")))
    assert steps_of(project, survey, planned, changed() | OTHER) == (
        " 1  accounts  register bamboo-accounts-migrate: its migration changed\n"
        " 2  accounts  run its migration\n"
        " 3  accounts  wait for its migration to end\n"
        " 4  accounts  register bamboo-accounts: migration image, image changed\n"
        " 5  accounts  roll out the new revision; commits; undo: nothing, as its migration has run\n"
        " 6  accounts  wait until it is steady\n"
        " 7  accounts  watch it for 5 s\n"
        " 8  web       register bamboo-web: image changed\n"
        " 9  web       roll out the new revision; after 4-5; commits; undo: back to bamboo-web:1\n"
        "10  web       wait until it is steady\n"
        "11  web       watch it for 5 s"
    )


def test_the_next_wave_waits_until_the_one_before_is_steady(project: Project, survey: Survey) -> None:
    planned = a_plan((part("web", "stop-first"),), (part("accounts", "stop-first"),))
    text = steps_of(project, survey, planned, changed() | OTHER)
    assert " 6  accounts  run its migration; after 3\n" in text
    assert " 3  web       wait until it is steady\n" in text


def test_a_service_that_lends_its_slot_stops_before_its_migration(project: Project, survey: Survey) -> None:
    planned = a_plan((part("accounts", "stop-first", lends=True),))
    text = steps_of(project, survey, planned, IMAGES | OTHER)
    assert text == (
        " 1  accounts  register bamboo-accounts-migrate: its migration changed\n"
        " 2  accounts  note how many tasks it has: its migration needs its memory; undo: its 1 task starts again\n"
        " 3  accounts  stop its tasks\n"
        " 4  accounts  wait until its tasks have stopped\n"
        " 5  accounts  run its migration\n"
        " 6  accounts  wait for its migration to end\n"
        " 7  accounts  register bamboo-accounts: migration image changed\n"
        " 8  accounts  roll out the new revision, scale to 1 task; commits; "
        "undo: back to bamboo-accounts:1, on the newer schema\n"
        " 9  accounts  delete that note\n"
        "10  accounts  wait until it is steady\n"
        "11  accounts  watch it for 5 s\n"
        "12  web       wait until it is steady"
    )


def test_a_slot_that_a_dead_deploy_has_lent_is_given_back(project: Project, survey: Survey) -> None:
    lent = {**survey.observed.services["web"], "desiredCount": 0, "tags": [{"key": LENDS_TAG, "value": "1"}]}
    observed = replace(survey.observed, services={**survey.observed.services, "web": lent})
    text = steps_of(project, replace(survey, observed=observed), a_plan((part("web", "settings"),)), IMAGES | MIGRATION)
    assert (
        "1  web       scale to 1 task; commits\n"
        "2  web       delete that note\n"
        "3  web       wait until it is steady\n"
    ) in text  # fmt: skip


def test_a_new_service_is_routed_and_created(project: Project, survey: Survey) -> None:
    observed = replace(
        survey.observed,
        services={"accounts": survey.observed.services["accounts"]},
        rules={"accounts": survey.observed.rules["accounts"]},
    )
    text = steps_of(project, replace(survey, observed=observed), a_plan((part("web", "new"),)), IMAGES | MIGRATION)
    assert (
        "1  web       register bamboo-web: it is new\n"
        "2  web       route /*\n"
        "3  web       create service web; commits\n"
        "4  web       wait until it is steady\n"
        "5  web       watch it for 5 s\n"
    ) in text


def test_a_migration_whose_revision_is_there_is_not_registered_again(project: Project, survey: Survey) -> None:
    wanted = render.migration(project, project.services["accounts"], OTHER["accounts", True], survey.surroundings)
    there = {wanted["family"]: {**wanted, "taskDefinitionArn": "arn:migrate:7"}}
    again = replace(survey, observed=replace(survey.observed, newest=there))
    text = steps_of(project, again, a_plan((part("accounts"),)), IMAGES | OTHER)
    assert text.startswith(" 1  accounts  run its migration\n") or text.startswith("1  accounts  run its migration\n")


def test_a_revision_that_a_deploy_left_behind_is_used_and_not_registered_again(
    project: Project, survey: Survey
) -> None:
    images = changed() | MIGRATION
    wanted = render.task_definition(project, project.services["web"], images["web", False], None, survey.surroundings)
    there = {"bamboo-web": {**wanted, "taskDefinitionArn": "arn:task-definition/bamboo-web:2"}}
    left = replace(survey, observed=replace(survey.observed, newest=there))
    steps = rollout.deploy(project, left, a_plan((part("web"),)), ["web"], images)
    assert text_of(steps) == (
        "1  web  roll out the new revision; commits; undo: back to bamboo-web:1\n"
        "2  web  wait until it is steady\n"
        "3  web  watch it for 5 s"
    )
    assert the_call(steps)["taskDefinition"] == "arn:task-definition/bamboo-web:2"


def test_what_comes_after_another_needs_it_to_succeed(project: Project, survey: Survey) -> None:
    web = replace(project.services["web"], after=("accounts",))
    ordered = replace(project, services={**project.services, "web": web})
    text = steps_of(ordered, survey, a_plan((part("accounts"),), (part("web"),)), changed() | MIGRATION)
    assert "web       register bamboo-web: image changed; if accounts ended well\n" in text


def test_services_without_a_planned_move_come_last_each_by_itself(project: Project, survey: Survey) -> None:
    accounts = replace(project.services["accounts"], after=("web",))
    ordered = replace(project, services={"accounts": accounts, "web": project.services["web"]})
    lines = steps_of(ordered, survey, a_plan(), changed() | MIGRATION).splitlines()
    assert [line.split()[1] for line in lines] == ["web"] * 4 + ["accounts"] * 4
    assert lines[5] == "6  accounts  roll out the new revision; after 3; commits; undo: back to bamboo-accounts:1"


def test_nothing_is_watched_where_settle_is_0(project: Project, survey: Survey) -> None:
    quick = {name: replace(service, settle=0) for name, service in project.services.items()}
    assert "watch" not in steps_of(
        replace(project, services=quick), survey, a_plan((part("web"),)), changed() | MIGRATION
    )


def test_a_version_that_did_not_complete_is_not_gone_back_to(project: Project, survey: Survey) -> None:
    failed = [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "FAILED"}]
    web = {**survey.observed.services["web"], "deployments": failed}
    observed = replace(survey.observed, services={**survey.observed.services, "web": web})
    text = steps_of(project, replace(survey, observed=observed), a_plan((part("web"),)), changed() | MIGRATION)
    assert "web       roll out the new revision; commits\n" in text


def the_call(steps: Any) -> dict[str, Any]:
    [call] = [step.act for step in steps if isinstance(step.act, Call)]
    return dict(call.input)


def test_a_rollback_rolls_as_it_was_planned(project: Project, survey: Survey) -> None:
    steps = rollout.change(
        project, survey, a_plan((part("web", "stop-first"),), names=("web",)), {"web": {"taskDefinition": "arn:web:0"}}
    )
    assert text_of(steps) == (
        "1  web  roll out the new revision; commits\n"
        "2  web  wait until it is steady\n"
        "3  web  watch it for 5 s"
    )  # fmt: skip
    assert the_call(steps)["deploymentConfiguration"]["maximumPercent"] == 100


def test_a_scaling_that_fails_is_scaled_back_and_one_that_changes_nothing_calls_nothing(
    project: Project, survey: Survey
) -> None:
    planned = a_plan((part("web", "settings"),), names=("web",))
    steps = rollout.change(project, survey, planned, {"web": {"desiredCount": 3}})
    assert text_of(steps) == (
        "1  web  scale to 3 tasks; commits; undo: 1 task again\n"
        "2  web  wait until it is steady"
    )  # fmt: skip
    assert the_call(steps) == {"cluster": "bamboo", "service": "web", "desiredCount": 3}
    same = rollout.change(project, survey, a_plan(names=("web",)), {"web": {"desiredCount": 1}})
    assert text_of(same) == "1  web  wait until it is steady"


def test_migrations_alone_run_one_after_the_other_and_give_slots_back(project: Project, survey: Survey) -> None:
    free = rollout.migrations(project, survey, MIGRATION, {"accounts": False})
    assert text_of(free) == (
        "1  accounts  register bamboo-accounts-migrate: its migration changed\n"
        "2  accounts  run its migration\n"
        "3  accounts  wait for its migration to end"
    )
    lending = text_of(rollout.migrations(project, survey, MIGRATION, {"accounts": True}))
    assert "7  accounts  start its 1 task again; commits\n8  accounts  delete that note\n" in lending


def test_a_hundred_services_of_one_wave_are_a_list_of_some_hundred_steps(project: Project, survey: Survey) -> None:
    """A hundred rules is what a listener takes."""
    web, names = project.services["web"], [f"s{number:02}" for number in range(100)]
    many = replace(project, services={name: replace(web, name=name, paths=(f"/{name}/*",)) for name in names})
    groups = {f"bamboo-{name}": {"TargetGroupArn": f"arn:{name}"} for name in names}
    new = replace(survey.observed, services={}, rules={}, target_groups=groups)
    images = {(name, False): IMAGES["web", False] for name in names}
    planned = a_plan(tuple(part(name, "new") for name in names), names=tuple(names))
    steps = rollout.deploy(many, replace(survey, observed=new), planned, names, images)
    assert len(steps) == 500
    assert len([step for step in steps if step.key.endswith(": route")]) == 100


def back_by_hand(steps: Any) -> list[tuple[bool, str]]:
    """Of each wait: whether every stopped task tells, and what to try when it fails."""
    return [(step.act.fresh, step.act.back) for step in steps if isinstance(step.act, AwaitSteady)]


def test_a_rollback_that_fails_says_how_to_go_back_and_a_scaling_needs_no_such_word(
    project: Project, survey: Survey
) -> None:
    planned = a_plan((part("web"),), names=("web",))
    rollback = rollout.change(project, survey, planned, {"web": {"taskDefinition": "arn:web:0"}})
    assert back_by_hand(rollback) == [(True, "go back to the version before it: culm rollback web")]
    assert back_by_hand(rollout.change(project, survey, planned, {"web": {"desiredCount": 3}})) == [(False, "")]
    assert back_by_hand(rollout.change(project, survey, planned, {"web": {"desiredCount": 1}})) == [(False, "")]


def test_a_deploy_says_how_to_go_back_by_hand_only_where_nothing_goes_back_by_itself(
    project: Project, survey: Survey
) -> None:
    waits = rollout.deploy(
        project, survey, a_plan((part("accounts"), part("web"))), ["accounts", "web"], changed() | OTHER
    )
    across = "if the version before it copes with the newer schema: culm rollback accounts 1 --across-migration"
    assert back_by_hand(waits) == [(True, across), (True, "")]
    still = rollout.deploy(project, survey, a_plan(), ["accounts", "web"], IMAGES | MIGRATION)
    assert back_by_hand(still) == [(False, ""), (False, "")]


def test_a_roll_that_starts_first_keeps_every_old_task_until_the_new_are_healthy(
    project: Project, survey: Survey
) -> None:
    def floor(how: How) -> int:
        steps = rollout.deploy(project, survey, a_plan((part("web", how),)), ["web"], changed() | MIGRATION)
        [roll] = [step.act for step in steps if step.key == "web: roll"]
        assert isinstance(roll, Call)
        return int(roll.input["deploymentConfiguration"]["minimumHealthyPercent"])

    assert (floor("start-first"), floor("stop-first")) == (100, 0)


def test_a_revision_of_the_family_that_is_something_else_is_not_used(project: Project, survey: Survey) -> None:
    other = {"bamboo-web": {**survey.observed.task_definitions[survey.observed.services["web"]["taskDefinition"]]}}
    newer = replace(survey, observed=replace(survey.observed, newest=other))
    steps = rollout.deploy(project, newer, a_plan((part("web"),)), ["web"], changed() | MIGRATION)
    assert "register bamboo-web: image changed" in text_of(steps)


def test_a_wait_that_ends_well_is_said_where_something_was_asked_for(project: Project, survey: Survey) -> None:
    asked = rollout.change(project, survey, a_plan(names=("web",)), {"web": {"desiredCount": 1}})
    assert [step.ends for step in asked] == ["is steady"]
    still = rollout.deploy(project, survey, a_plan(), ["web"], IMAGES | MIGRATION)
    assert [step.ends for step in still] == [""]


def test_a_version_that_nothing_goes_back_to_by_itself_says_how_to_go_back_by_hand(
    project: Project, survey: Survey
) -> None:
    failed = [{"id": "ecs-svc/1", "status": "PRIMARY", "rolloutState": "FAILED"}]
    web = {**survey.observed.services["web"], "deployments": failed}
    observed = replace(survey.observed, services={**survey.observed.services, "web": web})
    steps = rollout.deploy(
        project, replace(survey, observed=observed), a_plan((part("web"),)), ["web"], changed() | MIGRATION
    )
    assert back_by_hand(steps) == [(True, "go back to the version before it: culm rollback web")]


def test_only_images_that_are_not_there_are_built(project: Project) -> None:
    assert text_of(rollout.preparation(project, project.services, {("accounts", False): "uri"})) == (
        "1  the files      write the files that only the target can tell\n"
        "2  the instances  wait for an instance that takes tasks\n"
        "3  accounts       build accounts/Dockerfile.migrate: its image is not in the repository\n"
        "4  web            build web/Dockerfile: its image is not in the repository"
    )


def told_of_files(survey: Survey, live: str, folder: str) -> Survey:
    """With these fingerprints of the files of accounts' migration, live and in its folder."""
    [arn] = [arn for arn in survey.observed.task_definitions if "accounts" in arn]
    revision = survey.observed.task_definitions[arn]
    [container] = revision["containerDefinitions"]
    labels = {**container["dockerLabels"], render.MIGRATION_FILES_LABEL: live}
    marked = {**revision, "containerDefinitions": [{**container, "dockerLabels": labels}]}
    definitions = {**survey.observed.task_definitions, arn: marked}
    around = replace(survey.surroundings, migration_files={"accounts": folder})
    return replace(survey, observed=replace(survey.observed, task_definitions=definitions), surroundings=around)


@pytest.mark.parametrize("how", ["start-first", "stop-first"])
def test_a_new_migration_image_without_a_new_migration_leaves_the_way_back_open(
    how: How, project: Project, survey: Survey
) -> None:
    told = told_of_files(survey, "a.b.c", "a.b.c")
    steps = rollout.deploy(project, told, a_plan((part("accounts", how),)), ["accounts"], changed() | OTHER)
    text = text_of(steps)
    assert "run its migration: its image is new, and none of its files is\n" in text
    assert "roll out the new revision; commits; undo: back to bamboo-accounts:1\n" in text
    [roll] = [step.act for step in steps if step.key == "accounts: roll"]
    assert isinstance(roll, Call)
    assert roll.input["deploymentConfiguration"]["deploymentCircuitBreaker"]["rollback"]


@pytest.mark.parametrize("how", ["start-first", "stop-first"])
def test_nothing_goes_back_from_a_migration_that_is_marked_contract(how: How, project: Project, survey: Survey) -> None:
    told = told_of_files(survey, "a.b.c", "x.b.d")
    steps = rollout.deploy(project, told, a_plan((part("accounts", how),)), ["accounts"], changed() | OTHER)
    assert "roll out the new revision; commits; undo: nothing, as its migration has run\n" in text_of(steps)


def test_the_fingerprint_of_a_migrations_files_makes_no_new_revision_by_itself(
    project: Project, survey: Survey
) -> None:
    told = told_of_files(survey, "a.b.c", "x.y.z")
    steps = rollout.deploy(project, told, a_plan(), ["accounts"], IMAGES | MIGRATION)
    assert not any(step.writes for step in steps)


def test_a_migration_in_the_services_own_image_is_built_with_it_and_runs_before_it(
    project: Project, survey: Survey
) -> None:
    by_command = replace(
        project.services["accounts"], migration=None, migration_command=MigrationCommand(command=("migrate",))
    )
    project = replace(project, services={**project.services, "accounts": by_command})
    built = rollout.builds(project, ["accounts"], {})
    assert [step.key for step in built] == ["accounts: build Dockerfile"]
    assert [step.key for step in rollout.builds(project, ["accounts"], {}, (True,))] == ["accounts: build Dockerfile"]
    planned = a_plan((part("accounts"),))
    text = steps_of(project, survey, planned, changed())
    assert text.startswith(
        " 1  accounts  register bamboo-accounts-migrate: its migration changed\n"
        " 2  accounts  run its migration\n"
        " 3  accounts  wait for its migration to end\n"
        " 4  accounts  register bamboo-accounts: migration image, image changed\n"
    )
    [registering] = [
        step.act
        for step in rollout.deploy(project, survey, planned, ["accounts"], changed())
        if "migration" in step.key and step.key.endswith("register migration")
    ]
    [container] = registering.input["containerDefinitions"]
    assert (container["image"], container["command"]) == (changed()["accounts", False], ["migrate"])


def test_migrations_alone_need_the_images_that_they_run_in(project: Project) -> None:
    def built(changed: Project) -> list[tuple[str, bool]]:
        steps = rollout.builds(changed, ["accounts", "web"], {}, kinds=(True,))
        return [(step.act.service, step.act.migration) for step in steps if isinstance(step.act, Build)]

    assert built(project) == [("accounts", True)]
    web = replace(project.services["web"], migration_command=MigrationCommand(command=("migrate",)))
    own = replace(project, services={**project.services, "web": web})
    assert built(own) == [("accounts", True), ("web", False)]
