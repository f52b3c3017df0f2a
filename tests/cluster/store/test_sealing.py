"""What is on the disk is not what was written; and what is not what was written is noticed."""

import secrets
import sqlite3

import pytest

from culm.cluster.store.db import connect, transact
from culm.cluster.store.s3 import bodies
from culm.cluster.store.sealing import Corrupted, Sealer, keys_in_use, reseal

SECRET = b"postgresql://web:hunter2@127.0.0.1/web"


@pytest.fixture
def sealer() -> Sealer:
    return Sealer.fresh()


@pytest.fixture
def db(sealer: Sealer, tmp_path) -> sqlite3.Connection:
    made = connect(tmp_path / "state.db", sealer)
    yield made
    made.close()


def test_the_disk_holds_no_secret(db, tmp_path):
    transact(db, lambda db: bodies.write(db, "one", SECRET))
    transact(db, lambda db: bodies.write(db, "two", SECRET))
    assert bodies.read(db, "one", 0, len(SECRET) - 1) == SECRET
    first, second = (row[0] for row in db.execute("SELECT data FROM s3_body"))
    assert first != second  # equal objects cannot be told from different ones
    for file in tmp_path.iterdir():
        assert b"hunter2" not in file.read_bytes(), file


def test_without_the_key_there_is_nothing_to_read(db, tmp_path):
    transact(db, lambda db: bodies.write(db, "one", SECRET))
    thief = connect(tmp_path / "state.db", Sealer.fresh())
    with pytest.raises(Corrupted):
        bodies.read(thief, "one", 0, 3)
    thief.close()


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE s3_body SET data = CAST(substr(data, 1, 20) || x'0000' || substr(data, 23) AS BLOB)",
        "UPDATE s3_body SET data = substr(data, 1, 20)",
        "UPDATE s3_body SET data = x''",
        "UPDATE s3_body SET key_id = 7",
        "UPDATE s3_body SET key_id = 0",
        "UPDATE s3_body SET position = position + 1",
        "DELETE FROM s3_body WHERE position > 0",
    ],
)
def test_damage_is_noticed(db, damage):
    data = secrets.token_bytes(bodies.ROW_SIZE + 10)
    transact(db, lambda db: bodies.write(db, "one", data))
    assert bodies.read(db, "one", 0, len(data) - 1) == data
    db.execute(damage)
    with pytest.raises(Corrupted):
        bodies.read(db, "one", 0, len(data) - 1)
    with pytest.raises(Corrupted):
        if "DELETE" in damage:
            bodies.read(db, "one", bodies.ROW_SIZE, len(data) - 1)
        b"".join(bodies.chunks(db, "one"))


def test_everything_is_sealed_anew_a_few_rows_at_a_time_and_is_readable_all_along(db, sealer):
    old = secrets.token_bytes(32)
    sealer.use({1: old}, 1)
    for n in range(5):
        transact(db, lambda db, n=n: bodies.write(db, f"b{n}", SECRET + bytes([n])))
    sealer.use({1: old, 2: secrets.token_bytes(32)}, 2)
    transact(db, lambda db: bodies.write(db, "new", SECRET))

    counts = []
    while done := transact(db, lambda db: reseal(db, 2)):
        counts.append(done)
        for n in range(5):
            assert bodies.read(db, f"b{n}", 0, len(SECRET)) == SECRET + bytes([n])
    assert counts == [2, 2, 1]
    assert keys_in_use(db) == {2}


def test_a_row_that_cannot_be_opened_keeps_its_key_and_holds_nobody_up(db, sealer):
    for n in range(2):
        transact(db, lambda db, n=n: bodies.write(db, f"b{n}", SECRET))
    db.execute("UPDATE s3_body SET data = x'00' WHERE body_id = 'b0'")
    sealer.use({1: sealer._keys[1], 2: secrets.token_bytes(32)}, 2)
    assert transact(db, lambda db: reseal(db, 10)) == 1
    assert transact(db, lambda db: reseal(db, 10)) == 0
    assert keys_in_use(db) == {1, 2}


def test_what_was_stored_before_there_were_keys_is_sealed(db):
    db.execute("INSERT INTO s3_body (body_id, part, position, size, data) VALUES ('old', 1, 0, 3, x'616263')")
    assert bodies.read(db, "old", 0, 2) == b"abc"
    assert transact(db, lambda db: reseal(db, 10)) == 1
    assert bodies.read(db, "old", 0, 2) == b"abc"
    assert keys_in_use(db) == {1}
