"""The folder in which a cluster keeps everything."""

from pathlib import Path

import pytest

from culm.cluster.daemon import daemon
from culm.cluster.daemon.settings import Settings
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
