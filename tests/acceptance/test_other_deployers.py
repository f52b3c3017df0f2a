"""Smaller tools that people have for ECS: each does its daily work on the local cluster."""

import json
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.acceptance.workshop import Workshop

DEPLOJO = (
    "cluster_name: deplojo\ntask_definitions: {web: {template: web.json}}\nservices: {web: {task_definition: web}}\n"
)


@pytest.fixture
def web(cluster: Cluster) -> str:
    cluster.ecs.create_cluster(clusterName="deplojo")
    revision = cluster.register("web")
    cluster.ecs.create_service(cluster="deplojo", serviceName="web", taskDefinition=revision, desiredCount=1)
    cluster.ecs.get_waiter("services_stable").wait(
        cluster="deplojo", services=["web"], WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    return revision


def test_ecs_deplojo_deploys_and_ecsctl_lists(cluster: Cluster, workshop: Workshop, web: str, tmp_path: Path) -> None:
    described = cluster.ecs.describe_task_definition(taskDefinition=web)["taskDefinition"]
    [container] = described["containerDefinitions"]
    template = {"family": "web", "containerDefinitions": [container | {"image": cluster.images["2"]}]}
    (tmp_path / "web.json").write_text(json.dumps(template))
    (tmp_path / "deploy.yml").write_text(DEPLOJO)

    deplojo = workshop.python("ecs-deplojo==0.13.0") / "ecs-deplojo"
    said = cluster.run(deplojo, "--config", tmp_path / "deploy.yml", cwd=tmp_path)
    assert "Deployment finished: web (1/1)" in said.screen, said.screen

    ecsctl = workshop.python("ecsctl==20200907") / "ecsctl"
    assert "deplojo" in cluster.run(ecsctl, "get", "cluster").out
    assert "web" in cluster.run(ecsctl, "get", "service", "--cluster", "deplojo").out
