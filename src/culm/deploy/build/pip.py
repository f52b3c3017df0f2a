"""What an install command says: its spelling, its options, what it reads. Pure, but for requirement files' text."""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence

from culm.core.model.record import record
from culm.deploy.build.context import ImageFile
from culm.deploy.build.programs import TOOLS, is_python, named, plain_words
from culm.project.texts import decoded

READS = frozenset({"-r", "--requirement", "--requirements", "-c", "--constraint", "--constraints", "--override"})
EDITABLE = frozenset({"-e", "--editable"})
LINKS = frozenset({"-f", "--find-links"})
VALUED = frozenset(
    {"-i", "--index-url", "--extra-index-url", "-t", "--target", "--prefix", "--root", "--python", "-p", "--timeout"}
    | {"--default-timeout", "--retries", "--cache-dir", "--trusted-host", "--progress-bar", "--root-user-action"}
    | {
        "--index-strategy",
        "--platform",
        "--python-version",
        "--implementation",
        "--abi",
        "--only-binary",
        "--no-binary",
    }
    | {"--use-feature", "--src", "--proxy", "--cert", "-w", "--wheel-dir", "-d", "--dest", "--upgrade-strategy"}
    | {"--group", "--extra", "--package", "--link-mode", "--index", "--default-index", "--build-constraint", "-b"}
    | {
        "--config-settings",
        "--log",
        "--exists-action",
        "--python-platform",
        "--resolution",
        "--prerelease",
        "--refresh-package",
    }
)
"""pip's and uv's options that have a value behind them, which is no requirement."""
LOCAL = re.compile(r"(?:file:/{2})?(\.{0,2}/[^\[]*|\.{1,2})(?:\[.*\])?$")
FOR_INSTALLERS = re.compile(r"(?:PIP|UV|POETRY|PDM|PIPENV|SETUPTOOLS|HATCH|CIBW)_\w+|CFLAGS|LDFLAGS|CC|CXX")
NOT_FOR_US = re.compile(
    r"\w*(?:PASSWORD|TOKEN|SECRET|_DIR|_HOME|CACHE\w*|_PATH)$|UV_(?:PYTHON|PROJECT|SYSTEM|LINK|TOOL|COMPILE|VERSION|NO_SYNC)\w*"
    r"|PIP_(?:TARGET|PREFIX|USER|ROOT\w*|NO_CACHE\w*|VERSION|DEFAULT_TIMEOUT|DISABLE\w*|BREAK\w*)|POETRY_(?:VIRTUALENVS\w*|VERSION|NO_\w+)"
    r"|PIPENV_(?:VENV\w*|SYSTEM|VERSION)|PDM_(?:VERSION|CHECK\w*)"
)
"""They say where to install or to keep things, which is decided here; or they would be secrets in a label."""


def settings(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of a stage's variables that its installers need to hear."""
    return {k: v for k, v in variables.items() if FOR_INSTALLERS.fullmatch(k) and not NOT_FOR_US.fullmatch(k)}


def pip_arguments(argv: Sequence[str]) -> tuple[str, ...] | None:
    """Return what follows `pip`, in each of its spellings: `pip3`, `python -m pip`, `uv pip`, `/opt/venv/bin/pip`."""
    name = named(argv[0])
    if re.fullmatch(r"pip[\d.]*", name):
        return tuple(argv[1:])
    if is_python(name):
        words = [word for word in argv[1:] if word not in ("-u", "-I", "-s", "-E", "-B")]
        if words[:2] == ["-m", "pip"]:
            return tuple(words[2:])
        if words[:1] == ["setup.py"] and words[1:2] in (["install"], ["develop"]):
            return ("install", "." if words[1] == "install" else "-e.")
    if name == "uv" and list(argv[1:2]) == ["pip"]:
        return tuple(argv[2:])
    if name == "flit" and plain_words(argv)[:1] == ["install"]:
        return ("install", ".")
    return None


def makes_venv(argv: Sequence[str]) -> str | None:
    """Return the path of the environment that `python -m venv PATH`, `virtualenv PATH` or `uv venv [PATH]` makes."""
    name = named(argv[0])
    rest = list(argv[1:])
    if is_python(name) and rest[:2] in (["-m", "venv"], ["-m", "virtualenv"]):
        rest = rest[2:]
    elif name == "uv" and rest[:1] == ["venv"]:
        return next(operands(rest[1:]), ".venv")
    elif name != "virtualenv":
        return None
    return next(operands(rest), None)


def operands(words: Sequence[str]) -> Iterator[str]:
    """Yield the words that are no options, and no values of options."""
    rest = iter(words)
    for word in rest:
        if word in (
            "-p",
            "--python",
            "--prompt",
            "--seed-version",
            "--app-data",
            "--index-url",
            "--pip",
            "--setuptools",
        ):
            next(rest, "")
        elif not word.startswith("-"):
            yield word


@record
class Argument:
    """One of pip's: an option with its value, or a requirement."""

    option: str = ""
    value: str = ""
    words: tuple[str, ...]
    """As they were written."""


def arguments(words: Sequence[str]) -> list[Argument]:
    """Return the words as options and values; `-rfile`, `--option=value` and `--option value` are alike."""
    out: list[Argument] = []
    rest = iter(words)
    for word in rest:
        option, equals, value = word.partition("=")
        short = re.match(r"(-[rcefitwdp])(?!-)(.+)", word)
        if not word.startswith("-"):
            out.append(Argument(value=word, words=(word,)))
        elif short and not equals and not word.startswith("--"):
            out.append(Argument(option=short[1], value=short[2], words=(word,)))
        elif option in READS | EDITABLE | LINKS | VALUED:
            given = value if equals else next(rest, "")
            out.append(Argument(option=option, value=given, words=(word,) if equals else (word, given)))
        else:
            out.append(Argument(option=option, value=value, words=(word,)))
    return out


def value_of(words: Sequence[str], *options: str) -> str | None:
    """Return the last value of any of these options, None if there is none."""
    return next((a.value for a in reversed(arguments(words)) if a.option in options), None)


def local(requirement: str) -> str | None:
    """Return the path of a requirement that is a folder or a file of the image: `.`, `./lib[extra]`, `dist/a.whl`."""
    text = requirement.partition(" @ file://")[2] or requirement
    if match := LOCAL.match(text):
        return match[1]
    bare = text.partition("[")[0]
    return bare if bare.endswith((".whl", ".tar.gz", ".zip")) and "://" not in bare else None


def read_by(words: Sequence[str]) -> list[tuple[str, str]]:
    """Return what an install reads: `("requirements", path)`, `("project", path)` or `("links", path)`."""
    out: list[tuple[str, str]] = []
    for argument in arguments(words):
        if argument.option in READS and "://" not in argument.value:
            out.append(("requirements", argument.value))
        elif argument.option in EDITABLE:
            if (path := local(argument.value)) or "://" not in argument.value:
                out.append(("project", (path or argument.value).partition("[")[0]))
        elif argument.option in LINKS and "://" not in argument.value:
            out.append(("links", argument.value))
        elif not argument.option and (path := local(argument.value)):
            out.append(("project", path))
    return [(kind, path) for kind, path in out if path and path != "-"]


def requirement_lines(file: ImageFile) -> list[str]:
    """Return a requirement file's lines, as pip joins and strips them."""
    text = re.sub(r"\\\r?\n", " ", decoded(file.data()))
    lines = (re.sub(r"(^|\s)#.*$", "", line).strip() for line in text.splitlines())
    return [line for line in lines if line]


def read_by_file(path: str, file: ImageFile) -> list[tuple[str, str]]:
    """Return what a requirement file names itself: paths in it are relative to it."""
    out: list[tuple[str, str]] = []
    folder = posixpath.dirname(path)
    for line in requirement_lines(file):
        words = line.split()
        for kind, named_path in read_by(words if words[0].startswith("-") else [line.split(";")[0].strip()]):
            # pip: -r and -c are relative to the file, projects to where pip runs
            out.append((kind, posixpath.join(folder, named_path) if kind == "requirements" else named_path))
    return out


def pinned(words: Sequence[str]) -> dict[str, str]:
    """Return the installers among what is installed: `poetry` to `poetry==1.8.3`."""
    out = {}
    for argument in arguments(words):
        match = re.match(r"(poetry-plugin-\w+|[A-Za-z][\w-]*)", argument.value) if not argument.option else None
        if match and (match[1].lower() in TOOLS or match[1].lower().startswith("poetry-plugin")):
            out[match[1].lower()] = argument.value
    return out
