"""One cluster for other people's tools: two t2.micro on the process runtime, images that stay up and that crash."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.workshop import CRASHES, SERVES, STAYS, Workshop, push
from tests.scenarios.stand import Said, Stand
from tests.traffic import free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.scenario)
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def workshop(pytestconfig: pytest.Config) -> Workshop:
    cache = os.environ.get("CULM_CI_CACHE")
    return Workshop(Path(cache) / "tools" if cache else pytestconfig.cache.mkdir("tools"))


class Cluster:
    """The AWS API of a running daemon, and its images by name."""

    def __init__(self, stand: Stand) -> None:
        self.stand = stand
        stand.culm("cluster", "start", "--runtime", "process", "--port", str(free_port()), cwd=stand.home)
        self.aws = {**stand.aws, "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json", "AWS_MAX_ATTEMPTS": "1"}
        self.ecs, self.ecr = stand.client("ecs"), stand.client("ecr")
        self.elbv2, self.logs = stand.client("elbv2"), stand.client("logs")
        self.images = {
            tag: push(self.ecr, "app", tag, program)
            for tag, program in {"1": STAYS, "2": STAYS + "# 2\n", "broken": CRASHES, "web": SERVES}.items()
        }

    def run(self, *command: str | Path, status: int = 0, cwd: Path | None = None, **environment: str) -> Said:
        """A command that sees the cluster as AWS; it must end with this exit status."""
        said = self.stand.run([str(word) for word in command], cwd=cwd, environment=self.aws | environment)
        assert said.status == status, f"{command} ended with {said.status}:\n{said.screen}\n{self.stand.told()}"
        return said

    def service(self, cluster: str, name: str) -> dict[str, Any]:
        [found] = self.ecs.describe_services(cluster=cluster, services=[name])["services"]
        return dict(found)

    def register(self, family: str, tag: str = "1", **changed: Any) -> str:
        """A revision of one container, `app`, whose health its instance checks every few seconds."""
        check = {"command": ["CMD-SHELL", "true"], "interval": 5, "retries": 1}
        container = {
            "name": "app",
            "image": self.images[tag],
            "memory": 128,
            "cpu": 64,
            "healthCheck": check,
            "stopTimeout": 2,
        } | changed
        given = {name: value for name, value in container.items() if value is not None}
        answer = self.ecs.register_task_definition(family=family, containerDefinitions=[given])
        return str(answer["taskDefinition"]["taskDefinitionArn"])


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    stand = Stand(tmp_path_factory.mktemp("acceptance"), port=free_port())
    yield Cluster(stand)
    stand.close()
