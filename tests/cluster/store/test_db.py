"""One transaction at a time, wherever it runs, and what is left of it when the process dies."""

import asyncio
import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading

import pytest
from tests.traffic import eventually

from culm.cluster.store import settings
from culm.cluster.store.db import Store, connect
from culm.errors import CulmError


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "state.db")
    yield made
    made.close()


def thread(_):
    return threading.current_thread()


async def test_a_transaction_runs_where_it_is_asked_for_and_a_long_one_elsewhere(store):
    assert store.at_once(thread) is threading.current_thread()
    assert await store.run(thread) is threading.current_thread()
    assert await store.run_long(thread) is not threading.current_thread()


async def test_transactions_wait_for_the_one_that_runs(store):
    began, go_on = threading.Event(), threading.Event()

    def long(db):
        began.set()
        go_on.wait()
        settings.put(db, "port", "1")

    running = asyncio.create_task(store.run_long(long))
    await eventually(began.is_set)
    assert store.at_once(thread) is None
    running.cancel()  # its caller may go; the transaction goes on
    waiting = asyncio.create_task(store.run(lambda db: settings.get(db, "port")))
    await asyncio.wait([waiting], timeout=0.05)
    assert not waiting.done()
    assert store.at_once(thread) is None
    go_on.set()

    assert await waiting == "1"
    assert store.at_once(lambda db: settings.get(db, "port")) == "1"


@pytest.mark.parametrize("way", ["run", "run_long", "at_once"])
async def test_what_fails_leaves_nothing_and_lets_the_next_one_run(store, way):
    def failing(db):
        settings.put(db, "port", "1")
        raise LookupError

    with pytest.raises(LookupError):
        found = getattr(store, way)(failing)
        await found

    assert store.at_once(lambda db: [settings.get(db, "port")]) == [None]


@pytest.mark.parametrize("way", ["run", "run_long"])
async def test_who_looks_for_what_is_not_there_is_told_and_does_not_wait(store, way):
    with pytest.raises(RuntimeError, match="what is not there"):
        async with asyncio.timeout(5):
            await getattr(store, way)(lambda db: next(iter(())))


async def test_a_checkpoint_brings_what_was_committed_into_the_file_itself(store, tmp_path):
    store.at_once(lambda db: settings.put(db, "port", "1"))
    assert not kept(tmp_path / "state.db", tmp_path)
    assert await store.checkpoint() == 0

    assert kept(tmp_path / "state.db", tmp_path) == [("port", "1")]


def kept(file, folder):
    """The settings that are in the file without its write-ahead log."""
    alone = folder / "alone.db"
    alone.write_bytes(file.read_bytes())
    db = sqlite3.connect(f"file:{alone}?immutable=1", uri=True)
    try:
        return db.execute("SELECT * FROM cluster_setting").fetchall()
    except sqlite3.OperationalError:
        return []
    finally:
        db.close()


WRITER = """
import itertools, sys
from culm.cluster.store import settings
from culm.cluster.store.db import Store, connect
from culm.errors import CulmError

store = Store(sys.argv[1])
for number in itertools.count(1):
    store.at_once(lambda db: settings.put(db, "port", str(number)))
    print(number, flush=True)
"""


def test_what_was_answered_outlives_a_process_that_is_killed(tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path / "state.db"], stdout=subprocess.PIPE, text=True)
    assert writer.stdout
    for _ in range(100):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    answered = [100, *map(int, writer.stdout.read().split())]
    writer.wait()
    writer.stdout.close()

    with sqlite3.connect(tmp_path / "state.db") as db:
        [(kept,)] = db.execute("SELECT value FROM cluster_setting WHERE name = 'port'")
    db.close()
    assert int(kept) >= answered[-1]


def test_a_state_of_a_newer_version_is_refused_by_name_and_left_as_it_is(tmp_path):
    with contextlib.closing(connect(tmp_path / "state.db")) as db:
        db.execute("INSERT INTO migration VALUES ('9999_tomorrow.sql')")
        db.execute("DELETE FROM migration WHERE name LIKE '0200%'")
    with pytest.raises(CulmError, match=r"newer version of culm \(9999_tomorrow.sql\)"):
        Store(tmp_path / "state.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as db:
        assert db.execute("SELECT count(*) FROM migration WHERE name LIKE '0200%'").fetchone() == (0,)
