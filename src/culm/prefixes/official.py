"""Official images of systems and interpreters: where no engine is, this machine's own programs stand for them.

Nothing of such an image would be used by host processes: what is in its /bin and /usr/bin is the host's there, and its
interpreter needs libraries at the image's own paths. So a `FROM python:3.12-slim` is not pulled, and neither is a task
whose ready image is that. Pure.

https://github.com/docker-library/python, https://github.com/docker-library/ruby, https://github.com/nodejs/docker-node
"""

import re
from collections.abc import Mapping
from typing import Any

from culm.prefixes.label import LABEL, Description, Placement, Prefix, key_of, written

SYSTEM = "/usr/local"
"""The prefix of an official Python image."""
REGISTRIES = r"(?:(?:docker\.io/)?(?:library/)?|public\.ecr\.aws/docker/library/|mirror\.gcr\.io/library/)"
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "alpine": ("/bin/sh",),
    "busybox": ("sh",),
    "debian": ("bash",),
    "node": ("node",),
    "python": ("python3",),
    "ruby": ("irb",),
    "ubuntu": ("/bin/bash",),
}
"""What each of them starts where nothing else is said."""
VERSIONS: Mapping[str, str] = {"node": "NODE_VERSION", "python": "PYTHON_VERSION", "ruby": "RUBY_VERSION"}
"""Variables in which they have their versions, and which programs show."""
NAME = re.compile(rf"{REGISTRIES}({'|'.join(COMMANDS)})(?::([^@]+))?(?:@.+)?")
UTF8 = re.compile(r"ruby(?::.*)?|python(?::(?:2|3$|3-|3\.\d(?:\D|$)|3\.1[0-2](?:\D|$)|[^\d]).*)?")
"""Those that set LANG, without which files and output are ASCII: Ruby's, and Python's before 3.13."""


def environment(image: str) -> dict[str, str]:
    """Return the variables that a program of this machine needs in place of the image's; none for other images.

    `PYTHON_VERSION` and its like are as exact as the image's tag.
    """
    match = NAME.fullmatch(image)
    called = f"{match[1]}:{match[2]}" if match and match[2] else match[1] if match else ""
    language = {"LANG": "C.UTF-8"} if UTF8.fullmatch(called) else {}
    version = re.match(r"\d+(?:\.\d+)*", match[2] or "") if match and match[1] in VERSIONS else None
    return language | ({VERSIONS[match[1]]: version[0]} if match and version else {})


def python(image: str) -> str:
    """Return the version of Python that an image's name promises, `3.12`; empty: none."""
    match = re.search(r"(?:^|/)(?:python|pypy):(\d+\.\d+)|python(\d+\.\d+)", image)
    return (match[1] or match[2]) if match else ""


def configuration(image: str) -> dict[str, Any] | None:
    """Return the configuration of what stands for an official image, as OCI writes it; None for other images."""
    match = NAME.fullmatch(image)
    if match is None:
        return None
    labels = {}
    if match[1] == "python":
        prefix = Prefix(key=key_of(python(image), (), {}), python=python(image))
        labels[LABEL] = written(Description(prefixes=(prefix,), placements=(Placement(key=prefix.key, path=SYSTEM),)))
    variables = [f"{name}={value}" for name, value in environment(image).items()]
    return {"config": {"Env": variables, "Cmd": list(COMMANDS[match[1]]), "Labels": labels}}
