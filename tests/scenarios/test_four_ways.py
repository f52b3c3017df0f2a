"""A new service runs directly, under its tests, and on the cluster, with no edit."""

import json
import os
import re
import shutil
import signal
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from tests.scenarios.stand import BAMBOO, CULM, Stand, eventually
from tests.traffic import free_port


@pytest.fixture
def pets(stand: Stand) -> Stand:
    """A new service, on ports that are free here."""
    stand.culm("new", "pets")
    stand.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {stand.port}}}")
    for file, old in (("settings.toml", "8001"), ("database.url", "5401")):
        stand.edit(f"pets/conf/{file}", old, str(free_port()))
    return stand


def port_of(stand: Stand) -> int:
    return int(re.findall(r"port = (\d+)", (stand.project / "pets/conf/settings.toml").read_text())[0])


def test_directly_from_conf_and_again_when_a_file_changes(pets: Stand) -> None:
    with subprocess.Popen(
        [*CULM, "run"],
        cwd=pets.project / "pets",
        env=pets.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        process_group=0,
    ) as running:
        assert running.stdout is not None
        said = ""
        for line in running.stdout:
            said += line
            if f"at http://127.0.0.1:{port_of(pets)}/pets/" in line:
                break
        else:
            raise AssertionError(said)
        pets.port = port_of(pets)
        posted = pets.post("/pets/", {"name": "rex"})
        assert posted.status == 201
        pets.edit("pets/pets/api.py", "return http.reply(item)", 'return http.reply({"now": item.name})')
        eventually(lambda: pets.get(f"/pets/{posted.body['id']}").body == {"now": "rex"})
        os.killpg(running.pid, signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(30) == 130
    assert "api.py has changed: starting again" in rest
    assert "Traceback" not in said + rest


def test_under_its_tests_with_a_database_of_its_own_and_nothing_left(pets: Stand, tmp_path: Path) -> None:
    said = pets.culm("test", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"))
    assert re.search(r"pets \d+ passed", said.err)
    unit, suite = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("pets", "0", "0")
    assert int(unit.get("tests", "0")) > 50
    assert int(suite.get("tests", "0")) == 3
    assert pets.culm("cluster", "status", status=3).out == "not running\n", "it was started for the tests alone"
    assert pets.processes() == {}

    pets.edit("pets/tests/integration/test_pets.py", 'item["name"] == name', 'item["name"] == "another"')
    failed = pets.culm("test", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"), status=1)
    assert "1 failed" in failed.err
    assert "culm: tests failed: pets" in failed.err
    _, suite = ET.parse(tmp_path / "junit.xml").getroot()
    assert suite.get("failures") == "1"


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


@pytest.mark.skipif(not (shutil.which("go") and shutil.which("dbmate")), reason="go and dbmate are not on the PATH")
def test_a_service_in_go_runs_and_is_tested(stand: Stand, tmp_path: Path) -> None:
    stand.culm("new", "birds", "--lang", "go")
    said = stand.culm("test", "birds", "--with", "embedded", "--junit", str(tmp_path / "junit.xml"))
    assert re.search(r"birds \d+ passed", said.err)
    [suite] = ET.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "0")
