"""The cluster's keys on disk: whose they are, and what happens when they are changed, lost or damaged."""

import json
import stat

import pytest

from culm.cluster.daemon import keys
from culm.cluster.daemon.storage_keys import StorageKeys
from culm.cluster.store.db import Store
from culm.cluster.store.s3 import bodies
from culm.errors import CulmError


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def made(folder, home):
    return keys.keyring(keys.master(folder), home, "0" * 12)


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def test_they_are_their_owner_s_alone_and_not_beside_the_data(home, tmp_path):
    folder = keys.folder(home, {"XDG_CONFIG_HOME": str(tmp_path / "config")})
    ring = made(folder, home)
    StorageKeys(folder)

    assert home not in folder.parents
    assert mode(folder) == 0o700
    assert {file.name: mode(file) for file in folder.iterdir()} == {"sessions.key": 0o600, "storage.json": 0o600}
    assert mode(home / "operator.json") == 0o600
    assert ring.operator.secret_access_key not in repr(ring.operator)


def test_they_are_made_once_and_each_home_has_its_own(home, tmp_path):
    environment = {"XDG_CONFIG_HOME": str(tmp_path / "config")}
    folder = keys.folder(home, environment)
    first, again = made(folder, home), made(folder, home)
    assert first.operator == again.operator
    assert first.unguessable("a") == again.unguessable("a")
    other = tmp_path / "other"
    other.mkdir()
    assert keys.folder(other, environment) != folder
    assert keys.folder(home, {"CULM_KEYS": "/elsewhere"}).as_posix() == "/elsewhere"


@pytest.mark.parametrize(("file", "what"), [("sessions.key", "is damaged"), ("storage.json", "is damaged")])
def test_a_damaged_file_is_named(home, tmp_path, file, what):
    folder = tmp_path / "keys"
    made(folder, home)
    StorageKeys(folder)
    (folder / file).write_text("what is this")
    with pytest.raises(CulmError, match=f"{file} {what}"):
        made(folder, home)
        StorageKeys(folder)


def test_a_folder_that_cannot_be_written_is_named(home):
    (home / "operator.json").write_text('{"access_key_id": "A", "secret_access_key": "b"}')
    with pytest.raises(CulmError, match="cannot be kept in /proc/nowhere") as error:
        made(keys.folder(home, {"CULM_KEYS": "/proc/nowhere"}), home)
    assert "CULM_KEYS" in error.value.hint


async def test_a_rotation_ends_with_one_key_and_is_taken_up_where_it_was_killed(tmp_path):
    folder = tmp_path / "keys"
    folder.mkdir()
    first = StorageKeys(folder)
    store = Store(tmp_path / "state.db", first.sealer)
    for n in range(40):
        await store.run(lambda db, n=n: bodies.write(db, f"b{n}", b"secret"))
    first.ask_for_another()
    assert await first.step(store) == 1
    assert await first.step(store) == 16
    assert set(json.loads((folder / "storage.json").read_text())["keys"]) == {"1", "2"}
    store.close()  # killed here

    second = StorageKeys(folder)
    store = Store(tmp_path / "state.db", second.sealer)
    await store.run(second.check)
    assert [await second.step(store) for _ in range(3)] == [16, 8, 0]
    assert set(json.loads((folder / "storage.json").read_text())["keys"]) == {"2"}
    assert await store.run(lambda db: bodies.read(db, "b39", 0, 5)) == b"secret"
    store.close()


async def test_a_cluster_without_its_keys_says_so(tmp_path):
    for name in ("keys", "other"):
        (tmp_path / name).mkdir()
    right, wrong = StorageKeys(tmp_path / "keys"), StorageKeys(tmp_path / "other")
    store = Store(tmp_path / "state.db", right.sealer)
    right.ask_for_another()
    await right.step(store)
    await store.run(lambda db: bodies.write(db, "b", b"secret"))
    await store.run(right.check)
    with pytest.raises(CulmError, match=r"sealed with keys that are not in .*other/storage\.json: 2"):
        await store.run(wrong.check)
    store.close()
