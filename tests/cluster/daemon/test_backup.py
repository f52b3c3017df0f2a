"""A cluster's backup, and what becomes of it elsewhere."""

import contextlib
import hashlib
import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from tests import culm_command

from culm.cluster.daemon import keys
from culm.cluster.daemon.backup import HEAD, SET_ASIDE, STATE, back_up, restore
from culm.cluster.daemon.lock import locked
from culm.cluster.daemon.storage_keys import StorageKeys
from culm.cluster.registry.files import Files
from culm.cluster.store.db import connect, transact
from culm.cluster.store.s3 import bodies
from culm.errors import CulmError

OBJECT = b"hunter2"
LAYER = b"a layer"
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clusters")


@pytest.fixture(scope="module")
def environment(place: Path) -> dict[str, str]:
    (place / "keys").mkdir()
    return {"CULM_KEYS": str(place / "keys")}


@pytest.fixture(scope="module")
def home(place: Path, environment: dict[str, str]) -> Iterator[Path]:
    """A cluster with an object and a blob, whose daemon has its database open."""
    folder = place / "home"
    folder.mkdir()
    blob = Files(folder / "registry").blob(DIGEST)
    blob.parent.mkdir(parents=True)
    blob.write_bytes(LAYER)
    with contextlib.closing(connect(folder / STATE, StorageKeys(place / "keys").sealer)) as db:
        transact(db, lambda db: bodies.write(db, "one", OBJECT))
        transact(db, lambda db: db.execute("INSERT INTO ecr_blob VALUES (?, ?)", (DIGEST, len(LAYER))))
        yield folder


@pytest.fixture(scope="module")
def file(home: Path, place: Path) -> Path:
    made = place / "cluster.backup"
    assert back_up(home, made) == 1
    return made


@pytest.fixture
def own(file: Path, tmp_path: Path, environment: dict[str, str]) -> Path:
    """A cluster that the test may change."""
    restore(tmp_path / "own", file, environment)
    return tmp_path / "own"


def stored(home: Path, environment: dict[str, str]) -> bytes:
    with contextlib.closing(connect(home / STATE, StorageKeys(Path(environment["CULM_KEYS"])).sealer)) as db:
        return bodies.read(db, "one", 0, 6)


def test_a_backup_of_a_running_cluster_becomes_a_cluster_elsewhere(home, file, tmp_path, environment):
    other = tmp_path / "other"
    assert restore(other, file, environment) is None
    assert stored(other, environment) == OBJECT
    assert Files(other / "registry").blob(DIGEST).read_bytes() == LAYER
    assert keys.cluster_id(other) == keys.cluster_id(home), "it finds its keys"
    assert sorted(path.name for path in other.iterdir()) == ["cluster.id", "cluster.lock", "registry", STATE]


def test_it_is_its_owners_alone_and_has_no_secret_nor_key(file, place):
    assert file.stat().st_mode & 0o777 == 0o600
    assert OBJECT not in file.read_bytes()
    [key] = json.loads((place / "keys" / "storage.json").read_text())["keys"].values()
    assert key.encode() not in file.read_bytes()
    assert [path.name for path in place.iterdir() if path.name.startswith(".culm")] == []


def test_a_cluster_is_overwritten_only_when_told_and_is_set_aside(own, file, environment):
    with contextlib.closing(connect(own / STATE)) as db:
        transact(db, lambda db: db.execute("DELETE FROM ecr_blob"))
    with pytest.raises(CulmError, match=r"there is a cluster in .* already"):
        restore(own, file, environment)
    assert restore(own, file, environment, overwrite=True) == own / SET_ASIDE
    assert stored(own, environment) == OBJECT
    with contextlib.closing(connect(own / SET_ASIDE / STATE)) as db:
        assert db.execute("SELECT count(*) FROM ecr_blob").fetchone()[0] == 0


def test_nothing_is_overwritten_by_a_backup(home, file):
    before = file.read_bytes()
    with pytest.raises(CulmError, match="is there already"):
        back_up(home, file)
    assert file.read_bytes() == before


def test_without_a_cluster_there_is_no_backup(tmp_path):
    with pytest.raises(CulmError, match="there is no cluster in"):
        back_up(tmp_path, tmp_path / "backup")
    with pytest.raises(CulmError, match="is not there"):
        restore(tmp_path / "new", tmp_path / "backup", {})


def test_a_blob_that_is_gone_is_named(own, tmp_path):
    Files(own / "registry").remove(DIGEST)
    with pytest.raises(CulmError, match=rf"{DIGEST[7:]} is not there"):
        back_up(own, tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_a_running_cluster_is_not_replaced(own, file, environment):
    code = f"from culm.cluster.daemon.lock import locked\nfrom pathlib import Path\nwith locked(Path({str(own)!r})):\n"
    command = [sys.executable, "-c", f"{code}    print('held', flush=True)\n    input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        daemon.stdout.readline()
        with pytest.raises(CulmError, match="a cluster runs already"):
            restore(own, file, environment, overwrite=True)
        daemon.communicate(b"\n")
    with locked(own):
        pass


def test_without_its_keys_it_is_refused_before_anything_is_touched(home, file, tmp_path):
    other = tmp_path / "other"
    with pytest.raises(CulmError, match=r"sealed with keys that are not in .*elsewhere/storage\.json"):
        restore(other, file, {"CULM_KEYS": str(tmp_path / "elsewhere")})
    assert [path.name for path in other.iterdir()] == ["cluster.lock"]


def altered(file: Path, folder: Path, change: dict[str, bytes | None]) -> Path:
    """The backup with other members."""
    made = folder / "altered"
    with tarfile.open(file) as old, tarfile.open(made, "w") as new:
        content = {member.name: old.extractfile(member).read() for member in old}
        for name, data in (content | change).items():
            if data is not None:
                member = tarfile.TarInfo(name)
                member.size = len(data)
                new.addfile(member, BytesIO(data))
    return made


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({HEAD: b'{"form": 2, "cluster": "a"}'}, "newer version"),
        ({HEAD: b"{}"}, "damaged"),
        ({HEAD: b'{"form": 1, "cluster": "../a"}'}, "damaged"),
        ({HEAD: None}, "damaged"),
        ({STATE: None}, "damaged"),
        ({STATE: b"SQLite format 3\x00" + b"x" * 5000}, "damaged"),
        ({f"registry/blobs/sha256/{DIGEST[7:9]}/{DIGEST[7:]}": b"other"}, "is not what was written"),
        ({f"registry/blobs/sha256/{DIGEST[7:9]}/{DIGEST[7:]}": None}, "damaged"),
        ({"../outside": b""}, "it holds '../outside'"),
        ({"registry/blobs/../../outside": b""}, "it holds"),
        ({"operator.json": b"{}"}, "it holds 'operator.json'"),
    ],
)
def test_what_is_no_backup_is_refused_before_anything_is_touched(home, file, tmp_path, environment, change, why):
    other = tmp_path / "other"
    with pytest.raises(CulmError, match=why):
        restore(other, altered(file, tmp_path, change), environment)
    assert [path.name for path in other.iterdir()] == ["cluster.lock"]
    assert not (tmp_path / "outside").exists()


def test_half_a_file_is_refused(file, tmp_path, environment):
    (tmp_path / "half").write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(CulmError, match="damaged"):
        restore(tmp_path / "other", tmp_path / "half", environment)


def test_a_state_of_a_newer_version_is_refused(own, tmp_path, environment):
    with contextlib.closing(connect(own / STATE)) as db:
        transact(db, lambda db: db.execute("INSERT INTO migration VALUES ('9999_tomorrow.sql')"))
    back_up(own, tmp_path / "backup")
    with pytest.raises(CulmError, match="newer version"):
        restore(tmp_path / "other", tmp_path / "backup", environment)


def test_the_command_says_what_is_in_it_and_what_is_not(home, tmp_path, environment, monkeypatch):
    for name, value in {**environment, "CULM_HOME": str(home)}.items():
        monkeypatch.setenv(name, value)
    made = culm_command.run(["cluster", "backup", "b"], cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert "b: the state, the vault and 1 blobs of images, " in made.stderr
    assert f"not in it: the keys in {environment['CULM_KEYS']}, and what databases and caches hold" in made.stderr
    refused = culm_command.run(["cluster", "restore", "b"], cwd=tmp_path)
    assert (refused.returncode, "--overwrite sets it aside" in refused.stderr) == (1, True)
