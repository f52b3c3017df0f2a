"""Dockerfiles as people write them, built without an engine and started as host processes."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cluster.runtime.oci import PASSWORD, USER, OciRegistry
from tests.deploy.build.index import index
from tests.deploy.build.patterns import HOME, NODE, NODE_FILES, PYTHON, tarball

from culm.cluster.instance.runtime.interface import Spec
from culm.cluster.instance.runtime.process.runtime import ProcessRuntime
from culm.deploy.build import oci
from culm.deploy.build.host import HostBuilder
from culm.deploy.build.port import Recipe
from culm.errors import CulmError
from culm.prefixes.make import VERSION_MANAGERS


class Rig:
    """A build's image, given to the process runtime by a registry."""

    def __init__(self, registry: OciRegistry, home: Path) -> None:
        self.registry = registry
        self.runtime = ProcessRuntime(home, now=time.time, use_cgroups=False)
        self.home = home

    def built(self, files: dict[str, str], dockerfile: str) -> str:
        folder = self.home / "folder"
        for path, text in {**files, "Dockerfile": dockerfile.replace("HOME/", f"{HOME}/")}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(os.fsencode(text))
        scratch = self.home / "scratch"
        scratch.mkdir(exist_ok=True)
        recipe = Recipe(folder=folder, dockerfile=folder / "Dockerfile", args={})
        image = oci.image(HostBuilder().plan(recipe, scratch))
        self.registry.blobs |= image.blobs
        self.registry.manifests[image.digest] = image.manifest
        return f"{self.registry.host}/service@{image.digest}"

    async def logs(self, image: str) -> list[str]:
        """What its command prints until it ends."""
        spec = Spec(
            name="service", image=image, registry_auth=(USER, PASSWORD), address="127.0.0.1", environment={}, labels={}
        )
        await self.runtime.start(spec)
        async with asyncio.timeout(60):
            lines = [line.text async for line in self.runtime.logs("service", None, follow=True)]
        await self.runtime.remove("service")
        return lines


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setenv("CULM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PIP_INDEX_URL", index(tmp_path / "index"))
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    registry = OciRegistry()
    (tmp_path / "home").mkdir()
    yield Rig(registry, tmp_path / "home")
    registry.close()


@pytest.mark.parametrize(("files", "dockerfile", "printed"), PYTHON.values(), ids=PYTHON.keys())
async def test_usual_python_dockerfiles_run_without_an_engine(
    rig: Rig, files: dict[str, str], dockerfile: str, printed: list[str]
) -> None:
    image = await asyncio.to_thread(rig.built, files, dockerfile)
    assert await rig.logs(image) == printed


@pytest.mark.parametrize(("program", "dockerfile"), NODE.values(), ids=NODE.keys())
async def test_usual_node_dockerfiles_run_without_an_engine(rig: Rig, program: str, dockerfile: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not on the PATH")
    (rig.home / "folder").mkdir()
    tarball(rig.home / "folder" / "tiny-1.0.0.tgz")
    image = await asyncio.to_thread(rig.built, NODE_FILES, dockerfile)
    assert (await rig.logs(image))[0] == "serving tiny"


async def test_names_and_text_of_any_encoding_are_taken(rig: Rig) -> None:
    folder = rig.home / "folder"
    folder.mkdir()
    name = os.fsdecode(b"caf\xe9.txt")
    (folder / name).write_text("coffee")
    dockerfile = os.fsdecode(b"FROM base\n# caf\xe9\nWORKDIR /app\nCOPY . .\n") + 'CMD ["ls"]\n'
    image = await asyncio.to_thread(rig.built, {}, dockerfile)
    assert len([line for line in await rig.logs(image) if line.startswith("caf")]) == 1


def test_an_install_that_fails_names_its_line_before_anything_is_deployed(rig: Rig) -> None:
    files = {"requirements.txt": "no-such-package-anywhere\n"}
    with pytest.raises(CulmError, match=r"(?s)Dockerfile:3: `pip install -r requirements.txt` failed.*no-such-package"):
        rig.built(files, 'FROM python:3.11\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["python3"]\n')


def test_a_python_that_is_not_on_this_machine_is_named_with_the_one_that_runs(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, _, _ in VERSION_MANAGERS:
        monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    lines: list[str] = []
    (tmp_path / "Dockerfile").write_text('FROM python:3.3\nRUN pip install tinydep\nCMD ["python"]\n')
    recipe = Recipe(folder=tmp_path, dockerfile=tmp_path / "Dockerfile", args={})
    (tmp_path / ".dockerignore").write_text("*\n")
    (tmp_path / "scratch").mkdir()
    HostBuilder().plan(recipe, tmp_path / "scratch", lines.append)
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert [line.partition(": ")[2] for line in lines] == [f"Python 3.3 is not on this machine: {here} runs it"]


def test_a_program_that_fails_while_it_builds_names_its_line(rig: Rig) -> None:
    files = {"manage.py": "raise SystemExit('no settings')\n"}
    with pytest.raises(CulmError, match=r"(?s)Dockerfile:3: RUN python manage.py check: .* status 1\n.*no settings"):
        rig.built(files, 'FROM python:3.11\nCOPY . .\nRUN python manage.py check\nCMD ["python3"]\n')
