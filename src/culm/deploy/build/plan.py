"""What a host makes of a Dockerfile: layers, configuration, virtual environments, and what it left out."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from culm.core.model.record import record
from culm.deploy.build.context import File

VENVS_LABEL = "io.culm.venvs"
"""Label of an image built without an engine: a JSON list of the virtual environments that the process runtime makes."""


@record
class Venv:
    """A virtual environment that the Dockerfile makes, to be made when a task starts: shared by equal keys."""

    path: str
    """Where it is in the image, absolute."""
    python: str
    """The version that the base image's name promises, `3.12`; empty: whichever there is."""
    steps: tuple[tuple[str, ...], ...] = ()
    """The installs that fill it, as in the Dockerfile."""
    inputs: Mapping[str, str]
    """Files of the image that the steps read: path from the image's root, to sha256."""
    cwd: str
    """Where the steps run, absolute."""

    def described(self) -> dict[str, Any]:
        """The label's entry. Its key is what it is made of, so that equal ones are made once."""
        made_of = {
            "python": self.python,
            "steps": [list(step) for step in self.steps],
            "inputs": dict(sorted(self.inputs.items())),
            "cwd": self.cwd,
        }
        key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        return {"path": self.path, "key": key, **made_of}


@record
class Left:
    """A line that a host cannot do."""

    line: int
    text: str


@record
class Plan:
    layers: tuple[Mapping[str, File], ...]
    """By absolute path; a later layer wins."""
    config: Mapping[str, Any]
    """The image configuration's `config`."""
    left: tuple[Left, ...]
    compiled: tuple[Left, ...] = ()
    """Lines that this host's own compiler did."""
