"""The shell scripts of an image that a container starts: paths and ports in them are those of the host.

A command's own words are rewritten as they are; a script that it names is a file, such as an entrypoint that ends in
`exec gunicorn --chdir /app --bind 0.0.0.0:8000`. Each task has its own copy of the image's files, so the script itself
is changed there, and the scripts that it names. What a shell's command line would have changed is changed, and a first
line that names Alpine's shell where this machine's would not do.
"""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from culm.cluster.instance.runtime.interface import Port
from culm.cluster.instance.runtime.process import port_mapping
from culm.cluster.instance.runtime.process.rootfs import Rootfs
from culm.core.model.record import record

SHELLS = frozenset({"sh", "ash", "bash", "dash", "zsh"})
SHEBANG = re.compile(rb"#!\s*\S*?(?:\benv\s+(?:-\S+\s+)*)?(?:sh|ash|bash|dash|zsh)\b")
OF_BUSYBOX = re.compile(r"^\s*source\s+\S|(?:^|[\s;(!])\[\[\s", re.MULTILINE)
MOST_BYTES = 64 * 1024
"""A longer one is a program that somebody has packed into a script."""
MOST_SCRIPTS = 20


@record
class Places:
    """Where a container's words are looked for, and what becomes of its ports."""

    rootfs: Rootfs
    directory: Path
    """The working directory, on the host."""
    path: str
    """The image's PATH."""
    ports: Sequence[Port]
    address: str
    peers: Sequence[Port] = ()


def adapt(words: Sequence[str], places: Places) -> None:
    """Rewrite each shell script that a container's words name, and those that these name."""
    done: set[Path] = set()
    waiting = list(named(words, places))
    while waiting and len(done) < MOST_SCRIPTS:
        script = waiting.pop()
        text = None if script in done else text_of(script)
        if text is None:
            continue
        done.add(script)
        waiting += named(text.split(), places)
        rewritten = "".join(line_on_host(line, places) for line in text.splitlines(keepends=True))
        rewritten = with_its_shell(rewritten, shutil.which("bash"))
        if rewritten != text:
            mode = script.stat().st_mode
            script.chmod(mode | 0o200)
            script.write_text(rewritten, encoding="utf-8", errors="surrogateescape", newline="")
            script.chmod(mode)


def named(words: Sequence[str], places: Places) -> Iterator[Path]:
    """Yield the scripts among some words, or in the line that a shell is given; a shell runs them without a `#!`."""
    shell = False
    for word in [part for each in words for part in each.split()]:
        plain = word.strip("\"'`;&|()")
        if (file := inside(plain, places)) is not None and (shell or SHEBANG.match(head_of(file))):
            yield file
        shell = os.path.basename(plain) in SHELLS or plain in (".", "source") or (shell and plain.startswith("-"))


def inside(word: str, places: Places) -> Path | None:
    """Return the file of the container that a word names, None where it names none."""
    if not word or word.startswith("-") or "$" in word:
        return None
    if word.startswith("/"):
        candidates = [places.rootfs.inside(word)]
    elif "/" in word:
        candidates = [places.directory / word]
    else:
        candidates = [places.rootfs.inside(f"{folder}/{word}") for folder in places.path.split(":") if folder]
        candidates.append(places.directory / word)
    for file in candidates:
        real = Path(os.path.realpath(file))
        if real.is_file() and real.is_relative_to(os.path.realpath(places.rootfs.root)):
            return real
    return None


def head_of(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(64)


def text_of(file: Path) -> str | None:
    """Return a script as text, None where it is too long or has bytes that no text has."""
    data = file.read_bytes() if file.stat().st_size <= MOST_BYTES else b"\0"
    return None if b"\0" in data else data.decode("utf-8", "surrogateescape")


def with_its_shell(text: str, bash: str | None) -> str:
    """Return a script for Alpine's shell with Bash as its interpreter, if it needs one: Debian's `sh` knows less.

    BusyBox has `[[` and `source`, which POSIX has not: https://www.shellcheck.net/wiki/SC3046
    """
    first, newline, rest = text.partition("\n")
    if bash is None or not re.fullmatch(r"#!\s*/bin/(?:a?sh)\s*", first) or not OF_BUSYBOX.search(rest):
        return text
    return f"#!{bash}{newline}{rest}"


def line_on_host(line: str, places: Places) -> str:
    """Return a line of a script with the container's paths and ports as the host has them; comments stay."""
    if line.lstrip().startswith("#"):
        return line
    mapped = places.rootfs.map_script(line)
    own = port_mapping.rewrite_argument(mapped, places.ports, places.address)
    return port_mapping.rewrite_peers(own, places.peers, places.address)
