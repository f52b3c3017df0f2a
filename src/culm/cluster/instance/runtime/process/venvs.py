"""Virtual environments of the process runtime: an image built on a host describes them, this makes each one once.

The label `io.culm.venvs` of an image is a JSON list of objects:
    {"path": "/opt/venv", "key": "<sha256>", "python": "3.12", "steps": [["pip", "install", ...]], "cwd": "/app"}
They are shared by key between containers and survive the images: `venvs/<key>/`.
"""

import asyncio
import json
import os
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from culm.cluster.instance.runtime.process.disk import full_disk
from culm.cluster.instance.runtime.process.rootfs import Rootfs
from culm.core.model.record import record
from culm.errors import RuntimeFailure

LABEL = "io.culm.venvs"
_TOLD_LINES = 15
"""Of a failed install, in the failure's message."""
_MEANINGLESS = frozenset({"--no-cache-dir", "--no-cache", "--user", "--disable-pip-version-check"})
"""Ways to make an image smaller or pip quieter; here they would only make the install slower."""
_PIP_SETTINGS = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
}
"""What this machine's pip is told by its environment, uv is told as well."""


@record
class Venv:
    path: str
    """Where the container expects it, absolute."""
    key: str
    python: str = ""
    """The version that the base image's name promises; empty: any."""
    steps: tuple[tuple[str, ...], ...] = ()
    cwd: str = "/"


def described(labels: Mapping[str, str]) -> tuple[Venv, ...]:
    """The virtual environments that an image asks for."""
    return tuple(
        Venv(
            path=entry["path"],
            key=entry["key"],
            python=entry.get("python") or "",
            steps=tuple(tuple(step) for step in entry.get("steps", ())),
            cwd=entry.get("cwd") or "/",
        )
        for entry in json.loads(labels.get(LABEL, "[]"))
    )


def uv_arguments(step: Sequence[str], rootfs: Rootfs) -> list[str]:
    """A Dockerfile's install command as uv's. Raises RuntimeFailure for a command that installs nothing."""
    program, *words = step
    name = Path(program).name
    if re.fullmatch(r"python[\d.]*", name) and words[:2] == ["-m", "pip"]:
        name, words = "pip", words[2:]
    words = [rootfs.map(word) for word in words if word not in _MEANINGLESS]
    if re.fullmatch(r"pip[\d.]*", name) and words[:1] == ["install"]:
        return ["pip", *words]
    if name == "uv" and (words[:1] == ["sync"] or words[:2] == ["pip", "install"]):
        return [word for word in words if word != "--system"]
    what = f"`{' '.join(step)}` makes no virtual environment; culm knows `pip install`, `uv pip install` and `uv sync`"
    raise RuntimeFailure("CannotStartContainerError", what)


class Venvs:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, venv: Venv, image: Path) -> Path:
        """Where it is on the host. Made from the files of the unpacked image, if it is the first with its key."""
        made = self._folder / venv.key
        async with self._locks[venv.key]:
            if made.is_dir():
                return made
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(
                    dir=self._folder, prefix=".making-", ignore_cleanup_errors=True
                ) as new:
                    await self._make(venv, Path(new) / "venv", Rootfs(image))
                    (Path(new) / "venv").rename(made)
            except OSError as error:
                raise full_disk("CannotStartContainerError", error, self._folder) from error
        return made

    def clean(self) -> None:
        """Delete what an install that was killed left behind."""
        for left in self._folder.glob(".making-*"):
            shutil.rmtree(left, ignore_errors=True)

    async def _make(self, venv: Venv, directory: Path, rootfs: Rootfs) -> None:
        await self._create(venv, directory)
        cwd = rootfs.inside(venv.cwd)
        for step in venv.steps:
            exit_code, output = await _uv(uv_arguments(step, rootfs), directory, cwd if cwd.is_dir() else rootfs.root)
            if exit_code:
                told = "\n".join(output.strip().splitlines()[-_TOLD_LINES:])
                what = f"virtual environment {venv.path}: `{' '.join(step)}` failed ({exit_code}):\n{told}"
                raise RuntimeFailure("CannotStartContainerError", what)

    async def _create(self, venv: Venv, directory: Path) -> None:
        """With the Python that was asked for if this machine has it, else with the one that runs culm."""
        create = ["venv", "--relocatable", "--quiet", str(directory), "--python"]
        if venv.python:
            exit_code, _ = await _uv([*create, venv.python, "--no-python-downloads"], directory, directory.parent)
            if exit_code == 0:
                return
        exit_code, output = await _uv([*create, sys.executable], directory, directory.parent)
        if exit_code:
            raise RuntimeFailure("CannotStartContainerError", f"virtual environment {venv.path}: {output.strip()}")


async def _uv(arguments: Sequence[str], venv: Path, cwd: Path) -> tuple[int, str]:
    """Run uv upon a virtual environment; exit code and combined output. Killed if nobody waits for it any more."""
    environment = {target: os.environ[name] for name, target in _PIP_SETTINGS.items() if name in os.environ}
    environment |= os.environ | {"VIRTUAL_ENV": str(venv), "UV_PROJECT_ENVIRONMENT": str(venv), "NO_COLOR": "1"}
    environment["UV_COMPILE_BYTECODE"] = "1"  # once here, rather than at the same moment in every task that starts
    process = await asyncio.create_subprocess_exec(
        find_uv_bin(), *arguments, cwd=cwd, env=environment, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")
