"""Compose files: each folder of compose/ is a project, and `expected.json` what docker compose makes of it."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from culm.errors import UsageError
from culm.project.compose.dotenv import EnvironmentFileError, parse
from culm.project.compose.interpolation import InterpolationError, interpolate
from culm.project.compose.load import arguments_of, environment_of, load, usual_files
from culm.project.compose.services import ComposeService
from culm.project.compose.values import duration, mount, ports, size

CASES = sorted(path for path in (Path(__file__).parent / "compose").iterdir() if path.is_dir())
ENVIRONMENT = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}


def described(service: ComposeService, arguments: dict[str, str], environment: dict[str, str]) -> dict[str, Any]:
    """A service as docker compose's JSON has it, in part."""
    build, check = service.build, service.healthcheck
    return {
        "build": build
        and {
            "context": build.context,
            "dockerfile": None if build.inline is not None else build.dockerfile,
            "inline": build.inline,
            "args": arguments,
            "target": build.target,
            "contexts": dict(build.contexts),
        },
        "image": service.image,
        "command": list(service.command() or ()),
        "entrypoint": list(service.command("entrypoint") or ()),
        "environment": environment,
        "ports": [[port.target, port.published, port.protocol, port.host_ip] for port in service.ports],
        "expose": sorted(str(port.target) for port in service.exposed),
        "depends_on": {name: [each.condition, each.required] for name, each in sorted(service.depends_on.items())},
        "volumes": [[each.kind, each.source, each.target, each.read_only] for each in service.mounts],
        "healthcheck": None
        if check is None or check.disabled
        else [list(check.test), check.interval, check.timeout, check.start_period, check.retries],
        "memory": service.memory,
        "cpus": None if service.cpus is None else float(service.cpus),
        "replicas": service.replicas,
        "profiles": list(service.profiles),
    }


def ours(folder: Path) -> dict[str, Any]:
    model = load(usual_files(folder), ENVIRONMENT)
    services = {
        name: described(service, arguments_of(model, service), environment_of(model, service))
        for name, service in sorted(model.started().items())
    }
    return relative(folder, services)


def relative(folder: Path, value: Any) -> Any:
    """Without the folder where the case lies."""
    return json.loads(json.dumps(value).replace(str(folder.resolve()), "@").replace(str(folder), "@"))


def theirs(folder: Path, program: str) -> dict[str, Any]:
    """The same of `docker compose config`."""
    asked = subprocess.run(
        [program, "config", "--format", "json"],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
    )
    config = json.loads(asked.stdout.replace("$$", "$"))
    return relative(folder, {name: taken(service) for name, service in sorted(config["services"].items())})


def taken(service: dict[str, Any]) -> dict[str, Any]:
    build, check = service.get("build"), service.get("healthcheck")
    limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
    memory, cpus = limits.get("memory", service.get("mem_limit")), limits.get("cpus", service.get("cpus"))
    replicas = service.get("scale", service.get("deploy", {}).get("replicas"))
    return {
        "build": build
        and {
            "context": build["context"],
            "dockerfile": None if build.get("dockerfile_inline") else build["dockerfile"],
            "inline": build.get("dockerfile_inline"),
            "args": {name: value for name, value in build.get("args", {}).items() if value is not None},
            "target": build.get("target", ""),
            "contexts": build.get("additional_contexts", {}),
        },
        "image": service.get("image", ""),
        "command": service.get("command") or [],
        "entrypoint": service.get("entrypoint") or [],
        "environment": {name: value for name, value in (service.get("environment") or {}).items() if value is not None},
        "ports": [
            [port["target"], port.get("published", ""), port.get("protocol", "tcp"), port.get("host_ip", "")]
            for port in service.get("ports", ())
        ],
        "expose": sorted(port.partition("/")[0] for port in service.get("expose", ())),
        "depends_on": {
            name: [each["condition"], each.get("required", True)]
            for name, each in sorted((service.get("depends_on") or {}).items())
        },
        "volumes": [
            [each["type"], each.get("source", ""), each["target"], each.get("read_only", False)]
            for each in service.get("volumes", ())
        ],
        "healthcheck": None
        if check is None or check.get("disable") or check.get("test") == ["NONE"]
        else [
            check.get("test") or [],
            *(duration(check[key]) if key in check else None for key in ("interval", "timeout", "start_period")),
            check.get("retries"),
        ],
        "memory": None if memory is None else int(memory),
        "cpus": None if cpus is None else float(cpus),
        "replicas": replicas,
        "profiles": service.get("profiles", []),
    }


def oracle() -> str | None:
    """A docker-compose of the second kind or a later one; the first kind knows less of the specification."""
    program = os.environ.get("CULM_TEST_COMPOSE") or shutil.which("docker-compose")
    if program is None:
        return None
    asked = subprocess.run([program, "version", "--short"], capture_output=True, text=True)
    return program if asked.stdout.strip().lstrip("v")[:1] >= "2" else None


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_a_project_is_read_as_docker_compose_reads_it(folder: Path) -> None:
    assert ours(folder) == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize("folder", CASES, ids=lambda folder: folder.name)
def test_docker_compose_itself_says_what_is_expected(folder: Path) -> None:
    program = oracle()
    if program is None:
        pytest.skip("there is no docker-compose 2; CULM_TEST_COMPOSE names one")
    said = theirs(folder, program)
    if os.environ.get("CULM_TEST_WRITE"):
        (folder / "expected.json").write_text(json.dumps(said, indent=1, sort_keys=True) + "\n")
    assert said == json.loads((folder / "expected.json").read_text())


@pytest.mark.parametrize(
    ("text", "value", "missing"),
    [
        ("$A-${A}", "1-1", ()),
        ("${B}", "", ("B",)),
        ("$B ${B} ${C}", "  ", ("B", "C")),
        ("${B:-x}", "x", ()),
        ("${B:-$C}", "", ("C",)),
        ("${A:-$C}", "1", ()),
        ("${E:-x}", "x", ()),
        ("${E-x}", "", ()),
        ("${B:+x}${A:+y}${E+z}${E:+q}", "yz", ()),
        ("${B-${C-${A}}}", "1", ()),
        ("${B:-a:b?c}", "a:b?c", ()),
        ("$$A $${A} $$$A", "$A ${A} $1", ()),
        ("$(A) $ $. $1 5$", "$(A) $ $. $1 5$", ()),
        ("${A:?needed}${E?needed}", "1", ()),
    ],
)
def test_variables_are_filled_in_as_the_specification_says(text: str, value: str, missing: tuple[str, ...]) -> None:
    filled = interpolate(text, {"A": "1", "E": ""})
    assert (filled.text, filled.missing) == (value, missing)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${B:?set B, please}", "the variable B is required: set B, please"),
        ("${B?}", "the variable B is required: it is not set"),
        ("${E:?it is empty}", "the variable E is required: it is empty"),
        ("${", "is not closed"),
        ("${}", "is no substitution"),
        ("${1}", "is no substitution"),
        ("${A!x}", "is no substitution"),
        ("${{ a }}", "is no substitution"),
    ],
)
def test_what_cannot_be_filled_in_is_refused(text: str, problem: str) -> None:
    with pytest.raises(InterpolationError, match=problem):
        interpolate(text, {"A": "1", "E": ""})


@pytest.mark.parametrize(("text", "line"), [("A=1\nK 1=a\n", 2), ("K='a", 1), ('A="x\ny"\nK="a', 3), ("- K=a", 1)])
def test_a_line_of_an_environment_file_that_cannot_be_read_is_named(text: str, line: int) -> None:
    with pytest.raises(EnvironmentFileError) as refusal:
        parse(text, {})
    assert refusal.value.line == line


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [
        ("256m", 2**28),
        ("0.5gb", 2**29),
        ("268435456", 2**28),
        ("64M", 2**26),
        ("1 GiB", 2**30),
        ("2048k", 2**21),
        ("5b", 5),
    ],
)
def test_sizes_are_in_bytes(text: str, bytes_: int) -> None:
    assert size(text) == bytes_


@pytest.mark.parametrize("text", ["1.2.3g", "lots", "", "-1m", "1x", "1 0m"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        size(text)


@pytest.mark.parametrize(("text", "seconds"), [("10s", 10), ("1h5m30s", 3930), ("500ms", 0.5), ("1.5m", 90), ("0", 0)])
def test_durations_are_in_seconds(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["10", "s", "1s2", "1 s", "-1s", ""])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8080", [(8080, "", "", "tcp")]),
        ("80:8080", [(8080, "80", "", "tcp")]),
        ("127.0.0.1:80:8080/TCP", [(8080, "80", "127.0.0.1", "tcp")]),
        ("127.0.0.1::80", [(80, "", "127.0.0.1", "tcp")]),
        ("[::1]:80:81", [(81, "80", "::1", "tcp")]),
        ("53:53/udp", [(53, "53", "", "udp")]),
        ("3000-3001", [(3000, "", "", "tcp"), (3001, "", "", "tcp")]),
        ("90-91:80-81", [(80, "90", "", "tcp"), (81, "91", "", "tcp")]),
        ("8000-9000:80", [(80, "8000-9000", "", "tcp")]),
    ],
)
def test_ports_are_read_in_all_their_forms(text: str, expected: list[tuple[int, str, str, str]]) -> None:
    assert [(port.target, port.published, port.host_ip, port.protocol) for port in ports(text)] == expected


@pytest.mark.parametrize("text", ["", ":", "a", "80:b", "3-1", "1-2:1-3", "70000", "80/"])
def test_what_is_no_port_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"port|range|number"):
        ports(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./a:/a", ("bind", "./a", "/a", False)),
        ("~/a:/a:ro", ("bind", "~/a", "/a", True)),
        ("a:/a:ro,z", ("volume", "a", "/a", True)),
        ("/a", ("volume", "", "/a", False)),
        ("C:\\x:/a", ("bind", "C:\\x", "/a", False)),
    ],
)
def test_mounts_are_read_in_all_their_forms(text: str, expected: tuple[str, str, str, bool]) -> None:
    parts = mount(text)
    assert (parts.kind, parts.source, parts.target, parts.read_only) == expected


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("services: []", "compose.yml:1: services is to be a mapping"),
        ("- a", "compose.yml:1: this is no compose file"),
        ("services:\n  a: x", "compose.yml:2: services.a is to be a mapping"),
        ("services: &s {<<: *s}", "compose.yml:1: an anchor refers to itself"),
        ("services:\n  a: {image: x, image: y}", "compose.yml:2: written twice"),
        ("services:\n  a: {image: '${X:?say it}'}", "compose.yml:2: the variable X is required: say it"),
        ("services:\n  a:\n    extends: b", "compose.yml:3: services.a.extends: there is no service 'b'"),
        ("services:\n  a: {extends: a}", "compose.yml:2: services.a.extends goes in a circle"),
        (
            "services:\n  a: {extends: {file: no.yml, service: b}}",
            "compose.yml:2: services.a.extends.file: there is no",
        ),
        ("include: [no.yml]", "compose.yml:1: include: there is no"),
        ("include: [compose.yml]", "compose.yml:1: include: .*compose.yml goes in a circle"),
        ("include: ['oci://x/y']", "compose.yml:1: what is included is not on this machine"),
        ("a: [", "compose.yml:1: not YAML"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path, text: str, where: str) -> None:
    (tmp_path / "compose.yml").write_text(text)
    with pytest.raises(UsageError, match=where):
        load([tmp_path / "compose.yml"], {})


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("cpus: half", "services.a.cpus: 'half' is not a number"),
        ("mem_limit: 1.2.3g", "services.a.mem_limit: '1.2.3g' is not a size"),
        ("ports: ['a:b']", "services.a.ports: 'a:b' is not a port"),
        ("ports: 80", "services.a.ports is to be a list"),
        ("command: 'a \"b'", "services.a.command: .* is no command"),
        ("scale: many", "services.a.scale: 'many' is not a whole number"),
        ("healthcheck: {interval: 5}", "services.a.healthcheck.interval: '5' is not a duration"),
        ("environment: {A: [1]}", "services.a.environment.A is to be one value"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_line(tmp_path: Path, key: str, problem: str) -> None:
    (tmp_path / "compose.yml").write_text(f"services:\n  a:\n    {key}\n")
    service = load([tmp_path / "compose.yml"], {}).services["a"]
    with pytest.raises(UsageError, match=f"compose.yml:3: {problem}"):
        described(service, {}, {name: value.text for name, value in service.environment.items()})


def test_variables_that_are_not_set_are_named_with_their_places(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services:\n  a:\n    image: $A\n    ports: ['${B}:80']\n")
    unset = load([tmp_path / "compose.yml"], {}).unset
    assert [(each.name, each.place.line) for each in unset] == [("A", 3), ("B", 4)]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
def test_a_file_in_any_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    text = "# caf\u00e9\r\nservices:\r\n  a: {image: caf\u00e9}\r\n"
    (tmp_path / "compose.yml").write_bytes(text.encode(encoding))
    assert load([tmp_path / "compose.yml"], {}).services["a"].image == "caf\u00e9"
