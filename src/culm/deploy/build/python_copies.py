"""`COPY --from` of what a host has not made yet: Python prefixes, parts of them, and folders of wheels. Pure."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace

from culm.deploy.build.plan import Contents
from culm.deploy.build.stage import BuildStage, PlacedPrefix
from culm.prefixes.label import Step

NOTHING, COPIED, A_PART = "nothing", "copied", "a part"
LIBRARY = re.compile(r"(.*)/lib(?:64)?/python[\d.]+/(?:site|dist)-packages")
UV = "ghcr.io/astral-sh/uv"
UV_IMAGE = re.compile(r"(?:ghcr\.io|docker\.io)/astral(?:-sh)?/uv(?::([^@]*))?(?:@.*)?")


def from_stage(stage: BuildStage, origin: BuildStage, source: str, target: str, *, into: bool) -> str:
    """Place in `stage` what of the other's prefixes and wheels is at `source`. `into`: the target is a folder."""
    result = NOTHING
    for place in origin.places:
        if covers(source, place.path):
            moved = joined(target, place.path, source)
            keep(stage, replace(place, path=moved))
            result = COPIED
        elif source.startswith(place.path.rstrip("/") + "/") and place.part != "programs":
            part = inside(place, source[len(place.path.rstrip("/")) + 1 :], target, into=into)
            if part is not None:
                keep(stage, part)
                result = COPIED
            elif not origin.matching(source):
                result = A_PART if result == NOTHING else result
    bare = re.sub(r"/[^/]*[*?\[][^/]*$|/[^/]+\.whl$", "", source)
    for path, wheels in origin.wheels.items():
        if covers(bare, path):
            stage.wheels[joined(target, path, bare)] = wheels
            result = COPIED
    return result


def covers(source: str, path: str) -> bool:
    """Return whether copying `source` takes `path` along."""
    return path == source or source == "/" or path.startswith(source.rstrip("/") + "/")


def joined(target: str, path: str, source: str) -> str:
    """Return where `path` lies when `source` was copied to `target`."""
    rest = path[len(source.rstrip("/")) :]
    return posixpath.normpath(f"{target}/{rest}")


def keep(stage: BuildStage, place: PlacedPrefix) -> None:
    """Keep a prefix; one with an interpreter that is copied over the same one takes its place."""
    stage.places = [p for p in stage.places if not (p.path == place.path and p.contents.key == place.contents.key)]
    stage.places.append(place)


def inside(place: PlacedPrefix, rest: str, target: str, *, into: bool) -> PlacedPrefix | None:
    """Return a part of a prefix: its programs, its library. None where it is less than that."""
    if place.part in ("packages", "target"):
        return None
    if rest == "bin":
        return replace(place, path=target, part="programs")
    if re.fullmatch(r"bin/[^/]+", rest):
        return replace(place, path=target if into else posixpath.dirname(target), part="programs")
    packages = re.fullmatch(r"lib(?:64)?/python[\d.]+/(?:site|dist)-packages/?", rest)
    if packages:
        library = LIBRARY.fullmatch(target)
        if library:
            return replace(place, path=library[1] or "/", part="library")
        return replace(place, path=target, part="packages")
    if re.fullmatch(r"lib(?:64)?/python[\d.]+", rest):
        prefix = re.fullmatch(r"(.*)/lib(?:64)?/python[\d.]+", target)
        return replace(place, path=prefix[1] or "/", part="library") if prefix else None
    if rest in ("lib", "lib64") and target.endswith("/lib"):
        return replace(place, path=posixpath.dirname(target), part="library")
    if rest in ("share", "include", "etc", "lib64"):
        return replace(place, path=posixpath.join(target, ".culm-unused"), part="programs")
    return None


def from_image(stage: BuildStage, image: str, sources: Sequence[str], destination: str, where: str) -> None:
    """Take uv from `COPY --from=ghcr.io/astral-sh/uv /uv /bin/`.

    It is a Python package, too, for an image that starts with `uv run`.
    """
    match = UV_IMAGE.fullmatch(image)
    if match is None:
        return
    version = re.match(r"\d+\.\d+\.\d+", match[1] or "")
    step = Step(argv=("pip", "install", f"uv=={version[0]}" if version else "uv"), where=where)
    single = posixpath.basename(destination) in ("uv", "uvx") and len(sources) == 1
    folder = stage.absolute(posixpath.dirname(destination) if single else destination)
    stage.uv = PlacedPrefix(path=folder, part="programs", contents=Contents(steps=(step,), inputs={}))
