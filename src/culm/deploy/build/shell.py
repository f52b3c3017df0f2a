"""A RUN line, as far as a host can tell what it does without doing it: pure."""

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from culm.core.model.record import record
from culm.project.dockerfile import expand


@record
class Command:
    """One simple command of a RUN line."""

    argv: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    """What is assigned in front of it: `CGO_ENABLED=0 go build`."""
    plain: bool = True
    """Nothing is piped, redirected into or substituted: its words are all there is to it."""


Kind = Literal[
    "venv", "install", "sync", "folder", "mode", "change-folder", "activate", "go", "build", "nothing", "skip"
]

HARMLESS = frozenset({"set", "true", ":", "export", "echo", "printf", "test", "[", "umask", "sync", "ldconfig"})
BUILDERS: Mapping[str, tuple[str, ...]] = {
    "go": ("build", "install", "generate"),
    "make": (),
    "cmake": (),
    "gcc": (),
    "g++": (),
    "cc": (),
    "cargo": ("build", "install"),
    "npm": ("ci", "install", "i", "run"),
    "pnpm": ("install", "i", "run", "build"),
    "yarn": (),
    "bun": ("install", "build"),
    "mvn": (),
    "./mvnw": (),
    "gradle": (),
    "./gradlew": (),
    "dotnet": ("build", "publish", "restore"),
    "bundle": ("install",),
    "composer": ("install",),
    "mix": (),
    "poetry": ("install",),
    "pipenv": ("install", "sync"),
    "conda": ("install", "env"),
    "curl": (),
    "wget": (),
    "tar": (),
    "unzip": (),
    "git": ("clone",),
}
"""Programs that put what a service may need into the image; with the subcommands that do, where not all do."""


def commands(text: str, variables: Mapping[str, str]) -> list[Command]:
    """The simple commands of a shell line, in order; variables are filled in as the shell would."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=";&|<>()")
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # a quote that does not end: the shell's to judge
        return [Command(argv=tuple(text.split()), plain=False)]
    found: list[Command] = []
    argv: list[str] = []
    plain = True
    for token in [*tokens, ";"]:
        if token in ("&&", ";", "||", "|", "&", ";;"):
            piped = token == "|"
            if argv:
                words, assigned = stripped(argv)
                found.append(Command(argv=tuple(words), environment=assigned, plain=plain and not piped))
            argv, plain = [], not piped
        elif re.fullmatch(r"[<>()&|]+", token):
            plain = plain and token in (">", ">>")
            argv.append(token)
        else:
            plain = plain and "$(" not in token and "`" not in token
            argv.append(expand(token, variables))
    return [command for command in found if command.argv]


def stripped(argv: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Without redirections of output behind and assignments in front; and these."""
    words = list(argv)
    assigned: dict[str, str] = {}
    while words and re.match(r"\w+=", words[0]):
        name, _, value = words.pop(0).partition("=")
        assigned[name] = value
    for index, word in enumerate(words):
        if word in (">", ">>"):
            words = words[: index - 1] if index and words[index - 1].isdecimal() else words[:index]
            break
    return words, assigned


def kind(command: Command) -> Kind:
    """What a command is to a host that cannot run it inside a container."""
    argv = command.argv
    name = argv[0].rsplit("/", 1)[-1]
    words = [word for word in argv[1:] if not word.startswith("-")]
    if not command.plain:
        return "build" if builds(argv) else "skip"
    if makes_venv(argv):
        return "venv"
    if pip_arguments(argv) is not None:
        return "install" if "install" in words[:3] else "skip"
    if name == "uv" and words[:1] == ["sync"]:
        return "sync"
    if name == "mkdir":
        return "folder"
    if name == "chmod":
        return "mode"
    if name == "cd":
        return "change-folder"
    if name in (".", "source") and argv[-1].endswith("/bin/activate"):
        return "activate"
    if name in HARMLESS:
        return "nothing"
    if name == "go" and words[:1] == ["build"]:
        return "go"
    return "build" if builds(argv) else "skip"


def builds(argv: Sequence[str]) -> bool:
    name = argv[0] if argv[0] in BUILDERS else argv[0].rsplit("/", 1)[-1]
    if name not in BUILDERS:
        return False
    subcommands = BUILDERS[name]
    words = [word for word in argv[1:] if not word.startswith("-")]
    return not subcommands or any(word in subcommands for word in words[:2])


def makes_venv(argv: Sequence[str]) -> str | None:
    """The path of the virtual environment that `python -m venv PATH`, `virtualenv PATH` or `uv venv [PATH]` makes."""
    name = argv[0].rsplit("/", 1)[-1]
    words = [word for word in argv[1:] if not word.startswith("-")]
    if re.fullmatch(r"python[\d.]*", name) and list(argv[1:3]) in (["-m", "venv"], ["-m", "virtualenv"]):
        return words[1] if len(words) > 1 else None
    if name == "virtualenv":
        return words[0] if words else None
    if name == "uv" and words[:1] == ["venv"]:
        return words[1] if len(words) > 1 else ".venv"
    return None


def pip_arguments(argv: Sequence[str]) -> tuple[str, ...] | None:
    """What follows `pip`, in each of its spellings: `pip3`, `python -m pip`, `uv pip`, `/opt/venv/bin/pip`."""
    name = argv[0].rsplit("/", 1)[-1]
    if re.fullmatch(r"pip[\d.]*", name):
        return tuple(argv[1:])
    if re.fullmatch(r"python[\d.]*", name) and list(argv[1:3]) == ["-m", "pip"]:
        return tuple(argv[3:])
    if name == "uv" and list(argv[1:2]) == ["pip"]:
        return tuple(argv[2:])
    return None


def pip_inputs(arguments: Sequence[str]) -> list[str]:
    """The files and folders that a `pip install` reads: of `-r`, `-c`, `-e` and local paths."""
    found: list[str] = []
    words = iter(arguments)
    for word in words:
        option, given, value = word.partition("=")
        if option in ("-r", "--requirement", "-c", "--constraint", "-e", "--editable", "--requirements"):
            found.append((value if given else next(words, "")).split("[")[0])
        elif word.startswith(("-r", "-c")) and not word.startswith("--") and len(word) > 2:
            found.append(word[2:])
        elif option in ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "-t", "--target", "--python"):
            if not given:
                next(words, "")
        elif re.match(r"(\.{0,2}/|\.$|\.\[)", word) or word.endswith((".whl", ".tar.gz")):
            found.append(word.split("[")[0])
    return [path for path in found if path]
