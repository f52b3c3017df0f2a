"""Integration tests with an engine: the service's own compose file, under a name and on ports of its own."""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from culm.core.model.record import record
from culm.deploy.build.docker import DockerBuilder
from culm.deploy.build.port import Say
from culm.direct import compose_images, environments, ports, suite
from culm.direct.compose_images import Built
from culm.direct.parts import ServiceFolder
from culm.direct.processes import finish
from culm.direct.suite import Result
from culm.engine.client import Engine
from culm.errors import CulmError, UsageError
from culm.project import texts
from culm.project.compose.load import usual_files

OWN = "IMAGE"
"""The variable that names the service's own image; `MIGRATE_IMAGE` its migration's, `CATALOG_IMAGE` a neighbour's."""

PUBLISHED = re.compile(r"\$\{(\w+):-\d+\}:\d+")
"""`${PORT:-8001}:8080`: a host port that the environment may choose."""


def program() -> tuple[str, ...] | None:
    """Return `docker compose`, or the older `docker-compose`; None when there is neither."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "compose", "version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if asked.returncode == 0:
            return ("docker", "compose")
    return ("docker-compose",) if shutil.which("docker-compose") else None


def chosen_ports(compose: str) -> dict[str, str]:
    """Return a free port for each variable that publishes one."""
    return {name: str(ports.free()) for name in dict.fromkeys(PUBLISHED.findall(compose))}


def bases(chosen: Mapping[str, str]) -> dict[str, str]:
    """Return URLs for ports: `PORT` is the service's own, at BASE_URL; `CATALOG_PORT` a neighbour's, at CATALOG_URL."""
    urls = {f"{name.removesuffix('_PORT')}_URL": port for name, port in chosen.items() if name.endswith("_PORT")}
    return {name: f"http://127.0.0.1:{port}" for name, port in {**urls, "BASE_URL": chosen["PORT"]}.items()}


@record
class Compose:
    """How this machine runs compose files."""

    program: tuple[str, ...]
    """`docker compose` or `docker-compose`, as words."""
    images: Mapping[str, str]
    """Variables of compose files that name an image, from this process's environment."""
    builder: DockerBuilder
    mark: str
    """In the names of the compose projects of one command: two at the same time do not meet."""


def test(own: ServiceFolder, compose: Compose, say: Callable[[str, str], None], progress: Say) -> Result:
    """Bring a service up built anew and migrated, run its tests, take it down with its volumes.

    `say` takes a name and a line of output, `progress` what is going on. Raises UsageError when the folder has no
    compose file; what fails after that is the result's `problem`.
    """
    text = compose_text(own.folder)
    if text is None:
        raise UsageError(f"{own.name} has no compose file", "culm test --with embedded")
    chosen = chosen_ports(text)
    tell = partial(say, own.name)
    env = {**os.environ, **compose.images, **chosen, **compose.builder.engine.endpoint.environment()}
    env["COMPOSE_PROJECT_NAME"] = f"culm-test-{own.name}-{compose.mark}"
    with tempfile.TemporaryDirectory(prefix="culm-test-") as work:
        try:
            suite.commands(own.folder, Path(work))  # if it has none, nothing need come up
            if "PORT" not in chosen:
                raise CulmError(
                    f"{own.name}'s compose file does not let its port be chosen",
                    'ports: ["127.0.0.1:${PORT:-8001}:8080"]',
                )
            progress("building")
            images = prebuilt(compose_images.built(own.folder, env), compose.builder, progress)
            env |= images or {}
            progress("starting")
            up = (*compose.program, "up", "--detach", "--no-build" if images else "--build")
            finish(f"compose up of {own.name}", up, own.folder, env, tell)
            progress("testing")
            variables = environments.variables(own.folder, **bases(chosen))
            result = suite.run(own.name, own.folder, Path(work), variables, tell)
            if not result.succeeded:
                finish("compose logs", (*compose.program, "logs", "--no-color", "--tail", "20"), own.folder, env, tell)
            image = compose.builder.engine.image_id(images[OWN]) if images and OWN in images else None
            return replace(result, image=image or "")
        except CulmError as error:
            return Result(service=own.name, problem=error.what)
        finally:
            progress("taking down")
            down = (*compose.program, "down", "--volumes", "--rmi", "local", "--remove-orphans", "--timeout", "5")
            subprocess.run(down, cwd=own.folder, env=env, stdin=subprocess.DEVNULL, capture_output=True)


def images() -> dict[str, str]:
    """Return what the environment says about images.

    That is `CULM_BASE_IMAGE`, and what compose files ask it for, such as `GO_IMAGE`.
    """
    variables = {name: value for name, value in os.environ.items() if name.endswith("_IMAGE") and "CULM" not in name}
    if base := os.environ.get("CULM_BASE_IMAGE"):
        variables["BASE_IMAGE"] = base
    return variables


def missing(parts: Iterable[ServiceFolder], engine: Engine, say: Say) -> str | None:
    """Return why one of the images that are not built here cannot be had; None when all are there."""
    for part in parts:
        for image in compose_images.foreign(part.folder, os.environ):
            if engine.image_id(image) is None:
                say(f"pulling {image}")
                if (problem := engine.pull(image)) is not None:
                    return f"cannot get {image}: {problem}"
    return None


def compose_text(folder: Path) -> str | None:
    return next((texts.read(path) for path in usual_files(folder)), None)


def prebuilt(built: Sequence[Built], builder: DockerBuilder, progress: Say) -> dict[str, str] | None:
    """Return the image of each, by the variable that names it: the very ones that a deploy would push.

    None when one of them can only be built by compose.
    """
    images: dict[str, str] = {}
    for each in built:
        if each.variable is None:
            return None
        images[each.variable] = builder.built(each.recipe, progress)
    return images
