"""The wheel's Valkey, or the distribution's Valkey or Redis, for real: users, a kill, a stop, a second owner."""

import hashlib
import os
import signal
import stat
from pathlib import Path

import pytest
import redis
from tests import traffic
from tests.cluster.database.test_postgres import eventually

from culm.cluster.database import process, valkey
from culm.cluster.database.valkey import Valkey
from culm.errors import CulmError
from culm.target import servers

PASSWORD = "a long enough password"
needs_valkey = pytest.mark.skipif(
    (valkey.brought() or process.binary("valkey-server", "redis-server")) is None,
    reason=f"no Valkey on this machine: {valkey.GET_IT}",
)


def user(name: str, password: str = PASSWORD) -> str:
    return f"user {name} on ~* &* +@all -@admin #{hashlib.sha256(password.encode()).hexdigest()}\n"


def client(server: Valkey, name: str = "shop", password: str = PASSWORD) -> redis.Redis:
    return redis.Redis(host="127.0.0.1", port=server.port, username=name, password=password, decode_responses=True)


@pytest.fixture
async def server(tmp_path: Path):
    server = Valkey(tmp_path / "a cache", ["127.0.0.1"], traffic.free_port())
    await server.create(user("shop"))
    await server.start("valkey")
    yield server
    await server.stop()
    assert not server.running()


@needs_valkey
async def test_keeps_data_over_a_kill_and_a_stop(server: Valkey):
    with client(server) as connection:
        connection.set("pot", "bamboo")
        connection.execute_command("WAITAOF", 0, 0, 1000) if "WAITAOF" in connection.command_list() else None
    eventually(lambda: b"bamboo" in b"".join(f.read_bytes() for f in server.folder.rglob("*.aof")))

    os.kill(server.pid() or 0, signal.SIGKILL)
    eventually(lambda: not server.running())
    await server.start("valkey")
    with client(server) as connection:
        assert connection.get("pot") == "bamboo"

    await server.stop()
    again = Valkey(server.folder, ["127.0.0.1"], server.port)
    await again.start("redis")
    with client(again) as connection:
        assert connection.get("pot") == "bamboo"


@needs_valkey
async def test_nobody_gets_in_without_a_user_and_users_cannot_administer(server: Valkey):
    with redis.Redis(host="127.0.0.1", port=server.port) as nobody, pytest.raises(redis.AuthenticationError):
        nobody.ping()
    with client(server, password="wrong") as wrong, pytest.raises(redis.AuthenticationError):
        wrong.ping()
    with client(server) as connection, pytest.raises(redis.exceptions.NoPermissionError):
        connection.config_get("dir")


@needs_valkey
async def test_users_come_and_go_while_it_runs(server: Valkey):
    await server.admit(user("shop") + user("api", "another long password"))
    with client(server, "api", "another long password") as connection:
        assert connection.ping()
        await server.admit(user("shop"))
        with pytest.raises(redis.ConnectionError):
            connection.ping()
    with client(server) as connection:
        assert connection.ping()


@needs_valkey
async def test_its_files_are_its_owners_alone_and_hold_no_users_password(server: Valkey):
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    for name in ("users.acl", "admin.password", "server.conf", "server.log"):
        assert stat.S_IMODE((server.folder / name).stat().st_mode) == 0o600, name
    assert PASSWORD not in (server.folder / "users.acl").read_text()


@needs_valkey
async def test_a_second_owner_adopts_the_running_server_under_its_true_port(server: Valkey):
    other = Valkey(server.folder, ["127.0.0.1"], server.port + 1)
    assert other.running()
    assert other.listening_port() == server.port
    pid = server.pid()
    await other.start("valkey")
    assert other.pid() == pid


async def test_a_machine_without_a_server_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(process, "search_path", lambda: str(tmp_path))
    monkeypatch.setattr(valkey, "brought", lambda: None)
    with pytest.raises(CulmError, match="no Valkey or Redis on this machine") as refusal:
        valkey.program("valkey")
    assert "apt install valkey-server (or redis-server)" in refusal.value.hint


@pytest.mark.skipif(valkey.brought() is None, reason="the wheel has no server for this system")
def test_the_server_that_culm_brings_comes_before_the_distributions():
    assert valkey.program("redis") == valkey.program("valkey") == valkey.brought()
    assert servers.CACHES.first() == str(valkey.brought())
