"""`culm doctor` on seeded faults: each is named, with how to fix it."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.operate.snapshot.described import about
from tests.serving import served

from culm.cli.doctor import doctor
from culm.operate import doctor as checks
from culm.operate import holes
from culm.operate.doctor import Finding
from culm.project.project import TargetSettings
from culm.target import servers
from culm.target.connection import StaticCredentials, Target

SETTINGS = about().settings


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CULM_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def test_a_load_balancer_that_is_not_there_stops_up(monkeypatch):
    monkeypatch.setenv("CULM_HAPROXY", "/nowhere/haproxy")
    found = checks.haproxy()
    assert (found.verdict, "/nowhere/haproxy" in found.text, "CULM_HAPROXY" in found.fix) == ("stops", True, True)


def test_a_load_balancer_that_is_too_old_stops_up(tmp_path, monkeypatch):
    old = tmp_path / "haproxy"
    old.write_text("#!/bin/sh\necho 'HAProxy version 2.2.9 2021/02/06'\n")
    old.chmod(0o755)
    monkeypatch.setenv("CULM_HAPROXY", str(old))
    assert checks.haproxy().verdict == "stops"
    assert "2.2.9" in checks.haproxy().text


def test_a_load_balancer_that_does_not_run_stops_up(tmp_path, monkeypatch):
    broken = tmp_path / "haproxy"
    broken.write_text("no program")
    broken.chmod(0o755)
    monkeypatch.setenv("CULM_HAPROXY", str(broken))
    assert checks.haproxy().verdict == "stops"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2.8.1-1234567 2023/07/03", "CVE-2023-40225 (an empty Content-Length is passed on: requests can be smuggled)"),
        ("2.6.12-1+deb12u2 2024/01/01", "fixed in 2.6.15, unless your distribution has fixed it"),
        ("2.9.3 2024/01/18", "CVE-2024-45506"),
    ],
)
def test_a_load_balancer_with_known_holes_is_a_note_that_names_them(tmp_path, monkeypatch, version, said):
    old = tmp_path / "haproxy"
    old.write_text(f"#!/bin/sh\necho 'HAProxy version {version}'\n")
    old.chmod(0o755)
    monkeypatch.setenv("CULM_HAPROXY", str(old))
    finding = checks.haproxy()
    assert (finding.verdict, said in finding.text) == ("note", True), finding.text


@pytest.mark.parametrize(
    ("table", "version", "names"),
    [
        (holes.HAPROXY, (2, 8, 25), []),
        (holes.HAPROXY, (2, 8, 2), []),
        (holes.HAPROXY, (2, 7, 3), ["CVE-2023-40225"]),
        (holes.HAPROXY, (2, 7, 2), ["CVE-2023-25725", "CVE-2023-40225"]),
        (holes.HAPROXY, (3, 0, 3), ["CVE-2024-45506"]),
        (holes.HAPROXY, (3, 1, 0), []),
        (holes.POSTGRES, (18, 4), []),
        (holes.POSTGRES, (18, 3), ["CVE-2026-6473,"]),
        (holes.POSTGRES, (13, 22), ["CVE-2026-6473,"]),
        (holes.POSTGRES, (19, 0), []),
    ],
)
def test_a_version_has_the_holes_of_its_branch_that_are_not_fixed_in_it(table, version, names):
    assert [said.split()[0] for said in holes.known(table, version)] == names


def test_the_wheels_own_load_balancer_is_named_with_its_version(monkeypatch):
    monkeypatch.delenv("CULM_HAPROXY", raising=False)
    assert (checks.haproxy().verdict, "HAProxy 2." in checks.haproxy().text) == ("good", True)


def test_a_port_that_somebody_has_stops_up():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = checks.ports(replace(SETTINGS, port=other.getsockname()[1]))
    assert found.verdict == "stops"
    assert "culm.yml" in found.fix


def test_a_missing_postgresql_is_a_note_that_says_who_cannot_run(monkeypatch):
    monkeypatch.setenv("CULM_POSTGRES", "/nowhere")
    found = checks.postgres()
    assert (found.verdict, "`database:`" in found.text) == ("note", True)


def test_postgresql_is_named_with_its_version(monkeypatch):
    monkeypatch.delenv("CULM_POSTGRES", raising=False)
    assert "PostgreSQL) 18" in checks.postgres().text


def test_a_missing_server_of_the_distribution_is_a_note_that_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(servers.Programs, "first", lambda self: None)
    assert (checks.mariadb().verdict, "mariadb-server" in checks.mariadb().fix) == ("note", True)
    assert (checks.valkey().verdict, "valkey and redis cannot run here" in checks.valkey().text) == ("note", True)


def test_disk_says_what_is_free_and_what_culm_holds(home):
    home.mkdir()
    (home / "blob").write_bytes(b"x" * 3 * 1024 * 1024)
    assert "culm holds 3 MiB" in checks.disk().text


def test_an_engine_that_does_not_answer_is_a_note_since_processes_do_as_well(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    found = checks.container_engine()
    assert found.verdict == "note"
    assert "as processes of this machine" in found.text


def test_a_domain_that_cannot_be_found_stops_up():
    found = checks.names(replace(SETTINGS, domain="no-such-name.invalid"))
    assert (found.verdict, "no-such-name.invalid" in found.text) == ("stops", True)


def test_credentials_say_whose_they_are(tmp_path):
    with served(tmp_path) as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        found = checks.credentials(target)
        assert (found.verdict, "account 000000000000" in found.text) == ("good", True)
        assert checks.clock(target).verdict in ("good", "note")


def test_credentials_that_cannot_be_used_are_a_finding_and_not_the_end(tmp_path):
    settings: TargetSettings = replace(SETTINGS, provider="aws", endpoint_url="http://127.0.0.1:1", region="us-east-1")
    target = Target(settings, "http://127.0.0.1:1", StaticCredentials(access_key="a", secret_key="b"))
    findings: list[Finding] = list(checks.examine(settings, lambda: target))
    [found] = [finding for finding in findings if finding.what == "credentials"]
    assert found.verdict == "stops"
    assert findings[-1].what == "names"


def test_the_command_ends_with_3_when_something_would_stop_up(tmp_path, monkeypatch):
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text('FROM base\nEXPOSE 8000\nCMD ["sh"]\n')
    (tmp_path / "culm.yml").write_text("name: bamboo\nservices: {web: }\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CULM_HAPROXY", "/nowhere/haproxy")
    ran = CliRunner().invoke(doctor, ["--json"])
    assert ran.exit_code == 3
    assert {one["what"]: one["verdict"] for one in json.loads(ran.stdout)}["load balancer"] == "stops"
    shown = CliRunner().invoke(doctor, [])
    assert "▲ load balancer" in shown.stdout
    assert "culm up would not get through: load balancer" in shown.output
