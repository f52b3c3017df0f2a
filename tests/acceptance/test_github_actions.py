"""AWS's own GitHub actions, run by node as a workflow's runner runs them.

They are no packages: CULM_GITHUB_ACTIONS names a folder with clones of https://github.com/aws-actions/*.
"""

import json
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster


@dataclass(frozen=True)
class Runner:
    """What a workflow's runner gives its steps: inputs in the environment, files for outputs and for variables."""

    cluster: Cluster
    actions: Path
    folder: Path

    def step(self, action: str, **inputs: str) -> dict[str, str]:
        """Return the outputs of an action; it must succeed."""
        files = {name: self.folder / name for name in ("GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STATE", "GITHUB_PATH")}
        for file in files.values():
            file.write_text("")
        environment = {f"INPUT_{name.upper().replace('_', '-')}": value for name, value in inputs.items()}
        environment |= {name: str(file) for name, file in files.items()}
        environment |= {"RUNNER_TEMP": str(self.folder), "GITHUB_WORKSPACE": str(self.folder)}
        environment |= {"GITHUB_REPOSITORY": "us/shop", "GITHUB_SHA": "abc", "GITHUB_ACTOR": "ada"}
        environment |= {"GITHUB_WORKFLOW": "deploy", "GITHUB_ACTION": "step", "GITHUB_REF": "refs/heads/main"}
        program = self.actions / action / "dist" / "index.js"
        self.cluster.run("node", program, cwd=self.folder, **environment)
        return _pairs(files["GITHUB_OUTPUT"].read_text()) | _pairs(files["GITHUB_ENV"].read_text())


def _pairs(text: str) -> dict[str, str]:
    """The `name<<delimiter` blocks that an action writes."""
    return {
        name: value for name, _, value in re.findall(r"^([\w-]+)<<(\S+)\n(.*?)\n\2$", text, re.DOTALL | re.MULTILINE)
    }


@pytest.fixture
def runner(cluster: Cluster, tmp_path: Path) -> Runner:
    folder = os.environ.get("CULM_GITHUB_ACTIONS")
    if not folder:
        pytest.skip("CULM_GITHUB_ACTIONS names no folder with clones of aws-actions/*")
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    return Runner(cluster, Path(folder), tmp_path)


def test_a_workflow_configures_credentials_renders_a_definition_and_deploys_it(runner: Runner) -> None:
    cluster = runner.cluster
    cluster.ecs.create_cluster(clusterName="actions")
    revision = cluster.register("actions")
    cluster.ecs.create_service(cluster="actions", serviceName="web", taskDefinition=revision, desiredCount=1)

    configured = runner.step(
        "configure-aws-credentials",
        aws_access_key_id=cluster.aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=cluster.aws["AWS_SECRET_ACCESS_KEY"],
        aws_region="us-east-1",
        output_credentials="true",
    )
    assert configured["AWS_REGION"] == "us-east-1"
    assert configured["aws-account-id"] == revision.split(":")[4]

    described = cluster.ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]
    (runner.folder / "task.json").write_text(json.dumps(described, default=str))
    rendered = runner.step(
        "amazon-ecs-render-task-definition",
        task_definition="task.json",
        container_name="app",
        image=cluster.images["2"],
        environment_variables="COLOUR=green",
    )
    deployed = runner.step(
        "amazon-ecs-deploy-task-definition",
        task_definition=rendered["task-definition"],
        cluster="actions",
        service="web",
        wait_for_service_stability="true",
        wait_for_minutes="2",
    )
    assert deployed["task-definition-arn"].endswith(":2")
    service = cluster.service("actions", "web")
    assert service["taskDefinition"] == deployed["task-definition-arn"] and service["runningCount"] == 1


def test_a_workflow_logs_in_to_the_registry_and_pushes(runner: Runner) -> None:
    if shutil.which("docker") is None or runner.cluster.stand.run(["docker", "info"]).status:
        pytest.skip("no Docker engine answers here")
    cluster = runner.cluster
    registry = runner.step("amazon-ecr-login", mask_password="true")["registry"]
    cluster.ecr.create_repository(repositoryName="from-actions")
    image = f"{registry}/from-actions:1"
    cluster.run("docker", "pull", cluster.images["1"])
    cluster.run("docker", "tag", cluster.images["1"], image)
    cluster.run("docker", "push", image)
    [pushed] = cluster.ecr.describe_images(repositoryName="from-actions")["imageDetails"]
    assert pushed["imageTags"] == ["1"]
