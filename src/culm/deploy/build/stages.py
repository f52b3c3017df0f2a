"""A Dockerfile gone through by a host: what it copies and sets is done, Python installs become virtual environments.

What is left out is listed; what the service cannot do without is an error that names the line. Reads no file itself.
"""

import json
import posixpath
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NoReturn

from culm.deploy.build import shell
from culm.deploy.build.context import Context, File
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.plan import VENVS_LABEL, Left, Plan, Venv
from culm.deploy.build.stage import Stage, select
from culm.deploy.build.start import cannot_start
from culm.errors import CulmError
from culm.project.dockerfile import Instruction, assignments, expand, words

ENGINE_HINT = "start a container engine and use the docker runtime: culm up --runtime docker"
SECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
"""Go's units of time, in nanoseconds."""


Compile = Callable[[GoBuild], File | None]
"""Makes the program; None where there is no compiler."""


def hint_for(problem: str) -> str:
    return f"install Go, to compile it here; or {ENGINE_HINT}" if problem.startswith("RUN go build") else ENGINE_HINT


def no_compiler(build: GoBuild) -> File | None:
    return None


def plan(
    file: str,
    instructions: list[Instruction],
    context: Context,
    args: Mapping[str, str],
    host_has: Callable[[str], bool],
    compile: Compile = no_compiler,
) -> Plan:
    """The image that a host can make of it. `file` is for messages; `host_has` tells whether a program is there."""
    walk = Walk(file, instructions, context, args, compile)
    stage = walk.stage(walk.last)
    if (lost := cannot_start(stage, host_has)) is not None:
        walk.fail(lost.line, lost.text, hint_for(lost.text))
    labels = dict(stage.labels)
    if stage.venvs:
        described = [venv.described() for venv in stage.venvs.values()]
        labels[VENVS_LABEL] = json.dumps(described, sort_keys=True, separators=(",", ":"))
    config: dict[str, Any] = {
        "Env": [f"{name}={value}" for name, value in stage.environment.items()],
        "Entrypoint": list(stage.entrypoint),
        "Cmd": list(stage.command),
        "WorkingDir": stage.workdir,
        "Labels": labels,
        "ExposedPorts": {port: {} for port in stage.exposed},
        "Volumes": {path: {} for path in stage.volumes},
        **stage.settings,
    }
    return Plan(
        layers=tuple(stage.layers),
        config={key: value for key, value in config.items() if value},
        left=tuple(stage.left),
        compiled=tuple(stage.compiled),
    )


class Walk:
    """Through the stages that the last one needs, each once."""

    def __init__(
        self,
        file: str,
        instructions: list[Instruction],
        context: Context,
        args: Mapping[str, str],
        compile: Compile,
    ) -> None:
        self.file = file
        self.compile = compile
        self.context = context
        self.args = args
        self.globals: dict[str, str] = {}
        self.parts: list[list[Instruction]] = []
        self.names: dict[str, int] = {}
        self.done: dict[int, Stage] = {}
        for instruction in instructions:
            if instruction.keyword == "FROM":
                if match := re.search(r"\s[Aa][Ss]\s+(\S+)$", instruction.rest):
                    self.names[match[1].lower()] = len(self.parts)
                self.parts.append([instruction])
            elif self.parts:
                self.parts[-1].append(instruction)
            elif instruction.keyword == "ARG":
                self.globals |= declared(instruction.rest, args, self.globals)
        self.last = len(self.parts) - 1

    def fail(self, line: int, problem: str, hint: str) -> NoReturn:
        raise CulmError(f"{self.file}:{line}: {problem}", hint)

    def stage(self, index: int) -> Stage:
        if index not in self.done:
            begin, *rest = self.parts[index]
            base = expand(words(begin.rest)[0], self.globals)
            earlier = self.names.get(base.lower())
            stage = Stage(base=base) if earlier is None or earlier >= index else self.stage(earlier).copied()
            for instruction in rest:
                self.apply(stage, instruction, index)
            self.done[index] = stage
        return self.done[index]

    def apply(self, stage: Stage, one: Instruction, index: int) -> None:
        rest = expand(one.rest, stage.variables)
        match one.keyword:
            case "ARG":
                stage.arguments |= declared(one.rest, self.args, {**stage.variables, **self.globals}, self.globals)
            case "ENV":
                known = stage.variables
                stage.environment |= {k: expand(v, known) for k, v in assignments(one.rest).items()}
            case "LABEL":
                stage.labels |= assignments(rest)
            case "WORKDIR":
                stage.workdir = stage.absolute(rest)
                if not stage.is_folder(stage.workdir):
                    stage.add({stage.workdir: File(kind="folder")})
            case "USER":
                stage.settings["User"] = rest
            case "STOPSIGNAL":
                stage.settings["StopSignal"] = rest
            case "EXPOSE":
                stage.exposed += [port if "/" in port else f"{port}/tcp" for port in words(rest)]
            case "VOLUME":
                stage.volumes += replace(one, rest=rest).form or words(rest)
            case "SHELL":
                stage.shell = tuple(one.form or ())
            case "HEALTHCHECK":
                stage.settings["Healthcheck"] = health_check(one)
            case "ENTRYPOINT":
                stage.entrypoint, stage.command, stage.started_at = start(stage, one), (), one.line
            case "CMD":
                stage.command, stage.started_at = start(stage, one), one.line
            case "COPY" | "ADD":
                self.copy(stage, one, rest, index)
            case "RUN":
                self.run(stage, one)

    def copy(self, stage: Stage, one: Instruction, rest: str, index: int) -> None:
        *sources, destination = replace(one, rest=rest).form or words(rest) or [""]
        if one.heredoc:
            self.fail(one.line, f"{one.keyword} of a here-document needs a container engine", ENGINE_HINT)
        if not sources:
            self.fail(one.line, f"{one.keyword} names no source", "COPY source destination")
        origin = one.flag("from")
        if origin is not None:
            origin = expand(origin, {**self.globals, **stage.variables})
            number = int(origin) if origin.isdecimal() else self.names.get(origin.lower())
            if number is None or number >= index:
                stage.left.append(Left(line=one.line, text=shown(one)))  # another image: `uv` itself, mostly
                return
            self.copy_stage(stage, one, self.stage(number), sources, destination)
            return
        into = destination.endswith("/") or destination in (".", "..") or len(sources) > 1
        target = stage.absolute(destination)
        files: dict[str, File] = {}
        for source in sources:
            if one.keyword == "ADD" and re.match(r"https?://|git@|.*\.(tar|tgz|tar\.\w+)$", source):
                self.fail(one.line, f"ADD {source} needs a container engine", ENGINE_HINT)
            wanted = posixpath.normpath("/" + source).lstrip("/")
            found = [""] if not wanted else select(self.context.files, wanted)
            if not found:
                hint = "is the name right? does .dockerignore hide it?"
                self.fail(one.line, f"{one.keyword} names {source}, which is not in {self.context.folder}", hint)
            for path in found:
                files |= placed(
                    self.context.files, path, target, into=into or len(found) > 1 or stage.is_folder(target)
                )
        mode = one.flag("chmod")
        if mode and re.fullmatch(r"[0-7]{3,4}", mode):
            files = {p: replace(f, mode=int(mode, 8)) if f.kind == "file" else f for p, f in files.items()}
        stage.add(files)

    def copy_stage(self, stage: Stage, one: Instruction, origin: Stage, sources: list[str], destination: str) -> None:
        """COPY --from: files that the other stage was given, and virtual environments that it makes."""
        target = stage.absolute(destination)
        into = destination.endswith("/") or len(sources) > 1
        for source in sources:
            path = origin.absolute(source, "/")
            for venv in origin.venvs.values():
                if venv.path == path or venv.path.startswith(path.rstrip("/") + "/"):
                    moved = target + venv.path[len(path) :] if path != "/" else venv.path
                    stage.venvs[moved] = replace(venv, path=moved)
                    self.bring_inputs(stage, origin, venv)
            inside = any(path.startswith(venv.path + "/") for venv in origin.venvs.values())
            found = [] if inside else origin.matching(source)
            files: dict[str, File] = {}
            for match in found:
                files |= placed(origin.tree, match, target, into=into or len(found) > 1 or stage.is_folder(target))
            stage.add(files)
            if not found and not inside and path not in origin.venvs:
                if origin.builds:
                    culprit = origin.builds[-1]
                    problem = f"{culprit.text}: needs a container engine; line {one.line} copies {source} from it"
                    self.fail(culprit.line, problem, hint_for(culprit.text))
                stage.left.append(Left(line=one.line, text=shown(one)))
        stage.left += [left for left in origin.left if left not in stage.left]
        stage.compiled += [one for one in origin.compiled if one not in stage.compiled]

    def bring_inputs(self, stage: Stage, origin: Stage, venv: Venv) -> None:
        """A virtual environment is made in the image that has it: what its steps read goes there too."""
        stage.add({"/" + path: origin.tree["/" + path] for path in venv.inputs if "/" + path not in stage.tree})

    def run(self, stage: Stage, one: Instruction) -> None:
        """RUN: Python installs, folders and modes are done; the rest is left out."""
        left = Left(line=one.line, text=shown(one))
        if one.heredoc:
            stage.left.append(left)
            return
        self.mounts(stage, one)
        form = one.form
        parts = [shell.Command(argv=tuple(form))] if form else shell.commands(one.rest, stage.variables)
        folder = stage.workdir
        active: str | None = None
        for part in parts:
            argv = part.argv
            match shell.kind(part):
                case "change-folder":
                    folder = stage.absolute(argv[1] if len(argv) > 1 else "/root", folder)
                case "activate":
                    active = stage.absolute(argv[-1].removesuffix("/bin/activate"), folder)
                case "venv":
                    path = stage.absolute(shell.makes_venv(argv) or ".venv", folder)
                    stage.venvs.setdefault(path, Venv(path=path, python=stage.python, inputs={}, cwd=folder))
                case "install":
                    path = environment_of(stage, argv, active, folder)
                    reads = shell.pip_inputs(shell.pip_arguments(argv) or ())
                    stage.step(path, argv, stage.digests(stage.absolute(read, folder) for read in reads), folder)
                case "sync":
                    chosen = stage.environment.get("UV_PROJECT_ENVIRONMENT", ".venv")
                    stage.step(stage.absolute(chosen, folder), argv, sync_inputs(stage, argv, folder), folder)
                case "folder":
                    made = {stage.absolute(word, folder): File(kind="folder") for word in operands(argv)}
                    stage.add({path: file for path, file in made.items() if not stage.is_folder(path)})
                case "mode":
                    stage.add(with_mode(stage, argv, folder))
                case "go":
                    self.go(stage, part, folder, left)
                case "build":
                    stage.builds.append(Left(line=one.line, text=f"RUN {' '.join(argv)}"))
                    stage.left.append(left)
                case "skip":
                    stage.left.append(left)
        stage.left = list(dict.fromkeys(stage.left))

    def go(self, stage: Stage, part: shell.Command, folder: str, left: Left) -> None:
        """Compiled here, where there is a compiler; else left out, as every other build."""
        of_go = {k: v for k, v in stage.variables.items() if k.startswith(("GO", "CGO_")) and k != "GOPATH"}
        build = GoBuild(
            where=f"{self.file}:{left.line}: {left.text}",
            argv=part.argv,
            environment={**of_go, **part.environment},
            folder=folder,
            tree=stage.tree,
        )
        program = self.compile(build) if build.output is not None else None
        if program is None or build.output is None:
            stage.builds.append(Left(line=left.line, text=f"RUN {' '.join(part.argv)}"))
            stage.left.append(left)
            return
        stage.add({stage.absolute(build.output, folder): program})
        stage.compiled.append(left)

    def mounts(self, stage: Stage, one: Instruction) -> None:
        """Files that `--mount=type=bind` shows to a RUN: its virtual environment is made later, so they come along."""
        for name, value in one.flags:
            options = dict(part.partition("=")[::2] for part in value.split(","))
            if name != "mount" or options.get("type", "bind") != "bind" or "from" in options:
                continue
            target = stage.absolute(options.get("target") or options.get("dst") or options.get("destination") or "")
            source = posixpath.normpath("/" + (options.get("source") or options.get("src") or "")).lstrip("/")
            stage.add(placed(self.context.files, source, target, into=False))


def declared(
    rest: str, args: Mapping[str, str], known: Mapping[str, str], fallback: Mapping[str, str] | None = None
) -> dict[str, str]:
    """What an ARG sets: the caller's value, else its default, else the one from before the first FROM."""
    found: dict[str, str] = {}
    for word in words(rest):
        name, has_default, default = word.partition("=")
        if name in args:
            found[name] = args[name]
        elif has_default:
            found[name] = expand(default, known)
        elif fallback and name in fallback:
            found[name] = fallback[name]
    return found


def placed(files: Mapping[str, File], source: str, target: str, *, into: bool) -> dict[str, File]:
    """A source's files at their destination: a folder's contents, or a file under its own or a new name."""
    origin = files.get(source)
    if origin is not None and origin.kind != "folder":
        return {posixpath.join(target, posixpath.basename(source)) if into else target: origin}
    prefix = source.rstrip("/") + "/" if source else ""
    below = {posixpath.join(target, path[len(prefix) :]): f for path, f in files.items() if path.startswith(prefix)}
    return ({} if target == "/" else {target: origin or File(kind="folder")}) | below


def environment_of(stage: Stage, argv: tuple[str, ...], active: str | None, folder: str) -> str:
    """The virtual environment that an install goes to."""
    program = stage.absolute(argv[0], folder) if "/" in argv[0] else ""
    for index, word in enumerate(argv[:-1]):
        if word in ("--python", "-p"):
            program = stage.absolute(argv[index + 1], folder)
    for path in stage.venvs:
        if program == path or program.startswith(path + "/"):
            return path
    return active or stage.in_use()


def sync_inputs(stage: Stage, argv: tuple[str, ...], folder: str) -> dict[str, str]:
    """`uv sync` reads the project and its lock; without --no-install-project, the project's source too."""
    if "--no-install-project" in argv or "--no-install-workspace" in argv:
        names = ("pyproject.toml", "uv.lock", ".python-version", "README.md")
        return stage.digests(stage.absolute(name, folder) for name in names)
    return stage.digests([folder])


def with_mode(stage: Stage, argv: tuple[str, ...], folder: str) -> dict[str, File]:
    """`chmod 755 FILE`, `chmod +x FILE`."""
    mode, *targets = operands(argv) or [""]
    changed: dict[str, File] = {}
    for target in targets:
        for path in select(stage.tree, stage.absolute(target, folder)):
            file = stage.tree[path]
            if re.fullmatch(r"[0-7]{3,4}", mode):
                changed[path] = replace(file, mode=int(mode, 8))
            elif re.fullmatch(r"[ugoa]*\+r?x", mode):
                changed[path] = replace(file, mode=file.mode | 0o111)
    return changed


def operands(argv: tuple[str, ...]) -> list[str]:
    return [word for word in argv[1:] if not word.startswith("-")]


def start(stage: Stage, one: Instruction) -> tuple[str, ...]:
    form = one.form
    return tuple(form) if form is not None else (*stage.shell, one.rest)


def health_check(one: Instruction) -> dict[str, Any]:
    """Docker's own shape; times in nanoseconds. https://docs.docker.com/reference/dockerfile/#healthcheck"""
    if one.rest.upper() == "NONE":
        return {"Test": ["NONE"]}
    inner = replace(one, rest=one.rest.partition(" ")[2].strip())
    form = inner.form
    check: dict[str, Any] = {"Test": ["CMD", *form] if form else ["CMD-SHELL", inner.rest]}
    for flag, key in {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}.items():
        if value := one.flag(flag):
            check[key] = sum(int(float(n) * SECONDS[u]) for n, u in re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", value))
    if retries := one.flag("retries"):
        check["Retries"] = int(retries)
    return check


def shown(one: Instruction) -> str:
    text = f"{one.keyword} {one.rest}"
    return text if len(text) <= 90 else text[:87] + "..."
