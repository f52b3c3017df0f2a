"""What a host makes of a Dockerfile: layers, configuration, Python prefixes, and what it left out."""

from collections.abc import Mapping
from typing import Any

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile
from culm.prefixes.label import Description, Step, key_of

INPUTS = "/.culm/inputs"
"""The folder of an image that has the files from which its prefixes are made, a folder for each key."""


@record
class Contents:
    """What fills a Python prefix: install commands, and the files that they read."""

    python: str = ""
    """The version that the base image's name promises, `3.12`; empty: whichever there is."""
    steps: tuple[Step, ...] = ()
    inputs: Mapping[str, ImageFile]
    """By absolute path in the stage."""

    @property
    def key(self) -> str:
        """What the prefix is kept by: the same Python, steps and input files give the same key."""
        return key_of(self.python, self.steps, {path: file.digest or file.link for path, file in self.inputs.items()})


@record
class Left:
    """A line that a host cannot do, or need not."""

    line: int
    text: str


@record
class ImagePlan:
    layers: tuple[Mapping[str, ImageFile], ...]
    """By absolute path; a later layer wins."""
    config: Mapping[str, Any]
    """The image configuration's `config`."""
    left: tuple[Left, ...]
    compiled: tuple[Left, ...] = ()
    """Lines that this host's own programs did."""
    description: Description
    """The Python prefixes of its label."""
    contents: Mapping[str, Contents]
    """By key."""
