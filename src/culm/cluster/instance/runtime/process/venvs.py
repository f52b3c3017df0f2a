"""The Python prefixes of an image that was built without an engine, made on this machine for its containers.

Shared by key between containers; they survive the images: `venvs/<key>/`. See `culm.prefixes`.
"""

import contextlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from culm.cluster.instance.runtime.process.disk import full_disk
from culm.cluster.instance.runtime.process.images import Image
from culm.cluster.instance.runtime.process.rootfs import copy_folder
from culm.core.model.record import record
from culm.errors import RuntimeFailure
from culm.prefixes import label
from culm.prefixes.label import WHOLE_IMAGE, Description, Prefix
from culm.prefixes.make import Made, Prefixes, PrefixFailure
from culm.prefixes.place import Destination, place


@record
class Pythons:
    """What an image asks for, all of it made."""

    description: Description
    made: Mapping[str, Made]
    """By key."""

    def place(self, root: Path, final: Path) -> None:
        """Place them into a container's files at `root`, which will be at `final` when it runs."""
        versions = {prefix.key: prefix.python for prefix in self.description.prefixes}
        place(Destination(root=root, final=final), self.description.placements, self.made, versions)


class Venvs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefixes = Prefixes(folder)

    async def get(self, image: Image) -> Pythons:
        """Make the image's prefixes; raise RuntimeFailure with the installer's last words."""
        try:
            description = label.read(image.labels)
        except (ValueError, KeyError, TypeError) as error:
            what = f"the image's label {label.LABEL} cannot be read: {error!r}"
            raise RuntimeFailure("CannotStartContainerError", what) from error
        made = {prefix.key: await self._make(prefix, image.rootfs) for prefix in description.prefixes}
        return Pythons(description=description, made=made)

    async def _make(self, prefix: Prefix, image: Path) -> Made:
        def lay_out(inputs: Path) -> None:
            match prefix.inputs:
                case "":
                    inputs.mkdir()
                case folder:
                    copy_folder(image if folder == WHOLE_IMAGE else image / folder.lstrip("/"), inputs)

        try:
            return await self._prefixes.get(prefix, lay_out)
        except PrefixFailure as failure:
            what = f"{failure.where}: {failure}" if failure.where else str(failure)
            raise RuntimeFailure("CannotStartContainerError", what) from failure
        except OSError as error:
            raise full_disk("CannotStartContainerError", error, self._folder) from error

    def set_aside(self, images: Iterable[Image]) -> list[Path]:
        """Take out of use, at once, those that none of these images asks for; returns folders to be deleted."""
        keys: set[str] = set()
        for image in images:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                keys.update(prefix.key for prefix in label.read(image.labels).prefixes)
        return self._prefixes.set_aside(keys)

    def clean(self) -> None:
        """Delete what an install that was killed left behind."""
        self._prefixes.clean()
