"""Which runtime a cluster starts with."""

from pathlib import Path

import pytest

from culm.cluster.daemon.runtimes import LAST, asked
from culm.cluster.daemon.settings import Settings
from culm.errors import CulmError


def test_the_first_time_nothing_decides_but_the_machine(tmp_path: Path) -> None:
    assert asked(Settings(home=tmp_path), killed=False) == "auto"


@pytest.mark.parametrize("killed", [False, True])
def test_a_cluster_keeps_the_runtime_that_its_images_were_built_for(tmp_path: Path, killed: bool) -> None:
    (tmp_path / LAST).write_text("process")
    assert asked(Settings(home=tmp_path), killed=killed) == "process"


def test_a_cluster_that_was_stopped_may_get_another(tmp_path: Path) -> None:
    (tmp_path / LAST).write_text("process")
    assert asked(Settings(home=tmp_path, runtime="docker"), killed=False) == "docker"


def test_tasks_that_outlived_their_daemon_are_not_left_behind(tmp_path: Path) -> None:
    (tmp_path / LAST).write_text("process")
    with pytest.raises(CulmError, match="its tasks go on with the process runtime"):
        asked(Settings(home=tmp_path, runtime="docker"), killed=True)
