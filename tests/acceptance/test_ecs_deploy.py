"""`ecs deploy` (PyPI's ecs-deploy): deploy, scale, run, and back again when a deployment fails.

https://github.com/fabfuel/ecs-deploy
"""

from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.acceptance.workshop import Workshop
from tests.scenarios.stand import eventually

NAME = "ecs-deploy"


@pytest.fixture(scope="module")
def ecs(workshop: Workshop) -> Path:
    return workshop.python("ecs-deploy==1.17.0") / "ecs"


@pytest.fixture
def web(cluster: Cluster) -> str:
    """A steady service of one task of the first image; gives the revision's ARN."""
    cluster.ecs.create_cluster(clusterName=NAME)
    revision = cluster.register(NAME)
    there = cluster.ecs.describe_services(cluster=NAME, services=["web"])["services"]
    if there and there[0]["status"] == "ACTIVE":
        cluster.ecs.update_service(cluster=NAME, service="web", taskDefinition=revision, desiredCount=1)
    else:
        cluster.ecs.create_service(cluster=NAME, serviceName="web", taskDefinition=revision, desiredCount=1)
    cluster.ecs.get_waiter("services_stable").wait(cluster=NAME, services=["web"], WaiterConfig={"Delay": 1})
    return revision


def test_it_deploys_an_image_and_waits_until_it_runs(cluster: Cluster, ecs: Path, web: str) -> None:
    said = cluster.run(ecs, "deploy", NAME, "web", "--image", "app", cluster.images["2"], "--timeout", "100")

    assert "Deployment successful" in said.screen
    revision = cluster.service(NAME, "web")["taskDefinition"]
    described = cluster.ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
    assert described["containerDefinitions"][0]["image"] == cluster.images["2"]
    assert cluster.ecs.describe_task_definition(taskDefinition=web)["taskDefinition"]["status"] == "INACTIVE"


def test_it_scales_and_waits(cluster: Cluster, ecs: Path, web: str) -> None:
    cluster.run(ecs, "scale", NAME, "web", "3", "--timeout", "100")

    service = cluster.service(NAME, "web")
    assert (service["desiredCount"], service["runningCount"]) == (3, 3)


def test_it_runs_a_task_with_another_command(cluster: Cluster, ecs: Path, web: str) -> None:
    said = cluster.run(ecs, "run", NAME, NAME, "1", "-c", "app", "true", "--launchtype", "EC2")

    assert "Successfully started 1 instances of task" in said.screen

    def exit_code() -> list[int]:
        stopped = cluster.ecs.list_tasks(cluster=NAME, family=NAME, desiredStatus="STOPPED")["taskArns"]
        tasks = cluster.ecs.describe_tasks(cluster=NAME, tasks=stopped)["tasks"] if stopped else []
        return [c["exitCode"] for t in tasks if not t["group"].startswith("service:") for c in t["containers"]]

    assert eventually(exit_code) == [0]


def test_it_goes_back_to_the_revision_before_when_a_deployment_fails(cluster: Cluster, ecs: Path, web: str) -> None:
    said = cluster.run(
        ecs,
        *("deploy", NAME, "web", "--image", "app", cluster.images["broken"], "--rollback", "--timeout", "8"),
        status=1,
    )

    assert "Rollback successful" in said.screen
    service = cluster.service(NAME, "web")
    assert service["taskDefinition"] == web
    assert service["runningCount"] == 1
