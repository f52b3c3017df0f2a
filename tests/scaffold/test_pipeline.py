"""The GitLab pipeline: the file is compared whole, and judged by others."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from culm.ci.gitlab import pipeline, placed
from culm.ci.workflow import Runs
from culm.project.load import load
from culm.project.project import Project

GOLDEN = Path(__file__).parent.parent / "golden" / "gitlab-pipeline.yml"
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
RUNS = Runs(
    region="eu-west-1", account="123456789012", branch="main", install="git+https://github.com/culm-dev/culm@v0.1.0"
)
TARGETS = "stg: {provider: aws}, prd: {provider: aws, gitlab: team/shop, environment: production, protect: true}"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (tmp_path / "culm.yml").write_text(f"name: bamboo\ntargets: {{{TARGETS}}}\nservices: {{web: }}\n")
    return load(tmp_path / "culm.yml")


@pytest.fixture
def text(project: Project) -> str:
    return pipeline(project, project.targets["stg"], RUNS)


@pytest.fixture
def jobs(text: str) -> dict[str, Any]:
    every: dict[str, Any] = yaml.safe_load(text)
    return {name: every[name] for name in ("test", "plan", "deploy")}


def test_the_file_is_the_golden_one(text: str) -> None:
    if os.environ.get("CULM_GOLDEN") == "write":
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


@pytest.mark.parametrize(("target", "folder"), [("stg", ""), ("prd", "apps/shop")])
def test_gitlabs_own_schema_takes_it(project: Project, tmp_path: Path, target: str, folder: str) -> None:
    """As SchemaStore publishes it; check-jsonschema has a copy."""
    file = tmp_path / ".gitlab-ci.yml"
    file.write_text(pipeline(project, project.targets[target], RUNS, folder))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", str(file)]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_shellcheck_has_nothing_to_say_of_its_scripts(jobs: dict[str, Any]) -> None:
    for job in jobs.values():
        script = "\n".join(job["script"])
        judged = subprocess.run([SHELLCHECK, "--shell=bash", "-"], input=script, capture_output=True, text=True)
        assert judged.returncode == 0, judged.stdout


def test_only_the_jobs_that_go_to_aws_may_say_who_they_are(text: str, jobs: dict[str, Any]) -> None:
    every = yaml.safe_load(text)
    assert {name: job["extends"] for name, job in jobs.items()} == {"test": ".culm", "plan": ".role", "deploy": ".role"}
    assert "id_tokens" not in every[".culm"] and "id_tokens" not in every
    assert [job.get("variables", {}).get("AWS_ROLE_ARN", "").rpartition("/")[2] for job in jobs.values()] == [
        "",
        "bamboo.plan",
        "bamboo.deploy",
    ]


def test_a_fork_is_not_planned_and_deploys_of_a_target_queue(jobs: dict[str, Any]) -> None:
    [rule] = jobs["plan"]["rules"]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_MERGE_REQUEST_PROJECT_ID" in rule["if"]
    assert jobs["deploy"]["rules"] == [{"if": '$CI_COMMIT_BRANCH == "main"'}]
    assert jobs["deploy"]["resource_group"] == "culm-bamboo-stg"


def test_a_protected_target_is_deployed_by_hand_in_its_environment(project: Project) -> None:
    deploy = yaml.safe_load(pipeline(project, project.targets["prd"], RUNS))["deploy"]
    assert deploy["rules"] == [{"if": '$CI_COMMIT_BRANCH == "main"', "when": "manual"}]
    assert deploy["environment"] == {"name": "production"}
    assert "culm up --target prd --yes" in deploy["script"]


def test_a_project_in_a_folder_of_its_repository_is_entered_by_each_job(project: Project) -> None:
    (project.root / ".git").mkdir()
    assert placed(project) == (project.root / ".gitlab-ci.yml", "")
    every = yaml.safe_load(pipeline(project, project.targets["stg"], RUNS, "apps/shop"))
    assert all(every[name]["before_script"][-1] == 'cd "apps/shop"' for name in (".culm", ".role"))
    assert every["test"]["artifacts"]["reports"]["junit"] == "apps/shop/results.xml"
    assert every["plan"]["artifacts"]["paths"] == ["apps/shop/plan.md"]
