"""The four services of examples/bamboo: each is whole by itself, and what they have in common is the same."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import uv
import yaml

BAMBOO = Path(__file__).parents[2] / "examples/bamboo"
SERVICES = ["accounts", "catalog", "notices", "orders"]
COMMON = [
    "{service}/database.py",
    "{service}/health.py",
    "{service}/http.py",
    "{service}/logs.py",
    "{service}/server.py",
    "migrations/env.py",
    "migrations/script.py.mako",
    "tests/unit/test_http.py",
    "tests/unit/test_logs.py",
    "tests/unit/test_settings.py",
    "Dockerfile",
    "Dockerfile.migrate",
    "alembic.ini",
    "dkr-push.sh",
    "dkr-run.sh",
    "pyproject.toml",
    ".dockerignore",
    ".gitignore",
]


@pytest.mark.parametrize("path", COMMON)
def test_what_the_services_have_in_common_differs_in_their_names_alone(path):
    texts = {(BAMBOO / name / path.format(service=name)).read_text().replace(name, "NAME") for name in SERVICES}
    assert len(texts) == 1


@pytest.mark.parametrize("service", SERVICES)
def test_the_migration_is_the_service_but_for_what_it_runs(service):
    """So the two images share every layer."""
    image, migration = (
        [line for line in (BAMBOO / service / name).read_text().splitlines() if not re.match("#|CMD|EXPOSE", line)]
        for name in ("Dockerfile", "Dockerfile.migrate")
    )
    assert image == migration


def test_culm_yml_names_every_service():
    assert sorted(yaml.safe_load((BAMBOO / "culm.yml").read_text())["services"]) == SERVICES
    assert sorted(path.parent.name for path in BAMBOO.glob("*/Dockerfile")) == SERVICES


@pytest.mark.scenario
@pytest.mark.parametrize("service", SERVICES)
def test_the_services_own_tests_pass_with_what_it_requires(service, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name not in ("PORT", "HOST", "VIRTUAL_ENV")}
    ran = subprocess.run(
        [
            uv.find_uv_bin(),
            *("run", "--quiet", "--isolated", "--no-project", "--with-requirements", "requirements-dev.txt"),
            *("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junit-xml={tmp_path}/report.xml"),
        ],
        cwd=BAMBOO / service,
        env=environment | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(re.search(r'tests="(\d+)"', (tmp_path / "report.xml").read_text())[1]) > 50
