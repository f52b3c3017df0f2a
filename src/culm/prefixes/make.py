"""Making a prefix on this machine: a virtual environment, filled by uv with what a Dockerfile's commands install.

    <folder>/<key>/venv/        the environment
    <folder>/<key>/made.json    its Python, and the paths that it had while it was made

It is made under another name and renamed when it is whole, so two processes may make the same one: the second result
is thrown away. Nothing in it changes afterwards.
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
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from uv import find_uv_bin

from culm.core.model.record import record
from culm.prefixes.label import Prefix, Step

LAST_LINES = 15
"""Of a failed install, in the failure's message."""
VALUELESS = frozenset(
    {"--no-cache-dir", "--no-cache", "--user", "--disable-pip-version-check", "--no-warn-script-location", "--no-input"}
    | {"--break-system-packages", "--system", "--compile", "--no-compile", "--prefer-binary", "--use-pep517"}
    | {"--ignore-installed", "-I", "--isolated", "--no-use-pep517", "--no-python-downloads", "--quiet", "-q", "-qq"}
    | {"--no-clean", "--verbose", "-v", "-vv", "-vvv", "--compile-bytecode", "--locked-cache"}
)
"""Options that make an image smaller or pip quieter, or say where to install: that is decided already."""
VALUED = frozenset(
    {"--root-user-action", "--progress-bar", "--timeout", "--default-timeout", "--retries", "--cache-dir", "--prefix"}
    | {"--target", "-t", "--root", "--src", "--python", "-p", "--use-feature", "--use-deprecated", "--log"}
    | {"--link-mode", "--build-option", "--report", "--exists-action", "--cert", "--client-cert", "--proxy"}
)
"""The same, with a value behind them."""
RENAMED = {"--trusted-host": "--allow-insecure-host", "--pre": "--prerelease=allow", "--requirement": "--requirements"}
"""pip's options that uv calls otherwise."""
PIP_SETTINGS = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
}
"""What pip is told by its environment, uv is told as well."""
VERSION_MANAGERS = (
    ("PYENV_ROOT", "~/.pyenv", "versions"),
    ("ASDF_DATA_DIR", "~/.asdf", "installs/python"),
    ("MISE_DATA_DIR", "~/.local/share/mise", "installs/python"),
)
"""Where version managers keep Pythons that are not on the PATH: variable, default, and the folder in it."""
LAST_WITH_SETUPTOOLS = (3, 11)
"""Images of this Python and older ones, and the virtual environments that it makes, have setuptools.

https://docs.python.org/3/whatsnew/3.12.html#ensurepip
"""
SETUPTOOLS = "setuptools<81"
"""Later ones have no pkg_resources."""


class PrefixFailure(Exception):
    """A prefix that cannot be made.

    `where` is the Dockerfile's line, where that is known, and `output` all that an installer wrote.
    """

    def __init__(self, what: str, where: str = "", output: str = "") -> None:
        super().__init__(what)
        self.where = where
        self.output = output


@record
class Made:
    folder: Path
    """The environment."""
    python: str
    """Its Python's version, `3.12`."""
    made_at: str
    """The path that it had while it was made: some of its files name it."""
    inputs_at: str
    """Where the image's files were then: an editable install names them."""

    @property
    def packages(self) -> Path:
        return self.folder / "lib" / f"python{self.python}" / "site-packages"

    @property
    def programs(self) -> Path:
        return self.folder / "bin"


LayOut = Callable[[Path], None]
"""Makes a folder with the files that the commands read, at the paths that they have in the image."""


class Prefixes:
    """All prefixes of a machine, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def get(self, prefix: Prefix, lay_out: LayOut) -> Made:
        """Return the prefix, made now if this is the first with its key.

        Raises PrefixFailure, or OSError (a full disk).
        """
        home = self._folder / prefix.key
        async with self._locks[prefix.key]:
            if not home.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryDirectory(
                    dir=self._folder, prefix=".making-", ignore_cleanup_errors=True
                ) as scratch:
                    await make(prefix, Path(scratch), lay_out)
                    publish(Path(scratch) / "prefix", home)
        return described(home)

    def set_aside(self, keys: Collection[str]) -> list[Path]:
        """Take out of use, at once, those with other keys; returns their folders, which are to be deleted."""
        gone: list[Path] = []
        for home in self._folder.glob("[!.]*"):
            if home.name not in keys and not self._locks[home.name].locked():
                gone.append(home.rename(self._folder / f".gone-{home.name}"))
        return gone

    def clean(self) -> None:
        """Delete what an install or a pruning that was killed left behind."""
        for pattern in (".making-*", ".gone-*"):
            for left in self._folder.glob(pattern):
                shutil.rmtree(left, ignore_errors=True)


def publish(made: Path, home: Path) -> None:
    try:
        made.rename(home)
    except OSError:
        if not home.is_dir():
            raise  # else another process was first: its own is as good


def described(home: Path) -> Made:
    facts = json.loads((home / "made.json").read_bytes())
    return Made(folder=home / "venv", **facts)


async def make(prefix: Prefix, scratch: Path, lay_out: LayOut) -> None:
    venv, inputs = scratch / "prefix" / "venv", scratch / "inputs"
    await asyncio.to_thread(lay_out, inputs)
    await create(prefix.python, venv)
    [library] = (venv / "lib").glob("python*")
    taken = library.name.removeprefix("python")
    try:
        for step in prefix.steps:
            await run(step, venv, inputs)
    except PrefixFailure as failure:
        if prefix.python in ("", taken):
            raise
        absent = f"Python {prefix.python}, which the image has, is not on this machine; {taken} was taken. {failure}"
        raise PrefixFailure(absent, failure.where, failure.output) from None
    await add_setuptools(prefix, venv, library / "site-packages")
    facts = {
        "python": taken,
        "made_at": str(venv),
        "inputs_at": str(inputs.resolve()),
    }
    (scratch / "prefix" / "made.json").write_text(json.dumps(facts))


async def create(python: str, venv: Path) -> None:
    """Make a virtual environment of the Python asked for if this machine has it, else of the one that runs culm."""
    command = ["venv", "--relocatable", "--quiet", str(venv), "--python"]
    near = nearest(python, os.environ, sys.version_info.minor)
    for interpreter in [python, *interpreters(python, os.environ), *near] if python else []:
        exit_code, _ = await uv([*command, interpreter, "--no-python-downloads"], environment_of((), venv), Path("/"))
        if exit_code == 0:
            return
    exit_code, output = await uv([*command, sys.executable], environment_of((), venv), Path("/"))
    if exit_code:
        raise PrefixFailure(f"no virtual environment can be made: {output.strip()}")


def interpreters(python: str, environment: Mapping[str, str]) -> list[str]:
    """Return the version managers' Pythons of the version `python`, as `3.9`, newest first.

    Uv looks at the PATH alone.
    """
    paths: list[Path] = []
    for variable, default, inner in VERSION_MANAGERS:
        folder = Path(environment.get(variable) or os.path.expanduser(default)) / inner
        paths += [folder / python / "bin/python", *folder.glob(f"{python}.*/bin/python")]
    return [str(path) for path in sorted(paths, key=release, reverse=True) if path.exists()]


def nearest(python: str, environment: Mapping[str, str], minor: int) -> list[str]:
    """Return the version managers' Pythons that are nearer to `python`, as `3.14`, than 3.`minor` is.

    The nearest first.
    """
    wanted = re.fullmatch(r"3\.(\d+)", python)
    versions: dict[int, str] = {}
    for variable, default, inner in VERSION_MANAGERS:
        folder = Path(environment.get(variable) or os.path.expanduser(default)) / inner
        for path in sorted(folder.glob("3.*/bin/python"), key=release):
            versions[release(path)[1]] = str(path)
    if wanted is None:
        return []
    distance = {number: abs(number - int(wanted[1])) for number in (*versions, minor)}
    near = [number for number in versions if distance[number] < distance[minor]]
    return [versions[number] for number in sorted(near, key=lambda number: (distance[number], -number))]


def release(interpreter: Path) -> list[int]:
    """Return the numbers of `.../3.9.18/bin/python`."""
    return [int(number) for number in re.findall(r"\d+", interpreter.parent.parent.name)]


async def add_setuptools(prefix: Prefix, venv: Path, packages: Path) -> None:
    """Install setuptools where the image's Python brings it and no step did; not at all where no index has it."""
    if prefix.steps and brings_setuptools(prefix.python) and not (packages / "setuptools").exists():
        await uv(["pip", "install", "--quiet", SETUPTOOLS], environment_of((), venv), Path("/"))


def brings_setuptools(python: str) -> bool:
    """Return whether images of this Python have setuptools; `python` as `3.9`, empty for the newest."""
    version = re.match(r"(\d+)\.(\d+)", python)
    return version is not None and (int(version[1]), int(version[2])) <= LAST_WITH_SETUPTOOLS


async def run(step: Step, venv: Path, inputs: Path) -> None:
    cwd = Path(f"{inputs}{step.cwd}")
    os.makedirs(cwd, exist_ok=True)
    exit_code, output = await uv(arguments(step, inputs, venv), environment_of(step.environment.items(), venv), cwd)
    if exit_code:
        last = "\n".join(output.replace(str(inputs), "").strip().splitlines()[-LAST_LINES:])
        raise PrefixFailure(f"`{' '.join(step.argv)}` failed ({exit_code}):\n{last}", step.where, output)


def arguments(step: Step, inputs: Path, venv: Path) -> list[str]:
    """Return a Dockerfile's install command as uv's. Raises PrefixFailure for a command that installs nothing."""
    program, *words = step.argv
    name = Path(program).name
    if step.tool:
        wanted = [part for requirement in step.tool[1:] for part in ("--with", requirement)]
        own = ["--python", str(venv / "bin/python")]  # the newest that this Python runs, as pip in the image installs
        kept = without(words, {"--system"}, set())
        return ["tool", "run", "--quiet", *own, "--from", step.tool[0], *wanted, name, *kept]
    if re.fullmatch(r"python[\d.]*", name) and words[:2] == ["-m", "pip"]:
        name, words = "pip", words[2:]
    if name == "uv" and words[:1] == ["pip"]:
        name, words = "pip", words[1:]
    if name == "uv" and words[:1] == ["sync"]:
        kept = without(words[1:], VALUELESS | {"--active"}, VALUED)
        return ["sync", *(mapped(word, inputs) for word in kept), "--python", str(venv / "bin/python")]
    if re.fullmatch(r"pip[\d.]*", name):
        leading = [word for word in words if not word.startswith("-")][:1]
        if leading and leading[0] in ("install", "uninstall", "sync"):
            words.remove(leading[0])
            kept = [word for word in without(words, VALUELESS, VALUED) if leading != ["uninstall"] or word != "-y"]
            return ["pip", leading[0], *(mapped(word, inputs) for word in map(renamed, kept))]
    what = (
        f"`{' '.join(step.argv)}` makes no virtual environment; culm knows `pip install`, `uv pip install`, `uv sync`"
    )
    raise PrefixFailure(what, step.where)


def without(words: Sequence[str], valueless: frozenset[str] | set[str], valued: frozenset[str] | set[str]) -> list[str]:
    kept: list[str] = []
    rest = iter(words)
    for word in rest:
        option, equals, _ = word.partition("=")
        if option in valued:
            if not equals:
                next(rest, "")
        elif option not in valueless:
            kept.append(word)
    return kept


def renamed(word: str) -> str:
    option, equals, value = word.partition("=")
    return RENAMED.get(option, option) + equals + value


def mapped(word: str, inputs: Path) -> str:
    """Return a path of the image that is among the inputs as this machine's; any other word as it is."""
    option, before, path = re.match(r"((?:-[rce]|--[\w-]+=)?)((?:file:/{2})?)(.*)", word, re.DOTALL).groups()  # type: ignore[union-attr]
    bare = path.partition("[")[0]
    if not bare.startswith("/") or not os.path.lexists(f"{inputs}{bare}"):
        return word
    return f"{option}{before}{inputs}{path}"


def environment_of(items: object, venv: Path) -> dict[str, str]:
    """Return this machine's environment, with what the Dockerfile says to installers, for a command upon `venv`."""
    own: Mapping[str, str] = dict(items)  # type: ignore[call-overload]
    both = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")} | dict(own)
    for pip, name in PIP_SETTINGS.items():
        if pip in both:
            both.setdefault(name, both[pip])
    old = (venv / "lib/python3.6").exists()  # its py_compile lacks what uv asks of it
    return both | {
        "VIRTUAL_ENV": str(venv),
        "UV_PROJECT_ENVIRONMENT": str(venv),
        "UV_INDEX_STRATEGY": both.get("UV_INDEX_STRATEGY", "unsafe-best-match"),  # as pip: the newest of all indexes
        "UV_COMPILE_BYTECODE": "0"
        if old
        else "1",  # once here, rather than at the same moment in every task that starts
        "UV_PYTHON_DOWNLOADS": "never",
        "PIPENV_VERBOSITY": "-1",
        "PIPENV_NOSPIN": "1",
        "POETRY_NO_INTERACTION": "1",
        "NO_COLOR": "1",
    }


async def uv(arguments: Sequence[str], environment: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    """Run uv; exit code and combined output. Killed if nobody waits for it any more."""
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
