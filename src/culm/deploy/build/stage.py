"""One stage of a Dockerfile while a host goes through it: its files, settings and Python prefixes."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile
from culm.deploy.build.plan import Contents, Left
from culm.prefixes import official
from culm.prefixes.label import Part, Step
from culm.prefixes.place import SYSTEM
from culm.project.dockerfile.ignore import translate

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_FOLDERS = frozenset(
    {"/", "/bin", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin"}
    | {"/usr/local/etc", "/usr/local/lib", "/usr/local/share", "/usr/share", "/var", "/var/lib", "/var/tmp"}
)
"""Folders that every base image has: a COPY to one of them goes into it."""


@record
class PlacedPrefix:
    """A Python prefix, or a part of one, at a path of the stage."""

    path: str
    part: Part
    contents: Contents
    system_packages: bool = False

    @property
    def installs_here(self) -> bool:
        """Whether a command may install into it, at this path."""
        return self.part in ("environment", "prefix")


@record
class Wheels:
    """What a folder of wheels was made from: `pip wheel -w D`. Installing from D is installing that."""

    arguments: tuple[str, ...]
    """pip's: requirements, `-r`, `-c`, index options."""
    step: Step
    inputs: Mapping[str, ImageFile]


@record
class Lost:
    """A line that a host could not do, and where the image would have what it makes."""

    left: Left
    path: str
    """The file, or the folder in which its results would be."""
    hint: str = ""


@dataclass(kw_only=True)
class BuildStage:
    """Grows instruction by instruction; a stage that begins FROM another begins as a copy of it."""

    base: str
    from_line: int = 0
    brings_server: bool = False
    """Whether the base image has the program that it starts: nginx, say."""
    tree: dict[str, ImageFile] = field(default_factory=dict)
    layers: list[dict[str, ImageFile]] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    settings: dict[str, object] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    exposed: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    workdir: str = "/"
    shell: tuple[str, ...] = ("/bin/sh", "-c")
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    started_at: int = 0
    """The line of ENTRYPOINT or CMD, whichever is later."""
    places: list[PlacedPrefix] = field(default_factory=list)
    """In the order in which they were made: a later one's files win."""
    uv: PlacedPrefix | None = None
    """uv itself, where it was copied from its image: placed when something starts it."""
    wheels: dict[str, tuple[Wheels, ...]] = field(default_factory=dict)
    """By folder."""
    installers: dict[str, str] = field(default_factory=dict)
    """Of poetry, pipenv, pdm and others: name to the requirement that the Dockerfile installs, `poetry==1.8.3`."""
    options: dict[str, str] = field(default_factory=dict)
    """Installers' settings: `poetry config virtualenvs.create false`."""
    left: list[Left] = field(default_factory=list)
    builds: list[Left] = field(default_factory=list)
    """Of the lines left, those that make something a service may need."""
    lost: list[Lost] = field(default_factory=list)
    """The same, with where it would be."""
    compiled: list[Left] = field(default_factory=list)
    """Lines that this host's compiler did."""

    def copied(self) -> "BuildStage":
        """Return a stage that begins where this one is; build arguments are not passed on."""
        return replace(
            self,
            tree=dict(self.tree),
            layers=list(self.layers),
            environment=dict(self.environment),
            arguments={},
            settings=dict(self.settings),
            labels=dict(self.labels),
            exposed=list(self.exposed),
            volumes=list(self.volumes),
            places=list(self.places),
            wheels=dict(self.wheels),
            installers=dict(self.installers),
            options=dict(self.options),
            lost=list(self.lost),
            left=list(self.left),
            builds=list(self.builds),
            compiled=list(self.compiled),
        )

    @property
    def variables(self) -> dict[str, str]:
        """The variables that a RUN line sees: PATH, then arguments, then the environment."""
        return {"PATH": USUAL_PATH, **self.arguments, **self.environment}

    @property
    def python(self) -> str:
        """The version that the base image's name promises; empty: none."""
        return official.python(self.base)

    @property
    def home(self) -> str:
        """The home of the stage's user."""
        user = str(self.settings.get("User", "")).partition(":")[0]
        return self.environment.get("HOME") or ("/root" if user in ("", "root", "0") else f"/home/{user}")

    def absolute(self, path: str, folder: str | None = None) -> str:
        """Return the path from the root of the image, seen from `folder` or WORKDIR."""
        joined = posixpath.normpath(posixpath.join(folder or self.workdir, path))
        return "/" + joined.lstrip("/")

    def is_folder(self, path: str) -> bool:
        """Return whether a path is a folder in the stage, or one that every base image has."""
        known = self.tree.get(path)
        return path in BASE_FOLDERS or (known is not None and known.kind == "folder")

    def add(self, files: dict[str, ImageFile]) -> None:
        """Add a layer with these files, and the folders that they need."""
        layer: dict[str, ImageFile] = {}
        for path, file in files.items():
            for parent in reversed(list(parents(path))):
                if parent not in self.tree and parent not in layer and parent not in BASE_FOLDERS:
                    layer[parent] = ImageFile(kind="folder")
            layer[path] = file
        if layer:
            self.tree |= layer
            self.layers.append(layer)

    def remove(self, paths: Iterable[str]) -> None:
        """Add a layer that takes these files away."""
        there = [path for path in paths if path in self.tree]
        if there:
            for path in there:
                del self.tree[path]
            self.layers.append({path: ImageFile(kind="gone") for path in there})

    def place_at(self, path: str) -> PlacedPrefix | None:
        """Return the prefix at a path into which commands install."""
        return next((place for place in reversed(self.places) if place.path == path and place.installs_here), None)

    def place_of(self, program: str) -> PlacedPrefix | None:
        """Return the prefix whose `bin` has a program, given by its absolute path."""
        return self.place_at(posixpath.dirname(posixpath.dirname(program)))

    def in_use(self) -> str:
        """Return the prefix that a bare `pip` installs into: the first on PATH, by the image's own word."""
        for folder in self.variables["PATH"].split(":"):
            place = self.place_at(posixpath.dirname(folder)) if posixpath.basename(folder) == "bin" else None
            if place is not None and place.part == "environment":
                return place.path
        return SYSTEM

    def python_places(self) -> list[PlacedPrefix]:
        """Return the prefixes, and the base image's own Python: it is there even when nothing was installed into it."""
        if any(place.path == SYSTEM and place.part == "environment" for place in self.places):
            return self.places
        return [
            PlacedPrefix(path=SYSTEM, part="environment", contents=Contents(python=self.python, inputs={})),
            *self.places,
        ]

    def fill(self, path: str, part: Part, step: Step | None, inputs: Mapping[str, ImageFile]) -> None:
        """Add a command that fills the prefix at `path`, which is made when it is the first."""
        known = next(
            (place for place in self.places if place.path == path and place.part in (part, "environment")), None
        )
        if known is None:
            known = PlacedPrefix(path=path, part=part, contents=Contents(python=self.python, inputs={}))
            self.places.append(known)
        if step is None:
            return
        contents = replace(
            known.contents, steps=(*known.contents.steps, step), inputs={**known.contents.inputs, **inputs}
        )
        self.places = [replace(known, contents=contents) if place is known else place for place in self.places]

    def under(self, paths: Iterable[str]) -> dict[str, ImageFile]:
        """Return the files and links at and below these paths."""
        return {
            known: file
            for path in paths
            for known, file in self.tree.items()
            if file.kind != "folder" and (known == path or path == "/" or known.startswith(path + "/"))
        }

    def matching(self, pattern: str) -> list[str]:
        """Return the paths of the tree that a source of `COPY --from` names."""
        return select(self.tree, self.absolute(pattern, "/"))


def select(paths: Iterable[str], pattern: str) -> list[str]:
    """Return the paths that match a pattern, or the one path that it is."""
    if not re.search(r"[*?\[]", pattern):
        return [pattern] if pattern in paths else []
    expression = re.compile(translate(pattern))
    return [path for path in paths if expression.fullmatch(path)]


def parents(path: str) -> Iterable[str]:
    """Yield the folders above a path: `/a/b`, then `/a`, for `/a/b/c`."""
    while (path := posixpath.dirname(path)) not in ("", "/"):
        yield path
