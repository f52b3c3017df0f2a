"""Placing made prefixes into a container's files, at the paths where the image has them.

What the image itself put there stays. A prefix's packages are linked, entry by entry; where two prefixes, or a prefix
and the image, have the same folder, that folder is made and its entries are linked. Programs are copied, as their
first line says which Python runs them. Files that name the place where they were made are copied with the new place.

Example. `pip install flask` and `COPY entry.sh /usr/local/bin/` give

    usr/local/pyvenv.cfg, usr/local/bin/python -> this machine's Python
    usr/local/bin/flask          a copy: runs the Python beside it
    usr/local/bin/entry.sh       the image's own, as it was
    usr/local/lib/python3.12/site-packages/flask -> venvs/<key>/venv/lib/python3.12/site-packages/flask
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from culm.core.model.record import record
from culm.prefixes.label import Placement
from culm.prefixes.make import Made

SYSTEM = "/usr/local"
"""The prefix of a Python base image."""
NAMES_PLACES = re.compile(r"\.pth$|^__editable__|^_?editable_impl_|\.egg-link$")
"""Files of site-packages that may name the folder of an editable install."""
PYTHON = re.compile(r"python[\d.]*$")
HEADER = re.compile(rb"\A(?:#!/bin/sh\n'''exec' [^\n]*|#![^\n]*python[^\n]*)\n")
OF_THE_SHELL = re.compile(r"activate|deactivate|pydoc\.bat")


@record
class Destination:
    """Where a container's files are now, and where they will be when it runs."""

    root: Path
    final: Path

    def now(self, path: str) -> Path:
        """Return where a path of the image lies at present, while it is placed."""
        return self.root / path.lstrip("/")

    def later(self, path: str) -> str:
        """Return where it will lie when it is used."""
        return str(self.final / path.lstrip("/"))


class Placing:
    """One container's placing; remembers which files it made itself."""

    def __init__(self, destination: Destination) -> None:
        self.to = destination
        self.ours: set[Path] = set()

    def all(self, placements: Sequence[Placement], made: Mapping[str, Made], pythons: Mapping[str, str]) -> None:
        """Put every installed prefix in its place, then let environments see the packages of the others."""
        for placement in placements:
            self.place(placement, made[placement.key], pythons.get(placement.key, ""))
        for placement in placements:
            if placement.part == "environment":
                self.see_others(placement, made[placement.key], placements, made)

    def place(self, placement: Placement, made: Made, expected: str) -> None:
        """Put one prefix in its place. `expected`: the Python version whose name programs may use."""
        at = placement.path.rstrip("/")
        renames = {made.made_at: self.to.later(at), made.inputs_at: str(self.to.final)}
        python = self.to.later(f"{at}/bin/python" if placement.part == "environment" else f"{SYSTEM}/bin/python")
        match placement.part:
            case "packages" | "target":
                self.packages(made.packages, self.to.now(at), renames)
                if placement.part == "target":
                    self.programs(made, self.to.now(f"{at}/bin"), python, renames)
                return
            case "programs":
                self.programs(made, self.to.now(at), python, renames)
                return
        library = self.to.now(f"{at}/lib/python{made.python}")
        self.packages(made.packages, library / "site-packages", renames)
        if expected and expected != made.python:
            other = library.with_name(f"python{expected}")
            if not os.path.lexists(other):
                other.symlink_to(library.name)
        if placement.part == "library":
            return
        self.programs(made, self.to.now(f"{at}/bin"), python, renames)
        for name in ("share", "etc", "include"):
            if (made.folder / name).is_dir():
                self.packages(made.folder / name, self.to.now(f"{at}/{name}"), {})
        if placement.part == "environment":
            self.interpreter(made, at, expected)

    def interpreter(self, made: Made, at: str, expected: str) -> None:
        for link in made.programs.iterdir():
            if link.is_symlink() and PYTHON.match(link.name):
                self.link(self.to.now(f"{at}/bin/{link.name}"), os.readlink(link))
        if expected:
            self.link(self.to.now(f"{at}/bin/python{expected}"), "python")
        configuration = made.folder / "pyvenv.cfg"
        self.write(self.to.now(f"{at}/pyvenv.cfg"), configuration.read_bytes(), configuration)
        if at == SYSTEM:  # an image's /usr/bin/python3 is its one Python, too
            for name in ("python", "python3"):
                wrapper = self.to.now(f"/usr/bin/{name}")
                if not os.path.lexists(wrapper):
                    wrapper.parent.mkdir(parents=True, exist_ok=True)
                    wrapper.write_text(f'#!/bin/sh\nexec "{self.to.later(f"{at}/bin/python")}" "$@"\n')
                    wrapper.chmod(0o755)
                    self.ours.add(wrapper)

    def see_others(
        self, placement: Placement, made: Made, placements: Sequence[Placement], all_made: Mapping[str, Made]
    ) -> None:
        """Let the system's Python see users' packages, and a virtual environment that asks for it the system's."""
        names: list[str] = []
        for other in placements:
            inside = f"{other.path}/lib/python{all_made[other.key].python}/site-packages"
            if placement.path == SYSTEM and other.part in ("prefix", "library") and other.path.endswith("/.local"):
                names.append(inside)
            if placement.system_packages and other.path == SYSTEM and other.part == "environment":
                names.append(inside)
        if names:
            lines = [f"import site; site.addsitedir({self.to.later(path)!r})" for path in dict.fromkeys(names)]
            folder = self.to.now(f"{placement.path}/lib/python{made.python}/site-packages")
            (folder / "culm-others.pth").write_text("\n".join(lines) + "\n")
            self.ours.add(folder / "culm-others.pth")

    def programs(self, made: Made, folder: Path, python: str, renames: Mapping[str, str]) -> None:
        """Copy the programs of a prefix, their first lines renamed to the Python that will run them."""
        folder.mkdir(parents=True, exist_ok=True)
        for program in sorted(made.programs.iterdir()):
            target = folder / program.name
            if (program.is_symlink() and PYTHON.match(program.name)) or not self.free(target):
                continue
            if OF_THE_SHELL.match(program.name) and "'''exec'" not in (text := program.read_text(errors="replace")):
                if program.name == "activate":
                    self.write(target, text.encode(), program)
                continue
            with program.open("rb") as file:
                begins = file.read(2)
            if begins != b"#!":
                self.link(target, str(program.resolve()))
                continue
            run_by = f'#!/bin/sh\n\'\'\'exec\' "{python}" "$0" "$@"\n'.encode()
            self.write(target, replaced(with_header(program.read_bytes(), run_by), renames), program)

    def packages(self, source: Path, folder: Path, renames: Mapping[str, str]) -> None:
        """Link a folder's entries into another one, which may have some already."""
        folder.mkdir(parents=True, exist_ok=True)
        for entry in sorted(source.iterdir()):
            target = folder / entry.name
            if entry.is_dir() and target.is_symlink() and target in self.ours and target.is_dir():
                earlier = Path(os.readlink(target))
                target.unlink()
                self.packages(earlier, target, {})
            if entry.is_dir() and target.is_dir():
                self.packages(entry, target, {})
            elif self.free(target):
                if renames and NAMES_PLACES.search(entry.name) and entry.is_file():
                    self.write(target, replaced(entry.read_bytes(), renames), entry)
                else:
                    self.link(target, str(entry))

    def free(self, target: Path) -> bool:
        """Return whether a file may be made there: nothing of the image's own is."""
        return target in self.ours or not os.path.lexists(target)

    def link(self, target: Path, to: str) -> None:
        if self.free(target):
            target.unlink(missing_ok=True)
            target.symlink_to(to)
            self.ours.add(target)

    def write(self, target: Path, data: bytes, like: Path) -> None:
        target.unlink(missing_ok=True)
        target.write_bytes(data)
        shutil.copymode(like, target)
        self.ours.add(target)


def with_header(script: bytes, run_by: bytes) -> bytes:
    """Return a Python program's first lines replaced, so that another interpreter runs it.

    A shell's script is left alone.
    """
    match = HEADER.match(script)
    if match is None:
        return script
    rest = script[match.end() :]
    return run_by + (rest if match[0].startswith(b"#!/bin/sh") else b"' '''\n" + rest)


def replaced(data: bytes, renames: Mapping[str, str]) -> bytes:
    """Replace each old path by its new one, in bytes."""
    for old, new in renames.items():
        data = data.replace(os.fsencode(old), os.fsencode(new))
    return data


def place(
    destination: Destination, placements: Sequence[Placement], made: Mapping[str, Made], pythons: Mapping[str, str]
) -> set[Path]:
    """Place prefixes; return what was made, folders aside.

    `pythons`: by key, the Python version that the image expects.
    """
    placing = Placing(destination)
    placing.all(placements, made, pythons)
    return placing.ours
