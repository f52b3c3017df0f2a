"""`culm cluster backup` and `restore`: a cluster's state and its registry's blobs, as one file.

The file is a tar archive, its owner's alone:

    culm-backup.json            its form, and the id of the cluster
    state.db                    the state, the vault's objects among it, sealed as they are in the cluster
    registry/blobs/sha256/...   the blobs that the state says are whole

A backup is made while the cluster runs. The state is copied first, in one read transaction by SQLite's backup API;
blobs never change, so it is enough that all that this state names are still there: where the cluster has swept one
meanwhile, the backup begins again. https://www.sqlite.org/backup.html

The keys that seal the objects are not in it (docs/decisions/0016-keys-are-kept-apart.md); the cluster's id leads to
them. Nor is what databases and caches hold.

A restore unpacks beside what is there, and checks all of it before it touches anything: the form, SQLite's own check,
migrations that this version does not know, each blob's digest, the keys. Then what was there is set aside, and the
state comes last: a home without `state.db` has no cluster, so a restore that was killed is begun again.
"""

import argparse
import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import IO

import msgspec

from culm.cluster.daemon import keys, storage_keys
from culm.cluster.daemon.files import write_owner_only
from culm.cluster.daemon.lock import locked
from culm.cluster.registry.files import Files
from culm.cluster.store.sealing import keys_in_use
from culm.core.model.record import record
from culm.errors import CulmError

FORM = 1
HEAD = "culm-backup.json"
STATE = "state.db"
BLOBS = "registry/blobs/"
SET_ASIDE = "before-restore"
_PARTS = (STATE, f"{STATE}-wal", f"{STATE}-shm", "registry", keys.CLUSTER_ID)
_ATTEMPTS = 5
_CHUNK = 1 << 20


@record
class Head:
    form: int
    cluster: str
    """The cluster's id."""


def back_up(home: Path, file: Path) -> int:
    """Write the cluster of `home` to `file`, which must not be there; how many blobs it has. Raises CulmError."""
    if not (home / STATE).exists():
        raise CulmError(f"there is no cluster in {home}", "set CULM_HOME to the folder of the one that you mean")
    if file.exists():
        raise CulmError(f"{file} is there already", "remove it, or choose another name")
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with tempfile.TemporaryDirectory(prefix=".culm-backup-", dir=file.parent) as folder:
                return _write(home, Path(folder), file)
        except FileNotFoundError as gone:
            if attempt == _ATTEMPTS:
                raise CulmError(
                    f"the backup was not made: {gone.filename} is not there", "culm cluster stop, and try again"
                ) from gone
    raise AssertionError("unreachable")


def _write(home: Path, folder: Path, file: Path) -> int:
    """Raises FileNotFoundError for a blob that was swept meanwhile."""
    state, draft = folder / STATE, folder / "draft"
    with (
        contextlib.closing(sqlite3.connect(home / STATE)) as source,
        contextlib.closing(sqlite3.connect(state, isolation_level=None)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and none beside it
        digests = _whole(copy)
    files = Files(home / "registry")
    head = Head(form=FORM, cluster=keys.cluster_id(home))
    write_owner_only(folder / HEAD, msgspec.json.encode(head).decode())
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        with tarfile.open(fileobj=output, mode="w") as archive:
            archive.add(folder / HEAD, HEAD, filter=_anonymous)
            archive.add(state, STATE, filter=_anonymous)
            for digest in sorted(digests):
                archive.add(files.blob(digest), BLOBS + _name(digest), filter=_anonymous)
        output.flush()
        os.fsync(output.fileno())
    draft.rename(file)
    return len(digests)


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Remove owners from an archive's member: files belong to whoever restores them."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def restore(home: Path, file: Path, environment: Mapping[str, str], *, overwrite: bool = False) -> Path | None:
    """Make `file` the cluster of `home`; where that is set aside which was there, if something was. Raises CulmError.

    Without `overwrite` only where there is no cluster. `environment`: for CULM_KEYS.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(home):
        if (home / STATE).exists() and not overwrite:
            raise CulmError(
                f"there is a cluster in {home} already, which the backup would take the place of",
                f"--overwrite sets it aside, in {home / SET_ASIDE}; or set CULM_HOME to another folder",
            )
        fresh = home / "restoring"
        shutil.rmtree(fresh, ignore_errors=True)
        try:
            _unpack(file, fresh)
            _check(file, fresh, environment)
            return _exchange(home, fresh)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)


def _unpack(file: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                source = archive.extractfile(member) if member.isreg() else None
                if source is None or not _belongs(member.name):
                    raise CulmError(f"{file} is no backup of culm: it holds {member.name!r}", "choose another file")
                _extract(source, folder / member.name, file)
    except FileNotFoundError:
        raise CulmError(f"{file} is not there", "write the path of a file that `culm cluster backup` made") from None
    except (tarfile.TarError, EOFError) as error:
        raise CulmError(f"{file} is no backup of culm, or is damaged: {error}", "choose another file") from error


def _belongs(name: str) -> bool:
    if name in (HEAD, STATE):
        return True
    algorithm, _, digits = name.removeprefix(BLOBS).partition("/")
    return name == BLOBS + _name(f"{algorithm}:{digits.partition('/')[2]}") and digits.replace("/", "").isalnum()


def _extract(source: IO[bytes], path: Path, file: Path) -> None:
    """Write a member. A blob has the digest that its name says."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    blob = path.name not in (HEAD, STATE)
    algorithm = path.parent.parent.name if blob else "sha256"
    if algorithm not in ("sha256", "sha512"):
        raise CulmError(f"{file} is no backup of culm: it holds a blob by {algorithm!r}", "choose another file")
    digest = hashlib.new(algorithm)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            output.write(chunk)
    if blob and digest.hexdigest() != path.name:
        raise CulmError(f"{file} is damaged: blob {path.name[:12]} is not what was written", "choose another file")


def _check(file: Path, folder: Path, environment: Mapping[str, str]) -> None:
    """Raise CulmError for what this version, or this machine, could not run."""
    damaged = CulmError(f"{file} is no backup of culm, or is damaged", "choose another file")
    try:
        head = msgspec.json.decode((folder / HEAD).read_bytes(), type=Head)
    except (OSError, msgspec.MsgspecError):
        raise damaged from None
    newer = CulmError(f"{file} was made by a newer version of culm", "install that version, and restore with it")
    if head.form > FORM:
        raise newer
    if not head.cluster.isalnum() or not (folder / STATE).exists():
        raise damaged
    write_owner_only(folder / keys.CLUSTER_ID, f"{head.cluster}\n")
    try:
        with contextlib.closing(sqlite3.connect(folder / STATE)) as db:
            db.row_factory = sqlite3.Row
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise damaged
            applied = {row["name"] for row in db.execute("SELECT name FROM migration")}
            if applied - _known():
                raise newer
            needed, digests = keys_in_use(db), _whole(db)
    except sqlite3.DatabaseError:
        raise damaged from None
    if any(not (folder / BLOBS / _name(digest)).exists() for digest in digests):
        raise damaged
    kept = keys.folder(folder, environment) / storage_keys.FILE
    if needed - _numbers(kept):
        raise CulmError(
            f"the stored configuration of this backup is sealed with keys that are not in {kept}",
            "put that file of the cluster there, or set CULM_KEYS to its folder; no backup has it",
        )


def _exchange(home: Path, fresh: Path) -> Path | None:
    """Set aside what is there, and put the new in its place, the state last."""
    aside = home / SET_ASIDE
    there = [home / name for name in _PARTS if (home / name).exists()]
    shutil.rmtree(aside, ignore_errors=True)
    if there:
        aside.mkdir(mode=0o700)
    for path in there:
        path.rename(aside / path.name)
    for name in ("registry", keys.CLUSTER_ID, STATE):
        if (fresh / name).exists():
            (fresh / name).rename(home / name)
    return aside if there else None


def _whole(db: sqlite3.Connection) -> list[str]:
    return [str(row[0]) for row in db.execute("SELECT digest FROM ecr_blob")]


def _name(digest: str) -> str:
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}/{digits[:2]}/{digits}"


def _known() -> set[str]:
    """Return the migrations of this version."""
    return {each.name for each in resources.files("culm.cluster.store").joinpath("migrations").iterdir()}


def _numbers(file: Path) -> set[int]:
    """Return the numbers of the keys in a file of `StorageKeys`."""
    try:
        return {int(number) for number in json.loads(file.read_text())["keys"]}
    except (OSError, ValueError, KeyError):
        return set()


def main() -> int:
    """Write or read a backup of a cluster's home; returns the exit status. Its errors are lines on stderr."""
    parser = argparse.ArgumentParser(prog="python -m culm.cluster.daemon.backup")
    parser.add_argument("what", choices=("backup", "restore"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--overwrite", action="store_true")
    given = parser.parse_args()
    try:
        if given.what == "backup":
            report = {"blobs": back_up(given.home, given.file), "bytes": given.file.stat().st_size}
        else:
            aside = restore(given.home, given.file, os.environ, overwrite=given.overwrite)
            report = {"aside": str(aside or "")}
        json.dump({**report, "keys": str(keys.folder(given.home, os.environ))}, sys.stdout)
        return 0
    except OSError as error:
        json.dump(
            {
                "what": f"{error.filename or given.file}: {error.strerror}",
                "hint": "free some space, or choose another place",
            },
            sys.stdout,
        )
    except CulmError as error:
        json.dump({"what": error.what, "hint": error.hint}, sys.stdout)
    return 1


if __name__ == "__main__":
    sys.exit(main())
