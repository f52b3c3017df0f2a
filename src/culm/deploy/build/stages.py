"""A Dockerfile gone through by a host: what it copies and sets is done, RUN lines as far as a host can (`run.py`).

What is left out is listed; what the service cannot do without is an error that names the line. Effects are the host's.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from culm.deploy.build import hosted, python_copies
from culm.deploy.build.context import Context, ImageFile, made
from culm.deploy.build.hosted import BuildHost
from culm.deploy.build.plan import INPUTS, Contents, ImagePlan, Left
from culm.deploy.build.programs import SERVERS
from culm.deploy.build.run import ENGINE_HINT, UV_INSTALLER, RunLine, carry_out
from culm.deploy.build.stage import BuildStage, select
from culm.deploy.build.start import ABSENT, INITS, cannot_start, needs_python, without_init
from culm.errors import CulmError
from culm.prefixes import official
from culm.prefixes.label import LABEL, Description, Placement, Prefix, written
from culm.project.dockerfile import Instruction, assignments, expand, words

SECONDS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
"""Go's units of time, in nanoseconds."""


def hint_for(problem: str) -> str:
    """Return what to try for a line that cannot be done on this machine."""
    if ABSENT in problem:
        return (
            f"is it spelled as the Dockerfile brings it, and is WORKDIR right? if the base image has it, {ENGINE_HINT}"
        )
    if "RUN go " in problem:
        return f"install Go, to compile it here; or {ENGINE_HINT}"
    if re.search(r"RUN (npm|npx|yarn|pnpm|node|corepack)\b", problem):
        return f"install Node.js, to do it here; or {ENGINE_HINT}"
    return ENGINE_HINT


def plan(
    file: str, instructions: list[Instruction], context: Context, args: Mapping[str, str], host: BuildHost
) -> ImagePlan:
    """Return the image that a host can make of it. `file` is for messages."""
    walk = Walk(file, instructions, context, args, host)
    stage = walk.stage(walk.last)
    if init := without_init(stage, host):
        left = Left(line=stage.started_at, text=f"{' '.join(init)}: culm's own supervisor does it")
        stage.left.append(left)
    if manager := hosted.started_manager(stage, host):
        line = RunLine(
            stage=stage, line=stage.started_at, text=f"starts with {manager}", file=file, host=host, fail=walk.fail
        )
        carry_out(line, ("npm", "install", "--global", manager))
    if (lost := cannot_start(stage, host)) is not None:
        walk.fail(lost.line, lost.text, hint_for(lost.text))
    description, contents = described(stage, host)
    labels = dict(stage.labels)
    if description.placements:
        labels[LABEL] = written(description)
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
    return ImagePlan(
        layers=(*stage.layers, *inputs_of(contents)),
        config={key: value for key, value in config.items() if value},
        left=tuple(dict.fromkeys(stage.left)),
        compiled=tuple(dict.fromkeys(stage.compiled)),
        description=description,
        contents=contents,
    )


def described(stage: BuildStage, host: BuildHost) -> tuple[Description, dict[str, Contents]]:
    """Return the image's prefixes: what the Dockerfile filled, and the base image's Python where something runs it."""
    places = stage.python_places() if stage.places or needs_python(stage, host) else []
    contents = {place.contents.key: place.contents for place in places}
    prefixes = [
        Prefix(
            key=key,
            python=instruction.python,
            steps=instruction.steps,
            inputs=f"{INPUTS}/{key[:16]}" if instruction.inputs else "",
        )
        for key, instruction in contents.items()
    ]
    placements = [
        Placement(key=p.contents.key, path=p.path, part=p.part, system_packages=p.system_packages) for p in places
    ]
    return Description(prefixes=tuple(prefixes), placements=tuple(placements)), contents


def inputs_of(contents: Mapping[str, Contents]) -> list[dict[str, ImageFile]]:
    """Return the layers with what the prefixes are made from."""
    return [
        {f"{INPUTS}/{key[:16]}{path}": file for path, file in each.inputs.items()}
        for key, each in contents.items()
        if each.inputs
    ]


class Walk:
    """Through the stages that the last one needs, each once."""

    def __init__(
        self,
        file: str,
        instructions: list[Instruction],
        context: Context,
        args: Mapping[str, str],
        host: BuildHost,
    ) -> None:
        self.file = file
        self.host = host
        self.context = context
        self.args = args
        self.globals: dict[str, str] = {}
        self.parts: list[list[Instruction]] = []
        self.names: dict[str, int] = {}
        self.done: dict[int, BuildStage] = {}
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
        """Raise CulmError with the file and the line."""
        raise CulmError(f"{self.file}:{line}: {problem}", hint)

    def stage(self, index: int) -> BuildStage:
        """Return the stage, built with those that it needs; each is built once."""
        if index not in self.done:
            begin, *rest = self.parts[index]
            base = expand(words(begin.rest)[0], self.globals)
            earlier = self.names.get(base.lower())
            stage = (
                self.from_image(base, begin) if earlier is None or earlier >= index else self.stage(earlier).copied()
            )
            for instruction in rest:
                self.apply(stage, instruction, index)
            self.done[index] = stage
        return self.done[index]

    def from_image(self, base: str, begin: Instruction) -> BuildStage:
        """Return a stage with what is known of its base image, which is not looked at."""
        if re.search(r"(^|/)lambda/", base):
            problem = f"FROM {base}: what starts functions is in that image, which a host does not have"
            self.fail(begin.line, problem, ENGINE_HINT)
        stage = BuildStage(base=base, from_line=begin.line)
        name = posixpath.basename(base).partition(":")[0].partition("@")[0]
        if "distroless/python3" in base:
            stage.entrypoint, stage.started_at = ("/usr/bin/python3",), begin.line
        if "distroless/nodejs" in base:
            stage.entrypoint, stage.started_at = ("node",), begin.line
        stage.brings_server = name in SERVERS
        stage.environment |= official.environment(base)
        python_copies.from_image(stage, base, ["/uv"], "/usr/local/bin/", f"{self.file}:{begin.line}")
        return stage

    def apply(self, stage: BuildStage, instruction: Instruction, index: int) -> None:
        """Apply an instruction to the stage. Raises CulmError with the Dockerfile's line."""
        rest = expand(instruction.rest, stage.variables)
        match instruction.keyword:
            case "ARG":
                stage.arguments |= declared(
                    instruction.rest, self.args, {**stage.variables, **self.globals}, self.globals
                )
            case "ENV":
                stage.environment |= assignments(instruction.rest, stage.variables, instruction.escape)
            case "LABEL":
                stage.labels |= assignments(rest)
            case "WORKDIR":
                stage.workdir = stage.absolute(rest)
                if not stage.is_folder(stage.workdir):
                    stage.add({stage.workdir: ImageFile(kind="folder")})
            case "USER":
                stage.settings["User"] = rest
            case "STOPSIGNAL":
                stage.settings["StopSignal"] = rest
            case "EXPOSE":
                stage.exposed += [port if "/" in port else f"{port}/tcp" for port in words(rest)]
            case "VOLUME":
                stage.volumes += replace(instruction, rest=rest).form or words(rest)
            case "SHELL":
                stage.shell = tuple(instruction.form or ())
            case "HEALTHCHECK":
                stage.settings["Healthcheck"] = health_check(instruction)
            case "ENTRYPOINT":
                stage.entrypoint, stage.command, stage.started_at = start(stage, instruction), (), instruction.line
            case "CMD":
                stage.command, stage.started_at = start(stage, instruction), instruction.line
            case "COPY" | "ADD":
                self.copy(stage, instruction, rest, index)
            case "RUN":
                self.run(stage, instruction)

    def copy(self, stage: BuildStage, instruction: Instruction, rest: str, index: int) -> None:
        """Apply COPY or ADD: from the folder, a stage, an image or a here-document. Raises CulmError."""
        *sources, destination = replace(instruction, rest=rest).form or words(rest) or [""]
        documents = {document.name: document for document in instruction.documents}
        if not sources:
            self.fail(instruction.line, f"{instruction.keyword} names no source", "COPY source destination")
        origin = instruction.flag("from")
        if origin is not None:
            origin = expand(origin, {**self.globals, **stage.variables})
            number = int(origin) if origin.isdecimal() else self.names.get(origin.lower())
            if number is None or number >= index:
                stage.left.append(
                    Left(line=instruction.line, text=shown(instruction))
                )  # another image: `uv` itself, mostly
                python_copies.from_image(stage, origin, sources, destination, f"{self.file}:{instruction.line}")
                return
            self.copy_stage(stage, instruction, self.stage(number), sources, destination)
            return
        into = destination.endswith("/") or destination in (".", "..") or len(sources) > 1
        target = stage.absolute(destination)
        files: dict[str, ImageFile] = {}
        for source in sources:
            if (document := documents.get(re.sub(r"^\d*<<-?", "", source))) is not None and "<<" in source:
                text = expand(document.content, stage.variables) if document.expand else document.content
                path = posixpath.join(target, document.name) if into or stage.is_folder(target) else target
                files[path] = made(text.encode(errors="surrogateescape"))
                continue
            if instruction.keyword == "ADD" and re.match(r"https?://|git@|.*\.(tar|tgz|tar\.\w+)$", source):
                if UV_INSTALLER in source:
                    stage.options[UV_INSTALLER] = target
                    stage.left.append(Left(line=instruction.line, text=shown(instruction)))
                    continue
                if any(posixpath.basename(source).startswith(name) for name in INITS):
                    stage.left.append(Left(line=instruction.line, text=shown(instruction)))
                    continue
                self.fail(instruction.line, f"ADD {source} needs a container engine", ENGINE_HINT)
            wanted = posixpath.normpath("/" + source).lstrip("/")
            matches = [""] if not wanted else select(self.context.files, wanted)
            if not matches and re.search(r"[*?\[]", wanted):
                continue  # BuildKit, too, lets a pattern match nothing
            if not matches:
                hint = "is the name right? does .dockerignore hide it?"
                self.fail(
                    instruction.line,
                    f"{instruction.keyword} names {source}, which is not in {self.context.folder}",
                    hint,
                )
            for path in matches:
                files |= placed(
                    self.context.files, path, target, into=into or len(matches) > 1 or stage.is_folder(target)
                )
        mode = instruction.flag("chmod")
        if mode and re.fullmatch(r"[0-7]{3,4}", mode):
            files = {p: replace(f, mode=int(mode, 8)) if f.kind == "file" else f for p, f in files.items()}
        stage.add(files)

    def copy_stage(
        self, stage: BuildStage, instruction: Instruction, origin: BuildStage, sources: list[str], destination: str
    ) -> None:
        """Copy files that the other stage has, and the Python prefixes that it fills, for COPY --from."""
        target = stage.absolute(destination)
        into = destination.endswith("/") or len(sources) > 1
        for source in sources:
            path = origin.absolute(source, "/")
            copied = python_copies.from_stage(stage, origin, path, target, into=into or stage.is_folder(target))
            if copied == python_copies.A_PART:
                self.fail(
                    instruction.line,
                    f"{shown(instruction)}: a part of a Python prefix can only be copied whole",
                    ENGINE_HINT,
                )
            for lost in origin.lost:
                if overlap(path, lost.path):
                    problem = (
                        f"{lost.left.text}: needs a container engine; line {instruction.line} copies {source} from it"
                    )
                    self.fail(lost.left.line, problem, lost.hint or hint_for(lost.left.text))
            matches = origin.matching(source)
            files: dict[str, ImageFile] = {}
            for match in matches:
                files |= placed(origin.tree, match, target, into=into or len(matches) > 1 or stage.is_folder(target))
            stage.add(files)
            if not matches and copied == python_copies.NOTHING:
                if origin.builds:
                    culprit = origin.builds[-1]
                    problem = (
                        f"{culprit.text}: needs a container engine; line {instruction.line} copies {source} from it"
                    )
                    self.fail(culprit.line, problem, hint_for(culprit.text))
                stage.left.append(Left(line=instruction.line, text=shown(instruction)))
        stage.installers |= origin.installers
        stage.left += [left for left in origin.left if left not in stage.left]
        stage.compiled += [instruction for instruction in origin.compiled if instruction not in stage.compiled]

    def run(self, stage: BuildStage, instruction: Instruction) -> None:
        """Follow RUN, with the files that its mounts show to it alone."""
        mounted = {path: file for path, file in self.mounts(stage, instruction).items() if path not in stage.tree}
        wheels = dict(stage.wheels)
        self.mounted_wheels(stage, instruction)
        stage.tree |= mounted
        line = RunLine(
            stage=stage, line=instruction.line, text=shown(instruction), file=self.file, host=self.host, fail=self.fail
        )
        whole = instruction.documents and re.fullmatch(r"\d*<<-?[\"']?\w+[\"']?", instruction.rest.strip())
        carry_out(line, instruction.documents[0].content if whole else instruction.form or instruction.rest)
        for path, file in mounted.items():
            if stage.tree.get(path) is file:
                del stage.tree[path]
        stage.wheels = wheels | {
            path: w for path, w in stage.wheels.items() if path in wheels or path not in self.shown
        }

    def mounts(self, stage: BuildStage, instruction: Instruction) -> dict[str, ImageFile]:
        """Return the files that `--mount=type=bind` shows to a RUN."""
        shown_files: dict[str, ImageFile] = {}
        self.shown: set[str] = set()
        for options, target in mount_options(stage, instruction):
            origin = self.origin(options)
            source = source_of(options)
            if origin is not None:
                shown_files |= placed(origin.tree, source, target, into=False)
            elif "from" not in options:
                shown_files |= placed(self.context.files, source.lstrip("/"), target, into=False)
        return shown_files

    def mounted_wheels(self, stage: BuildStage, instruction: Instruction) -> None:
        """Take over the packages that a RUN sees through `--mount` of another stage."""
        for options, target in mount_options(stage, instruction):
            origin = self.origin(options)
            source = source_of(options)
            for path, wheels in (origin.wheels if origin else {}).items():
                if path == source or path.startswith(source.rstrip("/") + "/"):
                    stage.wheels[target + path[len(source) :]] = wheels
                    self.shown.add(target + path[len(source) :])

    def origin(self, options: Mapping[str, str]) -> BuildStage | None:
        """Return the stage that a mount's `from` names."""
        name = options.get("from", "")
        number = int(name) if name.isdecimal() else self.names.get(name.lower())
        return self.stage(number) if number is not None and name else None


def source_of(options: Mapping[str, str]) -> str:
    """Return the source path of a mount's options, made absolute."""
    return "/" + posixpath.normpath("/" + (options.get("source") or options.get("src") or "")).lstrip("/")


def mount_options(stage: BuildStage, instruction: Instruction) -> list[tuple[dict[str, str], str]]:
    """Return the bind mounts of a RUN, each with where it is."""
    out = []
    for name, value in instruction.flags:
        options = dict(part.partition("=")[::2] for part in value.split(","))
        target = options.get("target") or options.get("dst") or options.get("destination")
        if name == "mount" and options.get("type", "bind") == "bind" and target:
            out.append((options, stage.absolute(target)))
    return out


def overlap(instruction: str, other: str) -> bool:
    """Return whether one path is the other or holds it."""
    instruction, other = instruction.rstrip("*").rstrip("/"), other.rstrip("/")
    return f"{instruction}/".startswith(f"{other}/") or f"{other}/".startswith(f"{instruction}/")


def declared(
    rest: str, args: Mapping[str, str], known: Mapping[str, str], fallback: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what an ARG sets: the caller's value, else its default, else the one from before the first FROM."""
    matches: dict[str, str] = {}
    for word in words(rest):
        name, has_default, default = word.partition("=")
        if name in args:
            matches[name] = args[name]
        elif has_default:
            matches[name] = expand(default, known)
        elif fallback and name in fallback:
            matches[name] = fallback[name]
    return matches


def placed(files: Mapping[str, ImageFile], source: str, target: str, *, into: bool) -> dict[str, ImageFile]:
    """Return a source's files at their destination: a folder's contents, or a file under its own or a new name."""
    origin = files.get(source)
    if origin is not None and origin.kind != "folder":
        return {posixpath.join(target, posixpath.basename(source)) if into else target: origin}
    prefix = source.rstrip("/") + "/" if source else ""
    below = {posixpath.join(target, path[len(prefix) :]): f for path, f in files.items() if path.startswith(prefix)}
    return ({} if target == "/" else {target: origin or ImageFile(kind="folder")}) | below


def start(stage: BuildStage, instruction: Instruction) -> tuple[str, ...]:
    """Return the words of ENTRYPOINT or CMD; the shell form is run by the stage's shell."""
    form = instruction.form
    return tuple(form) if form is not None else (*stage.shell, instruction.rest)


def health_check(instruction: Instruction) -> dict[str, Any]:
    """Return a health check in Docker's own shape; times in nanoseconds.

    https://docs.docker.com/reference/dockerfile/#healthcheck
    """
    if instruction.rest.upper() == "NONE":
        return {"Test": ["NONE"]}
    inner = replace(instruction, rest=instruction.rest.partition(" ")[2].strip())
    form = inner.form
    check: dict[str, Any] = {"Test": ["CMD", *form] if form else ["CMD-SHELL", inner.rest]}
    for flag, key in {"interval": "Interval", "timeout": "Timeout", "start-period": "StartPeriod"}.items():
        if value := instruction.flag(flag):
            check[key] = sum(int(float(n) * SECONDS[u]) for n, u in re.findall(r"([\d.]+)(ns|us|ms|s|m|h)", value))
    if retries := instruction.flag("retries"):
        check["Retries"] = int(retries)
    return check


def shown(instruction: Instruction) -> str:
    """Return an instruction for a message, cut to 90 characters."""
    text = f"{instruction.keyword} {instruction.rest}"
    return text if len(text) <= 90 else text[:87] + "..."
