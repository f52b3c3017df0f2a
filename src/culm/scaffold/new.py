"""Writes a new service folder, and its line in culm.yml."""

import re
from pathlib import Path

from culm.errors import UsageError
from culm.project.load import FILE
from culm.scaffold.template import rendered

NAME = re.compile(r"[a-z][a-z0-9]{0,14}")
LONGEST_PROJECT = 16
"""Characters: with a service it makes the name of a target group, which may have 32."""

FIRST_PORT = 8001
FIRST_DATABASE_PORT = 5401
MANIFEST = """\
name: {project}
targets:
  local: {{instances: 2 x t2.micro}}
databases:
  main: {{engine: postgres}}
services:
"""


def new(root: Path, name: str, language: str) -> list[str]:
    """Make `root/name` and name it in `root/culm.yml`, which is made if it is not there: the files written."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a service's name here: it is also its package's and its database's",
            "one word of at most 15 lower-case letters and digits",
        )
    folder = root / name
    if folder.exists():
        raise UsageError(f"{folder} is there already", "another name, or remove it")
    number = siblings(root)
    project = re.sub(r"[^a-z0-9]+", "-", root.name.lower())[:LONGEST_PROJECT].strip("-") or "project"
    names = {
        "service": name,
        "Service": name.capitalize(),
        "project": project,
        "port": str(FIRST_PORT + number),
        "database_port": str(FIRST_DATABASE_PORT + number),
    }
    files = rendered(language, names)
    for path, file in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(file.text)
        if file.executable:
            target.chmod(0o755)
    manifest = root / FILE
    before = manifest.read_text() if manifest.exists() else MANIFEST.format(project=project)
    manifest.write_text(with_service(before, name))
    return [*files, FILE]


def siblings(root: Path) -> int:
    """How many service folders there are: each has ports of its own on a laptop."""
    return sum((path / "Dockerfile").is_file() for path in root.iterdir() if path.is_dir())


def with_service(manifest: str, name: str) -> str:
    """The manifest with one more service at the end of its `services:`, all else as it was."""
    lines = manifest.splitlines()
    at = next((i for i, line in enumerate(lines) if re.match(r"services:\s*(#.*)?$", line)), None)
    if at is None:
        raise UsageError(
            f"{FILE} has no `services:` block to write into", f"add it yourself: {name}: {{database: main}}"
        )
    end = at + 1
    indent = "  "
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if line.strip() and not line.startswith((" ", "#")):
            break
        if match := re.match(r"( +)[^\s#-]", line):
            indent = match[1] if end == at + 1 else indent
            end = number + 1
    entry = f"{indent}{name}: {{database: main}}"
    if re.search(r"^  main:", manifest, re.MULTILINE) is None:
        entry = f"{indent}{name}: {{}}"
    return "\n".join([*lines[:end], entry, *lines[end:]]) + "\n"
