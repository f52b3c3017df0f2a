"""Commands of RUN lines that this machine's own programs do: Node's, Python programs, text tools. Pure.

They run in a copy of the stage's files (`workshop.py`), with the words that are paths of the image replaced; what they
leave there becomes a layer. So a program is only taken when all it touches is in that copy.
"""

import posixpath
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile
from culm.deploy.build.gobuild import GoBuild
from culm.deploy.build.plan import Contents
from culm.deploy.build.programs import NODE, named, plain_words
from culm.deploy.build.stage import BuildStage, PlacedPrefix

TEXT_TOOLS = frozenset(
    {"sed", "awk", "gawk", "grep", "tr", "sort", "uniq", "head", "tail", "cut", "base64", "envsubst", "dos2unix", "jq"}
    | {"gzip", "gunzip", "tar", "unzip", "cat", "msgfmt", "md5sum", "sha256sum", "paste", "wc", "zip", "brotli"}
)
QUIET = {
    "npm": {
        "config",
        "cache",
        "set",
        "audit",
        "fund",
        "login",
        "view",
        "version",
        "--version",
        "-v",
        "get",
        "whoami",
        "ls",
    },
    "yarn": {"config", "cache", "--version", "-v", "set", "policies"},
    "pnpm": {"config", "store", "--version", "-v", "setup", "fetch", "env"},
}
"""Subcommands that leave nothing which a service needs."""


@record
class Job:
    """A command for the workshop."""

    where: str
    """`Dockerfile:7: RUN npm ci`, for messages."""
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    """The stage's variables, and those in front of the command."""
    folder: str
    """Where it runs, absolute in the image."""
    tree: Mapping[str, ImageFile]
    places: tuple[PlacedPrefix, ...] = ()
    """Python prefixes that it may need."""
    output: str = ""
    """The file of the image that its output goes to."""
    append: bool = False
    tool: tuple[str, ...] = ()
    """Requirements of the program, where uv is to run it in an environment of its own."""


@record
class Result:
    changed: Mapping[str, ImageFile]
    """By absolute path."""
    gone: tuple[str, ...] = ()


class BuildHost(Protocol):
    """What a host can do for a build."""

    def has(self, program: str) -> bool:
        """Return whether a program is on this machine's PATH."""
        ...

    def compile(self, build: GoBuild) -> ImageFile | None:
        """Return the compiled program; None where there is no compiler."""
        ...

    def run(self, job: Job) -> Result:
        """Do a command. Raises CulmError with its last words."""
        ...

    def programs(self, contents: Contents) -> frozenset[str] | None:
        """Return what a Python prefix has in bin, once it is made; None where none are made."""
        ...


def node(stage: BuildStage, argv: Sequence[str], host: BuildHost) -> tuple[str, ...] | None:
    """Return what to run for a command of Node's: empty for nothing at all; None where this machine cannot."""
    name = named(argv[0])
    words = plain_words(argv)
    if not host.has("npm" if name != "node" else "node"):
        return None if not (name in QUIET and words[:1] and words[0] in QUIET[name]) else ()
    if name in QUIET and (set(argv[1:2]) | set(words[:1])) & QUIET[name]:
        return ()
    if name == "corepack":
        return corepack(stage, words, host)
    everywhere = "-g" in argv or "--global" in argv or "--location=global" in argv
    if name == "yarn" and words[:1] == ["global"]:
        everywhere, words = True, words[1:]
    if everywhere and words[:1] in (["install"], ["i"], ["add"]):
        wanted = [word for word in words[1:] if not re.match(r"(npm|corepack)(@|$)", word)]
        wanted = [word for word in wanted if not host.has(word.partition("@")[0]) or word.startswith("@")]
        return ("npm", "install", "--global", "--prefix", "/usr/local", *wanted) if wanted else ()
    return tuple([name, *argv[1:]])


def corepack(stage: BuildStage, words: Sequence[str], host: BuildHost) -> tuple[str, ...]:
    """Return the command that installs the package manager itself as a package, for `corepack`.

    That is for `corepack enable`, and `corepack prepare pnpm@9.1.0 --activate`.
    """
    asked = [word for word in words[1:] if re.match(r"(pnpm|yarn)(@|$)", word)]
    if not asked and words[:1] == ["enable"]:
        declared = package_manager(stage)
        asked = [declared] if declared else []
    wanted = [installable(word) for word in asked if not has(stage, word.partition("@")[0], host)]
    return ("npm", "install", "--global", "--prefix", "/usr/local", *wanted) if wanted else ()


def has(stage: BuildStage, program: str, host: BuildHost) -> bool:
    """Return whether a program can run in this stage: this machine has it, or the stage has installed it."""
    return host.has(program) or f"/usr/local/bin/{program}" in stage.tree


def installable(manager: str) -> str:
    """Return npm's name of a package manager: yarn from 2 on is another package there."""
    name, _, version = manager.partition("@")
    version = version.partition("+")[0]
    if (name == "yarn" and version[:1] in ("2", "3", "4")) or (name == "yarn" and version in ("stable", "berry")):
        return f"@yarnpkg/cli-dist@{version if version[:1].isdigit() else 'latest'}"
    return f"{name}@{version}" if version else name


def package_manager(stage: BuildStage) -> str:
    """Return package.json's `packageManager`, `pnpm@9.1.0`; empty where it has none."""
    file = stage.tree.get(stage.absolute("package.json"))
    match = re.search(rb'"packageManager"\s*:\s*"([^"+]+)', file.data()) if file and file.kind == "file" else None
    return match[1].decode() if match else ""


def missing_manager(stage: BuildStage, name: str, folder: str, host: BuildHost) -> str:
    """Return yarn or pnpm, to be installed first.

    node's images have yarn, and corepack brings what package.json declares.
    """
    if name not in ("yarn", "pnpm") or has(stage, name, host):
        return ""
    declared = package_manager(stage)
    if declared.startswith(f"{name}@"):
        return installable(declared)
    return "yarn@1" if name == "yarn" else "pnpm"


def started_manager(stage: BuildStage, host: BuildHost) -> str:
    """Return the package of yarn or pnpm where the image starts with it, and no RUN line nor this machine has it."""
    words = (*stage.entrypoint, *stage.command)
    texts = " ".join(words) if "node" in stage.base or any(is_node((word,)) for word in words[:1]) else ""
    match = re.search(r"(?:^|[\s;&])(yarn|pnpm)(?=\s|$)", texts)
    return missing_manager(stage, match[1], stage.workdir, host) if match and host.has("npm") else ""


def is_node(argv: Sequence[str]) -> bool:
    """Return whether a command is one of Node's: node, npm, npx and the like."""
    return named(argv[0]) in NODE


def text_tool(stage: BuildStage, argv: Sequence[str], folder: str) -> bool:
    """Return whether a text tool touches only files that the copy has."""
    if named(argv[0]) not in TEXT_TOOLS:
        return False
    paths = [word for word in argv[1:] if word.startswith("/") or not word.startswith("-")]
    inside = [path for path in paths if stage.absolute(path, folder) in stage.tree]
    outside = [
        w
        for w in argv[1:]
        if w.startswith("/") and posixpath.normpath(w) not in stage.tree and "/" in w[1:] and not w.startswith("/^")
    ]
    return bool(inside) and not outside
