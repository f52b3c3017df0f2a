"""A first culm.yml, from the folders that are there."""

import re
from collections.abc import Sequence
from pathlib import Path

from culm.core.model.record import record


@record
class Found:
    """A folder with a Dockerfile."""

    name: str
    folder: str
    database: bool
    """Whether its files speak of PostgreSQL."""


def found_services(root: Path) -> list[Found]:
    """The folders below root that hold a Dockerfile, by name."""
    return [
        Found(name=service_name(path.name), folder=path.name, database=wants_database(path))
        for path in sorted(root.iterdir())
        if path.is_dir() and (path / "Dockerfile").is_file()
    ]


def service_name(folder: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")


def wants_database(folder: Path) -> bool:
    """A compose file with a postgres image, or a configuration with a postgresql URL."""
    files = [*folder.glob("docker-compose.y*ml"), *folder.glob("compose.y*ml"), *folder.glob("conf/*")]
    return any(re.search(r"postgres(ql)?:", text(file)) for file in files)


def text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""


def manifest(name: str, services: Sequence[Found]) -> str:
    lines = [f"name: {name}", "targets:", "  local: {instances: 2 x t2.micro}"]
    if any(service.database for service in services):
        lines += ["databases:", "  main: {engine: postgres}"]
    lines.append("services:")
    for service in services:
        keys = [f"build: {service.folder}", *(["database: main"] if service.database else [])]
        lines.append(f"  {service.name}: {{{', '.join(keys)}}}")
    return "\n".join(lines) + "\n"
