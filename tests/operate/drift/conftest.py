"""A project that is deployed as far as AWS's API goes: on the local cluster's, and on another project's AWS, moto."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moto.core.base_backend import BackendDict
from moto.server import ThreadedMotoServer
from tests.operate.drift.deployed import Deployed
from tests.serving import served

from culm.project.load import load
from culm.project.project import Project
from culm.target.connection import StaticCredentials, Target

MANIFEST = """\
name: bamboo
services:
  accounts: {after: web, count: 1-3, scale: requests 500}
  web: {path: /*, roll: stop-first}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("project")
    for name in ("accounts", "web"):
        (folder / name).mkdir()
        (folder / name / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    (folder / "accounts" / "Dockerfile.migrate").write_text('FROM base\nCMD ["sh"]\n')
    (folder / "culm.yml").write_text(MANIFEST)
    return load(folder / "culm.yml")


@pytest.fixture(scope="module", params=["local", "moto"])
def deployed(
    request: pytest.FixtureRequest, project: Project, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    login = StaticCredentials(access_key="a", secret_key="b")
    settings = project.targets["local"]
    if request.param == "local":
        folder: Path = tmp_path_factory.mktemp("served")
        with served(folder) as endpoint:
            yield Deployed(project, Target(settings, endpoint, login), registry=True)
        return
    BackendDict.reset()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    BackendDict.reset()  # other tests of this process have the same moto
    try:
        amazon = replace(settings, provider="aws", endpoint_url=f"http://{host}:{port}")
        yield Deployed(project, Target(amazon, login=login), registry=False)
    finally:
        server.stop()
