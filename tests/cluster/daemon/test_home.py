"""The folder in which a cluster keeps everything."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from culm.cluster.daemon import daemon
from culm.cluster.daemon.settings import Settings, settled
from culm.cluster.store import settings as kept
from culm.cluster.store.db import connect
from culm.errors import CulmError


def test_a_home_that_others_could_read_becomes_its_owners_alone(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    daemon._check(Settings(home=home))
    assert home.stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CulmError, match=r"cannot use .*/file/home: Not a directory"):
        daemon._check(Settings(home=tmp_path / "file" / "home"))


def test_a_machine_without_haproxy_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CULM_HAPROXY", "/nowhere/haproxy")
    with pytest.raises(CulmError, match="CULM_HAPROXY names /nowhere/haproxy, which is not a file"):
        daemon._check(Settings(home=tmp_path / "home"))


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = connect(":memory:")
    yield connection
    connection.close()


def test_the_first_start_settles_the_region_and_the_account(db: sqlite3.Connection, tmp_path: Path) -> None:
    first = settled(db, Settings(home=tmp_path, region="eu-central-1", account="210987654321"))
    kept.put(db, "port", "4588")
    later = settled(db, Settings(home=tmp_path))
    assert (first.region, first.account) == (later.region, later.account) == ("eu-central-1", "210987654321")
    with pytest.raises(CulmError, match="this cluster's account is 210987654321"):
        settled(db, Settings(home=tmp_path, account="000000000000"))


def test_a_home_of_an_earlier_version_keeps_the_account_of_zeros(db: sqlite3.Connection, tmp_path: Path) -> None:
    kept.put(db, "port", "4588")
    with pytest.raises(CulmError, match="this cluster's region is us-east-1"):
        settled(db, Settings(home=tmp_path, region="eu-central-1"))
    assert settled(db, Settings(home=tmp_path)).account == "0" * 12
