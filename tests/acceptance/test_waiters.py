"""Amazon's own command waits for services and tasks, and is told why a task finds no place."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import Cluster
from tests.scenarios.stand import eventually

AWS = Path(sys.executable).parent / "aws"
NAME = "waiters"


@pytest.fixture(scope="module")
def revision(cluster: Cluster) -> str:
    cluster.ecs.create_cluster(clusterName=NAME)
    return cluster.register(NAME)


def aws(cluster: Cluster, *words: str) -> Any:
    said = cluster.run(AWS, "ecs", *words, "--cluster", NAME)
    return json.loads(said.out or "null")


def test_it_waits_until_a_service_is_stable_and_until_it_is_gone(cluster: Cluster, revision: str) -> None:
    aws(cluster, "create-service", "--service-name", "web", "--task-definition", revision, "--desired-count", "2")
    aws(cluster, "wait", "services-stable", "--services", "web")
    assert cluster.service(NAME, "web")["runningCount"] == 2

    aws(cluster, "delete-service", "--service", "web", "--force")
    aws(cluster, "wait", "services-inactive", "--services", "web")
    assert cluster.ecs.list_tasks(cluster=NAME)["taskArns"] == []


def test_it_waits_until_tasks_run_and_until_they_have_stopped(cluster: Cluster, revision: str) -> None:
    [task] = aws(cluster, "run-task", "--task-definition", revision)["tasks"]
    aws(cluster, "wait", "tasks-running", "--tasks", task["taskArn"])
    aws(cluster, "stop-task", "--task", task["taskArn"], "--reason", "enough")
    aws(cluster, "wait", "tasks-stopped", "--tasks", task["taskArn"])

    [stopped] = aws(cluster, "describe-tasks", "--tasks", task["taskArn"])["tasks"]
    assert (stopped["stopCode"], stopped["stoppedReason"]) == ("UserInitiated", "enough")


def test_six_services_of_256_mib_leave_no_slot_on_two_t2_micro(cluster: Cluster, revision: str) -> None:
    revision = cluster.register("slot", memory=256)
    for name in "abcdef":
        words = ("--service-name", name, "--task-definition", revision, "--desired-count", "1")
        aws(cluster, "create-service", *words)
    aws(cluster, "wait", "services-stable", "--services", *"abcdef")
    homes = aws(cluster, "list-container-instances")["containerInstanceArns"]
    counts = aws(cluster, "describe-container-instances", "--container-instances", *homes)["containerInstances"]
    assert [instance["runningTasksCount"] for instance in counts] == [3, 3]

    answer = aws(cluster, "run-task", "--task-definition", revision)
    assert answer["tasks"] == []
    assert answer["failures"] == [{"arn": home, "reason": "RESOURCE:MEMORY"} for home in homes]

    def healthy() -> bool:  # stable says running; a task that is not healthy yet may be stopped for its successor
        return cluster.service(NAME, "a")["deployments"][0]["rolloutState"] == "COMPLETED"

    assert eventually(healthy)
    aws(cluster, "update-service", "--service", "a", "--force-new-deployment")

    def refused() -> bool:
        return any("has insufficient memory available" in e["message"] for e in cluster.service(NAME, "a")["events"])

    assert eventually(refused)
    for name in "abcdef":
        aws(cluster, "delete-service", "--service", name, "--force")
