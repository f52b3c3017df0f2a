"""`culm doctor` on seeded faults: each is named, with how to fix it."""

import json
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from tests.operate.snapshot.described import about
from tests.serving import served

from culm.cli.doctor import doctor
from culm.cluster.wire.keyring import AccessKey, Keyring
from culm.errors import CulmError
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


def nowhere() -> Target:
    raise AssertionError("no target is needed")


def test_a_port_that_somebody_has_stops_up():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        found = checks.ports(replace(SETTINGS, port=other.getsockname()[1]), nowhere)
    assert found.verdict == "stops"
    assert "culm.yml" in found.fix


@pytest.mark.parametrize(
    ("state", "verdict", "words"),
    [
        ({"Code": "active"}, "good", "its load balancer bamboo has port 8123"),
        ({"Code": "active_impaired", "Reason": "port 8123 is taken"}, "stops", "bamboo does not serve port 8123: port"),
        ({"Code": "provisioning"}, "stops", "bamboo does not serve port 8123: provisioning"),
    ],
)
def test_a_port_that_the_clusters_load_balancer_has_or_wants_is_told_apart_from_a_strangers(state, verdict, words):
    balancer = {"LoadBalancerName": "bamboo", "LoadBalancerArn": "arn:lb", "State": state}
    elb = SimpleNamespace(
        describe_load_balancers=lambda: {"LoadBalancers": [balancer]},
        describe_listeners=lambda LoadBalancerArn: {"Listeners": [{"Port": 8123}]},
    )
    target: Any = SimpleNamespace(client=lambda service: elb)
    found = checks.listened(target, 8123)
    assert found is not None
    assert (found.verdict, words in found.text, bool(found.fix)) == (verdict, True, verdict == "stops")
    assert checks.listened(target, 8124) is None


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
    found = checks.container_engine(SETTINGS)
    assert found.verdict == "note"
    assert "as processes of this machine" in found.text


def test_a_domain_that_cannot_be_found_stops_up():
    found = checks.names(replace(SETTINGS, domain="no-such-name.invalid"))
    assert (found.verdict, "no-such-name.invalid" in found.text) == ("stops", True)


@dataclass(frozen=True)
class Fault:
    """Something that is wrong with a machine, and what is said of it."""

    what: str
    verdict: str
    words: tuple[str, ...]
    fix: str
    seed: Callable[[pytest.MonkeyPatch, Path], None]
    settings: TargetSettings = SETTINGS


def variable(name: str, value: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    """`{}` in the value is the test's own folder."""
    return lambda monkeypatch, folder: monkeypatch.setenv(name, value.format(folder))


def no_engine_but_containers_before(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/no.sock")
    (folder / "home").mkdir()
    (folder / "home" / "runtime").write_text("docker\n")


def no_cgroups(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(checks, "CGROUPS", folder)


def cgroups_of_others(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    (folder / "cgroup.controllers").write_text("memory\n")
    monkeypatch.setattr(checks, "CGROUPS", folder)
    monkeypatch.setattr(checks.os, "access", lambda path, mode: False)


def free(mib: int) -> Callable[[pytest.MonkeyPatch, Path], None]:
    def seed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        (folder / "home" / "registry").mkdir(parents=True)
        (folder / "home" / "registry" / "blob").write_bytes(b"x" * 2 * checks.MIB)
        usage = shutil.disk_usage(folder)._replace(free=mib * checks.MIB)
        monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage)

    return seed


def nobodys_folder(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(checks.os, "access", lambda path, mode: False)


def old_python(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr(checks, "sys", SimpleNamespace(version_info=(3, 10, 14), platform="linux"))


def resolver_without(name: str) -> Callable[[pytest.MonkeyPatch, Path], None]:
    def seed(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        monkeypatch.setattr(checks, "_resolves", lambda asked: not asked.endswith(name))

    return seed


def refused_credentials(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


NO_ENGINE = variable("DOCKER_HOST", "unix://{}/no.sock")
AMAZONS = replace(SETTINGS, provider="aws", endpoint_url="http://127.0.0.1:1", region="us-east-1")
TOO_FULL = ("300 MiB free", "culm holds 2 MiB (registry 2)")
FAULTS = {
    "an engine that is named and does not answer": Fault(
        "container engine", "note", ("no.sock", "as processes of this machine"), "", NO_ENGINE
    ),
    "no engine, and containers when the cluster ran last": Fault(
        "container engine", "stops", ("ran containers",), "--runtime process", no_engine_but_containers_before
    ),
    "no engine, for instances of Amazon's": Fault(
        "container engine", "stops", ("images are built",), "", NO_ENGINE, AMAZONS
    ),
    "an engine by ssh": Fault(
        "container engine", "note", ("through ssh",), "", variable("DOCKER_HOST", "ssh://somebody@host")
    ),
    "no cgroups": Fault("cgroups", "note", ("version 2 is not mounted",), "container engine", no_cgroups),
    "cgroups of others": Fault("cgroups", "note", ("not writable by you",), "Delegate=yes", cgroups_of_others),
    "no load balancer": Fault(
        "load balancer", "stops", ("{}/none", "not a file"), "CULM_HAPROXY", variable("CULM_HAPROXY", "{}/none")
    ),
    "no PostgreSQL": Fault(
        "PostgreSQL", "note", ("`database:`",), "CULM_POSTGRES", variable("CULM_POSTGRES", "{}/none")
    ),
    "a full disk": Fault("disk", "stops", TOO_FULL, "culm cluster prune", free(300)),
    "a disk with little room": Fault("disk", "note", ("1,500 MiB free",), "culm cluster prune", free(1500)),
    "a folder that cannot be written": Fault("disk", "stops", ("cannot be written",), "CULM_HOME", nobodys_folder),
    "an old Python": Fault("versions", "stops", ("culm ", "boto3 "), "3.11", old_python),
    "no localhost": Fault("names", "stops", ("localhost cannot",), "/etc/hosts", resolver_without("localhost")),
    "no names under localhost": Fault(
        "names", "note", ("*.localhost cannot",), "libnss-myhostname", resolver_without(".localhost")
    ),
    "no address of Amazon's": Fault(
        "names", "stops", ("sts.us-east-1.amazonaws.com",), "resolv.conf", resolver_without("amazonaws.com"),
        replace(AMAZONS, endpoint_url=None),
    ),
    "no credentials": Fault(
        "credentials", "stops", ("no AWS credentials",), "aws configure", refused_credentials, AMAZONS
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_machine_is_named_with_how_to_fix_it(name, tmp_path, monkeypatch):
    fault = FAULTS[name]
    fault.seed(monkeypatch, tmp_path)
    found = found_by(fault)
    assert (found.what, found.verdict) == (fault.what, fault.verdict), found
    for words in fault.words:
        assert words.format(tmp_path) in found.text
    assert found.fix
    assert fault.fix in found.fix


def found_by(fault: Fault) -> Finding:
    """Look at the one thing alone: the others start programs."""
    looks: dict[str, Callable[[], Finding]] = {
        "container engine": lambda: checks.container_engine(fault.settings),
        "cgroups": checks.cgroups,
        "load balancer": checks.haproxy,
        "PostgreSQL": checks.postgres,
        "disk": checks.disk,
        "versions": checks.versions,
        "names": lambda: checks.names(fault.settings),
        "credentials": lambda: checks.credentials(Target(fault.settings, fault.settings.endpoint_url)),
    }
    [found] = checks.look([(fault.what, looks[fault.what])])
    return found


def test_a_clock_that_is_wrong_is_named_with_how_to_set_it(tmp_path, monkeypatch):
    with served(tmp_path) as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        for ahead, verdict in ((0.0, "good"), (-400.0, "stops"), (900.0, "stops")):
            monkeypatch.setattr("culm.target.clock.now", lambda ahead=ahead: time.time() + ahead)
            found = checks.clock(target)
            assert found.verdict == verdict, found
            assert ("timedatectl" in found.fix) == (verdict == "stops")


def test_a_refusal_says_the_targets_time_too(tmp_path, monkeypatch):
    with served(
        tmp_path, Keyring(AccessKey(access_key_id="AKIAOTHER", secret_access_key="other"), b"m" * 32)
    ) as endpoint:
        target = Target(SETTINGS, endpoint, StaticCredentials(access_key="a", secret_key="b"))
        with pytest.raises(CulmError):
            checks.credentials(target)
        monkeypatch.setattr("culm.target.clock.now", lambda: time.time() + 900)
        assert checks.clock(target).verdict == "stops"


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
