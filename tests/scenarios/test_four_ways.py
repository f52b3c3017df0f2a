"""A new service runs directly, under its tests, and on the cluster, with no edit."""

import json
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uv
from tests.scenarios.stand import BAMBOO, CULM, Stand, eventually
from tests.traffic import free_port

LIB_PQ = Path(os.environ.get("CULM_LIB_PQ", "/usr/share/gocode/src/github.com/lib/pq"))
"""Debian's golang-github-lib-pq-dev."""


@pytest.fixture
def pets(stand: Stand) -> Stand:
    """A new service, on ports that are free here."""
    stand.culm("new", "pets", "--full")
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    for file, old in (("settings.toml", "8001"), ("database.url", "5401")):
        stand.edit(f"pets/conf/{file}", old, str(free_port()))
    return stand


def port_of(stand: Stand) -> int:
    return int(re.findall(r"port = (\d+)", (stand.project / "pets/conf/settings.toml").read_text())[0])


@contextmanager
def running(stand: Stand, service: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`culm run` in the service's folder, once it serves; and what it said until then."""
    with subprocess.Popen(
        [*CULM, "run"],
        cwd=stand.project / service,
        env=stand.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if f"at http://127.0.0.1:{stand.port}/{service}/" in line:
                break
        else:
            raise AssertionError(said)
        try:
            yield process, said
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)


def test_directly_from_conf_and_again_when_a_file_changes(pets: Stand) -> None:
    pets.port = port_of(pets)
    with running(pets, "pets") as (process, said):
        posted = pets.post("/pets/", {"name": "rex"})
        assert posted.status == 201
        pets.edit("pets/pets/api.py", "return http.reply(item)", 'return http.reply({"now": item.name})')
        eventually(lambda: pets.get(f"/pets/{posted.body['id']}").body == {"now": "rex"})
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout is not None
        rest = process.stdout.read()
        assert process.wait(30) == 130
    assert "api.py has changed: starting again" in rest
    pets.gone()
    assert "Traceback" not in said + rest


def test_under_its_tests_with_a_database_of_its_own_and_nothing_left(pets: Stand, tmp_path: Path) -> None:
    said = pets.culm("test", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"))
    assert re.search(r"pets \d+ passed", said.err)
    unit, suite = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("pets", "0", "0")
    assert int(unit.get("tests", "0")) > 50
    assert int(suite.get("tests", "0")) == 3
    assert pets.culm("cluster", "status", status=3).out == "not running\n", "it was started for the tests alone"
    pets.gone()

    pets.edit("pets/tests/integration/test_pets.py", 'item["name"] == name', 'item["name"] == "another"')
    failed = pets.culm("test", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"), status=1)
    assert "1 failed" in failed.err
    assert "culm: tests failed: pets" in failed.err
    _, suite = ET.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("failures") == "1"


def test_what_a_service_requires_may_be_in_its_pyproject_alone_locked_or_not(pets: Stand) -> None:
    folder = pets.project / "pets"
    wanted = [line for line in (folder / "requirements.in").read_text().splitlines() if line and line[0] != "#"]
    for file in folder.glob("requirements*"):
        file.unlink()
    project = folder / "pyproject.toml"
    table = f'[project]\nname = "pets"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = {wanted}\n'
    project.write_text(f"{table}[dependency-groups]\ntest = ['pytest', 'httpx2']\n{project.read_text()}")
    assert re.search(r"pets \d+ passed", pets.culm("test", "--with", "embedded").err)

    locked = pets.run([uv.find_uv_bin(), "lock"], cwd=folder)
    assert locked.status == 0, locked.screen
    assert re.search(r"pets \d+ passed", pets.culm("test", "--with", "embedded").err)


def test_a_migration_that_fails_is_the_tests_failure(pets: Stand, tmp_path: Path) -> None:
    pets.edit("pets/migrations/versions/0001_items.py", "sa.BigInteger", "sa.NoSuchType")
    failed = pets.culm("test", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"), status=1)
    assert "the migration of pets ended with status 1" in failed.err
    assert "NoSuchType" in failed.err
    [suite] = ET.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("errors") == "1"


def test_on_the_local_cluster(pets: Stand) -> None:
    pets.culm("up", "--runtime", "process", cwd=pets.project / "pets")
    assert pets.post("/pets/", {"name": "rex"}).status == 201
    assert json.loads(pets.culm("status", "--json").out)["services"][0]["running"] == 1


def test_a_repository_by_itself_needs_no_culm_yml(pets: Stand) -> None:
    (pets.project / "culm.yml").unlink()
    said = pets.culm("test", "--with", "embedded", cwd=pets.project / "pets")
    assert re.search(r"pets \d+ passed", said.err)
    compiled = "*/lib/python3*/site-packages/sqlalchemy/__pycache__/*.pyc"
    assert any((pets.home / "direct" / "venvs").glob(compiled)), "each start would compile what it requires anew"


def test_neighbours_come_up_with_a_service_that_calls_them(stand: Stand) -> None:
    stand.copy(BAMBOO)
    said = stand.culm("test", "orders", "catalog", "--with", "embedded")
    assert re.search(r"orders +\d+ passed", said.err)
    assert re.search(r"catalog +\d+ passed", said.err)


def test_an_imported_compose_file_runs(stand: Stand) -> None:
    stand.copy(BAMBOO)
    (stand.project / "culm.yml").unlink()
    stand.write(
        "docker-compose.yml",
        """\
services:
  accounts:
    build: accounts
    ports: ["8001:8080"]
    mem_limit: 200m
    depends_on: [db]
  catalog:
    build: {context: catalog}
    ports: ["8002:8080"]
    depends_on: [db]
  db: {image: "postgres:17-alpine"}
  proxy: {image: nginx, ports: ["80:80"]}
""",
    )
    said = stand.culm("import", "docker-compose.yml", "--name", "bamboo")
    assert "services.proxy: nginx: left out" in said.out
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    stand.culm("up", "--runtime", "process")
    assert [stand.get(path).status for path in ("/accounts/", "/catalog/")] == [200, 200]


@pytest.fixture
def birds(stand: Stand) -> Stand:
    """A new service in Go; its driver as it is on this machine, where the module proxy is not to be relied on."""
    if not (shutil.which("go") and shutil.which("dbmate")):
        pytest.skip("go and dbmate are not on the PATH: .ci/go.sh puts them there")
    stand.culm("new", "birds", "--lang", "go")
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    for file, old in (("settings.json", "8001"), ("database.url", "5401")):
        stand.edit(f"birds/conf/{file}", old, str(free_port()))
    if LIB_PQ.is_dir():
        modules = stand.home / "go.mod"
        modules.write_text(f"{(stand.project / 'birds/go.mod').read_text()}\nreplace github.com/lib/pq => {LIB_PQ}\n")
        stand.environment["GOFLAGS"] = f"'-modfile={modules}'"
    return stand


@pytest.mark.timeout(900)  # Go compiles its standard library once
def test_a_service_in_go_is_tested_and_runs_on_a_cluster_without_an_engine(birds: Stand, tmp_path: Path) -> None:
    said = birds.culm("test", "birds", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"))
    assert re.search(r"birds \d+ passed", said.err)
    [suite] = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "0")

    up = birds.culm("up", "--runtime", "process")
    assert re.search(r"birds/Dockerfile:\d+: by this host's go1[.\d]+ \S+: RUN CGO_ENABLED=0 go build", up.err)
    assert birds.post("/birds/", {"name": "wren"}).status == 201


@pytest.mark.timeout(900)
def test_a_service_in_go_runs_directly_and_again_when_a_file_changes(birds: Stand) -> None:
    [birds.port] = map(int, re.findall(r'"port": (\d+)', (birds.project / "birds/conf/settings.json").read_text()))
    with running(birds, "birds") as (process, said):
        assert birds.post("/birds/", {"name": "wren"}).status == 201
        birds.edit("birds/main.go", 'slog.Info("serving"', 'slog.Info("chirping"')
        assert any("chirping" in line for line in process.stdout or ())
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(30) == 130
    assert "Traceback" not in said
