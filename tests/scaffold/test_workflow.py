"""The GitHub workflow: the file is compared whole, and judged by others."""

import re
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from culm.ci.workflow import Runs, placed, within, workflow
from culm.cli import culm
from culm.project.load import load
from culm.project.project import Project

GOLDEN = Path(__file__).parent.parent / "golden" / "github-workflow.yml"
RUNS = Runs(
    region="eu-west-1",
    account="123456789012",
    branch="main",
    install="git+https://github.com/culm-dev/culm@v0.1.0",
)
SHELLCHECK = Path(sys.executable).parent / "shellcheck"
TRUSTED = {"actions/checkout", "actions/setup-python", "aws-actions/configure-aws-credentials"}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\nEXPOSE 8000\n")
    (tmp_path / "culm.yml").write_text(
        "name: bamboo\ntargets: {stg: {provider: aws, region: eu-west-1}}\nservices: {web: }\n"
    )
    return load(tmp_path / "culm.yml")


@pytest.fixture
def text(project: Project) -> str:
    return workflow(project, project.targets["stg"], RUNS)


@pytest.fixture
def jobs(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["jobs"]
    return found


def steps(jobs: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in jobs.values() for step in job["steps"]]


def scripts(jobs: dict[str, Any]) -> list[str]:
    return [step["run"] for step in steps(jobs) if "run" in step]


def test_the_file_is_the_golden_one(text: str) -> None:
    assert text == GOLDEN.read_text()


def test_githubs_own_schema_takes_it(text: str, tmp_path: Path) -> None:
    """As SchemaStore publishes it; check-jsonschema has a copy."""
    file = tmp_path / "culm.yml"
    file.write_text(text)
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    judged = subprocess.run(command, capture_output=True, text=True)
    assert judged.returncode == 0, judged.stdout + judged.stderr


def test_shellcheck_has_nothing_to_say_of_its_scripts(jobs: dict[str, Any]) -> None:
    for script in scripts(jobs):
        judged = subprocess.run(
            [SHELLCHECK, "--shell=bash", "-"], input=script, capture_output=True, text=True, check=False
        )
        assert judged.returncode == 0, judged.stdout


def test_its_commands_are_culms(jobs: dict[str, Any]) -> None:
    lines = [line.strip() for script in scripts(jobs) for line in script.splitlines()]
    typed = [re.split(r" >| \|\|", line)[0] for line in lines if line.startswith("culm ")]
    assert len(typed) == 7
    for line in typed:
        words = shlex.split(line)[1:]
        command: click.Command = culm
        context = click.Context(culm)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None, line
            command = found
        options = {name for option in command.params for name in option.opts}
        assert options >= {word for word in words if word.startswith("--")}, line


def test_foreign_code_is_known_and_cannot_be_changed(jobs: dict[str, Any]) -> None:
    uses = [step["uses"] for step in steps(jobs) if "uses" in step]
    assert {name.partition("@")[0] for name in uses} == TRUSTED
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", name) for name in uses)


def test_only_the_jobs_that_go_to_aws_may_say_who_they_are(text: str, jobs: dict[str, Any]) -> None:
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["plan", "deploy"]
    assert "secrets." not in text
    roles = {
        name: [s["with"]["role-to-assume"] for s in steps({name: jobs[name]}) if "role-to-assume" in s.get("with", {})]
        for name in jobs
    }
    assert roles == {
        "test": [],
        "plan": ["arn:aws:iam::123456789012:role/bamboo.plan"],
        "deploy": ["arn:aws:iam::123456789012:role/bamboo.deploy"],
    }


def test_scripts_hold_no_expression_that_a_stranger_could_write(jobs: dict[str, Any]) -> None:
    """https://docs.github.com/en/actions/concepts/security/script-injections"""
    assert not any("${{" in script for script in scripts(jobs))


def test_deploys_of_a_target_queue(jobs: dict[str, Any]) -> None:
    assert jobs["deploy"]["concurrency"] == {"group": "culm-bamboo-stg", "cancel-in-progress": False}
    assert jobs["deploy"]["needs"] == "test"


def test_in_a_subfolder_of_a_repository_it_is_at_the_root_and_works_in_the_folder(
    project: Project, text: str, tmp_path: Path
) -> None:
    assert placed(project) == (tmp_path / ".github/workflows/culm.yml", "")
    (tmp_path / ".git").mkdir()
    assert placed(project) == (tmp_path / ".github/workflows/culm.yml", "")
    below = replace(project, root=tmp_path / "deploy" / "shop")
    assert placed(below) == (tmp_path / ".github/workflows/culm-bamboo.yml", "deploy/shop")
    moved = yaml.safe_load(within(text, "deploy/shop"))
    assert moved["defaults"] == {"run": {"working-directory": "deploy/shop"}}
    assert "hashFiles('deploy/shop/results.xml')" in within(text, "deploy/shop")
    assert within(text, "") == text


def test_a_protected_target_is_deployed_to_by_an_environments_job_alone(project: Project) -> None:
    settings = replace(project.targets["stg"], github="team/shop", environment="production", protect=True)
    jobs = yaml.safe_load(workflow(project, settings, RUNS))["jobs"]
    assert {name: job.get("environment") for name, job in jobs.items()} == {
        "test": None,
        "plan": None,
        "deploy": "production",
    }
    assert "culm up --target stg --yes" in scripts(jobs)
