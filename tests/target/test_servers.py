"""What this machine needs for the engines that culm does not bring."""

from pathlib import Path

import pytest
from tests.project.test_load import read

from culm.errors import UsageError
from culm.target import servers

FILE = "name: shop\ndatabases: {{db: {{engine: {engine}}}}}\nservices: {{web: {{image: nginx, port: 80{uses}}}}}\n"


@pytest.mark.parametrize(
    ("engine", "what", "hint"),
    [
        ("mysql", "MySQL needs mariadbd", "apt install mariadb-server"),
        ("mariadb", "MariaDB needs mariadbd", "brew install mariadb"),
        ("valkey", "Valkey needs valkey-server or redis-server", "apt install valkey-server"),
        ("redis", "Redis needs valkey-server or redis-server", "brew install valkey"),
    ],
)
def test_a_missing_server_is_refused_with_the_way_to_get_it(
    engine: str, what: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers.Programs, "first", lambda self: None)
    with pytest.raises(UsageError, match=f"databases.db: {what}, which this machine lacks") as refusal:
        servers.demand(read(tmp_path, FILE.format(engine=engine, uses=", database: db")))
    assert hint in refusal.value.hint
    servers.demand(read(tmp_path, FILE.format(engine=engine, uses="")))


def test_postgresql_is_brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers.Programs, "first", lambda self: None)
    servers.demand(read(tmp_path, FILE.format(engine="postgres", uses=", database: db")))
