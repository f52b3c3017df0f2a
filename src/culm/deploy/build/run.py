"""RUN lines: what becomes of each command on a host.

Python installs          followed: which prefix they fill, from which files (`installs.py`)
cp, mv, mkdir, echo > f  done upon the stage's files (`files.py`)
npm, python manage.py    done by this machine's own programs in a copy of these files (`hosted.py`)
go build                 compiled by this machine's Go (`gobuild.py`)
apt-get, useradd, ...    concern the base image, which a host does not have: left out, with a note
all else                 left out; an error when the service needs what it would have made (`start.py`)
"""

import posixpath
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from culm.deploy.build import files, hosted, installs, pip, python_copies, shell
from culm.deploy.build.context import ImageFile
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.hosted import BuildHost, Job
from culm.deploy.build.plan import Left
from culm.deploy.build.programs import (
    FILES,
    NOTHING,
    OF_THE_BASE,
    TOOLS,
    builds,
    is_python,
    named,
    plain_words,
)
from culm.deploy.build.shell import Command
from culm.deploy.build.stage import BuildStage, Lost

ENGINE_HINT = "start a container engine and use the docker runtime: culm up --runtime docker"
RUNNERS = frozenset({"poetry", "uv", "pipenv", "pdm", "hatch"})
"""`poetry run X` is X in the project's environment."""
DISTRIBUTION_PYTHON = re.compile(
    r"(?:python3?|py3)-(?!pip|venv|dev|setuptools|wheel|distutils|minimal|full|virtualenv|lib2to3|apt|debian|pkg)\w"
)
POETRY_INSTALLER = "install.python-poetry.org"
UV_INSTALLER = "astral.sh/uv"


@dataclass
class RunLine:
    """One RUN line, gone through."""

    stage: BuildStage
    line: int
    text: str
    """As it is shown."""
    file: str
    host: BuildHost
    fail: Callable[[int, str, str], NoReturn]
    active: str | None = None
    folders: dict[tuple[int, ...], str] = field(default_factory=dict)
    """Where each subshell stands."""
    left_out: bool = False
    by_host: bool = False

    @property
    def left(self) -> Left:
        return Left(line=self.line, text=self.text)

    def commands(self, listed: str | Sequence[str]) -> None:
        """The shell form's text, or the exec form's words."""
        if isinstance(listed, str):
            variables = {"HOME": self.stage.home, **self.stage.variables}
            for command in shell.commands(listed, variables, self.exists, self.matching):
                self.command(command)
        elif listed:
            script = (
                listed[2:3] if len(listed) == 3 and named(listed[0]) in ("sh", "bash") and "c" in listed[1] else None
            )
            if script:
                self.commands(script[0])
            else:
                self.command(Command(argv=tuple(listed)))
        if self.left_out and self.left not in self.stage.left:
            self.stage.left.append(self.left)
        if self.by_host and self.left not in self.stage.compiled:
            self.stage.compiled.append(self.left)

    def folder(self, subshell: tuple[int, ...] = ()) -> str:
        for length in range(len(subshell), -1, -1):
            if subshell[:length] in self.folders:
                return self.folders[subshell[:length]]
        return self.stage.workdir

    def matching(self, pattern: str) -> list[str]:
        """The files that a pattern means, relative as it is itself; the pattern where it means none."""
        folder = self.folder()
        paths = files.named_files(self.stage, pattern, folder)
        near = f"{folder.rstrip('/')}/"
        return sorted(p if pattern.startswith("/") else p.removeprefix(near) for p in paths) or [pattern]

    def exists(self, letter: str, path: str) -> bool:
        absolute = self.stage.absolute(path, self.folder())
        known = self.stage.tree.get(absolute)
        if letter == "d":
            return self.stage.is_folder(absolute)
        return known is not None and (letter not in "fs" or known.kind == "file")

    def command(self, command: Command) -> None:
        folder = self.folder(command.subshell)
        command = self.unwrapped(command)
        name = named(command.argv[0])
        if not command.plain:
            self.not_plain(command, folder)
        elif name in ("cd", "pushd"):
            self.folders[command.subshell] = self.stage.absolute(next(iter(command.argv[1:]), self.stage.home), folder)
        elif command.output and self.save(command, folder):
            pass
        elif name in (".", "source") and command.argv[-1].endswith("activate"):
            self.active = self.stage.absolute(command.argv[-1].removesuffix("/activate").removesuffix("/bin"), folder)
        elif not self.python(command, folder) and not self.programs(command, folder):
            self.unknown(command, folder)

    def unwrapped(self, command: Command) -> Command:
        """`exec X`, `env A=1 X`, `sudo X`, `poetry run X` are X."""
        argv = list(command.argv)
        environment = dict(command.environment)
        while len(argv) > 1:
            if argv[0] in ("exec", "sudo", "nice", "command", "time"):
                argv = argv[1:]
            elif named(argv[0]) == "env" and "=" in argv[1]:
                environment[argv[1].partition("=")[0]] = argv[1].partition("=")[2]
                argv = [argv[0], *argv[2:]]
            elif named(argv[0]) == "env" and not argv[1].startswith("-") and environment:
                argv = argv[1:]
            elif named(argv[0]) in RUNNERS and plain_words(argv)[:1] == ["run"]:
                rest = argv[argv.index("run") + 1 :]
                while rest and rest[0].startswith("-"):
                    rest = rest[1:]
                if not rest or not self.into_project(named(argv[0]), command):
                    break
                argv = rest
            else:
                break
        return replace(command, argv=tuple(argv), environment=environment)

    def into_project(self, runner: str, command: Command) -> bool:
        """Whether the project's environment is known; it is then the active one."""
        folder = self.folder(command.subshell)
        path = self.stage.absolute(self.stage.environment.get("UV_PROJECT_ENVIRONMENT", ".venv"), folder)
        if self.stage.place_at(path) is not None:
            self.active = path
            return True
        return runner != "uv" and self.stage.place_at(self.stage.in_use()) is not None

    # Python

    def setting(self, command: Command, folder: str) -> installs.CommandPlace:
        def refuse(why: str) -> NoReturn:
            self.fail(self.line, f"RUN {' '.join(command.argv)}: {why}", ENGINE_HINT)

        return installs.CommandPlace(
            argv=command.argv,
            folder=folder,
            environment={**self.stage.variables, **command.environment},
            active=self.active or self.named_environment(command),
            where=f"{self.file}:{self.line}",
            refuse=refuse,
        )

    def named_environment(self, command: Command) -> str | None:
        named_path = command.environment.get("VIRTUAL_ENV")
        return named_path if named_path and self.stage.place_at(named_path) else None

    def python(self, command: Command, folder: str) -> bool:
        """Whether it was an install of Python's, or a virtual environment."""
        argv, stage = command.argv, self.stage
        name, words = named(argv[0]), plain_words(argv)
        install = installs.Installs(stage, self.setting(command, folder))
        if path := pip.makes_venv(argv):
            sees = "--system-site-packages" in argv
            at = stage.absolute(path, folder)
            if stage.place_at(at) is None:
                stage.fill(at, "environment", None, {})
                stage.places = [replace(p, system_packages=sees) if p.path == at else p for p in stage.places]
        elif name == "uv" and words[:2] in (["pip", "compile"], ["pip", "freeze"], ["pip", "list"], ["pip", "check"]):
            return self.run(command, folder) if "compile" in words else True
        elif (arguments := pip.pip_arguments(argv)) is not None:
            install.pip(arguments)
        elif name == "uv":
            return self.uv(command, folder, install)
        elif name in TOOLS:
            return self.tool(command, folder, install)
        elif (dist := built_into(argv)) is not None:
            install.project_wheel(dist[0], dist[1])
        elif name == "pipx" and words[:1] == ["install"]:
            self.own_environments(words[1:], command, folder)
        else:
            return False
        return True

    def uv(self, command: Command, folder: str, install: installs.Installs) -> bool:
        match plain_words(command.argv)[:2]:
            case ["sync", *_]:
                install.sync()
            case ["build", *_]:
                install.project_wheel(pip.value_of(command.argv[1:], "-o", "--out-dir") or "dist")
            case ["tool", "install"]:
                self.own_environments(plain_words(command.argv)[2:], command, folder)
            case ["export", *_] | ["lock", *_]:
                return self.run(command, folder)
            case ["add" | "remove" | "init" | "run", *_]:
                return False
        return True

    def own_environments(self, requirements: Sequence[str], command: Command, folder: str) -> None:
        """`pipx install X`, `uv tool install X`: programs with an environment of their own, linked to ~/.local/bin."""
        for requirement in requirements:
            self.stage.installers |= pip.pinned([requirement])
            program = re.split(r"[\[=<>@~! ]", requirement)[0]
            at = f"{self.stage.home}/.local/share/tools/{program}"
            install = installs.Installs(self.stage, self.setting(command, folder))
            install.add(at, "environment", ("pip", "install", requirement), {})
            self.link_program(f"{self.stage.home}/.local/bin/{program}", f"{at}/bin/{program}")

    def link_program(self, path: str, to: str) -> None:
        self.stage.add({path: ImageFile(kind="link", mode=0o777, link=to)})

    def tool(self, command: Command, folder: str, install: installs.Installs) -> bool:
        """poetry, pipenv, pdm."""
        argv, name = command.argv, named(command.argv[0])
        words = plain_words(argv)
        match words[:1]:
            case ["install"] | ["sync"]:
                install.tool(name)
            case ["config"] if len(words) >= 3:
                self.stage.options[words[1]] = words[2]
                if words[1] == "python.use_venv" and words[2] in installs.NO:
                    return False
            case ["self"] if words[1:2] == ["add"]:
                self.stage.installers |= pip.pinned(words[2:])
            case ["build"]:
                install.project_wheel("dist")
            case ["export"] | ["lock"] | ["requirements"] | ["version"]:
                plugin = ("poetry-plugin-export",) if name == "poetry" and words[0] == "export" else ()
                own = [v for k, v in self.stage.installers.items() if k.startswith(f"{name}-plugin")]
                wanted = self.stage.installers.get(name) or install.versioned(name)
                return self.run(command, folder, (wanted, *dict.fromkeys([*own, *plugin])))
            case ["run"] | ["add"] | ["script"]:
                return False
        return True

    # Programs

    def programs(self, command: Command, folder: str) -> bool:
        """Whether it was done, or need not be."""
        argv, stage = command.argv, self.stage
        name = named(argv[0])
        if name in FILES:
            return self.change_files(command, folder)
        if name in NOTHING and not command.output:
            return True
        if name in ("sh", "bash") and stage.options.get(UV_INSTALLER) in [stage.absolute(w, folder) for w in argv[1:2]]:
            self.bring_uv()
            return True
        if name in ("conda", "mamba", "micromamba"):
            self.fail(self.line, f"RUN {' '.join(argv)}: conda's environments need a container engine", ENGINE_HINT)
        if name == "go" and plain_words(argv)[:1] == ["build"]:
            return self.go(command, folder)
        if name == "go" and not builds(argv):
            self.left_out = True
            return True
        if hosted.is_node(argv):
            return self.node(command, folder)
        if is_python(name):
            return self.python_program(command, folder)
        if self.of_a_prefix(argv[0], folder) or self.has_python_header(argv[0], folder):
            return self.run(command, folder)
        if name in OF_THE_BASE:
            return self.of_the_base(command)
        if hosted.text_tool(stage, argv, folder) and self.host.has(name):
            return self.run(command, folder)
        return False

    def of_the_base(self, command: Command) -> bool:
        self.left_out = True
        packages = [w for w in plain_words(command.argv)[1:] if DISTRIBUTION_PYTHON.match(w)]
        if packages and ("install" in command.argv or "add" in command.argv):
            left = Left(line=self.line, text=f"RUN {' '.join(command.argv)}")
            self.stage.lost.append(Lost(left=left, path=f"python:{packages[0]}"))
        if named(command.argv[0]) == "xargs" and "pip" in {named(word) for word in command.argv[1:]}:
            self.fail(self.line, f"RUN {' '.join(command.argv)}: installs what only running it could tell", ENGINE_HINT)
        return True

    def change_files(self, command: Command, folder: str) -> bool:
        if named(command.argv[0]) in ("sed", "tee"):
            if hosted.text_tool(self.stage, command.argv, folder) and named(command.argv[0]) == "sed":
                return self.run(command, folder)
            self.left_out = True
            return not self.touches_the_image(command, folder)
        match files.do(self.stage, command, folder):
            case files.CANNOT:
                return False
            case files.NOT_HERE:
                self.left_out = True
        return True

    def save(self, command: Command, folder: str) -> bool:
        """`X > FILE`: whether the file could be made."""
        path = self.stage.absolute(command.output, folder)
        content = files.written(self.stage, command, folder)
        if content is not None:
            of_the_base = path.startswith("/etc/") and command.append and path not in self.stage.tree
            if of_the_base:
                self.left_out = True
            else:
                files.save(self.stage, path, content, append=command.append)
            return True
        return False

    def python_program(self, command: Command, folder: str) -> bool:
        words = command.argv[1:]
        if words[:2] in (("-m", "compileall"), ("-m", "ensurepip"), ("-m", "site")) or words[:1] in (
            ("--version",),
            ("-V",),
        ):
            return True
        return self.run(command, folder)

    def of_a_prefix(self, program: str, folder: str) -> bool:
        """Whether a Python prefix has this program; it is made to find out."""
        if "/" in program:
            place = self.stage.place_of(self.stage.absolute(program, folder))
            return place is not None
        if program in OF_THE_BASE or program in NOTHING or builds((program,)):
            return False
        return any(
            program in (self.host.programs(place.contents) or ())
            for place in self.stage.places
            if place.contents.steps and place.part in ("environment", "prefix")
        )

    def has_python_header(self, program: str, folder: str) -> bool:
        file = self.stage.tree.get(self.stage.absolute(program, folder)) if "/" in program else None
        return file is not None and file.kind == "file" and re.match(rb"#!.*python", file.data()[:80]) is not None

    def node(self, command: Command, folder: str) -> bool:
        argv = hosted.node(self.stage, command.argv, self.host)
        if argv is None:
            return False
        if not argv:
            return True
        if manager := hosted.missing_manager(self.stage, argv[0], folder, self.host):
            self.run(replace(command, argv=("npm", "install", "--global", "--prefix", "/usr/local", manager)), folder)
        return self.run(replace(command, argv=argv), folder)

    def go(self, command: Command, folder: str) -> bool:
        """Compiled here, where there is a compiler; else left out, as every other build."""
        of_go = {k: v for k, v in self.stage.variables.items() if k.startswith(("GO", "CGO_")) and k != "GOPATH"}
        build = GoBuild(
            where=f"{self.file}:{self.line}: {self.text}",
            argv=command.argv,
            environment={**of_go, **command.environment},
            folder=folder,
            tree=self.stage.tree,
        )
        program = self.host.compile(build) if build.output is not None else None
        if program is None or build.output is None:
            return False
        self.stage.add({self.stage.absolute(build.output, folder): program})
        self.by_host = True
        return True

    def run(self, command: Command, folder: str, tool: tuple[str, ...] = ()) -> bool:
        """By this machine's programs, in a copy of the files."""
        stage = self.stage
        path = stage.variables["PATH"]
        if self.active:
            path = f"{self.active}/bin:{path}"
        places = () if hosted.is_node(command.argv) else tuple(stage.python_places())
        result = self.host.run(
            Job(
                where=f"{self.file}:{self.line}: RUN {' '.join(command.argv)}",
                argv=command.argv,
                environment={**stage.variables, **command.environment, "PATH": path},
                folder=folder,
                tree=dict(stage.tree),
                places=places,
                output=stage.absolute(command.output, folder) if command.output else "",
                append=command.append,
                tool=tool,
            )
        )
        stage.remove(result.gone)
        stage.add(dict(result.changed))
        self.by_host = True
        return True

    # What is left out

    def not_plain(self, command: Command, folder: str) -> None:
        """A pipe, a substitution, a loop."""
        argv, pipeline = command.argv, command.pipeline
        if any(POETRY_INSTALLER in word for words in pipeline for word in words):
            self.installed_by_script("poetry", command, folder)
            return
        if any(UV_INSTALLER in word for words in pipeline for word in words):
            self.bring_uv()
            return
        if len(pipeline) == 2 and named(pipeline[1][0]) == "tee" and argv == pipeline[1]:
            source = replace(command, argv=pipeline[0], output=plain_words(pipeline[1])[0], append="-a" in pipeline[1])
            if self.save(source, folder):
                return
        if len(pipeline) == 2 and argv == pipeline[0] and named(pipeline[1][0]) == "tee" and named(argv[0]) in NOTHING:
            return
        words = [word for each in (pipeline or (argv,)) for word in each]
        if any(re.fullmatch(r"pip[\d.]*", named(word)) for word in words) and "install" in words:
            line = " | ".join(" ".join(each) for each in pipeline or (argv,))
            what = f"RUN {line}: what it installs only running it could tell"
            self.fail(self.line, what, f"name it plainly; or {ENGINE_HINT}")
        if named(argv[0]) in NOTHING and not command.output:
            return
        self.unknown(command, folder)

    def bring_uv(self) -> None:
        """uv's own installer: uv is there for installs anyway, and is placed when the service starts with it."""
        folder = f"{self.stage.home}/.local/bin/"
        python_copies.from_image(self.stage, python_copies.UV, ["/uv"], folder, f"{self.file}:{self.line}")

    def installed_by_script(self, name: str, command: Command, folder: str) -> None:
        """`curl ... | python3 -` of poetry."""
        home = self.stage.environment.get("POETRY_HOME") or f"{self.stage.home}/.local/share/pypoetry"
        at = f"{home}/venv"
        if self.stage.place_at(at) is None:
            install = installs.Installs(self.stage, self.setting(command, folder))
            install.add(at, "environment", ("pip", "install", install.versioned(name)), {})
            self.link_program(f"{home}/bin/{name}", f"{at}/bin/{name}")
            if "POETRY_HOME" not in self.stage.environment:
                self.link_program(f"{self.stage.home}/.local/bin/{name}", f"{at}/bin/{name}")

    def unknown(self, command: Command, folder: str) -> None:
        """Not done: remembered with the place where its results would be."""
        self.left_out = True
        words = " | ".join(" ".join(argv) for argv in command.pipeline or (command.argv,))
        left = Left(line=self.line, text=f"RUN {words}")
        if builds(command.argv) or hosted.is_node(command.argv):
            self.stage.builds.append(left)
        output = output_of(command)
        if output:
            self.stage.lost.append(Lost(left=left, path=self.stage.absolute(output, folder)))
        elif named(command.argv[0]) in OF_THE_BASE:
            return
        elif (
            named(command.argv[0]) in FILES
            or builds(command.argv)
            or hosted.is_node(command.argv)
            or self.touches_the_image(command, folder)
        ):
            self.stage.lost.append(Lost(left=left, path=folder))

    def touches_the_image(self, command: Command, folder: str) -> bool:
        """Whether it names a file that the image was given."""
        words = [word for each in (command.pipeline or (command.argv,)) for word in each]
        return any(
            path in self.stage.tree and path not in ("/",)
            for word in words
            if (path := self.stage.absolute(word, folder))
            and (word.startswith((".", "/")) or posixpath.splitext(word)[1])
        )


def output_of(command: Command) -> str:
    """The file or folder that a download or an archive is put into, where the command says so."""
    if command.output:
        return command.output
    name = named(command.argv[0])
    words = list(command.argv[1:])
    flags = {
        "curl": ("-o", "--output"),
        "wget": ("-O", "--output-document"),
        "tar": ("-C", "--directory"),
        "unzip": ("-d",),
        "go": ("-o",),
    }
    for index, word in enumerate(words):
        for flag in flags.get(name, ()):
            if word == flag or (len(flag) == 2 and re.fullmatch(rf"-[A-Za-z]*{flag[1]}", word)):
                return words[index + 1] if index + 1 < len(words) else ""
            if word.startswith(f"{flag}=") or (word.startswith(flag) and len(flag) == 2 and len(word) > 2):
                return word.removeprefix(flag).removeprefix("=")
    if name == "git" and "clone" in words:
        return next((w for w in reversed(words) if not w.startswith("-") and "://" not in w and w != "clone"), "")
    return ""


def built_into(argv: Sequence[str]) -> tuple[str, str] | None:
    """Where `python -m build` and its like put a project's wheel, and which project's: `("dist", ".")`."""
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
