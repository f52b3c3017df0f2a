"""Python installs of a RUN line: which prefix each fills, and from which files."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from culm.deploy.build import installs, pip, python_copies
from culm.deploy.build.programs import TOOLS, is_python, named, plain_words
from culm.deploy.build.run.line import ENGINE_HINT, RunLine
from culm.deploy.build.shell import Command

POETRY_INSTALLER = "install.python-poetry.org"
UV_INSTALLER = "astral.sh/uv"


def setting(run: RunLine, command: Command, folder: str) -> installs.CommandPlace:
    """Return where an installer runs and by which variables; its refusals name the line of the Dockerfile."""

    def refuse(why: str) -> NoReturn:
        run.fail(run.line, f"RUN {' '.join(command.argv)}: {why}", ENGINE_HINT)

    return installs.CommandPlace(
        argv=command.argv,
        folder=folder,
        environment={**run.stage.variables, **command.environment},
        active=run.active or run.named_environment(command),
        where=f"{run.file}:{run.line}",
        refuse=refuse,
    )


def done_by_python(run: RunLine, command: Command, folder: str) -> bool:
    """Follow an install of Python's, or a virtual environment; return whether it was one."""
    argv, stage = command.argv, run.stage
    name, words = named(argv[0]), plain_words(argv)
    install = installs.Installs(stage, setting(run, command, folder))
    if path := pip.makes_venv(argv):
        sees = "--system-site-packages" in argv
        at = stage.absolute(path, folder)
        if stage.place_at(at) is None:
            stage.fill(at, "environment", None, {})
            stage.places = [replace(p, system_packages=sees) if p.path == at else p for p in stage.places]
    elif name == "uv" and words[:2] in (["pip", "compile"], ["pip", "freeze"], ["pip", "list"], ["pip", "check"]):
        return run.execute(command, folder) if "compile" in words else True
    elif (arguments := pip.pip_arguments(argv)) is not None:
        install.pip(arguments)
    elif name == "uv":
        return uv(run, command, folder, install)
    elif name in TOOLS:
        return project_tool(run, command, folder, install)
    elif (dist := built_into(argv)) is not None:
        install.project_wheel(dist[0], dist[1])
    elif name == "pipx" and words[:1] == ["install"]:
        own_environments(run, words[1:], command, folder)
    else:
        return False
    return True


def uv(run: RunLine, command: Command, folder: str, install: installs.Installs) -> bool:
    """Carry out one of uv's commands that install; returns whether it was understood."""
    match plain_words(command.argv)[:2]:
        case ["sync", *_]:
            install.sync()
        case ["build", *_]:
            install.project_wheel(pip.value_of(command.argv[1:], "-o", "--out-dir") or "dist")
        case ["tool", "install"]:
            own_environments(run, plain_words(command.argv)[2:], command, folder)
        case ["export", *_] | ["lock", *_]:
            return run.execute(command, folder)
        case ["add" | "remove" | "init" | "run", *_]:
            return False
    return True


def own_environments(run: RunLine, requirements: Sequence[str], command: Command, folder: str) -> None:
    """Follow `pipx install X` and `uv tool install X`.

    These programs have an environment of their own, linked to ~/.local/bin.
    """
    for requirement in requirements:
        run.stage.installers |= pip.pinned([requirement])
        program = re.split(r"[\[=<>@~! ]", requirement)[0]
        at = f"{run.stage.home}/.local/share/tools/{program}"
        install = installs.Installs(run.stage, setting(run, command, folder))
        install.add(at, "environment", ("pip", "install", requirement), {})
        run.link_program(f"{run.stage.home}/.local/bin/{program}", f"{at}/bin/{program}")


def project_tool(run: RunLine, command: Command, folder: str, install: installs.Installs) -> bool:
    """Follow poetry, pipenv or pdm; return whether that could be done."""
    argv, name = command.argv, named(command.argv[0])
    words = plain_words(argv)
    match words[:1]:
        case ["install"] | ["sync"]:
            install.tool(name)
        case ["config"] if len(words) >= 3:
            run.stage.options[words[1]] = words[2]
            if words[1] == "python.use_venv" and words[2] in installs.NO:
                return False
        case ["run"] if words[1:2] == ["add"]:
            run.stage.installers |= pip.pinned(words[2:])
        case ["build"]:
            install.project_wheel("dist")
        case ["export"] | ["lock"] | ["requirements"] | ["version"]:
            plugin = ("poetry-plugin-export",) if name == "poetry" and words[0] == "export" else ()
            own = [v for k, v in run.stage.installers.items() if k.startswith(f"{name}-plugin")]
            wanted = run.stage.installers.get(name) or install.versioned(name)
            return run.execute(command, folder, (wanted, *dict.fromkeys([*own, *plugin])))
        case ["run"] | ["add"] | ["script"]:
            return False
    return True


def bring_uv(run: RunLine) -> None:
    """Follow uv's own installer: uv is there for installs anyway, and is placed when the service starts with it."""
    folder = f"{run.stage.home}/.local/bin/"
    python_copies.from_image(run.stage, python_copies.UV, ["/uv"], folder, f"{run.file}:{run.line}")


def installed_by_script(run: RunLine, name: str, command: Command, folder: str) -> None:
    """Follow poetry's `curl ... | python3 -`."""
    home = run.stage.environment.get("POETRY_HOME") or f"{run.stage.home}/.local/share/pypoetry"
    at = f"{home}/venv"
    if run.stage.place_at(at) is None:
        install = installs.Installs(run.stage, setting(run, command, folder))
        install.add(at, "environment", ("pip", "install", install.versioned(name)), {})
        run.link_program(f"{home}/bin/{name}", f"{at}/bin/{name}")
        if "POETRY_HOME" not in run.stage.environment:
            run.link_program(f"{run.stage.home}/.local/bin/{name}", f"{at}/bin/{name}")


def built_into(argv: Sequence[str]) -> tuple[str, str] | None:
    """Return where `python -m build` and its like put a project's wheel, and which project's: `("dist", ".")`."""
    words = list(argv[1:])
    if is_python(argv[0]) and words[:2] == ["-m", "build"]:
        rest = words[2:]
        project = next((w for w in plain_words(("build", *rest)) if w != pip.value_of(rest, "-o", "--outdir")), ".")
        return pip.value_of(rest, "-o", "--outdir") or posixpath.join(project, "dist"), project
    if is_python(argv[0]) and words[:2] == ["setup.py", "bdist_wheel"]:
        return pip.value_of(words, "-d", "--dist-dir") or "dist", "."
    if named(argv[0]) in ("hatch", "flit", "pyproject-build") and (words[:1] == ["build"] or "build" in argv[0]):
        return "dist", "."
    return None
