"""The embedded server, for real: made, started, killed, adopted, stopped, removed."""

import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pg8000.dbapi
import pytest
from tests import traffic

from culm.cluster.database import keeper, unprivileged
from culm.cluster.database.postgres import Postgres, free_port
from culm.cluster.database.servers import Databases
from culm.cluster.services.rds.scram import verifier
from culm.cluster.store import rds
from culm.cluster.store.db import Store
from culm.cluster.store.rds import DbInstance, Wish
from culm.errors import CulmError

PASSWORD = "correct horse"


def query(server: Postgres, statement: str, password: str = PASSWORD) -> list[tuple[object, ...]]:
    connection = pg8000.dbapi.connect(
        "postgres", host="127.0.0.1", port=server.port, database="shop", password=password, timeout=5
    )
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = list(cursor.fetchall()) if cursor.description else []
        connection.commit()
        return [tuple(row) for row in rows]
    finally:
        connection.close()


def eventually(check: Callable[[], bool], within: float = 10) -> None:
    end = time.monotonic() + within
    while not check():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


@pytest.fixture
async def server(tmp_path: Path):
    server = Postgres(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    await server.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), "shop")
    await server.start()
    yield server
    await server.stop()
    assert not server.running()


async def test_a_server_says_which_port_it_really_has(server: Postgres):
    forgetful = Postgres(server.folder, ["127.0.0.1"], server.port + 1)
    assert forgetful.running()
    assert forgetful.listening_port() == server.port
    assert Postgres(server.folder.parent / "none", ["127.0.0.1"], 1).listening_port() is None


def an_instance(port: int) -> DbInstance:
    wish = Wish(
        db_instance_class="db.t3.micro", engine="postgres", engine_version="18.4", allocated_storage=5,
        master_username="postgres", db_name="shop", deletion_protection=False, backup_retention_period=1,
    )  # fmt: skip
    return DbInstance(
        identifier="main", resource_id="db-1", wish=wish, verifier=verifier(PASSWORD, b"0123456789abcdef"), port=port,
        created_at=0.0,
    )  # fmt: skip


async def test_a_killed_server_waits_a_while_for_the_port_that_its_services_know(tmp_path: Path, monkeypatch):
    store = Store(":memory:")
    databases = Databases(store, tmp_path, ["127.0.0.1"], network="127.0.0.0/8")
    instance = an_instance(traffic.free_port())
    await store.run(lambda db: rds.insert(db, instance))

    async def kill_and_take_its_port() -> socket.socket:
        row = await store.run(lambda db: rds.instances.find(db, "main"))
        assert row is not None and row.endpoint_port is not None
        server = databases.server(row)
        assert await databases.step() == 0
        os.kill(int((server.folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        eventually(lambda: not server.running())
        return socket.create_server(("127.0.0.1", row.endpoint_port))

    async def port() -> int | None:
        row = await store.run(lambda db: rds.instances.find(db, "main"))
        return row.endpoint_port if row and row.status == "available" else None

    try:
        assert await databases.step() == 1
        with await kill_and_take_its_port():
            assert await databases.step() == 0
        assert await databases.step() == 1
        assert await port() == instance.port
        with await kill_and_take_its_port():
            monkeypatch.setattr(keeper, "OWN_PORT_SECONDS", 0)
            assert await databases.step() == 1
        assert await port() not in (None, instance.port)
    finally:
        await databases.stop()
        store.close()


async def test_a_port_that_is_taken_just_before_the_start_is_passed_over(tmp_path: Path):
    passers_by: list[socket.socket] = []

    class Raced(Databases):
        async def make(self, server, row):
            if not passers_by:
                passers_by.append(socket.create_server(("127.0.0.1", server.port)))
            return await super().make(server, row)

    store = Store(":memory:")
    databases = Raced(store, tmp_path, ["127.0.0.1"], network="127.0.0.0/8")
    instance = an_instance(traffic.free_port())
    await store.run(lambda db: rds.insert(db, instance))
    try:
        assert await databases.step() == 1
        row = await store.run(lambda db: rds.instances.find(db, "main"))
        assert row is not None and row.endpoint_port is not None
        assert row.status == "available"
        assert row.endpoint_port > instance.port
    finally:
        await databases.stop()
        store.close()
        passers_by[0].close()


async def test_a_server_that_was_started_but_not_recorded_is_adopted_under_its_true_port(tmp_path: Path):
    """The daemon dies between PostgreSQL's start and its record; by then a stranger has the port that was asked for."""
    store = Store(":memory:")
    databases = Databases(store, tmp_path, ["127.0.0.1"], network="127.0.0.0/8")
    asked = traffic.free_port()
    instance = an_instance(asked)
    await store.run(lambda db: rds.insert(db, instance))
    started = Postgres(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    await started.create("postgres", instance.verifier, "shop")
    await started.start()
    try:
        with socket.create_server(("127.0.0.1", asked)):
            await databases.step()
        found = await store.run(lambda db: rds.instances.find(db, "main"))
        assert found is not None
        assert (found.status, found.endpoint_port) == ("available", started.port)
        assert await databases.step() == 0
    finally:
        await databases.stop()
        store.close()


async def test_keeps_data_over_a_kill_and_a_stop(server: Postgres):
    query(server, "CREATE TABLE pot (name text)")
    query(server, "INSERT INTO pot VALUES ('bamboo')")

    os.kill(int((server.folder / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    eventually(lambda: not server.running())
    await server.start()
    assert query(server, "SELECT name FROM pot") == [("bamboo",)]

    await server.stop()
    again = Postgres(server.folder, ["127.0.0.1"], server.port)
    await again.start()
    assert query(again, "SELECT name FROM pot") == [("bamboo",)]


async def test_a_second_owner_adopts_the_running_server(server: Postgres):
    pid = (server.folder / "postmaster.pid").read_text()
    other = Postgres(server.folder, ["127.0.0.1"], server.port)
    assert other.running()
    await other.create("postgres", "unused", None)
    await other.start()
    assert (server.folder / "postmaster.pid").read_text() == pid


async def test_refuses_a_wrong_password(server: Postgres):
    with pytest.raises(pg8000.dbapi.DatabaseError, match="password authentication failed"):
        query(server, "SELECT 1", password="wrong")


async def test_a_taken_port_is_told_from_the_servers_own_log(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = Postgres(tmp_path / "main", ["127.0.0.1"], taken.getsockname()[1])
        await server.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), None)
        with pytest.raises(CulmError, match="Address already in use"):
            await server.start()


async def test_a_killed_creation_is_begun_anew(tmp_path: Path):
    half = tmp_path / "main.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    server = Postgres(tmp_path / "main", ["127.0.0.1"], free_port("127.0.0.1", 16100))
    await server.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), "shop")
    await server.start()
    assert query(server, "SELECT 1") == [(1,)]
    await server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root must become somebody else")
async def test_root_without_user_namespaces_becomes_the_overflow_user(tmp_path, monkeypatch):
    monkeypatch.setattr(unprivileged, "__file__", "/no/such/launcher.py")
    assert "setpriv" in unprivileged.prefix()[0]
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    server = Postgres(private / "main", ["127.0.0.1"], free_port("127.0.0.1", 16200))
    await server.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), "shop")
    await server.start()
    assert query(server, "SELECT 1") == [(1,)]
    assert server.folder.stat().st_uid == unprivileged.OVERFLOW_USER
    await server.stop()


def test_free_port_passes_over_a_taken_one():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert free_port("127.0.0.1", taken.getsockname()[1]) != taken.getsockname()[1]
