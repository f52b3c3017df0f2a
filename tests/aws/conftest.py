"""moto's server, another project's AWS, on loopback; and a project to put there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.backends import get_backend
from moto.server import ThreadedMotoServer

from culm.aws.stack import Talk
from culm.project.load import load
from culm.project.project import Project, named
from culm.target.connection import StaticCredentials, Target

ACCOUNT, REGION = "123456789012", "us-east-1"
QUIET = Talk(say=lambda _: None, progress=lambda _: None)
USED: tuple[Any, ...] = (
    "cloudformation",
    "ec2",
    "ecs",
    "ecr",
    "elbv2",
    "autoscaling",
    "iam",
    "kms",
    "logs",
    "s3",
    "rds",
    "ssm",
    "sts",
    "secretsmanager",
    "events",
    "sns",
    "cloudwatch",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """moto warns of what its CloudFormation does not make: bucket policies, certificates."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore:Tried to parse AWS"))


@pytest.fixture(scope="session")
def moto(completed_moto: None) -> Iterator[str]:
    """Its endpoint."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


class Account:
    """An AWS account that is empty but for what every account has."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        for service in USED:
            get_backend(service).reset()

    def client(self, service: str) -> Any:
        keys = {"aws_access_key_id": "AKIAOWNER", "aws_secret_access_key": "secret"}
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION, **keys)  # type: ignore[call-overload]

    def physical_ids(self, stack: str = "culm-bamboo") -> dict[str, str]:
        """Return the physical id of every resource of a stack, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
        each = (resource for page in pages for resource in page["StackResourceSummaries"])
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in each if r.get("PhysicalResourceId")}


@pytest.fixture
def account(moto: str) -> Account:
    return Account(moto)


class Team:
    """A project folder, and one of its targets."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def writes(self, target: str = "stg: {provider: aws, region: us-east-1}", *more: str, services: str = "") -> None:
        services = services or "  accounts:\n  web: {path: /*}\n"
        lines = ["name: bamboo", "targets:", f"  {target}", *more, "services:", services]
        (self.folder / "culm.yml").write_text("\n".join(lines))

    @property
    def project(self) -> Project:
        found = load(self.folder / "culm.yml")
        [name] = [name for name, one in found.targets.items() if one.provider == "aws"]
        return named(found, found.targets[name])

    def target(self, endpoint: str | None = None) -> Target:
        project = load(self.folder / "culm.yml")
        [settings] = [one for one in project.targets.values() if one.provider == "aws"]
        return Target(settings, endpoint, StaticCredentials(access_key="AKIAEXAMPLE", secret_key="secret"))


@pytest.fixture
def team(tmp_path: Path) -> Team:
    for name in ("accounts", "web", "orders"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text('FROM base\nCMD ["sh"]\n')
    team = Team(tmp_path)
    team.writes()
    return team
