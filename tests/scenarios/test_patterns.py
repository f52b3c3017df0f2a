"""The Dockerfiles of `tests/deploy/build/patterns.py`, built and started by a container engine.

`.ci/base-image.sh languages` makes what stands in for their base images. A build of each takes minutes in all: they are
built when CULM_PATTERNS is set, as every night.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.build import patterns
from tests.deploy.build.index import index

from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Recipe
from culm.engine.client import Engine

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(not os.environ.get("CULM_PATTERNS"), reason="CULM_PATTERNS is not set"),
]
LANGUAGES = "culm-languages:bookworm"
BASE = "culm-patterns:tests"
HOST_ALONE = {
    "another version of Python than this machine's": "the stand-in has one Python",
    "ubuntu's own Python": "the stand-in is no Ubuntu",
}
OFFICIAL = re.compile(r"(?:python|node|ghcr\.io/astral-sh/uv):[\w.-]+")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An image that stands in for all bases, with the index of the tests' packages in it."""
    folder = tmp_path_factory.mktemp("base")
    index(folder)
    (folder / "Dockerfile").write_text(
        f"FROM {LANGUAGES}\nCOPY simple /index/simple\nRUN ln /usr/local/bin/uv /uv\n"
        "ENV PIP_INDEX_URL=file:///index/simple UV_DEFAULT_INDEX=file:///index/simple\n"
    )
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    subprocess.run(["docker", "build", "--quiet", "--tag", BASE, str(folder)], check=True, env=environment)
    yield BASE
    subprocess.run(["docker", "image", "rm", "--force", BASE], check=True, capture_output=True)


def printed(folder: Path, files: dict[str, str], dockerfile: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Build as `culm up` does, and return what a container of the image prints."""
    text = OFFICIAL.sub(BASE, dockerfile).replace("HOME/", f"{patterns.HOME}/").replace("3.12/", "3.11/")
    text = text.replace("/nowhere/tini", "/usr/bin/tini-static")
    for name, content in {**files, "Dockerfile": text}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    monkeypatch.setenv("CULM_HOME", str(folder.parent / "home"))
    monkeypatch.setenv("CULM_BUILD_NETWORK", "host")
    recipe = Recipe(folder=folder, dockerfile=folder / "Dockerfile", args={})
    image = DockerBuilder(Engine()).built(recipe, lambda line: None)
    try:
        done = subprocess.run(["docker", "run", "--rm", image], capture_output=True, text=True, timeout=60)
    finally:
        subprocess.run(["docker", "image", "rm", "--force", image], check=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("name", [name for name in patterns.PYTHON if name not in HOST_ALONE])
def test_usual_python_dockerfiles_run_by_an_engine(
    base: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, dockerfile, expected = patterns.PYTHON[name]
    if "--mount" in dockerfile and shutil.which("docker-buildx") is None:
        pytest.skip("BuildKit is not here")
    assert printed(tmp_path / "folder", files, dockerfile, monkeypatch) == expected


@pytest.mark.parametrize("name", patterns.NODE)
def test_usual_node_dockerfiles_run_by_an_engine(
    base: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, dockerfile = patterns.NODE[name]
    (tmp_path / "folder").mkdir()
    patterns.tarball(tmp_path / "folder" / "tiny-1.0.0.tgz")
    assert printed(tmp_path / "folder", patterns.NODE_FILES, dockerfile, monkeypatch)[0] == "serving tiny"
