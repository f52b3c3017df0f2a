"""The distribution's MariaDB, for real: made, started, killed, adopted, stopped, removed."""

import asyncio
import os
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pymysql
import pytest
from tests import traffic
from tests.cluster.database.test_postgres import eventually

from culm.cluster.database import mariadb, process
from culm.cluster.database.mariadb import MariaDb
from culm.cluster.services.rds.native import verifier
from culm.errors import CulmError

PASSWORD = "correct horse"
needs_mariadb = pytest.mark.skipif(
    process.binary("mariadbd") is None, reason=f"no MariaDB on this machine: {mariadb.GET_IT}"
)


def query(server: MariaDb, statement: str, password: str = PASSWORD) -> list[tuple[object, ...]]:
    connection = pymysql.connect(
        host="127.0.0.1", port=server.port, user="culm", password=password, database="shop", connect_timeout=5
    )
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            connection.commit()
            return list(cursor.fetchall())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder as `create` makes it, which takes seconds: each test begins with a copy of its own."""
    folder = tmp_path_factory.mktemp("made") / "main"
    asyncio.run(MariaDb(folder, ["127.0.0.1"], 1).create("culm", verifier(PASSWORD), "shop"))
    return folder


@pytest.fixture
async def server(tmp_path: Path, made: Path):
    server = MariaDb(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    subprocess.run(["cp", "-a", made, server.folder], check=True)
    await server.start()
    yield server
    await server.stop()
    assert not server.running()
    assert "Shutdown complete" in server.log.read_text(), "it was killed: SIGTERM was lost on it"


@needs_mariadb
async def test_keeps_data_over_a_kill_and_a_stop(server: MariaDb):
    query(server, "CREATE TABLE pot (name text)")
    query(server, "INSERT INTO pot VALUES ('bamboo')")

    os.kill(server.pid() or 0, signal.SIGKILL)
    eventually(lambda: not server.running())
    await server.start()
    assert query(server, "SELECT name FROM pot") == [("bamboo",)]

    await server.stop()
    again = MariaDb(server.folder, ["127.0.0.1"], server.port)
    await again.start()
    assert query(again, "SELECT name FROM pot") == [("bamboo",)]


@needs_mariadb
async def test_a_second_owner_adopts_the_running_server_under_its_true_port(server: MariaDb):
    pid = server.pid()
    other = MariaDb(server.folder, ["127.0.0.1"], server.port + 1)
    assert other.running()
    assert other.listening_port() == server.port
    await other.create("culm", "unused", None)
    await other.start()
    assert other.pid() == pid


@needs_mariadb
async def test_a_server_that_has_only_just_started_stops_in_order(server: MariaDb):
    for _ in range(3):
        await server.stop()
        assert "Shutdown complete" in server.log.read_text()
        await server.start()


@needs_mariadb
async def test_only_the_master_gets_in_and_only_by_its_password(server: MariaDb):
    for user, password in (("culm", "wrong"), ("root", ""), ("", "")):
        with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
            pymysql.connect(host="127.0.0.1", port=server.port, user=user, password=password)
    assert query(server, "SELECT DISTINCT User FROM mysql.user ORDER BY User") == [("culm",), ("mariadb.sys",)]


@needs_mariadb
async def test_its_folder_is_its_owners_alone(server: MariaDb):
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.log.stat().st_mode) == 0o600


@needs_mariadb
async def test_it_listens_on_the_given_addresses_alone(server: MariaDb):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), timeout=2)


@needs_mariadb
async def test_a_taken_port_is_told_from_the_servers_own_log(tmp_path: Path, made: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = MariaDb(tmp_path / "main", ["127.0.0.1"], taken.getsockname()[1])
        subprocess.run(["cp", "-a", made, server.folder], check=True)
        with pytest.raises(CulmError, match="Address already in use"):
            await server.start()
        assert not server.running()


@needs_mariadb
async def test_a_killed_creation_is_begun_anew(tmp_path: Path):
    half = tmp_path / "main.new"
    half.mkdir()
    (half / "ibdata1").write_text("half")
    server = MariaDb(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    await server.create("culm", verifier(PASSWORD), "shop")
    await server.start()
    assert query(server, "SELECT 1") == [(1,)]
    await server.stop()
    server.remove()
    assert list(tmp_path.iterdir()) == []


async def test_a_machine_without_mariadb_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "search_path", lambda: str(tmp_path))
    server = MariaDb(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    with pytest.raises(CulmError, match="no MariaDB on this machine") as refusal:
        await server.create("culm", verifier(PASSWORD), None)
    assert "apt install mariadb-server" in refusal.value.hint
    assert not server.folder.exists()


def test_a_pid_that_another_program_has_by_now_is_no_server(tmp_path: Path):
    server = MariaDb(tmp_path, ["127.0.0.1"], 1)
    (tmp_path / "server.pid").write_text(str(os.getpid()))
    assert not server.running()
