"""What a service needs around it, from its compose file: neighbours in other folders, and images of others."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.project import dockerfile as dockerfiles
from culm.project.compose.load import load as load_compose
from culm.project.compose.load import usual_files
from culm.project.load import find, load, shown
from culm.project.project import Service

GO = ("go", "run", ".")
"""In place of CMD, which names the binary that the image's build has made."""
GO_WARM = ("go", "build", "-o", os.devnull, ".")
"""Before it, so that a first compilation, which takes a minute, is not taken for a service that does not answer."""

DATABASES = re.compile(r"(^|/)(postgres|postgis|pgvector)\b")


@record
class ServiceFolder:
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

    neighbours: tuple[ServiceFolder, ...]
    lacking: tuple[str, ...]


def part(name: str, folder: Path) -> ServiceFolder:
    return ServiceFolder(
        name=name,
        folder=folder,
        command=GO if (folder / "go.mod").is_file() else command_of(folder / "Dockerfile"),
        migration=migration_of(folder),
        preparation=GO_WARM if (folder / "go.mod").is_file() else None,
    )


def migration_of(folder: Path) -> tuple[str, ...] | None:
    """Return what migrates a folder's database: culm.yml's `migrate:`, else the CMD of Dockerfile.migrate.

    None: there is no migration. A service's repository by itself, as CI has it, need not have a culm.yml above it.
    """
    for service in neighbouring(folder).values():
        if service.folder.resolve() != folder.resolve():
            continue
        if service.migration_command is not None:
            given = service.migration_command
            return (*(given.entrypoint or ()), *given.command)
        if service.migration is not None:
            return command_of(service.migration)
    image = folder / "Dockerfile.migrate"
    return command_of(image) if image.is_file() else None


def neighbouring(folder: Path) -> Mapping[str, Service]:
    """Return the services of the culm.yml in or above a folder; none where there is no such file."""
    try:
        path = find(folder)
    except UsageError:
        return {}
    return load(path).services


def command_of(dockerfile: Path) -> tuple[str, ...]:
    """Return what its CMD says, in the exec form.

    The ENTRYPOINT puts the vault's files in place, which nobody needs here.
    """
    try:
        command = dockerfiles.command_of(dockerfiles.read(dockerfile), "CMD")
    except OSError as error:
        raise UsageError(f"cannot read {shown(dockerfile)}: {error.strerror}") from None
    except dockerfiles.DockerfileError as error:
        raise CulmError(f"{shown(dockerfile)}:{error.line}: {error.problem}", "fix the Dockerfile") from None
    if command is None:
        raise CulmError(f"{shown(dockerfile)} has no CMD", 'say how it starts: CMD ["python3", "-m", "accounts"]')
    return tuple(command.form) if command.form else ("/bin/sh", "-c", command.rest)


def needs_of(part_: ServiceFolder) -> Around:
    """Read a compose file for neighbours, the other folders with a Dockerfile; the local cluster gives PostgreSQL."""
    paths = usual_files(part_.folder)
    if not paths:
        return Around(neighbours=(), lacking=())
    neighbours: dict[Path, ServiceFolder] = {}
    lacking = []
    for name, service in load_compose(paths, os.environ).started().items():
        build = service.build
        folder = build.folder if build is not None else None
        if build is None or folder is None:
            if not DATABASES.search(service.image):
                lacking.append(f"{name} ({service.image or (build.context if build else '')})")
            continue
        folder = folder.resolve()
        if folder != part_.folder.resolve() and build.dockerfile == "Dockerfile":
            if not (folder / "Dockerfile").is_file():
                raise CulmError(
                    f"{part_.name} needs {name}, whose folder is not at {folder}",
                    f"clone it there; see {shown(paths[0])}",
                )
            neighbours[folder] = part(name, folder)
    return Around(neighbours=tuple(neighbours.values()), lacking=tuple(lacking))
