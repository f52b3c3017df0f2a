"""What a service needs around it, from its compose file: neighbours in other folders, and images of others."""

import os
import re
from pathlib import Path

import yaml

from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.project.dockerfile import DockerfileError, parse
from culm.project.load import shown
from culm.project.yamls import compose, member, pairs

COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
GO = ("go", "run", ".")
"""In place of CMD, which names the binary that the image's build has made."""
GO_WARM = ("go", "build", "-o", os.devnull, ".")
"""Before it, so that a first compilation, which takes a minute, is not taken for a service that does not answer."""

DATABASES = re.compile(r"(^|/)(postgres|postgis|pgvector)\b")
DEFAULTED = re.compile(r"\$\{\w+:?-([^}]*)\}")


@record
class Part:
    """One service folder, as it is run on this machine."""

    name: str
    folder: Path
    command: tuple[str, ...]
    """Of its Dockerfile's CMD: the image's WORKDIR is laid out as the folder."""
    migration: tuple[str, ...] | None
    preparation: tuple[str, ...] | None = None
    """What takes its time once, before the first start."""

    @property
    def health(self) -> str:
        return f"/{self.name}/health"


@record
class Around:
    """A service's neighbours, nearest last, and the images that only an engine could run."""

    neighbours: tuple[Part, ...]
    lacking: tuple[str, ...]


def part(name: str, folder: Path) -> Part:
    migration = folder / "Dockerfile.migrate"
    return Part(
        name=name,
        folder=folder,
        command=GO if (folder / "go.mod").is_file() else command_of(folder / "Dockerfile"),
        migration=command_of(migration) if migration.is_file() else None,
        preparation=GO_WARM if (folder / "go.mod").is_file() else None,
    )


def command_of(dockerfile: Path) -> tuple[str, ...]:
    """What its CMD says, in the exec form; the ENTRYPOINT puts the vault's files in place, which nobody needs here."""
    try:
        instructions = parse(dockerfile.read_text())
    except OSError as error:
        raise UsageError(f"cannot read {shown(dockerfile)}: {error.strerror}") from None
    except DockerfileError as error:
        raise CulmError(f"{shown(dockerfile)}:{error.line}: {error.problem}", "mend the Dockerfile") from None
    for one in reversed(instructions):
        if one.keyword == "CMD":
            return tuple(one.form) if one.form else ("/bin/sh", "-c", one.rest)
    raise CulmError(f"{shown(dockerfile)} has no CMD", 'say how it starts: CMD ["python3", "-m", "accounts"]')


def around(one: Part) -> Around:
    """By its compose file: other folders with a Dockerfile are neighbours; PostgreSQL is had from the local cluster."""
    path = next((one.folder / name for name in COMPOSE_FILES if (one.folder / name).is_file()), None)
    if path is None:
        return Around(neighbours=(), lacking=())
    services = dict(pairs(member(compose(path.read_text(), shown(path)), "services")))
    neighbours: dict[Path, Part] = {}
    lacking = []
    for name, service in services.items():
        folder = context(one.folder, service)
        if folder is None:
            image = text(member(service, "image"))
            if not DATABASES.search(image):
                lacking.append(f"{name} ({image})")
        elif folder != one.folder and dockerfile_name(service) == "Dockerfile":
            if not (folder / "Dockerfile").is_file():
                raise CulmError(
                    f"{one.name} needs {name}, whose folder is not at {folder}", f"clone it there; see {shown(path)}"
                )
            neighbours[folder] = part(name, folder)
    return Around(neighbours=tuple(neighbours.values()), lacking=tuple(lacking))


def context(base: Path, service: yaml.Node) -> Path | None:
    """The folder that a compose service is built from; None: it is an image of somebody's."""
    build = member(service, "build")
    if build is None:
        return None
    written = text(member(build, "context")) if isinstance(build, yaml.MappingNode) else text(build)
    return (base / (written or ".")).resolve()


def dockerfile_name(service: yaml.Node) -> str:
    return text(member(member(service, "build"), "dockerfile")) or "Dockerfile"


def text(node: yaml.Node | None) -> str:
    """A scalar's, with `${NAME:-default}` as its default."""
    return DEFAULTED.sub(r"\1", node.value) if isinstance(node, yaml.ScalarNode) else ""
