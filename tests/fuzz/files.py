"""Edges that are files: each function takes the bytes of one, and may only refuse them as it is documented."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path

from tests.cluster.runtime.oci import PASSWORD, USER, OciRegistry

from culm.cluster.instance.runtime.process.images import DAMAGE, Images, _image
from culm.cluster.instance.runtime.process.unpack import unpack
from culm.core.model import data_channel
from culm.errors import RuntimeFailure, UsageError
from culm.project import dockerfile
from culm.project.compose.dotenv import EnvironmentFileError
from culm.project.compose.dotenv import parse as parse_variables
from culm.project.dockerfile import DockerfileError, WordError, ignore
from culm.project.load import load
from culm.scaffold.compose import imported, read
from culm.scaffold.draft import Draft

Take = Callable[[bytes, Path], None]


def manifest(data: bytes, folder: Path) -> None:
    """A culm.yml beside two services."""
    for name in ("accounts", "catalog"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    (folder / "culm.yml").write_bytes(data)
    with contextlib.suppress(UsageError):
        load(folder / "culm.yml")


def compose(data: bytes, folder: Path) -> None:
    """A compose file that somebody wants to import."""
    (folder / "compose.yml").write_bytes(data)
    (folder / "Dockerfile").write_text('FROM base\nCMD ["serve"]\n')
    with contextlib.suppress(UsageError):
        imported(read([folder / "compose.yml"], {}, lenient=True), folder, Draft(name="project"))


def docker_file(data: bytes, folder: Path) -> None:
    """A Dockerfile, read, and asked for its stages, ports and command."""
    with contextlib.suppress(DockerfileError, WordError):
        instructions = dockerfile.parse(data)
        dockerfile.stages(instructions, {"A": "b"})
        dockerfile.exposed_ports(instructions, {})
        dockerfile.command_of(instructions, "CMD")
        for each in instructions:
            with contextlib.suppress(WordError):
                dockerfile.words(each.rest)
            with contextlib.suppress(WordError):
                dockerfile.assignments(each.rest, {"A": "b"})


def variables(data: bytes, folder: Path) -> None:
    """An .env file, and the same lines as a .dockerignore."""
    text = data.decode(errors="replace")
    with contextlib.suppress(EnvironmentFileError):
        parse_variables(text, {"A": "b"})
    with contextlib.suppress(UsageError):
        ignore.ignored(text.splitlines())("a/b/c")


def layer(data: bytes, folder: Path) -> None:
    """A layer of an image: whatever is in it, nothing beside the image's root is written, changed or deleted."""
    root, outside = folder / "image" / "root", folder / "outside"
    root.mkdir(parents=True)
    outside.write_text("here before")
    (root / "app").mkdir()
    (root / "app" / "a").write_text("of a layer below")
    (folder / "layer").write_bytes(data)
    with contextlib.suppress(*DAMAGE, OSError):
        unpack(folder / "layer", root)
    assert outside.read_text() == "here before"
    assert outside.stat().st_nlink == 1
    assert {path.name for path in folder.iterdir()} == {"image", "layer", "outside"}
    assert [path.name for path in (folder / "image").iterdir()] == ["root"]


def configuration(data: bytes, folder: Path) -> None:
    """The configuration of an image, as a registry sent it."""
    with contextlib.suppress(*DAMAGE):
        image = _image("sha256:0", folder, json.loads(data))
        assert all(isinstance(word, str) for word in (*image.entry_point, *image.command, image.user))
        assert all(isinstance(text, str) for pair in image.environment.items() for text in pair)


def manifest_at(registry: OciRegistry) -> Take:
    """The manifest of an image as this registry sends it; CONFIG stands for the digest of a good configuration."""
    known = json.loads(registry.manifests[registry.push("app", []).rpartition("@")[2]])["config"]["digest"]

    def take(data: bytes, folder: Path) -> None:
        registry.manifests["latest"] = data.replace(b"CONFIG", known.encode())
        images = Images(folder)
        with contextlib.suppress(RuntimeFailure):
            asyncio.run(images.get(f"{registry.host}/app:latest", (USER, PASSWORD)))
        images.kept()

    return take


def message(data: bytes, folder: Path) -> None:
    """A message of a session's data channel."""
    with contextlib.suppress(ValueError):
        data_channel.decode(data)


EDGES: dict[str, Take] = {
    "culm.yml": manifest,
    "compose files": compose,
    "Dockerfiles": docker_file,
    "env files": variables,
    "layers": layer,
    "image configurations": configuration,
    "data channel": message,
}
