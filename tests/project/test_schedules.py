"""`schedule:` as people write it, and as EventBridge Scheduler takes it."""

from pathlib import Path

import pytest

from culm.errors import UsageError
from culm.project.load import load
from culm.project.project import Project, Schedule
from culm.project.schedules import when

HEAD = "name: shop\nservices:\n  web:\n"


def read(folder: Path, text: str) -> Project:
    (folder / "web").mkdir(exist_ok=True)
    (folder / "web" / "Dockerfile").write_text("FROM python\nEXPOSE 80\n")
    (folder / "web" / "Dockerfile.migrate").write_text("FROM python\n")
    (folder / "culm.yml").write_text(HEAD + text)
    return load(folder / "culm.yml")


@pytest.mark.parametrize(
    ("text", "expression", "zone"),
    [
        ("0 6 * * mon-fri Europe/Berlin", "cron(0 6 ? * MON-FRI *)", "Europe/Berlin"),
        ("*/10 * 1,15 * *", "cron(*/10 * 1,15 * ? *)", "UTC"),
        ("30 2 * jan,jul *", "cron(30 2 * JAN,JUL ? *)", "UTC"),
        ("0 0 * * 0", "cron(0 0 ? * SUN *)", "UTC"),
        ("0 0 * * 1-5 UTC", "cron(0 0 ? * MON-FRI *)", "UTC"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)", "UTC"),
        ("every 5 minutes", "rate(5 minutes)", "UTC"),
        ("every hour", "rate(1 hour)", "UTC"),
        ("at 2027-01-31T06:00 Europe/Berlin", "at(2027-01-31T06:00:00)", "Europe/Berlin"),
        ("cron(0 6 L * ? *) America/New_York", "cron(0 6 L * ? *)", "America/New_York"),
        ("rate(2 days)", "rate(2 days)", "UTC"),
    ],
)
def test_a_schedule_becomes_an_expression_of_eventbridge_scheduler(text: str, expression: str, zone: str) -> None:
    found = when(text)
    assert (found.expression, found.zone) == (expression, zone)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("tomorrow", "is not a schedule: write minute, hour"),
        ("0 6 * *", "is not a schedule"),
        ("0 25 * * *", "'25' is not from 0 to 23"),
        ("0 6 1 * mon", "EventBridge Scheduler takes one of them"),
        ("0 6 * * 8", "8 is no day of the week"),
        ("0 6 * * funday", "is not from 1 to 7"),
        ("every 0 minutes", "is not a rate"),
        ("at 2027-02-31T06:00", "is not a time"),
    ],
)
def test_what_is_no_schedule_says_how_to_write_one(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        when(text)


def test_a_job_is_no_service_and_shares_the_folders_image_and_configuration(tmp_path: Path) -> None:
    project = read(tmp_path, "  nightly: {build: web, command: report, schedule: '0 3 * * * Europe/Berlin'}\n")
    assert list(project.services) == ["web"]
    job = project.jobs["nightly"]
    assert job.schedule == Schedule(expression="cron(0 3 * * ? *)", zone="Europe/Berlin", missed=900, retries=2)
    assert (job.paths, job.port, job.migration, job.built_by, job.shares) == ((), None, None, "web", "web")
    assert list(project.everything) == ["web", "nightly"]


def test_a_schedule_in_full_says_how_late_and_how_often_again(tmp_path: Path) -> None:
    block = "{when: every hour, missed: 1h, retries: 0}"
    assert read(tmp_path, f"  job: {{build: web, schedule: {block}}}\n").jobs["job"].schedule == Schedule(
        expression="rate(1 hour)", zone="UTC", missed=3600, retries=0
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("  job: {build: web, schedule: sometimes}\n", "job.schedule: 'sometimes' is not a schedule"),
        ("  job: {build: web, schedule: '0 6 * * * Europe/Nowhere'}\n", "'Europe/Nowhere' is not a time zone"),
        ("  job: {build: web, schedule: every hour, path: /x}\n", "job.path: does nothing beside `schedule:`"),
        ("  job: {build: web, schedule: every hour, port: 80}\n", "job.port: does nothing beside `schedule:`"),
        ("  job: {build: web, schedule: {when: every hour, missed: 1s}}\n", "1 s is not from 1m to 24h"),
        ("  job: {build: web, schedule: {when: every hour, overlap: wait}}\n", "overlap: 'wait' where allow"),
        ("  job: {build: web, schedule: {when: every hour, timeout: 0s}}\n", "timeout: 0 s is not from 1s to 168h"),
        (
            "  job: {build: web, schedule: {when: every hour, timeout: 1h}, sidecars: {timeout: {image: x}}}\n",
            "job.sidecars.timeout: is what culm calls the container",
        ),
        (
            "  timeout: {build: web, schedule: {when: every hour, timeout: 1h}}\n",
            "services.timeout: is what culm calls the container",
        ),
        (
            "  job: {build: web, schedule: every hour}\n  api: {build: web, path: /a, after: [job]}\n",
            "api.after: job has a schedule",
        ),
    ],
)
def test_what_a_job_cannot_have_is_refused_where_it_stands(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(tmp_path, text)
    assert what in refusal.value.what


def test_a_time_out_is_an_essential_container_that_sleeps_so_long(tmp_path: Path) -> None:
    block = "{when: every hour, timeout: 90m, overlap: queue}"
    job = read(tmp_path, f"  job: {{build: web, user: app, schedule: {block}}}\n").jobs["job"]
    assert job.schedule is not None
    assert (job.schedule.timeout, job.schedule.overlap) == (5400, "queue")
    beside = job.sidecars["timeout"]
    assert (beside.entrypoint, beside.command, beside.essential, beside.init) == (("sleep",), ("5400",), True, True)
    assert (beside.image, beside.user, beside.memory) == (None, "app", 16)


def test_a_project_of_jobs_alone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text("name: shop\nservices: {web: {schedule: every hour}}\n")
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM python\n")
    with pytest.raises(UsageError, match="all of them have a schedule"):
        load(tmp_path / "culm.yml")
