"""Builds on this host, without a container engine."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from culm.deploy.build import context, gobuild, oci, platforms, stages
from culm.deploy.build.context import ImageFile
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.hosted import Job, Result
from culm.deploy.build.plan import Contents, ImagePlan, Left
from culm.deploy.build.port import PushDestination, Recipe, Say
from culm.deploy.build.workshop import Workshop
from culm.errors import CulmError
from culm.lint import dockerfiles, images, layers
from culm.lint.findings import refuse
from culm.project import texts
from culm.project.dockerfile import DockerfileError, Instruction, read, until_stage
from culm.project.load import shown
from culm.target import local

VERSION = "4"
"""Part of every fingerprint: raised when this builder makes other images of the same folder."""


class ThisHost:
    """What this machine can do for one build."""

    def __init__(self, workshop: Callable[[], Workshop], scratch: Path) -> None:
        self._workshop = workshop
        self._scratch = scratch
        self._made: Workshop | None = None

    @property
    def workshop(self) -> Workshop:
        """Where Python packages are installed for images; made when it is first needed."""
        if self._made is None:
            self._made = self._workshop()
        return self._made

    def has(self, program: str) -> bool:
        """Return whether this machine has a program of this name."""
        return shutil.which(program) is not None

    def compile(self, build: GoBuild) -> ImageFile | None:
        """Compile a Go program; returns the binary, None when this machine cannot."""
        return gobuild.compiled(build, Path(tempfile.mkdtemp(dir=self._scratch)))

    def run(self, job: Job) -> Result:
        return self.workshop.run(job)

    def programs(self, contents: Contents) -> frozenset[str] | None:
        """Return the names of the programs that installing these packages would bring."""
        return self.workshop.programs(contents)


class HostBuilder:
    """`stages` decides, `workshop` and `gobuild` run what must run, `oci` packs, `push` sends."""

    name: Literal["docker", "host"] = "host"

    def fingerprint(self, recipe: Recipe) -> str:
        """Return the digest of all that the image is made from, so that equal ones are built once."""
        sha256 = hashlib.sha256(f"host {VERSION} {sorted(recipe.args.items())}".encode())
        sha256.update(of_stage(recipe))
        sha256.update(recipe.dockerfile.read_bytes())
        sha256.update(context.read(recipe.folder, recipe.dockerfile).digest().encode())
        return sha256.hexdigest()

    def publish(self, recipe: Recipe, place: PushDestination, say: Say, progress: Say) -> str:
        """Build on this machine without an engine, push, and return the digest. Raises CulmError."""
        from culm.deploy.push import push  # httpx2 is slow to import, and nothing changed is the common case

        with tempfile.TemporaryDirectory(prefix="culm-build-", ignore_cleanup_errors=True) as scratch:
            progress("building")
            plan = self.plan(recipe, Path(scratch), say)
            for done in plan.compiled:
                say(f"{shown(recipe.dockerfile)}:{done.line}: by this host's {by(done)}: {done.text}")
            for left in plan.left:
                say(f"{shown(recipe.dockerfile)}:{left.line}: left out on this host: {left.text}")
            text = texts.read(recipe.dockerfile)
            refuse(images.check(place.repository, plan.config, (), dockerfiles.allowed_names(text)))
            excused = layers.allowed_files(recipe.dockerfile, recipe.folder, recipe.stage)
            refuse(layers.check(place.repository, layer_files(plan), excused))
            image = oci.image(plan)
        progress("pushing")
        push(image, place, say, progress)
        return image.digest

    def plan(self, recipe: Recipe, scratch: Path, say: Say = lambda line: None) -> ImagePlan:
        """Decide, run what must run, and make every Python prefix: what cannot be installed ends here, by its line."""
        local.home().mkdir(mode=0o700, parents=True, exist_ok=True)
        host = ThisHost(lambda: Workshop(Path(tempfile.mkdtemp(dir=scratch)), local.home() / "venvs"), scratch)
        plan = stages.plan(
            shown(recipe.dockerfile),
            of_recipe(recipe),
            context.read(recipe.folder, recipe.dockerfile),
            recipe.args,
            host,
        )
        for contents in plan.contents.values():
            if contents.steps:
                made = host.workshop.made(contents)
                if contents.python not in ("", made.python):
                    here = f"Python {contents.python} is not on this machine: {made.python} runs it"
                    say(f"{shown(recipe.dockerfile)}: {here}")
        return plan


def layer_files(plan: ImagePlan) -> Iterator[layers.LayerFile]:
    """Yield the files of every layer, also those that a later one takes away."""
    for layer in plan.layers:
        for path, file in layer.items():
            if file.kind == "file":
                size = len(file.data()) if file.source is None else file.source.stat().st_size
                yield layers.LayerFile(path=path, size=size, read=file.data)


def by(done: Left) -> str:
    """Return which of this host's programs did a line."""
    return gobuild.version() if "go build" in done.text else "programs"


def of_stage(recipe: Recipe) -> bytes:
    """Return a part of a fingerprint: nothing where the last stage is built for the builder's own platform."""
    return f"{recipe.stage} {recipe.platform}".encode() if recipe.stage or recipe.platform else b""


def of_recipe(recipe: Recipe) -> list[Instruction]:
    """Return the Dockerfile's instructions, up to the stage that is wanted.

    Raises for a platform that is not this host's.
    """
    here = platforms.of_this_machine()
    if recipe.platform not in (None, here):
        hint = "start a container engine that builds for it; or leave out `platform:`"
        raise CulmError(f"{shown(recipe.dockerfile)} is for {recipe.platform}, and this host is {here}", hint)
    every = instructions(recipe.dockerfile)
    try:
        return until_stage(every, recipe.stage) if recipe.stage else every
    except DockerfileError as error:
        raise CulmError(f"{shown(recipe.dockerfile)}: {error.problem}", "`target:` names one of its stages") from None


def instructions(path: Path) -> list[Instruction]:
    """Return a Dockerfile's instructions. Raises CulmError with its line where it cannot be read."""
    try:
        return read(path)
    except DockerfileError as error:
        raise CulmError(f"{shown(path)}:{error.line}: {error.problem}", "fix the Dockerfile") from None
