"""Where a build runs commands on this machine: a copy of the stage's files, in a scratch folder.

A command sees the files at other paths than in the image: its words that are paths of the image are replaced, its
HOME and its Python prefixes are in the copy. Afterwards files that are new or different become the command's result.
"""

import asyncio
import hashlib
import os
import re
import shutil
import stat
import subprocess
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from uv import find_uv_bin

from culm.deploy.build import missing_tools
from culm.deploy.build.context import ImageFile, lay_out
from culm.deploy.build.hosted import Job, Result
from culm.deploy.build.plan import Contents
from culm.errors import CulmError
from culm.prefixes.label import Placement, Prefix
from culm.prefixes.make import Made, Prefixes, PrefixFailure
from culm.prefixes.place import Destination, place

LAST_LINES = 15
SETTING = re.compile(
    rb"""(?m)^(\s*(?:--(?:[\w.]+\.)?(?:modules-folder|prefix|global-folder)[ =]|(?:prefix|store-dir)\s*=)"""
    rb"""\s*["']?)(/[\w.@/-]*)"""
)
"""A folder to install into, in .yarnrc or .npmrc."""
Facts = tuple[int, int, int, int]
_making: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""By key: services that are built side by side often share one."""


class Workshop:
    """One build's copy, kept in step with whichever stage has a command to run."""

    def __init__(self, scratch: Path, prefixes: Path) -> None:
        self.root = scratch / "root"
        self.kept = scratch / "kept"
        self.root.mkdir()
        self.kept.mkdir()
        self.prefixes = prefixes
        self.known: dict[str, ImageFile] = {}

    def programs(self, contents: Contents) -> frozenset[str]:
        """Return the names of the programs in a prefix, which is made if it is not there."""
        return frozenset(program.name for program in self.made(contents).programs.iterdir())

    def made(self, contents: Contents) -> Made:
        """Return a Python prefix, made now if it is not there. Raises CulmError with the installer's last words."""
        prefix = Prefix(key=contents.key, python=contents.python, steps=contents.steps)

        def lay_out_inputs(folder: Path) -> None:
            folder.mkdir()
            lay_out(contents.inputs, folder)

        try:
            with _making[prefix.key]:
                return asyncio.run(Prefixes(self.prefixes).get(prefix, lay_out_inputs))
        except PrefixFailure as failure:
            where = f"{failure.where}: " if failure.where else ""
            head, _, last = str(failure).partition("\n")
            output = failure.output or str(failure)
            what = f"{where}{head.rstrip(':')}{missing_tools.first_line(output)}\n{last}".rstrip()
            raise CulmError(what, missing_tools.hint(output)) from None

    def run(self, job: Job) -> Result:
        """Run a job's command in a copy of its tree, and return what it changed."""
        self.bring(job.tree)
        placed = self.place(job)
        before = self.look()
        self.do(job)
        after = self.look()
        for link in placed:  # the next command may see other prefixes
            delete(link)
        gone = tuple(path for path in before if path not in after and path in job.tree)
        changed = {path: self.keep(path) for path, facts in after.items() if before.get(path) != facts}
        for path in gone:
            self.known.pop(path, None)
        self.known |= changed
        return Result(changed=changed, gone=gone)

    def bring(self, tree: Mapping[str, ImageFile]) -> None:
        """Make the copy what `tree` says; what a stage before had, and this one has not, goes."""
        for path in sorted(self.known.keys() - tree.keys(), reverse=True):
            delete(self.root / path.lstrip("/"))
            del self.known[path]
        fresh = {path: file for path, file in tree.items() if self.known.get(path) != file}
        for path in fresh:
            if fresh[path].kind != "folder":
                delete(self.root / path.lstrip("/"))
        lay_out(fresh, self.root)
        self.known |= fresh

    def place(self, job: Job) -> set[Path]:
        """Put the installed packages that a job needs in their places. Returns the links that were made."""
        made = {p.contents.key: self.made(p.contents) for p in job.places}
        placements = [
            Placement(key=p.contents.key, path=p.path, part=p.part, system_packages=p.system_packages)
            for p in job.places
        ]
        versions = {p.contents.key: p.contents.python for p in job.places}
        return place(Destination(root=self.root, final=self.root), placements, made, versions)

    def do(self, job: Job) -> None:
        """Run a job's program in the copy of its files. Raises CulmError where it is missing, or when it fails."""
        cwd = self.root / job.folder.lstrip("/")
        cwd.mkdir(parents=True, exist_ok=True)
        argv = [self.mapped(word, job) for word in job.argv]
        if job.tool:
            wanted = [word for requirement in job.tool[1:] for word in ("--with", requirement)]
            argv = [find_uv_bin(), "tool", "run", "--quiet", "--from", job.tool[0], *wanted, *argv]
        elif argv[0] == "uv":
            argv[0] = find_uv_bin()
        environment = self.environment(job)
        output = self.root / job.output.lstrip("/") if job.output else None
        if output is not None:
            output.parent.mkdir(parents=True, exist_ok=True)
        program = shutil.which(argv[0], path=environment["PATH"]) if "/" not in argv[0] else argv[0]
        if program is None:
            raise CulmError(f"{job.where}: neither the image nor this machine has {argv[0]}", missing_tools.ENGINE_HINT)
        with (
            self.settings_inside(cwd),
            subprocess.Popen(
                [program, *argv[1:]],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if output is None else subprocess.PIPE,
            ) as process,
        ):
            printed, complaint = process.communicate()
        if process.returncode:
            text = (complaint or printed).decode(errors="replace").replace(str(self.root), "")
            last = "\n".join(f"    {line}" for line in text.strip().splitlines()[-LAST_LINES:])
            why = missing_tools.first_line(text)
            what = f"{job.where}: on this machine it ended with status {process.returncode}{why}\n{last}"
            raise CulmError(what, missing_tools.hint(text))
        if output is not None:
            with output.open("ab" if job.append else "wb") as file:
                file.write(printed)

    @contextmanager
    def settings_inside(self, folder: Path) -> Iterator[None]:
        """Let folders that settings of npm and yarn name, `--modules-folder "/x"`, be the copy's meanwhile."""
        kept = {}
        for path in (folder / name for name in (".yarnrc", ".npmrc")):
            if not path.is_file():
                continue
            text = path.read_bytes()
            inside = SETTING.sub(lambda match: match[1] + str(self.root).encode() + match[2], text)
            if inside != text:
                kept[path] = text, path.stat()
                path.write_bytes(inside)
        try:
            yield
        finally:
            for path, (text, facts) in kept.items():
                path.write_bytes(text)
                os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))

    def environment(self, job: Job) -> dict[str, str]:
        """Return the environment: this machine's, so that indexes and proxies hold, then the image's."""
        own = {name: self.mapped(value, job) for name, value in job.environment.items() if name != "PATH"}
        folders = [f"{self.root}{part}" for part in job.environment.get("PATH", "").split(":") if part.startswith("/")]
        search = [*folders, os.environ.get("PATH", os.defpath)]
        machine = {
            k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "NODE_ENV")
        }
        home = self.root / "root"
        home.mkdir(exist_ok=True)
        caches = {"npm_config_cache": os.path.expanduser("~/.npm"), "UV_CACHE_DIR": uv_cache()}
        caches["YARN_CACHE_FOLDER"] = str(self.kept.parent / "yarn")  # yarn 1 spoils a cache that two builds share
        configured = os.path.expanduser("~/.npmrc")
        if os.path.exists(configured):
            caches["npm_config_userconfig"] = configured
        return (
            machine
            | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", "CI": "1", "npm_config_update_notifier": "false"}
            | {"COREPACK_ENABLE_DOWNLOAD_PROMPT": "0", "UV_PYTHON_DOWNLOADS": "never", "NO_COLOR": "1"}
            | caches
            | own
            | {"PATH": ":".join(search)}
        )

    def mapped(self, word: str, job: Job) -> str:
        """Return the word with paths of the image as the copy's, also behind `--option=` and in lists."""
        option, equals, value = word.partition("=")
        if equals and option.startswith("-"):
            return f"{option}={self.mapped(value, job)}"
        return ":".join(self.mapped_path(part, job) for part in word.split(":")) if "://" not in word else word

    def mapped_path(self, path: str, job: Job) -> str:
        """Return the path on this machine of a path in the image; one that is not there stays as it is."""
        if not path.startswith("/") or path == "/":
            return path
        normal = os.path.normpath(path)
        known = normal in job.tree or os.path.lexists(f"{self.root}{normal}")
        return f"{self.root}{path}" if known or normal == "/usr/local" else path

    def look(self) -> dict[str, Facts]:
        """Return every file and folder of the copy, less what leads into a prefix."""
        facts_by_path: dict[str, Facts] = {}
        todo = [self.root]
        while todo:
            folder = todo.pop()
            with os.scandir(folder) as entries:
                for entry in entries:
                    facts = entry.stat(follow_symlinks=False)
                    size = 0 if stat.S_ISDIR(facts.st_mode) else facts.st_size
                    changed = 0 if stat.S_ISDIR(facts.st_mode) else facts.st_mtime_ns
                    path = "/" + os.path.relpath(entry.path, self.root)
                    facts_by_path[path] = (facts.st_ino, facts.st_mode, size, changed)
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(Path(entry.path))
        return facts_by_path

    def keep(self, path: str) -> ImageFile:
        """Return a file as it is now, with its bytes where no later command changes them."""
        there = self.root / path.lstrip("/")
        facts = there.lstat()
        mode = stat.S_IMODE(facts.st_mode)
        if stat.S_ISDIR(facts.st_mode):
            return ImageFile(kind="folder", mode=mode)
        if stat.S_ISLNK(facts.st_mode):
            target = os.readlink(there)
            inside = target.removeprefix(str(self.root)) if target.startswith(f"{self.root}/") else target
            return ImageFile(kind="link", mode=0o777, link=inside)
        with there.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        kept = self.kept / digest
        if not kept.exists():
            shutil.copyfile(there, kept)
        return ImageFile(kind="file", mode=mode, source=kept, digest=digest)


def delete(path: Path) -> None:
    """Delete a file or a folder with all in it; that it is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def uv_cache() -> str:
    """Return uv's cache of this machine: the copy's HOME has none."""
    if "UV_CACHE_DIR" in os.environ:
        return os.environ["UV_CACHE_DIR"]
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "uv")
