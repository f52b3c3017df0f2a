"""For which processor an image is built, and whether the engine can. Names are Docker's: `linux/arm64`.

https://docs.docker.com/build/building/multi-platform/
"""

import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from culm.core.model.instance_types import INSTANCE_TYPES
from culm.engine.client import Engine
from culm.errors import UsageError
from culm.project.dockerfile import Instruction, words
from culm.project.project import TargetSettings

MACHINES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
"""What Docker calls them."""
EMULATORS = {"amd64": "qemu-x86_64", "arm64": "qemu-aarch64"}
BINFMT = Path("/proc/sys/fs/binfmt_misc")
DESKTOPS = ("desktop", "colima", "rancher", ".rd", "orbstack")
"""Engines in a virtual machine of their own, which bring emulation."""


def of_this_machine() -> str:
    """Return this machine's platform, as `linux/amd64`."""
    return f"linux/{MACHINES.get(platform.machine(), platform.machine())}"


def of_target(settings: TargetSettings) -> str | None:
    """Return what a target's instances run; None for the local one, whose tasks run on the builder's own processor.

    Raises UsageError when they are of two kinds: an image is built for one of them.
    """
    if settings.provider == "local" and not settings.endpoint_url:
        return None
    types = [group.instance_type for group in settings.instances if group.instance_type in INSTANCE_TYPES]
    kinds = list(dict.fromkeys(INSTANCE_TYPES[name].architecture for name in types))
    if len(kinds) > 1:
        listed = " and ".join(kinds)
        hint = "choose instance types of one kind, or say `platform:` for each service"
        raise UsageError(f"target {settings.name} has instances of {listed}: an image is built for one of them", hint)
    return f"linux/{MACHINES[kinds[0]]}" if kinds else None


def cannot_run(engine: Engine, own: str, wanted: str | None, read: Sequence[Instruction]) -> str | None:
    """Return why the engine cannot build for a platform; None: it can, as far as can be known before.

    RUN lines of a stage that is built for another processor need an emulator; COPY and settings do not.
    """
    if wanted is None or wanted == own or not runs_elsewhere(read) or emulates(engine, wanted):
        return None
    return f"its RUN lines are for {wanted}, and the engine at {engine.endpoint.address} is {own} without an emulator"


def variables(own: str, wanted: str) -> dict[str, str]:
    """Return what BuildKit sets, and the classic builder does not: `BUILDPLATFORM`, `TARGETARCH` and their like.

    https://docs.docker.com/reference/dockerfile/#automatic-platform-args-in-the-global-scope
    """
    result: dict[str, str] = {}
    for prefix, platform_name in (("BUILD", own), ("TARGET", wanted)):
        system, _, rest = platform_name.partition("/")
        architecture, _, variant = rest.partition("/")
        parts = {"PLATFORM": platform_name, "OS": system, "ARCH": architecture, "VARIANT": variant}
        result |= {f"{prefix}{part}": value for part, value in parts.items()}
    return result


def declared(read: Iterable[Instruction], values: Mapping[str, str]) -> dict[str, str]:
    """Return those of the values that an ARG line declares: an engine takes no others."""
    names = {
        word.partition("=")[0]
        for instruction in read
        if instruction.keyword == "ARG"
        for word in words(instruction.rest)
    }
    return {name: value for name, value in values.items() if name in names}


def with_arguments(text: bytes, read: Sequence[Instruction], values: Mapping[str, str]) -> bytes:
    """Return a Dockerfile with an ARG line, before its first FROM, for each of the values that a FROM line uses."""
    stages = [instruction for instruction in read if instruction.keyword == "FROM"]
    used = " ".join(f"{stage.flag('platform') or ''} {stage.rest}" for stage in stages)
    needed = [name for name in values if re.search(rf"\$\{{?{name}\b", used)]
    if not needed:
        return text
    lines = text.splitlines(keepends=True)
    at = stages[0].line - 1
    added = [f"ARG {name}={values[name]}\n".encode() for name in needed]
    return b"".join([*lines[:at], *added, *lines[at:]])


def runs_elsewhere(read: Iterable[Instruction]) -> bool:
    """Return whether a stage that is not pinned to the builder's own platform has a RUN line."""
    pinned = False
    for instruction in read:
        if instruction.keyword == "FROM":
            pinned = "BUILDPLATFORM" in (instruction.flag("platform") or "")
        elif instruction.keyword == "RUN" and not pinned:
            return True
    return False


def emulates(engine: Engine, wanted: str, binfmt: Path = BINFMT) -> bool:
    """Return whether the engine emulates a platform; one elsewhere is given the benefit of the doubt."""
    address = engine.endpoint.address
    if not address.startswith("unix:") or sys.platform != "linux" or any(name in address for name in DESKTOPS):
        return True
    name = EMULATORS.get(wanted.partition("/")[2], "")
    return any((binfmt / each).exists() for each in (name, "rosetta") if each)


def hint(wanted: str) -> str:
    """Return how images of a foreign platform can be built."""
    architecture = wanted.partition("/")[2]
    return (
        f"docker run --privileged --rm tonistiigi/binfmt --install {architecture} brings an emulator; "
        f"or build on a machine that is {wanted}, or choose instance types of this one's kind"
    )
