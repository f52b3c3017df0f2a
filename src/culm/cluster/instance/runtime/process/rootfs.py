"""A container's files on the host: its own copy of the image, and what a path inside means outside."""

import os
import re
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

_HOST_OWNS = ("/dev", "/proc", "/sys", "/bin", "/sbin", "/lib", "/lib64", "/usr/bin", "/usr/sbin", "/usr/lib")
"""An image's own operating system is not used: programs there are the host's."""
_OF_EVERY_SYSTEM = ("", "etc", "home", "media", "mnt", "opt", "root", "run", "srv", "tmp", "usr", "var")
"""Folders at the root that tell nothing about whose a path in them is."""
_PYTHON = re.compile(r"(?:/usr)?/bin/python[\d.]*")
INPUTS = ".culm"
"""The folder of an image that has what its prefixes are made from: no container sees it."""
_PATH_IN_TEXT = re.compile(r"(?<![\w./:~-])/[\w.@+-][\w./@+-]*")


class Rootfs:
    """Paths inside are absolute and mean something below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def inside(self, path: str) -> Path:
        """Return where a path of the container is on the host, whether or not it exists."""
        return self.root / os.path.normpath(f"/{path}").lstrip("/")

    @property
    def has_python(self) -> bool:
        """Whether culm placed the Python of the image's base."""
        return self.inside("/usr/local/pyvenv.cfg").exists()

    def map(self, path: str) -> str:
        """Return the host's path for one that exists in the container; any other string stays as it is."""
        if not path.startswith("/") or os.path.normpath(path) == "/":
            return path
        if _is_under(path, _HOST_OWNS) and not (_PYTHON.fullmatch(path) and self.has_python):
            return path
        return str(self.inside(path)) if os.path.lexists(self.inside(path)) else path

    def map_text(self, text: str) -> str:
        """Map every path of the container in a command line."""
        return _PATH_IN_TEXT.sub(lambda match: self.map(match[0]), text)

    def map_script(self, text: str) -> str:
        """Map every path of the container in a shell's script; one that has a space on the host is quoted.

        A script also names what it makes itself: a path in a folder of the image's own counts, too.
        """

        def mapped(match: re.Match[str]) -> str:
            if os.path.normpath(match[0]) in ("/", "//"):  # a pattern such as `*/../*`: the root itself is nobody's
                return match[0]
            before = text[: match.start()]
            in_quotes = before.count('"') % 2 or before.count("'") % 2
            own = str(self.inside(match[0])) if self._has_folder_of(match[0]) else self.map(match[0])
            return own if in_quotes else shlex.quote(own)

        return _PATH_IN_TEXT.sub(mapped, text)

    def _has_folder_of(self, path: str) -> bool:
        """Return whether a path lies in a folder that the image has and that not every system has."""
        if _is_under(os.path.normpath(path), _HOST_OWNS):
            return False
        nearest = next(each for each in Path(os.path.normpath(path)).parents if self.inside(str(each)).is_dir())
        return len(nearest.parts) > 2 or nearest.name not in _OF_EVERY_SYSTEM

    def map_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Map values that are paths, or lists of paths as in PYTHONPATH."""
        return {
            name: value if name == "PATH" else ":".join(self.map(part) for part in value.split(":"))
            for name, value in environment.items()
        }

    def search_path(self, path: str, host_path: str) -> str:
        """Return the container's PATH: its own directories first, then the host's in place of the base image's."""
        own = [str(self.inside(part)) for part in path.split(":") if part and os.path.isdir(self.inside(part))]
        return ":".join([*own, host_path])


def copy(source: Path, destination: Path) -> Rootfs:
    """Return a private copy: what the container changes in it nobody else sees."""
    copy_folder(source, destination, leave_out=INPUTS)
    return Rootfs(destination)


def place_link(rootfs: Rootfs, path: str, target: Path) -> None:
    """Make `target` of the host appear at `path` of the container."""
    link = rootfs.inside(path)
    if link.is_symlink() or link.is_file():
        link.unlink()
    elif link.is_dir():
        shutil.rmtree(link)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)


def copy_folder(source: Path, destination: Path, leave_out: str = "") -> None:
    """Copy a folder; stop at the first error, unlike shutil.copytree, which would fill a full disk to the last file."""
    destination.mkdir()
    with os.scandir(source) as entries:
        for entry in entries:
            target = destination / entry.name
            if entry.name == leave_out:
                continue
            if entry.is_dir(follow_symlinks=False):
                copy_folder(Path(entry.path), target)
            else:
                shutil.copy2(entry.path, target, follow_symlinks=False)
    shutil.copystat(source, destination)


def _is_under(path: str, directories: tuple[str, ...]) -> bool:
    return any(path == directory or path.startswith(f"{directory}/") for directory in directories)
