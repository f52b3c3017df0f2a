"""Every engine of `databases:` for real: made, used, killed, kept over a `down`, and gone with `--volumes`."""

import os
import shutil
import signal
from collections.abc import Iterator

import pymysql
import pytest
import redis
from tests.cluster.database.test_mariadb import needs_mariadb
from tests.cluster.database.test_valkey import needs_valkey
from tests.scenarios import misfits
from tests.scenarios.stand import Stand, eventually
from tests.traffic import free_port

pytestmark = [needs_mariadb, needs_valkey]
DATABASES = "databases: {main: {extensions: [vector]}, shop: {engine: mysql}, cache: {engine: valkey}}"
MIGRATE = "migrate: {command: [python3, -c, 'print(1 + 1)']}"
AT = "environment: {AT: 'redis://{cache.host}:{cache.port}'}"
SERVICES = f"services:\n  web: {{{MIGRATE}, database: [main, shop, cache], {AT}}}\n"


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    made = Stand(tmp_path_factory.mktemp("engines"), port=free_port())
    misfits.service(made, "web")
    target = f"targets: {{local: {{port: {made.port}, env: stg}}}}"
    made.write("culm.yml", f"name: shop\n{target}\ndefaults: {{settle: 0}}\n{DATABASES}\n{SERVICES}")
    made.culm("up", "--runtime", "process")
    yield made
    made.close()


def url(stand: Stand, file: str) -> str:
    return stand.culm("vault", "get", f"stg/web/{file}").out.strip()


def cache(stand: Stand) -> redis.Redis:
    return redis.Redis.from_url(url(stand, "cache.url"), decode_responses=True)


def shop(stand: Stand) -> "pymysql.Connection[pymysql.cursors.Cursor]":
    user, _, rest = url(stand, "shop.url").removeprefix("mysql://").partition(":")
    password, _, rest = rest.partition("@")
    host, _, rest = rest.partition(":")
    port, _, name = rest.partition("/")
    return pymysql.connect(host=host, port=int(port), user=user, password=password, database=name, autocommit=True)


def asked(stand: Stand, statement: str) -> object:
    with shop(stand) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_each_url_is_a_file_of_the_services_configuration(stand: Stand) -> None:
    files = stand.culm("vault", "ls").out
    assert all(f"web/{name}" in files for name in ("database.url", "shop.url", "cache.url"))
    assert url(stand, "database.url").startswith("postgresql://shop_web:")
    with cache(stand) as connection:
        assert connection.set("pot", "bamboo")
    asked(stand, "CREATE TABLE pot (name text)")
    asked(stand, "INSERT INTO pot VALUES ('bamboo')")


@pytest.mark.skipif(not (shutil.which("mariadb") and shutil.which("redis-cli")), reason="no clients on this machine")
def test_each_databases_own_client_is_opened_as_the_service(stand: Stand) -> None:
    assert stand.culm("db", "web", "--", "-Atc", "select current_user").out == "shop_web\n"
    by_mariadb = stand.culm("db", "web", "--database", "shop", "--", "-Ne", "select database()").out
    assert by_mariadb == "shop_web\n"
    assert stand.culm("db", "web", "--database", "cache", "--", "get", "pot").out == "bamboo\n"


def test_a_migration_by_command_has_run_once_in_the_services_own_image(stand: Stand) -> None:
    assert [line.split()[-1] for line in stand.culm("logs", "web", "--migration").out.splitlines()] == ["2"]
    repositories = stand.client("ecr").describe_repositories()["repositories"]
    assert [repository["repositoryName"] for repository in repositories] == ["shop/web"]


def test_an_extension_is_in_the_services_database(stand: Stand) -> None:
    import pg8000.dbapi

    user, _, rest = url(stand, "database.url").removeprefix("postgresql://").partition(":")
    password, _, rest = rest.partition("@")
    host, _, rest = rest.partition(":")
    connection = pg8000.dbapi.connect(
        user, host=host, port=int(rest.partition("/")[0]), database="shop_web", password=password
    )
    cursor = connection.cursor()
    cursor.execute("SELECT '[1,2]'::vector(2) IS NOT NULL")
    assert cursor.fetchall() == ([True],)
    connection.close()


def test_a_reference_is_resolved_to_the_servers_address(stand: Stand) -> None:
    [arn] = stand.tasks("shop")
    ecs = stand.client("ecs")
    revision = ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]["taskDefinitionArn"]
    container = ecs.describe_task_definition(taskDefinition=revision)["taskDefinition"]["containerDefinitions"][0]
    values = {each["name"]: each["value"] for each in container["environment"]}
    assert values["AT"] == "redis://" + url(stand, "cache.url").rpartition("@")[2].removesuffix("/0")


def test_a_service_sees_its_own_database_alone(stand: Stand) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        asked(stand, "CREATE DATABASE another")
    assert [name for (name,) in asked(stand, "SHOW DATABASES")] == ["information_schema", "shop_web"]  # type: ignore[attr-defined]


def test_a_second_up_changes_nothing_and_diff_agrees(stand: Stand) -> None:
    before = [url(stand, name) for name in ("database.url", "shop.url", "cache.url")]
    assert "nothing changed" in stand.culm("up").err
    assert stand.culm("diff").status == 0
    assert [url(stand, name) for name in ("database.url", "shop.url", "cache.url")] == before


@pytest.mark.parametrize("folder", ["postgres/shop-shop", "valkey/shop-cache"])
def test_a_killed_server_is_started_again_with_its_data(stand: Stand, folder: str) -> None:
    file = stand.home / folder / "server.pid"
    pid = int(file.read_text())
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: file.exists() and int(file.read_text() or 0) not in (0, pid))
    eventually(lambda: stand.culm("diff").status == 0)
    if "valkey" in folder:

        def there() -> bool:
            with cache(stand) as connection:
                return connection.get("pot") == "bamboo"

        eventually(there)
    else:
        assert asked(stand, "SELECT name FROM pot") == (("bamboo",),)


def test_down_keeps_the_data_and_leaves_no_process(stand: Stand) -> None:
    stand.culm("down")
    eventually(lambda: stand.processes() == {})
    stand.culm("up", "--runtime", "process")
    assert asked(stand, "SELECT name FROM pot") == (("bamboo",),)
    with cache(stand) as connection:
        assert connection.get("pot") == "bamboo"


def test_down_with_volumes_takes_servers_users_and_files_away(stand: Stand) -> None:
    stand.culm("down", "--volumes", "--yes")
    assert not any((stand.home / folder).exists() for folder in ("postgres/shop-shop", "valkey/shop-cache"))
    eventually(lambda: stand.processes() == {})
