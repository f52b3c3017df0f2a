"""A project of two services, and the surroundings of the local target."""

from pathlib import Path

import pytest

from culm.manifest import render
from culm.manifest.load import load
from culm.manifest.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    for name in ("accounts", "web"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text('FROM base\nCMD ["sh"]\n')
    (tmp_path / "culm.yml").write_text("name: bamboo\nservices: {accounts: , web: {path: /*}}\n")
    return load(tmp_path / "culm.yml")


@pytest.fixture
def around() -> render.Surroundings:
    return render.Surroundings(
        env="local",
        region="us-east-1",
        account="000000000000",
        vault="culm-vault-000000000000-us-east-1",
        vpc="vpc-1",
        subnets=("subnet-1", "subnet-2"),
        port=8080,
        instances="2 x t2.micro",
        drain_seconds=1,
    )
