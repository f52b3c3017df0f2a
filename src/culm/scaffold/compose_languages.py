"""Compose services that run mounted code by a language's own image, as `image: node:22` with `volumes: [".:/app"]`.

Such an image has none of the code. Where the mounted folder has a Dockerfile that no other service builds, that one is
built instead; else one is written that copies the folder, installs what it needs and starts what the compose file
starts. An example, whose `command` is `sh -c "yarn install && yarn run dev"`:

    FROM node:22
    WORKDIR /app
    COPY . /app
    RUN yarn install
    CMD yarn run dev
"""

import re
import shlex
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from culm.project.compose.services import ComposeService, Mount
from culm.project.compose.tree import Scalar, Table, Tree
from culm.scaffold import starter
from culm.scaffold.compose_mounts import holds_code
from culm.scaffold.compose_notes import Notes
from culm.scaffold.guess import image
from culm.scaffold.sources import Sources

LANGUAGE = re.compile(r"(?:docker\.io/)?(?:library/)?(?:node|python|ruby|golang)(?:[:@].*)?")
"""Official images with a language and nothing to start."""
INSTALLS = re.compile(
    r"(?:npm (?:ci|i|install)|pnpm (?:i|install)|yarn(?: install)?|(?:python3? -m )?pip3? install .*|bundle install|"
    r"poetry install|go mod download)(?: -.*)?"
)
BY_FILE = (
    ("package-lock.json", "npm ci"),
    ("yarn.lock", "yarn install --frozen-lockfile"),
    ("package.json", "npm install"),
    ("requirements.txt", "pip install --no-cache-dir -r requirements.txt"),
    ("Gemfile", "bundle install"),
    ("go.mod", "go mod download"),
)
"""What installs a folder's dependencies, by the first of these files that it has."""


def built(service: ComposeService, root: Path, taken: Collection[Path], notes: Notes) -> ComposeService:
    """Return the service with `build:` in its image's place, where it runs mounted code; else as it is.

    Args:
        service: as the compose file has it.
        root: the compose file's folder.
        taken: the folders that other services are built from.
        notes: where it is said what takes the place of which key.
    """
    if service.at("build") is not None or not LANGUAGE.fullmatch(service.image):
        return service
    mount = mounted_code(service, root)
    if mount is None:
        return service
    folder = (root / mount.source).resolve()
    own = image(folder / "Dockerfile", folder, {})
    if own.instructions and own.command() and folder not in taken:
        what = f"left out: the Dockerfile of {folder.name} has the code that is mounted into {service.image}"
        for key in service.keys.keys() & {"image", "command", "entrypoint"}:
            notes.of(service, service.place_of(key), key, what)
        return with_build(service, folder, "")
    if (text := dockerfile(service, folder, mount.target)) is None:
        return service
    for key in service.keys.keys() & {"image", "command", "entrypoint"}:
        notes.of(service, service.place_of(key), key, "is in a Dockerfile that has the code, which is mounted here")
    return with_build(service, folder, text)


def mounted_code(service: ComposeService, root: Path) -> Mount | None:
    """Return the first mount of a folder of the project with code in it; None where there is none."""
    for mount in service.mounts:
        folder = (root / mount.source).resolve() if mount.kind == "bind" else Path("/")
        if folder.is_dir() and folder.is_relative_to(root.resolve()) and holds_code(folder):
            return mount
    return None


def with_build(service: ComposeService, folder: Path, text: str) -> ComposeService:
    """Return the service, built from a folder: by its Dockerfile, or by this text of one."""
    place = service.place_of("image")
    keys: dict[str, Tree] = {"context": Scalar(place=place, text=str(folder), raw=str(folder))}
    if text:
        keys["dockerfile_inline"] = Scalar(place=place, text=text, raw=text)
    replaced = {"image", "command", "entrypoint", "working_dir"}
    entries = {name: value for name, value in service.table.entries.items() if name not in replaced}
    entries["build"] = Table(place=place, entries=keys)
    return replace(service, table=replace(service.table, entries=entries))


def dockerfile(service: ComposeService, folder: Path, target: str) -> str | None:
    """Return a Dockerfile with the code; None where nothing says how it starts."""
    words = (*(service.command("entrypoint") or ()), *(service.command() or ()))
    line = words[2] if len(words) == 3 and words[0] in ("sh", "bash", "/bin/sh") and words[1] == "-c" else ""
    steps = [step.strip() for step in (line or shlex.join(words)).split("&&") if step.strip()]
    installs = []
    while steps and INSTALLS.fullmatch(steps[0]):
        installs.append(steps.pop(0))
    if not steps:
        made = starter.dockerfile(Sources(folder))
        steps = [made.standalone] if made is not None and made.command else []
    if not steps:
        return None
    if not installs:
        installs = [command for file, command in BY_FILE if (folder / file).is_file()][:1]
    return "\n".join(
        [
            f"FROM {service.image}",
            f"WORKDIR {service.text('working_dir') or target}",
            f"COPY . {target}",
            *(f"RUN {command}" for command in installs),
            f"CMD {' && '.join(steps)}",
            "",
        ]
    )
