"""Builds with a container engine: its classic builder, which every engine has, or BuildKit where that is needed."""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from culm.deploy.build import context, platforms, saved
from culm.deploy.build.bases import Bases
from culm.deploy.build.context import Context
from culm.deploy.build.host import instructions, of_stage
from culm.deploy.build.port import PushDestination, Recipe, Say
from culm.engine.answers import Refused, Silent
from culm.engine.client import Engine
from culm.errors import CulmError
from culm.lint import dockerfiles, images, layers
from culm.lint.findings import Finding, refuse
from culm.project import texts
from culm.project.dockerfile import Instruction, expand, words
from culm.project.load import shown
from culm.target import local

BUILDKIT_FLAGS = frozenset({"mount", "link", "parents", "chmod", "checksum", "security", "network", "exclude"})
NETWORK = "CULM_BUILD_NETWORK"
"""Names the network of RUN lines, as `docker build --network` does: `host`, say, where only the host has a proxy."""
LAST_LINES = 15
BUILT = "culm-built"
"""What images are called before they go into a repository; the fingerprint of what they are made of is the tag."""
TAG_LENGTH = 32
PUSH_PAUSES = (1.0, 3.0)
"""Seconds before the second attempt to push, and before the third and last one."""
PASSING = (
    *("timeout", "timed out", "deadline exceeded", "eof", "connection reset", "broken pipe", "connection refused"),
    *("no route to host", "network is unreachable", "temporary failure", "tls handshake", "toomanyrequests"),
    *("too many requests", "internal server error", "bad gateway", "service unavailable", "gateway time-out"),
)
"""Words, in lower case, of a push's failures that may be over in a moment."""


class DockerBuilder:
    name: Literal["docker", "host"] = "docker"

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.bases = Bases(engine, local.home() / "bases.json")
        self._pushing = threading.Lock()
        """One image at a time: the layers that it shares with those before are mounted, not sent anew."""
        self._building: dict[str, threading.Lock] = {}
        self._mutex = threading.Lock()

    def fingerprint(self, recipe: Recipe) -> str:
        """Return the fingerprint of the context, the Dockerfile, its arguments, and the very base images.

        No engine is needed for it.
        """
        read = instructions(recipe.dockerfile)
        platform = recipe.platform or platforms.of_this_machine()
        bases = {base: self.bases.identity(base, platform) for base in base_images(read, recipe.args)}
        sha = hashlib.sha256(json.dumps(["docker 2", bases, dict(sorted(given(read, recipe.args).items()))]).encode())
        sha.update(of_stage(recipe))
        sha.update(recipe.dockerfile.read_bytes())
        sha.update(context.read(recipe.folder, recipe.dockerfile).digest().encode())
        return sha.hexdigest()

    def publish(self, recipe: Recipe, place: PushDestination, say: Say, progress: Say) -> str:
        """Build the image, refuse secrets in it, push it, and return its digest. Raises CulmError."""
        image = self.built(recipe, progress)
        self.check_built(recipe, image)
        config, history = self.engine.facts(image)
        allowed = dockerfiles.allowed_names(texts.read(recipe.dockerfile))
        refuse(images.check(place.repository, config, history, allowed))
        self.engine.tag(image, place.repository, place.tag)
        progress("pushing")
        with self._pushing:
            digest = self.push(place, say, progress)
        say(f"pushed {place.repository}")
        return digest

    def push(self, place: PushDestination, say: Say, progress: Say, pause: Callable[[float], None] = time.sleep) -> str:
        """Push the image and return its digest; a push that breaks off is begun again. Raises CulmError.

        The engine tries each layer five times itself. Layers that have arrived are not sent a second time.
        """
        for attempt, seconds in enumerate((*PUSH_PAUSES, None), 1):
            try:
                return self.engine.push(place.repository, place.tag, place.user, place.password, progress)
            except (Silent, Refused) as problem:
                if seconds is None or not (isinstance(problem, Silent) or broke_off(problem.message)):
                    raise
                what = f"the push of {place.repository} broke off: {problem.what}"
                say(f"{what}; attempt {attempt + 1} of {len(PUSH_PAUSES) + 1}")
                pause(seconds)
        raise AssertionError("the last attempt has returned or raised")

    def check_built(self, recipe: Recipe, image: str) -> None:
        """Raise CulmError for an image that the target's instances could not run."""
        facts = self.engine.inspect(image) or {}
        made_for = f"{facts.get('Os', 'linux')}/{facts.get('Architecture', '')}"
        if recipe.platform is not None and made_for != recipe.platform:
            what = f"{shown(recipe.dockerfile)}: the image is for {made_for}, and is wanted for {recipe.platform}"
            hint = "does a FROM line say --platform, or is the base image for one processor only?"
            raise CulmError(what, hint)

    def built(self, recipe: Recipe, progress: Say) -> str:
        """Return its name on the engine.

        Built once: who tests it and who pushes it have the same, whichever comes first.
        """
        name = f"{BUILT}:{self.fingerprint(recipe)[:TAG_LENGTH]}"
        with self._mutex:
            building = self._building.setdefault(name, threading.Lock())
        with building:
            if self.engine.image_id(name) is None:
                self.build(recipe, name, progress)
        return name

    def layer_findings(self, recipe: Recipe) -> list[Finding]:
        """Return the secrets in the files of the image that is built of this very recipe; none if it is not built."""
        bases = [self.engine.inspect(base) for base in base_images(instructions(recipe.dockerfile), recipe.args)]
        if None in bases or not self.engine.tags(f"{BUILT}:*"):
            return []  # without them it was not built here, and the fingerprint would ask their registries
        name = f"{BUILT}:{self.fingerprint(recipe)[:TAG_LENGTH]}"
        if self.engine.image_id(name) is None:
            return []
        digests = {digest for base in bases for digest in (base or {}).get("RootFS", {}).get("Layers") or ()}
        with self.engine.saved(name) as archive:
            files = saved.own_files(archive, digests)
        excused = layers.allowed_files(recipe.dockerfile, recipe.folder, recipe.stage)
        return layers.check(f"image of {shown(recipe.dockerfile)}", files, excused)

    def build(self, recipe: Recipe, name: str, progress: Say) -> None:
        """Build an image and name it. Raises CulmError with the output of a step that fails."""
        read = instructions(recipe.dockerfile)
        own = self.engine.platform()
        if (problem := platforms.cannot_run(self.engine, own, recipe.platform, read)) is not None:
            raise CulmError(f"{shown(recipe.dockerfile)}: {problem}", platforms.hint(recipe.platform or own))
        self.bring_bases(recipe, read, progress)
        build = self.build_with_cli if self.takes_buildkit(read) else self.build_with_engine
        lines: list[str] = []
        try:
            for line in build(recipe, name, read):
                lines.append(line)
                if line.startswith(("Step ", "#")):
                    progress(line)
        except CulmError as error:
            output = "\n".join(f"    {line}" for line in lines[-LAST_LINES:])
            raise CulmError(f"{shown(recipe.dockerfile)}: {error.what}\n{output}".rstrip(), error.hint) from None

    def bring_bases(self, recipe: Recipe, read: list[Instruction], progress: Say) -> None:
        """Pull the base images that the engine lacks, or has other ones of than the fingerprint says."""
        platform = recipe.platform or platforms.of_this_machine()
        for base in base_images(read, recipe.args):
            if self.bases.differs(base, platform):
                progress(f"pulling {base}")
                self.engine.pull(base, recipe.platform)  # if it fails, the build says what is missing

    def takes_buildkit(self, read: list[Instruction]) -> bool:
        """Return whether BuildKit builds.

        It does where the Dockerfile needs it, or where it is the engine's own builder and the command is there.
        """
        if needs_buildkit(read):
            return True
        wanted = os.environ.get("DOCKER_BUILDKIT") != "0" and shutil.which("docker") is not None
        return wanted and self.engine.prefers_buildkit()

    def build_with_engine(self, recipe: Recipe, name: str, read: list[Instruction]) -> Iterator[str]:
        """Build with the engine's classic builder; yields its output, line by line."""
        options = {
            "t": name,
            "dockerfile": DOCKERFILE,
            "buildargs": json.dumps(platforms.declared(read, self.platforms(recipe)) | given(read, recipe.args)),
            "rm": "1",
            "forcerm": "1",
        }
        if network := os.environ.get(NETWORK):
            options["networkmode"] = network
        if recipe.stage:
            options["target"] = recipe.stage
        if recipe.platform not in (None, self.engine.platform()):
            options["platform"] = str(recipe.platform)
        files = context.read(recipe.folder, recipe.dockerfile)
        text = platforms.with_arguments(recipe.dockerfile.read_bytes(), read, self.platforms(recipe))
        yield from self.engine.build(archive(recipe, files, text), options, base_images(read, recipe.args))

    def platforms(self, recipe: Recipe) -> dict[str, str]:
        """Return the variables of platforms that BuildKit sets by itself, for a build of this recipe."""
        own = self.engine.platform()
        return platforms.variables(own, recipe.platform or own)

    def build_with_cli(self, recipe: Recipe, name: str, read: list[Instruction]) -> Iterator[str]:
        """Build by the docker program, for what needs BuildKit; yields its output line by line.

        Raises CulmError where the program is missing, or when it fails.
        """
        program = shutil.which("docker")
        if program is None:
            hint = "install the docker command with buildx, or leave out --mount, --link and here-documents"
            raise CulmError("it needs BuildKit, and there is no docker command to reach it", hint)
        command = [program, "build", "--file", str(recipe.dockerfile), "--tag", name]
        for argument, value in given(read, recipe.args).items():
            command += ["--build-arg", f"{argument}={value}"]
        if network := os.environ.get(NETWORK):
            command += ["--network", network]
        if recipe.stage:
            command += ["--target", recipe.stage]
        if recipe.platform:
            command += ["--platform", recipe.platform]
        with subprocess.Popen(
            [*command, str(recipe.folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={
                **os.environ,
                "DOCKER_BUILDKIT": "1",
                "BUILDKIT_PROGRESS": "plain",
                **self.engine.endpoint.environment(),
            },
        ) as build:
            assert build.stdout is not None
            for line in build.stdout:
                yield line.rstrip()
        if build.returncode:
            raise CulmError(f"docker build ended with status {build.returncode}", "its last lines say why")


DOCKERFILE = ".culm.Dockerfile"
"""The Dockerfile's name in the archive: it may lie outside the folder, or be hidden by .dockerignore."""


def archive(recipe: Recipe, files: Context, text: bytes) -> Iterator[bytes]:
    """Yield the context as the engine wants it: a tar, with the Dockerfile, which a .dockerignore hides from COPY.

    `text` is the Dockerfile's.
    """
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, file in files.files.items():
            entry = tar.gettarinfo(recipe.folder / path, arcname=path)
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            if file.kind == "file":
                with (recipe.folder / path).open("rb") as opened:
                    tar.addfile(entry, opened)
            else:
                tar.addfile(entry)
        for name, data in ((DOCKERFILE, text), (".dockerignore", HIDDEN)):
            if name not in files.files or name == ".dockerignore":
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
    yield out.getvalue()


HIDDEN = f"{DOCKERFILE}\n.dockerignore\n".encode()
"""Our own .dockerignore: the folder's has been applied already."""


def broke_off(message: str) -> bool:
    """Return whether an engine's words tell of trouble on the way, and not of a refusal."""
    return any(words in message.lower() for words in PASSING)


def base_images(read: list[Instruction], args: Mapping[str, str]) -> list[str]:
    """Return the images that FROM and `COPY --from` name, less the stages."""
    known: dict[str, str] = {}
    stages: set[str] = set()
    images: dict[str, None] = {}
    for instruction in read:
        if instruction.keyword == "ARG":
            for word in words(instruction.rest):
                name, _, default = word.partition("=")
                known.setdefault(name, args.get(name, expand(default, known)))
        elif instruction.keyword == "FROM":
            image, *rest = words(expand(instruction.rest, known))
            if image.lower() not in stages and image != "scratch":
                images[image] = None
            if len(rest) == 2:
                stages.add(rest[1].lower())
        elif (origin := instruction.flag("from")) is not None:
            origin = expand(origin, known)
            if not origin.isdecimal() and origin.lower() not in stages:
                images[origin] = None
    return list(images)


def given(read: list[Instruction], args: Mapping[str, str]) -> dict[str, str]:
    """Return those that the Dockerfile declares, as the engine refuses others, and that differ from its default."""
    defaults: dict[str, set[str]] = {}
    for instruction in read:
        for word in words(instruction.rest) if instruction.keyword == "ARG" else ():
            name, _, default = word.partition("=")
            defaults.setdefault(name, set()).add(default)
    return {name: value for name, value in args.items() if name in defaults and defaults[name] != {value}}


def needs_buildkit(read: list[Instruction]) -> bool:
    """Return whether an instruction needs BuildKit: a here-document, or a flag such as `--mount`."""
    return any(instruction.heredoc or BUILDKIT_FLAGS & {name for name, _ in instruction.flags} for instruction in read)
