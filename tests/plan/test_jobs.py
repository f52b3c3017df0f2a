"""Jobs against what is live, and what a plan says of them."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest
from botocore.validate import validate_parameters
from tests.builders import an_instance

from culm import render
from culm.core.decide.state import ClusterState
from culm.plan.calls import resolved
from culm.plan.jobs import BUILT, deletions, needs, next_run, notes, plan_of, steps
from culm.plan.observed import LiveJob, Observed, Survey
from culm.plan.steps import text_of
from culm.project.infer_service import countdown
from culm.project.load import load
from culm.project.project import Project
from culm.render import files, jobs, permissions

NOW = datetime(2027, 3, 27, 12, tzinfo=UTC).timestamp()
AROUND = render.Surroundings(
    env="stg",
    region="us-east-1",
    account="000000000000",
    vault="culm-shop-000000000000-us-east-1",
    vpc="vpc-1",
    subnets=("subnet-1", "subnet-2"),
    port=80,
    instances="1 x t2.micro",
)
IMAGE = "image@sha256:0"
REGISTERED = {
    "taskDefinition": {"taskDefinitionArn": "arn:aws:ecs:us-east-1:000000000000:task-definition/shop-nightly:2"}
}
ARN = "arn:aws:ecs:us-east-1:000000000000:task-definition/shop-nightly:1"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    text = "  web:\n  nightly: {build: web, command: report, schedule: '30 2 * * * Europe/Berlin'}\n"
    (tmp_path / "culm.yml").write_text("name: shop\nservices:\n" + text)
    return load(tmp_path / "culm.yml")


def valid(service: str, operation: str, given: Any) -> None:
    model = boto3.client(service, region_name="us-east-1").meta.service_model.operation_model(operation)
    assert model.input_shape is not None
    validate_parameters(given, model.input_shape)


def live(project: Project, **changed: Any) -> LiveJob:
    job = project.jobs["nightly"]
    revision = render.task_definition(project, job, IMAGE, None, AROUND) | {"taskDefinitionArn": ARN}
    return LiveJob(schedule={**jobs.schedule(project, job, ARN, AROUND), **changed}, revision=revision)


def test_a_schedule_is_what_eventbridge_scheduler_takes(project: Project) -> None:
    given = jobs.schedule(project, project.jobs["nightly"], ARN, AROUND)
    valid("scheduler", "CreateSchedule", given)
    valid("scheduler", "UpdateSchedule", given)
    assert (given["ScheduleExpression"], given["ScheduleExpressionTimezone"]) == ("cron(30 2 * * ? *)", "Europe/Berlin")
    assert given["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 2}


def test_overlap_is_a_tag_of_the_runs_and_is_shown_in_the_description(project: Project) -> None:
    job = project.jobs["nightly"]
    assert job.schedule is not None
    skips = replace(job, schedule=replace(job.schedule, overlap="skip"))
    given = jobs.schedule(project, skips, ARN, AROUND)
    valid("scheduler", "CreateSchedule", given)
    assert given["Target"]["EcsParameters"]["Tags"] == [{"key": "culm:overlap", "value": "skip"}]
    changed = LiveJob(schedule=given, revision=live(project).revision)
    told = "Description: culm: nightly of shop, overlap: skip -> culm: nightly of shop"
    assert plan_of(project, job, changed, IMAGE, AROUND).changes == (told,)


def test_a_time_out_is_a_container_of_the_task_and_needs_room(project: Project) -> None:
    job = project.jobs["nightly"]
    timed = replace(job, sidecars={"timeout": countdown(3600, None)})
    definition = render.task_definition(project, timed, IMAGE, None, AROUND)
    valid("ecs", "RegisterTaskDefinition", definition)
    beside = definition["containerDefinitions"][1]
    assert (beside["entryPoint"], beside["command"], beside["essential"]) == (["sleep"], ["3600"], True)
    assert (beside["image"], beside["linuxParameters"]) == (IMAGE, {"initProcessEnabled": True})
    assert needs(timed) == (job.cpu + 2, 272)


def test_the_scheduler_may_start_the_projects_jobs_and_nothing_else(project: Project) -> None:
    run, hand_over = jobs.policy(project, AROUND)["Statement"]
    assert run["Resource"] == ["arn:aws:ecs:us-east-1:000000000000:task-definition/shop-nightly:*"]
    assert hand_over["Resource"] == [
        "arn:aws:iam::000000000000:role/shop-nightly",
        "arn:aws:iam::000000000000:role/shop.execution",
    ]


def test_a_deploy_may_change_this_projects_schedules_alone(project: Project) -> None:
    statements = {each["Sid"]: each for each in permissions.deploy_policy(project, AROUND)["Statement"]}
    assert statements["Schedules"]["Resource"] == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/shop-*"
    assert statements["HandRoleToScheduler"]["Resource"] == ["arn:aws:iam::000000000000:role/shop.scheduler"]


def test_a_job_that_is_as_written_changes_nothing(project: Project) -> None:
    assert not plan_of(project, project.jobs["nightly"], live(project), IMAGE, AROUND).anything


def test_a_new_image_registers_a_revision_and_a_new_time_changes_the_schedule(project: Project) -> None:
    job = project.jobs["nightly"]
    assert plan_of(project, job, live(project), "image@sha256:1", AROUND).registers
    changed = plan_of(project, job, live(project, ScheduleExpression="rate(1 day)"), IMAGE, AROUND)
    assert (changed.registers, changed.changes) == (False, ("ScheduleExpression: rate(1 day) -> cron(30 2 * * ? *)",))
    assert plan_of(project, job, LiveJob(schedule=None, revision=None), IMAGE, AROUND).changes == ("new",)


def test_the_next_run_leaves_out_the_hour_that_does_not_exist(project: Project) -> None:
    schedule = live(project).schedule
    assert schedule is not None
    following = next_run(schedule, ZoneInfo("Europe/Berlin"), NOW)
    assert following is not None
    assert datetime.fromtimestamp(following, UTC).isoformat() == "2027-03-29T00:30:00+00:00"
    assert next_run({**schedule, "State": "DISABLED"}, ZoneInfo("Europe/Berlin"), NOW) is None


def test_a_plan_says_when_a_job_runs_and_whether_there_is_room(project: Project) -> None:
    def state(memory: int) -> ClusterState:
        instances = (an_instance(memory=memory),)
        return ClusterState(now=NOW, instances=instances, tasks=(), services=(), task_definitions={})

    [line] = notes(project.jobs.values(), state(995), 128, ZoneInfo)
    assert line == (
        "job nightly: cron(30 2 * * ? *) in Europe/Berlin, next 2027-03-29 00:30 UTC; a run takes 256 MiB (2 slots) "
        "while it lasts: an instance has them; its schedule costs $0"
    )
    [line] = notes(project.jobs.values(), state(200), 256, ZoneInfo)
    assert "(1 slot) while it lasts: no instance has them beside the services, so its runs would be given up" in line


def surveyed(job: LiveJob) -> Survey:
    observed = Observed(
        cluster=None,
        repositories={},
        log_groups=frozenset(),
        vault=None,
        roles={},
        databases={},
        load_balancer=None,
        listener=None,
        rules={},
        target_groups={},
        attributes={},
        services={},
        task_definitions={},
        jobs={"nightly": job},
    )
    return Survey(observed=observed, surroundings=AROUND)


def test_a_deploy_registers_a_jobs_revision_and_then_makes_or_changes_its_schedule(project: Project) -> None:
    images = {("nightly", False): IMAGE}
    new = steps(project, ["nightly"], surveyed(LiveJob(schedule=None, revision=None)), images)
    assert text_of([*new, *deletions(["shop-old"])]).splitlines() == [
        "1  nightly        register shop-nightly: it is new; if web ended well",
        "2  nightly        create its schedule, cron(30 2 * * ? *) in Europe/Berlin: it is new; commits",
        "3  the schedules  delete schedule shop-old: its job is not in culm.yml any more",
    ]
    again = steps(project, ["nightly"], surveyed(live(project)), images)
    assert again == []
    built = steps(project, ["nightly"], surveyed(live(project)), {})
    assert text_of(built).splitlines() == [
        "1  nightly  register shop-nightly: what it runs changed; if web ended well",
        "2  nightly  update its schedule, cron(30 2 * * ? *) in Europe/Berlin: it runs the new revision; commits",
    ]
    assert built[0].act.input["containerDefinitions"][0]["image"] == BUILT  # type: ignore[union-attr]
    other_time = steps(project, ["nightly"], surveyed(live(project, ScheduleExpression="rate(1 day)")), images)
    assert [step.ends for step in (new[-1], built[-1], other_time[-1])] == [
        "scheduled: cron(30 2 * * ? *) in Europe/Berlin",
        "its schedule runs the new revision",
        "rescheduled: cron(30 2 * * ? *) in Europe/Berlin",
    ]
    valid("scheduler", "UpdateSchedule", resolved(built[1].act.input, {"nightly: register": REGISTERED}))  # type: ignore[union-attr]


def test_a_job_waits_for_the_services_that_it_comes_after(project: Project) -> None:
    first, *others = steps(project, ["nightly"], surveyed(LiveJob(schedule=None, revision=None)), {})
    assert first.needs == ("web",)
    assert [step.needs for step in others] == [()]


def test_a_run_needs_what_its_container_its_sidecars_and_its_files_need_together(project: Project) -> None:
    job = replace(project.jobs["nightly"], cpu=100, memory=64, sidecars={})
    assert needs(job) == (100, 64)
    beside = {name: replace(countdown(60, None), cpu=10, memory=16) for name in ("a", "b")}
    assert needs(replace(job, sidecars=beside)) == (120, 96)
    with_files = replace(job, container=replace(job.container, files={"/etc/a": "a"}))
    assert needs(with_files) == (100 + files.CPU, 64 + files.RESERVED)
