"""One timeline out of what ECS describes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from culm.operate.events import Entry, brief, of_schedule, of_services, of_tasks, owners, report
from culm.project.load import load
from culm.project.project import Project

AT = datetime(2026, 1, 2, 10, 20, 30, 400_000, tzinfo=UTC)
LATER = datetime(2026, 1, 2, 10, 20, 31, tzinfo=UTC)
TASK = "0123456789abcdef0123456789abcdef"
REVISION = "arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-web:7"


def a_service(**deployment: Any) -> dict[str, Any]:
    return {
        "serviceName": "web",
        "events": [{"id": "1", "createdAt": AT, "message": "(service web) has reached a steady state."}],
        "deployments": [
            {
                "id": "ecs-svc/0123456789012345678",
                "status": "PRIMARY",
                "taskDefinition": REVISION,
                "createdAt": AT,
                "updatedAt": LATER,
                **deployment,
            }
        ],
    }


def a_task(**more: Any) -> dict[str, Any]:
    return {
        "taskArn": f"arn:aws:ecs:us-east-1:000000000000:task/bamboo/{TASK}",
        "taskDefinitionArn": REVISION,
        "group": "service:web",
        "stoppedAt": AT,
        "stopCode": "EssentialContainerExited",
        "stoppedReason": "Essential container in task exited",
        "containers": [{"name": "web", "exitCode": 137, "reason": "OutOfMemoryError: Container killed"}],
        **more,
    }


def test_a_deployment_is_told_when_it_changes_its_state() -> None:
    event, going = of_services([a_service(rolloutState="IN_PROGRESS", rolloutStateReason="in progress")])
    assert (event.kind, event.at) == ("event", AT)
    assert (going.kind, going.at) == ("deployment", LATER)
    assert going.message == "deployment 0123456789012345678 of bamboo-web:7: IN_PROGRESS"
    _, same = of_services([a_service(rolloutState="IN_PROGRESS")])
    _, done = of_services([a_service(rolloutState="COMPLETED")])
    assert same.key == going.key != done.key


def test_a_failed_deployment_says_why() -> None:
    _, failed = of_services([a_service(rolloutState="FAILED", rolloutStateReason="tasks failed to start.")])
    assert failed.message.endswith(": FAILED: tasks failed to start.")


def test_where_rollouts_have_no_state_their_rank_is_told() -> None:
    _, plain = of_services([a_service()])
    assert plain.message.endswith(": PRIMARY")


def test_a_stopped_task_tells_all_that_is_known_of_its_end(project: Project) -> None:
    [entry] = of_tasks([a_task()], owners(project, ["web"]))
    assert (entry.service, entry.at) == ("web", AT)
    assert brief(entry) == (
        "task 01234567 of bamboo-web:7 stopped: EssentialContainerExited, Essential container in task exited; "
        "web: exit code 137, OutOfMemoryError: Container killed"
    )


def test_a_migration_is_its_services_and_others_tasks_are_nobodys(project: Project) -> None:
    migration = a_task(group="family:bamboo-accounts-migrate", containers=[{"name": "accounts", "exitCode": 0}])
    stopping = {key: value for key, value in a_task().items() if key != "stoppedAt"}
    others = [a_task(group="family:other"), a_task(group="service:other"), stopping]
    [entry] = of_tasks([migration, *others], owners(project, ["accounts", "web"]))
    assert entry.service == "accounts"
    assert entry.message.startswith(f"migration {TASK} of ")
    assert entry.message.endswith("; accounts: exit code 0")


def test_people_see_names_and_programs_everything() -> None:
    group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-web/0123456789abcdef"
    message = f"(service web) (task {TASK}) is unhealthy in (target-group {group})"
    entry = Entry(key="1", at=AT, service="web", kind="event", message=message)
    assert brief(entry) == "(task 01234567) is unhealthy in (target-group bamboo-web)"
    assert report(entry) == {
        "at": "2026-01-02T10:20:30.400+00:00",
        "service": "web",
        "kind": "event",
        "message": message,
    }


def test_runs_of_a_job_are_told_whether_they_started_or_not(tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text(
        "name: shop\nservices:\n  web: {image: 'nginx:1', port: 80}\n"
        "  nightly: {image: 'busybox:1', command: [cat], schedule: every day}\n"
    )
    run = a_task(group="family:shop-nightly", containers=[{"name": "nightly", "exitCode": 1}])
    [entry] = of_tasks([run], owners(load(tmp_path / "culm.yml"), ["nightly"]))
    assert (entry.service, entry.kind) == ("nightly", "task")
    assert entry.message.startswith(f"run {TASK} of ")
    line = {"eventId": "7", "timestamp": int(AT.timestamp() * 1000), "message": "the run is skipped"}
    [left_out] = of_schedule("nightly", [line])
    assert (left_out.key, left_out.at, left_out.kind, left_out.message) == ("7", AT, "schedule", "the run is skipped")
