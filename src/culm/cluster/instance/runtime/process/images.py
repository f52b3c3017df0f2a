"""Unpacked images of the process runtime: one directory per digest, made once, never changed.

images/<digest>/rootfs/       what all layers together hold
images/<digest>/config.json   the image's configuration
images/<digest>/name.json     where it was pulled from last; written at each use, so its time is that of the last use
"""

import asyncio
import contextlib
import hashlib
import json
import lzma
import shutil
import tarfile
import tempfile
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from culm.cluster.instance.runtime import references
from culm.cluster.instance.runtime.process.disk import full_disk
from culm.cluster.instance.runtime.process.unpack import UnsafeLayer, unpack
from culm.cluster.instance.runtime.references import Reference
from culm.core.model.record import record
from culm.errors import RuntimeFailure
from culm.prefixes import official

if TYPE_CHECKING:
    from culm.cluster.instance.runtime.process.pull import Pulled, Registry

DAMAGE = (
    UnsafeLayer, tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, KeyError, TypeError,
    AttributeError, RecursionError,
)  # fmt: skip
"""What reading an image may raise that is not as the specification says: cut off, not JSON, without its parts, with
parts of another kind, or too deep."""


@record
class Image:
    digest: str
    rootfs: Path
    entry_point: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str]
    working_directory: str = "/"
    user: str = ""
    stop_signal: str = "SIGTERM"
    labels: Mapping[str, str]


class Images:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._read: dict[str, Image] = {}
        self._held: defaultdict[str, int] = defaultdict(int)

    async def get(self, name: str, auth: tuple[str, str] | None) -> Image:
        """Return the image, pulled if it is not here yet. A tag is asked for every time; a digest never again.

        An official image of a system or an interpreter is not pulled: this machine's programs stand for it.
        """
        from culm.cluster.instance.runtime.process.pull import (
            Registry,  # its HTTP client is slow to import, and a daemon may never pull
        )

        reference = references.parse(name)
        try:
            if (configuration := official.configuration(name)) is not None:
                return self._used(self._standing_for(configuration), reference)
            if reference.digest is not None and (image := self._find(reference.digest)):
                return self._used(image, reference)
            async with Registry(reference, auth) as registry:
                digest, manifest = await registry.manifest()
                async with self._locks[digest]:
                    image = self._find(digest) or await self._add(registry, digest, manifest)
                    return self._used(image, reference)
        except OSError as error:
            raise full_disk("CannotPullContainerError", error, self._folder) from error
        except DAMAGE as error:
            what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
            raise RuntimeFailure("CannotPullContainerError", f"{reference}: damaged image: {what}") from error

    def _standing_for(self, configuration: Mapping[str, Any]) -> Image:
        """Return the image without files of its own that this configuration is."""
        written = json.dumps(configuration, sort_keys=True)
        digest = f"sha256:{hashlib.sha256(written.encode()).hexdigest()}"
        if (image := self._find(digest)) is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder, prefix=".pulling-") as scratch:
                (Path(scratch) / "image" / "rootfs").mkdir(parents=True)
                (Path(scratch) / "image" / "config.json").write_text(written)
                (Path(scratch) / "image").rename(self._folder / digest.replace(":", "-"))
            image = self._find(digest)
        assert image is not None
        return image

    def _find(self, digest: str) -> Image | None:
        directory = self._folder / digest.replace(":", "-")
        if digest not in self._read and directory.is_dir():
            config = json.loads((directory / "config.json").read_bytes())
            self._read[digest] = _image(digest, directory / "rootfs", config)
        return self._read.get(digest)

    async def _add(self, registry: "Registry", digest: str, manifest: dict[str, Any]) -> Image:
        self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, prefix=".pulling-") as scratch:
            pulled = await registry.fetch(manifest, Path(scratch))
            await asyncio.to_thread(_unpack_all, pulled, Path(scratch) / "image")
            (Path(scratch) / "image").rename(self._folder / digest.replace(":", "-"))
        image = self._find(digest)
        assert image is not None
        return image

    def _used(self, image: Image, reference: Reference) -> Image:
        name = {"registry": reference.registry, "repository": reference.repository}
        with contextlib.suppress(OSError):  # a full disk: it counts as used when it was used before
            (image.rootfs.parent / "name.json").write_text(json.dumps(name))
        return image

    @contextlib.contextmanager
    def held(self, image: Image) -> Iterator[None]:
        """Hold an image while a container is made of it, before there is a record of that."""
        self._held[image.digest] += 1
        try:
            yield
        finally:
            self._held[image.digest] -= 1

    def set_aside(self, used: Collection[str], stays: Callable[[Reference], bool], newest: int) -> list[Path]:
        """Take out of use, at once, the images that can go; returns their folders, which are to be deleted.

        `used`: the digests that containers have. `stays`: whether a repository's newest images are kept at all.
        """
        by_repository: defaultdict[str, list[tuple[float, Path]]] = defaultdict(list)
        for folder in self._folder.glob("sha*"):
            name = folder / "name.json"
            reference = Reference(registry="", repository="")
            with contextlib.suppress(OSError, ValueError, TypeError):
                reference = Reference(**json.loads(name.read_bytes()))
            at = name.stat().st_mtime if stays(reference) and name.exists() else 0.0
            by_repository[f"{reference.registry}/{reference.repository}"].append((at, folder))
        needed = {digest.replace(":", "-") for digest in (*used, *(d for d, count in self._held.items() if count))}
        gone: list[Path] = []
        for dated in by_repository.values():
            for place, (at, folder) in enumerate(sorted(dated, reverse=True)):
                if folder.name not in needed and (place >= newest or not at):
                    gone.append(folder.rename(self._folder / f".gone-{folder.name}"))
                    self._read.pop(folder.name.replace("-", ":", 1), None)
        return gone

    def kept(self) -> list[Image]:
        images = (self._find(folder.name.replace("-", ":", 1)) for folder in self._folder.glob("sha*"))
        return [image for image in images if image is not None]

    def clean(self) -> None:
        """Delete what a pull or a pruning that was killed left behind."""
        for pattern in (".pulling-*", ".gone-*"):
            for left in self._folder.glob(pattern):
                shutil.rmtree(left, ignore_errors=True)


def _unpack_all(pulled: "Pulled", directory: Path) -> None:
    rootfs = directory / "rootfs"
    rootfs.mkdir(parents=True)
    for layer in pulled.layers:
        unpack(layer, rootfs)
        layer.unlink()
    _image("", rootfs, pulled.config)  # one that cannot be read must not be kept: every look at the images would fail
    (directory / "config.json").write_text(json.dumps(pulled.config))


def _image(digest: str, rootfs: Path, configuration: Any) -> Image:
    """Return the image that has this configuration. Raises one of DAMAGE where it is not as the specification says.

    https://github.com/opencontainers/image-spec/blob/main/config.md
    """
    config = _part(configuration, "config", dict) or {}
    return Image(
        digest=digest,
        rootfs=rootfs,
        entry_point=_words(config, "Entrypoint"),
        command=_words(config, "Cmd"),
        environment=dict(pair.partition("=")[::2] for pair in _words(config, "Env")),
        working_directory=_part(config, "WorkingDir", str) or "/",
        user=_part(config, "User", str) or "",
        stop_signal=_part(config, "StopSignal", str) or "SIGTERM",
        labels=_part(config, "Labels", dict) or {},
    )


def _words(config: Any, name: str) -> tuple[str, ...]:
    words = _part(config, name, list) or []
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} of its configuration is not a list of texts")
    return tuple(words)


def _part(config: Any, name: str, kind: type) -> Any:
    """Return a part of a configuration, which may be absent or null, but nothing of another kind."""
    value = config.get(name) if isinstance(config, dict) else config
    if value is not None and not isinstance(value, kind):
        raise ValueError(f"{name} of its configuration is a {type(value).__name__}, not a {kind.__name__}")
    return value
