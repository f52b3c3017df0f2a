"""One stage of a Dockerfile while a host goes through it: its files, settings and virtual environments."""

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from culm.deploy.build.context import File
from culm.deploy.build.ignore import translate
from culm.deploy.build.plan import Left, Venv

USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BASE_FOLDERS = frozenset(
    {"/", "/bin", "/etc", "/home", "/opt", "/root", "/srv", "/tmp", "/usr", "/usr/bin", "/usr/local", "/usr/local/bin"}
    | {"/usr/local/etc", "/usr/local/lib", "/usr/local/share", "/usr/share", "/var", "/var/lib", "/var/tmp"}
)
"""Folders that every base image has: a COPY to one of them goes into it."""
SYSTEM = "/usr/local"
"""Where `pip install` goes when no virtual environment is in use: the base image's own Python."""


@dataclass(kw_only=True)
class Stage:
    """Grows instruction by instruction; a stage that begins FROM another begins as a copy of it."""

    base: str
    tree: dict[str, File] = field(default_factory=dict)
    layers: list[dict[str, File]] = field(default_factory=list)
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
    venvs: dict[str, Venv] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)
    builds: list[Left] = field(default_factory=list)
    """Of the lines left, those that make something a service may need."""
    compiled: list[Left] = field(default_factory=list)
    """Lines that this host's compiler did."""

    def copied(self) -> "Stage":
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
            venvs=dict(self.venvs),
            left=list(self.left),
            builds=list(self.builds),
            compiled=list(self.compiled),
        )

    @property
    def variables(self) -> dict[str, str]:
        return {"PATH": USUAL_PATH, **self.arguments, **self.environment}

    @property
    def python(self) -> str:
        match = re.search(r"(?:^|/)python:(\d+\.\d+)", self.base)
        return match[1] if match else ""

    def absolute(self, path: str, folder: str | None = None) -> str:
        joined = posixpath.normpath(posixpath.join(folder or self.workdir, path))
        return "/" + joined.lstrip("/")

    def is_folder(self, path: str) -> bool:
        known = self.tree.get(path)
        return path in BASE_FOLDERS or (known is not None and known.kind == "folder")

    def add(self, files: dict[str, File]) -> None:
        """A layer with these files, and the folders that they need."""
        layer: dict[str, File] = {}
        for path, file in files.items():
            for parent in reversed(list(parents(path))):
                if parent not in self.tree and parent not in layer and parent not in BASE_FOLDERS:
                    layer[parent] = File(kind="folder")
            layer[path] = file
        if layer:
            self.tree |= layer
            self.layers.append(layer)

    def in_use(self) -> str:
        """The virtual environment that a bare `pip` installs into."""
        for folder in self.environment.get("PATH", "").split(":"):
            if posixpath.basename(folder) == "bin" and posixpath.dirname(folder) in self.venvs:
                return posixpath.dirname(folder)
        named = self.environment.get("VIRTUAL_ENV", "")
        return named if named in self.venvs else SYSTEM

    def step(self, path: str, argv: tuple[str, ...], inputs: dict[str, str], cwd: str) -> None:
        """One more command that fills the virtual environment at `path`."""
        venv = self.venvs.get(path) or Venv(path=path, python=self.python, inputs={}, cwd=cwd)
        if not venv.steps:
            venv = replace(venv, cwd=cwd)
        self.venvs[path] = replace(venv, steps=(*venv.steps, argv), inputs={**venv.inputs, **inputs})

    def digests(self, paths: Iterable[str]) -> dict[str, str]:
        """The files at and below these paths: from the image's root, with their sha256."""
        return {
            known.lstrip("/"): file.digest
            for path in paths
            for known, file in self.tree.items()
            if file.kind == "file" and (known == path or path == "/" or known.startswith(path + "/"))
        }

    def matching(self, pattern: str) -> list[str]:
        """Paths of the tree that a source of `COPY --from` names."""
        return select(self.tree, self.absolute(pattern, "/"))


def select(paths: Iterable[str], pattern: str) -> list[str]:
    if not re.search(r"[*?\[]", pattern):
        return [pattern] if pattern in paths else []
    expression = re.compile(translate(pattern))
    return [path for path in paths if expression.fullmatch(path)]


def parents(path: str) -> Iterable[str]:
    """`/a/b/c` has `/a/b`, then `/a`."""
    while (path := posixpath.dirname(path)) not in ("", "/"):
        yield path
