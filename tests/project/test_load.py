"""culm.yml: what it means, and what every refusal says."""

from pathlib import Path

import pytest

from culm.errors import UsageError
from culm.project.load import find, load
from culm.project.project import Project, Strategy
from culm.project.sizes import Group


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("accounts", "catalog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM base\nEXPOSE 8080\n")
    (tmp_path / "accounts" / "Dockerfile.migrate").write_text("FROM base\n")
    return tmp_path


def read(folder: Path, text: str) -> Project:
    (folder / "culm.yml").write_text(text)
    return load(folder / "culm.yml")


def test_a_folder_tells_its_path_port_and_migration(folder: Path) -> None:
    project = read(folder, "name: bamboo\nservices:\n  accounts:\n  catalog: {}\n")
    accounts, catalog = project.services["accounts"], project.services["catalog"]
    assert (accounts.paths, accounts.port, accounts.health) == (("/accounts/*",), 8080, "/accounts/health")
    assert (accounts.memory, accounts.cpu, accounts.count) == (256, 128, 1)
    assert accounts.migration == folder / "accounts" / "Dockerfile.migrate"
    assert catalog.migration is None


def test_the_local_target_is_always_there(folder: Path) -> None:
    local = read(folder, "name: bamboo\nservices: {catalog: }\n").targets["local"]
    assert (local.provider, local.env, local.port) == ("local", "local", None)
    assert local.instances == (Group(count=2, instance_type="t2.micro"),)


def test_what_is_written_wins_over_what_is_inferred(folder: Path) -> None:
    project = read(
        folder,
        """\
name: bamboo
x-small: &small {memory: 64 MB, cpu: 32}
targets:
  stg: {provider: aws, region: eu-west-1, instances: 1 x t2.micro + 2 x t3.small, env: stage}
placement: [{type: spread, field: 'attribute:ecs.availability-zone'}, {type: binpack}]
defaults: {memory: 0.5 GB, health: /up, args: {BASE_IMAGE: a, OTHER: b}}
databases: {main: {engine: postgres}}
services:
  web:
    <<: *small
    build: accounts
    path: [/web/*, /]
    port: 9000
    migrate: false
    database: main
    after: [catalog]
    cpu: 64
    args: {BASE_IMAGE: c}
  catalog: {roll: start-first}
""",
    )
    web, catalog, stg = project.services["web"], project.services["catalog"], project.targets["stg"]
    assert (web.memory, web.cpu, web.paths, web.port, web.migration) == (64, 64, ("/web/*", "/*"), 9000, None)
    assert (web.args, web.after, web.databases) == ({"BASE_IMAGE": "c", "OTHER": "b"}, ("catalog",), ("main",))
    assert (catalog.memory, catalog.health, catalog.roll) == (512, "/up", "start-first")
    assert (stg.provider, stg.env, stg.port, [str(g) for g in stg.instances]) == (
        "aws",
        "stage",
        None,
        ["1 x t2.micro", "2 x t3.small"],
    )
    assert project.placement == (
        Strategy(type="spread", field="attribute:ecs.availability-zone"),
        Strategy(type="binpack", field="memory"),
    )


def test_commands_work_inside_a_services_folder(folder: Path) -> None:
    read(folder, "name: bamboo\nservices: {catalog: }\n")
    assert find(folder / "catalog") == folder / "culm.yml"


BEGIN = "name: bamboo\nservices:\n"

REFUSALS = {
    "a wrong key": (
        BEGIN + "  accounts: {memmory: 128}\n",
        ":3: services.accounts.memmory: there is no such key",
        "did you mean memory?",
    ),
    "another tool's key": (
        BEGIN + "  accounts:\n    env_file: .env\n",
        ":4: services.accounts.env_file: there is no such key",
        "secrets are files",
    ),
    "a wrong key at the top": ("nmae: bamboo\n", ":1: nmae: there is no such key", "did you mean name?"),
    "no name": ("services: {catalog: }\n", ":1: name: is missing", "cluster, load balancer"),
    "no services": ("name: bamboo\n", ":1: services: is missing", "by name"),
    "no service": ("name: bamboo\nservices: {}\n", ":2: services: there is none", "culm init"),
    "an empty file": ("", ": is empty", "culm init"),
    "a list at the top": ("- a\n", ":1: a list where a mapping", ""),
    "not YAML": ("name: bamboo\nservices: [\n", ":3: not YAML", "indent with spaces"),
    "a key twice": (BEGIN + "  catalog:\n  catalog:\n", ":4: services.catalog: written twice, first in line 3", ""),
    "a missing folder": (
        BEGIN + "  orders:\n",
        ":3: services.orders.build: there is no folder",
        "build: names the folder",
    ),
    "a folder without a Dockerfile": (
        BEGIN + "  orders: {build: .}\n",
        ":3: services.orders.dockerfile: there is no",
        "if it is called otherwise",
    ),
    "a missing migration": (
        BEGIN + "  catalog: {migrate: Dockerfile.mig}\n",
        ":3: services.catalog.migrate: there is no",
        "migrate: false",
    ),
    "an unknown database": (
        "name: bamboo\ndatabases: {main: }\nservices:\n  accounts: {database: mian}\n",
        ":4: services.accounts.database: there is no database 'mian'",
        "there are: main",
    ),
    "no databases at all": (
        BEGIN + "  accounts: {database: main}\n",
        ":3: services.accounts.database: there is no database 'main'",
        "add `databases:",
    ),
    "an extension that the wheel lacks": (
        "name: bamboo\ndatabases: {main: {extensions: [postgis]}}\nservices: {catalog: }\n",
        ":2: databases.main.extensions.0: 'postgis' is not in the PostgreSQL that culm brings; it has vector",
        "",
    ),
    "extensions of another engine": (
        "name: bamboo\ndatabases: {main: {engine: mariadb, extensions: vector}}\nservices: {catalog: }\n",
        ":2: databases.main.extensions: MariaDB has none",
        "PostgreSQL's",
    ),
    "RDS of a cache": (
        "name: bamboo\ndatabases: {cache: {engine: valkey, rds: {}}}\nservices: {catalog: }\n",
        ":2: databases.cache.rds: RDS has no Valkey",
        "elasticache:",
    ),
    "ElastiCache of an SQL server": (
        "name: bamboo\ndatabases: {main: {engine: mysql, elasticache: {}}}\nservices: {catalog: }\n",
        ":2: databases.main.elasticache: ElastiCache has no MySQL",
        "rds:",
    ),
    "a node type that is none": (
        "name: bamboo\ndatabases: {c: {engine: redis, elasticache: {instance: t4g.micro}}}\nservices: {catalog: }\n",
        ":2: databases.c.elasticache.instance: 't4g.micro' is no node type",
        "",
    ),
    "a database whose URL would be the load balancer's": (
        "name: bamboo\ndatabases: {load-balancer: {engine: redis}}\nservices: {catalog: }\n",
        ":2: databases.load-balancer: its URL's file would be load-balancer.url",
        "another name",
    ),
    "a database twice": (
        "name: bamboo\ndatabases: {main: }\nservices:\n  catalog: {database: [main, main]}\n",
        ":4: services.catalog.database: names a database twice",
        "once",
    ),
    "two databases with one file": (
        "name: bamboo\ndatabases: {main: , database: }\nservices:\n  catalog: {database: [main, database]}\n",
        ":4: services.catalog.database: the URLs of main and of database would both be the file database.url",
        "otherwise",
    ),
    "a user of a cache whose name is too long": (
        "name: bamboo\ndatabases: {a-cache-with-a-longer-name: {engine: redis}}\n"
        "services:\n  catalog: {database: a-cache-with-a-longer-name}\n",
        ":4: services.catalog.database: its user of a-cache-with-a-longer-name",
        "shorter",
    ),
    "an unknown engine": (
        "name: bamboo\ndatabases: {main: {engine: mongo}}\nservices: {catalog: }\n",
        ":2: databases.main.engine: 'mongo' where postgres or mysql or mariadb or valkey or redis is wanted",
        "",
    ),
    "two services on one path": (
        BEGIN + "  accounts:\n  catalog: {path: /accounts/*}\n",
        ":4: services.catalog.path: /accounts/* belongs to accounts (line 3)",
        "another path",
    ),
    "a path without a slash": (
        BEGIN + "  catalog: {path: catalog}\n",
        ":3: services.catalog.path: 'catalog' is not",
        "",
    ),
    "a path that an ALB refuses": (
        BEGIN + "  catalog: {path: /a b}\n",
        ":3: services.catalog.path: '/a b' has a ' '",
        "",
    ),
    "too many wildcards": (BEGIN + "  catalog: {path: /******}\n", "has 6 wildcards; a listener rule takes 5", ""),
    "too long a path": (
        BEGIN + f"  catalog: {{path: /{'a' * 128}}}\n",
        "has 129 characters; a listener rule takes 128",
        "",
    ),
    "too many paths": (
        BEGIN + "  catalog: {path: [/a, /b, /c, /d, /e, /f]}\n",
        ":3: services.catalog.path: has 6 patterns; a listener rule takes 5",
        "",
    ),
    "a size that is none": (
        BEGIN + "  catalog: {memory: big}\n",
        ":3: services.catalog.memory: 'big' is not a size",
        "",
    ),
    "a size that is too small": (BEGIN + "  catalog: {memory: 4}\n", "'4' is less than 6 MiB", ""),
    "a size that is broken": (BEGIN + "  catalog: {memory: 256.5}\n", "'256.5' is not a whole number of MiB", ""),
    "instances that are none": (
        "name: bamboo\ntargets:\n  local: {instances: two micros}\nservices: {catalog: }\n",
        ":3: targets.local.instances: 'two micros' does not name instances",
        "",
    ),
    "no instances": (
        "name: bamboo\ntargets: {local: {instances: 0 x t2.micro}}\nservices: {catalog: }\n",
        "asks for 0 instances; it can be 1 to 500",
        "",
    ),
    "a target of nobody": (
        "name: bamboo\ntargets:\n  stg: {region: us-east-1}\nservices: {catalog: }\n",
        ":3: targets.stg.provider: is missing",
        "provider: aws",
    ),
    "a load balancer's port that is none": (
        "name: bamboo\ntargets: {local: {port: 70000}}\nservices: {catalog: }\n",
        ":2: targets.local.port: 70000 is not a port",
        "",
    ),
    "a port that is none": (BEGIN + "  catalog: {port: 0}\n", ":3: services.catalog.port: 0 is not a port", ""),
    "a port in words": (BEGIN + "  catalog: {port: http}\n", "'http' where a whole number is wanted", ""),
    "an unknown word": (
        BEGIN + "  catalog: {roll: blue-green}\n",
        ":3: services.catalog.roll: 'blue-green' is no way to roll: auto, start-first, stop-first",
        "",
    ),
    "a health check that is no path": (
        BEGIN + "  catalog: {health: up}\n",
        ":3: services.catalog.health: 'up' is not",
        "",
    ),
    "a project's name that AWS refuses": (
        "name: Bam boo\nservices: {catalog: }\n",
        ":1: name: 'Bam boo' cannot be",
        "",
    ),
    "a project's name that is reserved": ("name: internal-x\nservices: {catalog: }\n", "begins with internal-", ""),
    "a project's name that is too long": (f"name: {'a' * 33}\nservices: {{catalog: }}\n", "has 33 characters", ""),
    "a service's name that AWS refuses": (BEGIN + "  Catalog:\n", ":3: services.Catalog: 'Catalog' cannot be", ""),
    "names that are too long together": (
        f"name: {'a' * 30}\nservices:\n  catalog:\n",
        ":3: services.catalog: its target group",
        "",
    ),
    "after nobody": (BEGIN + "  catalog: {after: [orders]}\n", ":3: services.catalog.after: there is no service", ""),
    "after itself": (
        BEGIN + "  catalog: {after: [accounts]}\n  accounts: {after: [catalog]}\n",
        ":3: services.catalog.after: goes in a circle",
        "",
    ),
    "a value left out": (BEGIN + "  catalog: {port: }\n", ":3: services.catalog.port: has no value", ""),
    "a list where text is": (BEGIN + "  catalog: {build: [a]}\n", "services.catalog.build: a list where text", ""),
}


@pytest.mark.parametrize(("text", "what", "hint"), REFUSALS.values(), ids=REFUSALS.keys())
def test_a_refusal_names_file_line_and_key(folder: Path, text: str, what: str, hint: str) -> None:
    with pytest.raises(UsageError) as refusal:
        read(folder, text)
    assert "culm.yml" in refusal.value.what
    assert what in refusal.value.what
    assert hint in refusal.value.hint
    assert refusal.value.exit_status == 2


@pytest.mark.parametrize(
    ("exposes", "what"),
    [
        ("", "services.catalog.port: is not known: .* has no EXPOSE"),
        ("EXPOSE 80 443\n", "services.catalog.port: is not clear: .* EXPOSEs 80 and 443"),
        ("EXPSOE 80\n", "services.catalog.dockerfile: .* cannot be read: line 2: 'EXPSOE' is not an instruction"),
    ],
)
def test_a_port_that_cannot_be_inferred_is_asked_for(folder: Path, exposes: str, what: str) -> None:
    (folder / "catalog" / "Dockerfile").write_text("FROM base\n" + exposes)
    with pytest.raises(UsageError, match=what):
        read(folder, "name: bamboo\nservices: {catalog: }\n")


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no") as refusal:
        load(tmp_path / "culm.yml")
    assert "culm init" in refusal.value.hint
