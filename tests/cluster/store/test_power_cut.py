"""A power cut: what was written and not synced is gone, in any part. What was checkpointed stays, and all is whole."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from culm.cluster.store.db import Store, connect, transact

PAGE = 4096
HEADER = 32
"""Bytes at the beginning of the log, which SQLite syncs when it begins it anew."""


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state without rows of its own, and with nothing in its log."""
    path = tmp_path_factory.mktemp("state") / "state.db"
    with closing(connect(path)) as db:
        db.execute("CREATE TABLE wish (number INTEGER PRIMARY KEY, text TEXT)")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@given(
    kept=st.integers(0, 8),
    after=st.integers(0, 8),
    lost=st.sets(st.integers(0, 60)),
    length=st.floats(0, 1),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None, derandomize=True)
def test_what_was_checkpointed_is_there_and_of_the_rest_the_first_ones(
    migrated: Path, tmp_path: Path, kept: int, after: int, lost: set[int], length: float
) -> None:
    path, cut, written = (tmp_path / name for name in ("state.db", "cut.db", "state.db-wal"))
    for each in tmp_path.iterdir():
        each.unlink()
    shutil.copy(migrated, path)
    with closing(connect(path)) as db:
        for number in range(kept + after + 1):
            if number == kept:
                db.execute("PRAGMA wal_checkpoint(PASSIVE)")
                synced = written.read_bytes()
            if number == kept + after:
                break
            text = f"{number}" * 500
            transact(db, lambda db, row=(number, text): db.execute("INSERT INTO wish VALUES (?, ?)", row))
        shutil.copy(path, cut)
        log = bytearray(written.read_bytes())
    for page in lost:
        first, last = max(page * PAGE, HEADER), (page + 1) * PAGE
        log[first:last] = synced[first:last].ljust(len(log[first:last]), b"\0")
    Path(f"{cut}-wal").write_bytes(log[: max(int(len(log) * length), len(synced))])

    with closing(sqlite3.connect(cut)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = db.execute("SELECT number, text FROM wish ORDER BY number").fetchall()
    assert [number for number, _ in rows] == list(range(len(rows)))
    assert len(rows) >= kept
    assert all(text == f"{number}" * 500 for number, text in rows)


async def test_the_log_is_brought_onto_the_disk_by_the_loop_that_does_so(migrated: Path, tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    shutil.copy(migrated, path)
    with closing(Store(path)) as store:
        await store.run(lambda db: db.execute("INSERT INTO wish VALUES (1, 'a')"))
        await store.checkpoint()
        shutil.copy(path, tmp_path / "cut.db")
    with closing(sqlite3.connect(tmp_path / "cut.db")) as db:
        assert db.execute("SELECT number FROM wish").fetchall() == [(1,)]
