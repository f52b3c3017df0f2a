"""One database for several services, in a real PostgreSQL whose master is no superuser, as RDS's is not."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pg8000.dbapi
import pytest
from tests import traffic

from culm.cluster.database.postgres import Postgres
from culm.cluster.services.rds.scram import verifier
from culm.deploy import databases
from culm.deploy.sql_server import MASTER, SqlServer
from culm.errors import UsageError
from culm.project.load import parse
from culm.project.project import Project

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


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[SqlServer]:
    postgres = Postgres(tmp_path / "main", ["127.0.0.1"], traffic.free_port())
    await postgres.create("postgres", verifier(PASSWORD, b"0123456789abcdef"), "shop")
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
