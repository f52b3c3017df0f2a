"""Compose files as people publish them, and what becomes of each: `NAME.yml` and `NAME.expected` in compose/."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from culm import render
from culm.project.load import load
from culm.scaffold.compose import container_port, imported, mebibytes, quoted

FILES = sorted((Path(__file__).parent / "compose").glob("*.yml"))
MAY_BE_LEFT_OUT = {"version", "name", "services", "volumes", "networks"}


def shown(file: Path) -> str:
    found = imported("project", file.read_text(), file.name)
    return found.manifest + "".join(f"# {n.line}: {n.key}: {n.what}\n" for n in found.notes)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_maps_and_what_is_reported(file: Path) -> None:
    assert shown(file) == file.with_suffix(".expected").read_text()


def test_there_are_more_than_a_dozen() -> None:
    assert len(FILES) == 13


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_service_is_either_imported_or_accounted_for(file: Path) -> None:
    found = imported("project", file.read_text(), file.name)
    noted = {note.key for note in found.notes}
    for name in yaml.safe_load(file.read_text())["services"]:
        assert name.lower().replace("_", "-") in found.services or f"services.{name}" in noted


@pytest.mark.parametrize("file", [f for f in FILES if f.stem != "wordpress"], ids=lambda file: file.stem)
def test_the_manifest_is_one_that_culm_takes(file: Path, tmp_path: Path) -> None:
    found = imported("project", file.read_text(), file.name)
    (tmp_path / "culm.yml").write_text(found.manifest)
    for block in yaml.safe_load(found.manifest)["services"].values():
        dockerfile = tmp_path / block["build"] / block.get("dockerfile", "Dockerfile")
        dockerfile.parent.mkdir(parents=True, exist_ok=True)
        dockerfile.write_text("FROM base\nEXPOSE 8080\n")
    project = load(tmp_path / "culm.yml")
    assert list(project.services) == list(found.services)
    assert len(render.repositories(project)) == len(found.services)


@pytest.mark.parametrize(
    ("text", "size"),
    [("256m", 256), ("0.5gb", 512), ("268435456", 256), ("64M", 64), ("1g", 1024), ("2048k", 4), ("lots", 256)],
)
def test_sizes_are_in_mebibytes(text: str, size: int) -> None:
    assert mebibytes(text) == size


@pytest.mark.parametrize(
    ("written", "port"),
    [
        ("8080", 8080),
        ("80:8080", 8080),
        ("127.0.0.1:80:8080/tcp", 8080),
        ("53:53/udp", None),
        ("8000-8010", None),
        ("{target: 9000, published: 80}", 9000),
        ('"${PORT:-8001}:8080"', 8080),
    ],
)
def test_the_port_is_the_containers(written: str, port: int | None) -> None:
    assert container_port(yaml.compose(written)) == port


@pytest.mark.parametrize("text", ["plain", "./a/b", "alpine:3.20", "3.12", "yes", "a b", 'a "b" \\', "", "a:", "{x}"])
def test_what_is_written_is_read_again_as_it_was(text: str) -> None:
    assert yaml.safe_load(f"a: {quoted(text)}") == {"a": text}


def test_the_command_writes_the_file_and_reports_by_line(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "Dockerfile").write_text("FROM base\n")
    (tmp_path / "docker-compose.yml").write_text(
        'services:\n  web:\n    build: web\n    ports: ["80:5000"]\n    volumes: [".:/x"]\n  c: {image: redis}\n'
    )
    command = [sys.executable, "-m", "culm", "import", "docker-compose.yml", "--name", "shop"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "wrote culm.yml with web; next: culm up\n")
    assert [line.split(": ")[0] for line in done.stdout.splitlines()] == [
        "docker-compose.yml:5",
        "docker-compose.yml:6",
    ]
    assert load(tmp_path / "culm.yml").services["web"].port == 5000
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert again.returncode == 2
    assert "culm import --force" in again.stderr


def test_a_file_without_a_service_of_ones_own_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(json.dumps({"services": {"db": {"image": "mysql"}}}))
    command = [sys.executable, "-m", "culm", "import", "compose.yml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 3
    assert not (tmp_path / "culm.yml").exists()
