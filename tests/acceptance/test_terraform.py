"""Terraform's AWS provider makes what a service stands on, finds nothing to change, changes it, and takes it away.

The provider is looked for where Terraform looks for providers without a network, or in CULM_TERRAFORM_PLUGINS.
https://developer.hashicorp.com/terraform/cli/config/config-file#implied-local-mirror-directories
"""

import os
import shutil
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.traffic import free_port

HERE = Path(__file__).parent
TERRAFORM = shutil.which("terraform")
UNCHANGED = 0
"""Exit status of `plan -detailed-exitcode`; 2 means that there is something to change."""


@pytest.fixture
def folder(cluster: Cluster, tmp_path: Path) -> Path:
    """A working directory in which Terraform has its provider."""
    if TERRAFORM is None:
        pytest.skip("terraform is not installed")
    shutil.copy(HERE / "main.tf", tmp_path)
    plugins = os.environ.get("CULM_TERRAFORM_PLUGINS")
    where = [f"-plugin-dir={plugins}"] if plugins else []
    said = cluster.stand.run([TERRAFORM, "init", "-no-color", *where], cwd=tmp_path, environment=settings(tmp_path))
    if said.status:
        pytest.skip("terraform does not have hashicorp/aws 5.100.0; CULM_TERRAFORM_PLUGINS may name its folder")
    return tmp_path


def settings(folder: Path) -> dict[str, str]:
    configuration = folder / "terraformrc"
    configuration.touch()
    return {"TF_CLI_CONFIG_FILE": str(configuration), "TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


@pytest.mark.timeout(1500)
def test_apply_plan_change_and_destroy_twice_in_a_row(cluster: Cluster, folder: Path) -> None:
    port = free_port()

    def terraform(command: str, release: str, status: int = 0) -> None:
        variables = [
            f"-var=image={cluster.images[release]}",
            f"-var=release={release}",
            f"-var=small={cluster.images['web']}",
            f"-var=port={port}",
        ]
        words = [str(TERRAFORM), *command.split(), "-no-color", "-input=false", *variables]
        cluster.run(*words, status=status, cwd=folder, **settings(folder))

    for _ in range(2):
        terraform("apply -auto-approve", "1")
        terraform("plan -detailed-exitcode", "1", status=UNCHANGED)
        terraform("apply -auto-approve", "2")
        terraform("plan -detailed-exitcode", "2", status=UNCHANGED)
        terraform("destroy -auto-approve", "2")
        assert "tf" not in [arn.rpartition("/")[2] for arn in cluster.ecs.list_clusters()["clusterArns"]]
