"""What culm has put on this machine beside itself: its home, that home's keys, and images in a container engine."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from culm.core.model.record import record
from culm.engine.answers import NoEngine
from culm.engine.client import Engine
from culm.errors import CulmError

CLUSTER_ID = "cluster.id"
KEYS = ("culm", "keys")
"""In the folder of configurations: the keys of each home."""
MARKS = (CLUSTER_ID, "state.db", "bases.json", "direct", "venvs")
"""One of them at least is in a home of culm's."""
BUILT = "culm-built:*"
ON_THIS_MACHINE = "127.0.0.1:"
"""How names begin that an image has from the registry of a local cluster."""


@record
class Folder:
    """A folder that is removed whole."""

    path: Path
    what: str
    size: int
    """Bytes of the files in it."""


@record
class Leftovers:
    folders: tuple[Folder, ...]
    images: tuple[str, ...]
    """Names, as the engine has them."""


def look(home: Path, environment: Mapping[str, str]) -> Leftovers:
    """Return what there is. Raises CulmError where `home` is a folder that is not culm's alone."""
    folders = []
    if home.is_dir():
        refuse_foreign(home)
        if (keys := keys_of(home, environment)) is not None:
            folders.append(Folder(path=keys, what="keys that its data is sealed with", size=size(keys)))
        folders.append(Folder(path=home, what="the local cluster, its data, caches", size=size(home)))
    return Leftovers(folders=tuple(folders), images=tuple(images()))


def refuse_foreign(home: Path) -> None:
    """Raise CulmError for a folder that has other things than culm's in it, or none of culm's."""
    person = Path.home()
    if home == person or home in person.parents or (home / "culm.yml").exists():
        raise CulmError(f"{home} is not a folder of culm's alone: nothing is removed", "look at CULM_HOME")
    if not any((home / name).exists() for name in MARKS) and any(home.iterdir()):
        raise CulmError(f"{home} holds nothing of culm's: nothing is removed", "look at CULM_HOME")


def keys_of(home: Path, environment: Mapping[str, str]) -> Path | None:
    """Return the folder with a home's keys.

    None where it is not there, or where CULM_KEYS says another one: it is yours.
    """
    identity = home / CLUSTER_ID
    if environment.get("CULM_KEYS") or not identity.is_file():
        return None
    configuration = environment.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    name = identity.read_text().strip()
    folder = Path(configuration).joinpath(*KEYS, name)
    return folder if name.isalnum() and folder.is_dir() else None


def images() -> Iterator[str]:
    """Yield the names of the images that culm built, and those that the cluster's registry gave them.

    Without an engine: none.
    """
    engine = Engine()
    try:
        for built in engine.tags(BUILT):
            described = engine.inspect(built) or {}
            yield built
            yield from (name for name in described.get("RepoTags") or () if name.startswith(ON_THIS_MACHINE))
    except NoEngine:
        return


def size(folder: Path) -> int:
    """Return the bytes of the files below a folder; what goes meanwhile, or may not be read, counts as nothing."""
    total = 0
    for root, _, files in os.walk(folder):
        for name in files:
            try:
                total += os.lstat(os.path.join(root, name)).st_size
            except OSError:
                continue
    return total


def remove(leftovers: Leftovers) -> None:
    """Remove it all, images first: an image that a container has keeps its layers until that is gone."""
    engine = Engine()
    for name in dict.fromkeys(leftovers.images):
        engine.untag(name)
    for folder in leftovers.folders:
        shutil.rmtree(folder.path)
        if folder.path.parent.parts[-2:] == KEYS:
            remove_empty(folder.path.parents[:3])


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders that have nothing in them any more, the innermost first, up to one that has."""
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
