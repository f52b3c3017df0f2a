"""What differs about a job."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from culm import render
from culm.operate.drift.jobs import jobs
from culm.operate.drift.live import LiveState
from culm.plan.observed import LiveJob, Observed, Survey
from culm.project.load import load
from culm.project.project import Project
from culm.render import jobs as render_jobs

AROUND = render.Surroundings(
    env="stg",
    region="us-east-1",
    account="000000000000",
    vault="culm-shop-000000000000-us-east-1",
    vpc="vpc-1",
    subnets=(),
    port=80,
    instances="1 x t2.micro",
)
NOTHING = Observed(
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
)


def shop(folder: Path) -> Project:
    (folder / "web").mkdir()
    (folder / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    text = "name: shop\nservices:\n  web:\n  nightly: {build: web, schedule: every day}\n"
    (folder / "culm.yml").write_text(text)
    return load(folder / "culm.yml")


def seen(project: Project, image: str = "image@sha256:0", **changed: Any) -> LiveState:
    job = project.jobs["nightly"]
    revision = render.task_definition(project, job, image, None, AROUND) | {"taskDefinitionArn": "arn:1"}
    live = LiveJob(schedule={**render_jobs.schedule(project, job, "arn:1", AROUND), **changed}, revision=revision)
    return looked(live)


def looked(live: LiveJob) -> LiveState:
    survey = Survey(observed=replace(NOTHING, jobs={"nightly": live}), surroundings=AROUND)
    return LiveState(survey=survey, images=None, gone=frozenset(), roles={}, attached_groups=())


def told(project: Project, look: LiveState) -> list[tuple[str, str, str | None, str | None]]:
    return [(row.what, row.field, row.wanted, row.live) for row in jobs(project, look)]


def test_a_job_that_is_as_written_has_no_row(tmp_path: Path) -> None:
    project = shop(tmp_path)
    assert told(project, seen(project)) == []


def test_a_changed_time_is_told_and_so_is_a_schedule_that_is_gone(tmp_path: Path) -> None:
    project = shop(tmp_path)
    assert told(project, seen(project, ScheduleExpression="rate(2 days)")) == [
        ("schedule of nightly", "ScheduleExpression", "rate(1 day)", "rate(2 days)")
    ]
    assert told(project, looked(LiveJob(schedule=None, revision=None))) == [("schedule of nightly", "", "there", None)]


def test_another_image_is_a_new_revision(tmp_path: Path) -> None:
    project = shop(tmp_path)
    built = replace(seen(project), images={("nightly", False): "image@sha256:1"})
    assert told(project, built) == [("schedule of nightly", "TaskDefinitionArn", "a new revision", "arn:1")]
