"""Python installs of RUN lines: into which prefix each goes, and from what it is made.

The destination is followed as the installer itself decides it: an option (`--prefix`, `--user`, `--target`, `--root`,
`--python`), the program's own folder (`/opt/venv/bin/pip`), an activated environment, else the first Python on PATH.
"""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NoReturn

from culm.core.model.record import record
from culm.deploy.build import pip
from culm.deploy.build.context import ImageFile
from culm.deploy.build.programs import named, plain_words
from culm.deploy.build.stage import BuildStage, Wheels, select
from culm.prefixes.label import Part, Step
from culm.prefixes.place import SYSTEM
from culm.project.texts import decoded

NO = frozenset({"0", "false", "no", "off"})
GLOB = re.compile(r"[*?\[]")

Refuse = Callable[[str], NoReturn]
"""Raises the error that names the line; is given what is wrong."""


@record
class CommandPlace:
    """Where a command stands."""

    argv: tuple[str, ...]
    folder: str
    """Where it runs, absolute."""
    environment: Mapping[str, str]
    """The stage's variables and the command's own."""
    active: str | None
    """The environment that the line has activated."""
    where: str
    """`Dockerfile:4`."""
    refuse: Refuse


class Installs:
    """Upon one stage."""

    def __init__(self, stage: BuildStage, at: CommandPlace) -> None:
        self.stage = stage
        self.at = at

    # pip and uv pip

    def pip(self, words: Sequence[str]) -> None:
        """Follow `install`, `sync`, `uninstall`, `wheel` and `download` of pip; others leave nothing."""
        leading = plain_words(("pip", *words))[:1]
        command = leading[0] if leading else ""
        rest = [word for index, word in enumerate(words) if word != command or index != list(words).index(command)]
        match command:
            case "install" | "sync":
                self.install(command, rest)
            case "uninstall":
                path, part = self.destination(rest)
                self.add(path, part, ("pip", "uninstall", *rest), {})
            case "wheel":
                self.wheel(rest, pip.value_of(rest, "-w", "--wheel-dir") or ".")
            case "download":
                self.wheel(rest, pip.value_of(rest, "-d", "--dest") or ".")

    def install(self, command: str, words: list[str]) -> None:
        """Take in `pip install`, `uv sync` and the like, as a part of the image that is made later."""
        self.stage.installers |= pip.pinned(words)
        path, part = self.destination(words)
        if command == "sync":
            words = [part for word in words for part in (("-r", word) if not word.startswith("-") else (word,))]
        arguments, wheels = self.without_wheels(words)
        for made in wheels:
            self.add(path, part, ("pip", "install", *made.arguments), made.inputs, made.step)
        if any(a.option in pip.READS | pip.EDITABLE or (not a.option and a.value) for a in pip.arguments(arguments)):
            self.add(path, part, ("pip", "install", *arguments), self.inputs(arguments))
        elif not wheels:
            self.at.refuse("it names nothing to install")

    def without_wheels(self, words: Sequence[str]) -> tuple[list[str], list[Wheels]]:
        """Return the arguments less those that name a folder of wheels, and what these were made from."""
        kept: list[str] = []
        wheels: list[Wheels] = []
        for argument in pip.arguments(words):
            named_path = argument.value if argument.option in pip.LINKS else pip.local(argument.value) or ""
            if argument.option and argument.option not in pip.LINKS:
                kept += argument.words
                continue
            absolute = self.path(named_path.removeprefix("file://")) if named_path else ""
            folder = absolute if absolute in self.stage.wheels else posixpath.dirname(absolute)
            if named_path and folder in self.stage.wheels:
                wheels += [each for each in self.stage.wheels[folder] if each not in wheels]
            elif not argument.option and GLOB.search(absolute) and named_path:
                matches = select(self.stage.tree, absolute)
                if not matches:
                    self.at.refuse(f"nothing in the image is {argument.value}")
                kept += matches
            elif argument.option and "://" not in argument.value and not self.stage.under([absolute]):
                self.at.refuse(f"nothing in the image is at {argument.value}")
            else:
                kept += argument.words
        if wheels:
            kept = [word for word in kept if word != "--no-index"]
        return kept, wheels

    def wheel(self, words: Sequence[str], folder: str) -> None:
        """Remember what `pip wheel` is asked for, with its folder."""
        options = {"-w", "--wheel-dir", "-d", "--dest", "--no-deps"}
        mine, earlier = self.without_wheels(
            [w for a in pip.arguments(words) if a.option not in options for w in a.words]
        )
        step = self.step(("pip", "install", *mine))
        path = self.path(folder)
        made = (*earlier, Wheels(arguments=tuple(mine), step=step, inputs=self.inputs(mine)))
        self.stage.wheels[path] = (*self.stage.wheels.get(path, ()), *made)

    # projects

    def project_wheel(self, folder: str, project: str = ".") -> None:
        """Remember a wheel of the project, by `python -m build`, `poetry build` or `uv build`."""
        step = self.step(("pip", "install", project))
        made = Wheels(arguments=(project,), step=step, inputs=self.inputs([project]))
        self.stage.wheels[self.path(folder)] = (made,)

    def sync(self) -> None:
        """Follow `uv sync`: into UV_PROJECT_ENVIRONMENT, or `.venv` beside the project."""
        chosen = self.at.environment.get("UV_PROJECT_ENVIRONMENT", ".venv")
        if "--active" in self.at.argv:
            chosen = self.at.active or self.at.environment.get("VIRTUAL_ENV") or chosen
        if pip.value_of(self.at.argv[1:], "--project", "--directory"):
            self.at.refuse("with --project or --directory it can only be followed in a container")
        self.demand("pyproject.toml")
        names = ("pyproject.toml", "uv.lock", ".python-version", "README.md", "README.rst")
        partly = {"--no-install-project", "--no-install-workspace", "--no-install-local"} & set(self.at.argv)
        inputs = self.stage.under(self.path(name) for name in names) if partly else self.project()
        if partly:
            inputs |= self.members()
        self.add(self.path(chosen), "environment", self.at.argv, inputs)

    def members(self) -> dict[str, ImageFile]:
        """Return the project files of a workspace's members, which a lock is checked against."""
        return {
            path: file
            for path, file in self.stage.under([self.at.folder]).items()
            if posixpath.basename(path) == "pyproject.toml"
        }

    def tool(self, name: str) -> None:
        """Let uv do `poetry install`, `pipenv install` or `pdm install`, on the environment that they would use."""
        self.demand("Pipfile" if name == "pipenv" else "pyproject.toml")
        wanted = self.stage.installers.get(name) or self.versioned(name)
        tool = (wanted, *(v for k, v in self.stage.installers.items() if k.startswith(f"{name}-plugin")))
        partly = name == "pipenv" or "--no-root" in self.at.argv or "--no-self" in self.at.argv
        names = ("pyproject.toml", "poetry.lock", "poetry.toml", "pdm.lock", "Pipfile", "Pipfile.lock", "README.md")
        inputs = self.stage.under(self.path(each) for each in names) if partly else self.project()
        path = self.tool_environment(name)
        part: Part = "environment"
        self.add(path, part, (name, *self.at.argv[1:]), inputs, replace(self.step(()), tool=tool))

    def versioned(self, name: str) -> str:
        """Return the requirement of an installer, at the version that the image pins by `UV_VERSION` and the like."""
        version = self.at.environment.get(f"{name.upper()}_VERSION")
        return f"{name}=={version}" if version else name

    def tool_environment(self, name: str) -> str:
        """Return where it installs; `.venv` for a project of its own, as `poetry run` and `pipenv run` look there."""
        settings, argv = self.at.environment, self.at.argv
        active = self.at.active or (
            settings.get("VIRTUAL_ENV") if self.stage.place_at(settings.get("VIRTUAL_ENV", "")) else None
        )
        shared = {
            "poetry": self.stage.options.get(
                "virtualenvs.create", settings.get("POETRY_VIRTUALENVS_CREATE", "")
            ).lower()
            in NO,
            "pipenv": "--system" in argv or settings.get("PIPENV_SYSTEM", "").lower() in ("1", "true"),
            "pdm": "--global" in argv or "-g" in argv,
        }[name]
        if active:
            return active
        return self.stage.in_use() if shared else self.path(".venv")

    # where, and from what

    def destination(self, words: Sequence[str]) -> tuple[str, Part]:
        """Return the folder that packages go to, by option or environment, and which part of an image that is."""
        settings = self.at.environment
        target = pip.value_of(words, "-t", "--target") or settings.get("PIP_TARGET")
        prefix = pip.value_of(words, "--prefix") or settings.get("PIP_PREFIX")
        root = pip.value_of(words, "--root")
        if target:
            return self.path(target), "target"
        if prefix:
            return self.path(prefix), "prefix"
        if root:
            return self.path(root).rstrip("/") + SYSTEM, "prefix"
        if "--user" in words or settings.get("PIP_USER", "").lower() in ("1", "true", "yes"):
            return settings.get("PYTHONUSERBASE") or f"{self.stage.home}/.local", "prefix"
        if named(self.at.argv[0]) == "uv":
            return self.uv_destination(words), "environment"
        program = self.path(self.at.argv[0]) if "/" in self.at.argv[0] else ""
        if program and (place := self.stage.place_of(program)):
            return place.path, "environment"
        path = self.at.active or self.stage.in_use()
        if path == SYSTEM and self.stage.home != "/root":  # "Defaulting to user installation"
            return f"{self.stage.home}/.local", "prefix"
        return path, "environment"

    def uv_destination(self, words: Sequence[str]) -> str:
        """Return the path of the prefix into which uv installs.

        https://docs.astral.sh/uv/pip/environments/
        """
        python = pip.value_of(words, "--python", "-p") or ""
        if "/" in python:
            absolute = self.path(python)
            place = self.stage.place_at(absolute) or self.stage.place_of(absolute)
            return place.path if place else self.stage.in_use()
        settings = self.at.environment
        if "--system" in words or settings.get("UV_SYSTEM_PYTHON", "").lower() in ("1", "true"):
            return self.stage.in_use()
        for path in (
            self.at.active,
            settings.get("VIRTUAL_ENV"),
            settings.get("UV_PROJECT_ENVIRONMENT"),
            self.path(".venv"),
        ):
            if path and self.stage.place_at(self.path(path)):
                return self.path(path)
        return self.stage.in_use()

    def inputs(self, words: Sequence[str]) -> dict[str, ImageFile]:
        """Return the files that the arguments name, and those that these name."""
        out: dict[str, ImageFile] = {}
        todo = pip.read_by(words)
        done: set[tuple[str, str]] = set()
        while todo:
            kind, path = todo.pop()
            absolute = self.path(path.removeprefix("file://"))
            if (kind, absolute) in done:
                continue
            done.add((kind, absolute))
            files = self.stage.under([absolute])
            if not files:
                self.at.refuse(f"it reads {path}, which nothing put into the image")
            out |= files
            if kind == "requirements":
                todo += [read for p, f in files.items() for read in pip.read_by_file(p, f)]
        return out

    def project(self) -> dict[str, ImageFile]:
        """Return the folder of the project, and folders beside it that its pyproject.toml names."""
        out = self.stage.under([self.at.folder])
        text = decoded(out[self.path("pyproject.toml")].data())
        beside = re.findall(r"path\s*=\s*[\"'](\.\./[^\"']+)[\"']", text)
        return out | self.stage.under(self.path(path) for path in beside)

    def demand(self, name: str) -> None:
        """Refuse the line unless the image has the file."""
        if self.path(name) not in self.stage.tree:
            self.at.refuse(f"there is no {name} in {self.at.folder} of the image")

    def path(self, path: str) -> str:
        """Return a path as it is in the image, from where the command stands."""
        return self.stage.absolute(path, self.at.folder)

    def step(self, argv: tuple[str, ...]) -> Step:
        return Step(argv=argv, cwd=self.at.folder, environment=pip.settings(self.at.environment), where=self.at.where)

    def add(
        self, path: str, part: Part, argv: tuple[str, ...], inputs: Mapping[str, ImageFile], step: Step | None = None
    ) -> None:
        """Note that an installer has been run for a prefix: with which words, and which files it has read."""
        self.stage.fill(path, part, replace(step, argv=argv) if step else self.step(argv), inputs)
