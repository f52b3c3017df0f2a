"""What the label `io.culm.prefixes` of an image says: a JSON object, `{"prefixes": [...], "placements": [...]}`.

Images of earlier versions have `io.culm.venvs`, a list of virtual environments; they are read as well.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from culm.core.model.record import record

LABEL = "io.culm.prefixes"
EARLIER_LABEL = "io.culm.venvs"
WHOLE_IMAGE = "/"
"""As a prefix's `inputs`: its commands read the image's own files. Of earlier images only."""

Part = Literal["environment", "prefix", "library", "target", "packages", "programs"]
"""How a prefix appears at a path.

- `environment`: whole, with an interpreter of its own (a virtual environment, /usr/local)
- `prefix`: bin and lib/pythonX.Y/site-packages (`--prefix`, `--user`); `library`: the same without bin
- `packages`: what is in site-packages, flat; `target`: the same with bin beside it (`--target`)
- `programs`: what is in bin, flat
"""


@record
class Step:
    """One install command, as in the Dockerfile."""

    argv: tuple[str, ...]
    cwd: str = "/"
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the Dockerfile sets for installers: `PIP_INDEX_URL`, say."""
    tool: tuple[str, ...] = ()
    """Requirements of the installer, where it is neither pip nor uv: `("poetry==1.8.3",)`."""
    where: str = ""
    """`Dockerfile:4`, for messages."""


@record
class Prefix:
    key: str
    """What it is made of, as a digest: equal ones are made once."""
    python: str = ""
    """The version that the base image's name promises, `3.12`; empty: whichever there is."""
    steps: tuple[Step, ...] = ()
    inputs: str = ""
    """The folder in the image that has the files its commands read, at their paths; empty: they read none."""


@record
class Placement:
    """A prefix, or a part of it, at a path of the image."""

    key: str
    path: str
    part: Part = "environment"
    system_packages: bool = False
    """A virtual environment that sees the packages of /usr/local (`--system-site-packages`)."""


@record
class Description:
    prefixes: tuple[Prefix, ...] = ()
    placements: tuple[Placement, ...] = ()
    """In the Dockerfile's order: of two files at one path the later placement's wins."""


def key_of(python: str, steps: Sequence[Step], inputs: Mapping[str, str]) -> str:
    """Return the key of a prefix; `inputs` are the files that the steps read, path to sha256."""
    made_of = [
        python,
        [[list(s.argv), s.cwd, dict(sorted(s.environment.items())), list(s.tool)] for s in steps],
        dict(sorted(inputs.items())),
    ]
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()


def written(description: Description) -> str:
    value = {
        "prefixes": [
            {
                "key": prefix.key,
                "python": prefix.python,
                "inputs": prefix.inputs,
                "steps": [
                    {
                        "argv": list(step.argv),
                        "cwd": step.cwd,
                        "environment": dict(step.environment),
                        "tool": list(step.tool),
                        "where": step.where,
                    }
                    for step in prefix.steps
                ],
            }
            for prefix in description.prefixes
        ],
        "placements": [
            {"key": p.key, "path": p.path, "part": p.part, "system_packages": p.system_packages}
            for p in description.placements
        ],
    }
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def read(labels: Mapping[str, str]) -> Description:
    """Return what an image asks for. Raises ValueError or KeyError for a label that culm did not write."""
    if LABEL not in labels:
        return read_earlier(json.loads(labels.get(EARLIER_LABEL, "[]")))
    value = json.loads(labels[LABEL])
    return Description(
        prefixes=tuple(
            Prefix(
                key=entry["key"],
                python=entry["python"],
                inputs=entry["inputs"],
                steps=tuple(
                    Step(
                        argv=tuple(step["argv"]),
                        cwd=step["cwd"],
                        environment=step["environment"],
                        tool=tuple(step["tool"]),
                        where=step["where"],
                    )
                    for step in entry["steps"]
                ),
            )
            for entry in value["prefixes"]
        ),
        placements=tuple(Placement(**entry) for entry in value["placements"]),
    )


def read_earlier(entries: Sequence[Mapping[str, Any]]) -> Description:
    return Description(
        prefixes=tuple(
            Prefix(
                key=entry["key"],
                python=entry.get("python") or "",
                steps=tuple(Step(argv=tuple(s), cwd=entry.get("cwd") or "/") for s in entry.get("steps", ())),
                inputs=WHOLE_IMAGE,
            )
            for entry in entries
        ),
        placements=tuple(Placement(key=entry["key"], path=entry["path"]) for entry in entries),
    )
