"""One database for several services, in a real PostgreSQL whose master is no superuser, as RDS's is not."""

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pymysql
import pytest
from tests import traffic
from tests.cluster.database.test_mariadb import needs_mariadb

from culm.cluster.database.mariadb import MariaDb
from culm.cluster.database.postgres import Postgres
from culm.cluster.services.rds import native
from culm.cluster.services.rds.scram import verifier
from culm.deploy import databases
from culm.deploy.sql_server import MASTER, SqlServer
from culm.errors import UsageError
from culm.operate import database_client
from culm.project.load import parse
from culm.project.project import Project
from culm.render import database_task
from culm.render.database_task import PrivateServer, SqlLogin

PASSWORD = "correct horse"
APART = "name: shop\ndatabases: {main: {}}\nservices:\n  worker: {image: w, path: none, database: main}\n"
APART += "  front: {image: f, port: 80, path: /, database: main}\n"
SHARED = APART.replace("main: {}", "main: {shared: true}")


def project(text: str) -> Project:
    return parse(text, Path("/project/culm.yml"))


def connected(url: str) -> Any:
    user, _, rest = url.partition("://")[2].partition(":")
    password, _, rest = rest.partition("@")
    port, _, name = rest.rpartition(":")[2].partition("/")
    return pg8000.dbapi.connect(user, host="127.0.0.1", port=int(port), database=name, password=password, timeout=5)


def asked(url: str, statement: str) -> list[tuple[object, ...]]:
    connection = connected(url)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        connection.commit()
        return rows
    finally:
        connection.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server's folder as `create` makes it, which takes seconds: each test begins with a copy of its own."""
    folder = tmp_path_factory.mktemp("made") / "main"
    postgres = Postgres(folder, ["127.0.0.1"], 1)
    asyncio.run(postgres.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), "shop"))
    return folder


@pytest.fixture
async def server(tmp_path: Path, made: Path) -> AsyncIterator[SqlServer]:
    postgres = Postgres(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    subprocess.run(["cp", "-a", made, postgres.folder], check=True)
    await postgres.start()
    asked(
        f"postgresql://postgres:{PASSWORD}@127.0.0.1:{postgres.port}/postgres",
        f"CREATE ROLE {MASTER} LOGIN CREATEROLE CREATEDB PASSWORD '{PASSWORD}'",
    )
    yield SqlServer(address="127.0.0.1", port=postgres.port, password=PASSWORD)
    await postgres.stop()


async def test_services_of_a_shared_database_use_each_others_tables(server: SqlServer) -> None:
    shop = project(SHARED)
    worker, front = (databases.make(server, shop, "main", shop.services[name]) for name in ("worker", "front"))
    assert worker.startswith("postgresql://shop_worker:")
    assert [url.rpartition("/")[2] for url in (worker, front)] == ["shop_main", "shop_main"]
    asked(worker, "CREATE TABLE votes (id int)")
    asked(front, "INSERT INTO votes VALUES (1)")
    asked(front, "ALTER TABLE votes ADD COLUMN name text")
    assert asked(worker, "SELECT * FROM votes") == [(1, None)]
    assert databases.make(server, shop, "main", shop.services["front"]) != front, "its password is withdrawn alone"
    assert asked(worker, "SELECT session_user, current_user") == [("shop_worker", "shop_main")]


async def test_services_have_a_database_each_where_none_is_shared(server: SqlServer) -> None:
    shop = project(APART)
    worker, front = (databases.make(server, shop, "main", shop.services[name]) for name in ("worker", "front"))
    assert [url.rpartition("/")[2] for url in (worker, front)] == ["shop_worker", "shop_front"]
    with pytest.raises(pg8000.dbapi.Error, match="permission denied for database"):
        connected(f"{front.rpartition('/')[0]}/shop_worker")


def test_a_url_of_culms_own_is_made_again_when_shared_changes() -> None:
    shop = project(SHARED)
    worker = shop.services["worker"]
    own = "postgresql://shop_worker:secret@127.0.0.1:5432/shop_worker\n"
    assert databases.uses_another(own, shop, "main", worker)
    assert not databases.uses_another(own.replace("/shop_worker\n", "/shop_main\n"), shop, "main", worker)
    assert not databases.uses_another("postgresql://dba:secret@127.0.0.1:5432/hers", shop, "main", worker)
    line = databases.made(shop, "main", worker, own)
    assert line == "created user shop_worker of database shop_main; what is in shop_worker stays there"


def test_a_cache_and_a_service_called_as_the_database_are_refused() -> None:
    with pytest.raises(UsageError, match="services of one Redis see the same keys anyway"):
        project("name: shop\ndatabases: {c: {engine: redis, shared: true}}\nservices: {w: {image: w, path: none}}\n")
    with pytest.raises(UsageError, match="its user would have the name of the database that the services of worker"):
        project(SHARED.replace("{main:", "{worker:").replace("database: main", "database: worker"))


def ran(server: SqlServer, logins: Mapping[str, SqlLogin]) -> "subprocess.CompletedProcess[str]":
    there = PrivateServer(engine="postgres", address=server.address, port=server.port, master=MASTER, secret="arn")
    return fed(there, logins, {"PGPASSWORD": server.password})


def fed(
    server: PrivateServer, logins: Mapping[str, SqlLogin], password: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Do what the container of the one-time task does, without TLS, which the servers here have not."""
    scripts = database_task.script(server.engine, logins)
    client = database_client.brought() if server.engine == "postgres" else None
    client = client or database_client.program(server.engine)
    assert client is not None
    environment = {
        "PATH": f"{Path(client).parent}:/usr/bin:/bin",
        **database_task.connection(server),
        **password,
        "CULM_USERS": " ".join(str(number) for number in range(1, len(scripts) + 1)),
        "CULM_COUNT": str(len(scripts)),
        **{f"CULM_SQL_{number}": text for number, text in enumerate(scripts.values(), 1)},
    }
    line = database_task.command(server).replace("PGSSLMODE=require", "PGSSLMODE=disable")
    line = line.replace("--ssl --skip-ssl-verify-server-cert", "--skip-ssl")
    return subprocess.run(["sh", "-ec", line], env=environment, capture_output=True, text=True, timeout=60)


async def test_a_task_inside_makes_what_a_connection_makes_and_may_be_run_again(server: SqlServer) -> None:
    where = f"127.0.0.1:{server.port}"
    logins = {
        "front": SqlLogin(user="shop_front", password="first-1_", database="shop_front"),
        "one": SqlLogin(user="shop_one", password="second", database="shop_main"),
        "two": SqlLogin(user="shop_two", password="third", database="shop_main"),
    }
    for password in ("first-1_", "another"):
        again = {**logins, "front": SqlLogin(user="shop_front", password=password, database="shop_front")}
        done = ran(server, again)
        assert (done.returncode, done.stdout) == (0, "".join(f"user {n} of 3 is made\n" for n in (1, 2, 3))), (
            done.stderr
        )
        front = f"postgresql://shop_front:{password}@{where}/shop_front"
        asked(front, "CREATE TABLE IF NOT EXISTS kept (n int)")
    asked(f"postgresql://shop_one:second@{where}/shop_main", "CREATE TABLE orders (n int)")
    asked(f"postgresql://shop_two:third@{where}/shop_main", "ALTER TABLE orders ADD COLUMN m int")
    with pytest.raises(pg8000.dbapi.Error, match="permission denied"):
        asked(f"postgresql://shop_one:second@{where}/shop_front", "SELECT 1")
    assert databases.make(server, project(APART), "main", project(APART).services["front"]).endswith("/shop_front")


async def test_a_task_inside_that_fails_says_why_without_a_password(server: SqlServer) -> None:
    done = ran(server, {"front": SqlLogin(user="shop_front", password="hidden", database="x", extensions=("none",))})
    assert done.returncode != 0
    assert 'extension "none" is not available' in done.stderr
    broken = ran(server, {"front": SqlLogin(user="shop_front", password="hid'den", database="x")})
    assert broken.returncode != 0
    assert "hid" not in broken.stderr + broken.stdout


@needs_mariadb
async def test_a_task_inside_makes_the_users_of_mariadb_and_may_be_run_again(tmp_path: Path) -> None:
    mariadb = MariaDb(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    await mariadb.create(MASTER, native.verifier(PASSWORD), None)
    await mariadb.start()
    there = PrivateServer(engine="mariadb", address="127.0.0.1", port=mariadb.port, master=MASTER, secret="arn")

    def databases_seen(user: str, password: str) -> set[str]:
        connection = pymysql.connect(host="127.0.0.1", port=mariadb.port, user=user, password=password)
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            return {row[0] for row in cursor.fetchall()} - {"information_schema"}

    try:
        for password in ("first-1_", "another"):
            logins = {
                "front": SqlLogin(user="shop_front", password=password, database="shop_front"),
                "other": SqlLogin(user="shopXfront", password="third", database="shopXfront"),
            }
            done = fed(there, logins, {"MYSQL_PWD": PASSWORD})
            assert (done.returncode, done.stdout) == (0, "user 1 of 2 is made\nuser 2 of 2 is made\n"), done.stderr
            assert databases_seen("shop_front", password) == {"shop_front"}
        assert databases_seen("shopXfront", "third") == {"shopXfront"}
    finally:
        await mariadb.stop()
