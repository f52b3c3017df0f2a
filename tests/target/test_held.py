"""Whether a cluster's daemon lives is asked without taking anything that it needs."""

import subprocess
import sys

import pytest
from tests.target.holding import holding
from tests.traffic import eventually

from culm.target import local


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("CULM_HOME", str(tmp_path))
    return tmp_path


def test_nobody_holds_a_lock_that_is_not_there_or_free(home):
    assert not local.held()
    (home / "cluster.lock").touch()
    assert not local.held()


async def test_a_lock_is_held_until_its_process_ends_however_it_ends(home):
    with holding(home) as process:
        assert local.held()
        process.kill()
        await eventually(lambda: not local.held())


def test_asking_takes_nothing_so_that_every_daemon_can_start_meanwhile(home):
    (home / "cluster.lock").touch()
    asking = "from culm.target import local\nwhile True: local.held()"
    askers = [subprocess.Popen([sys.executable, "-c", asking]) for _ in range(2)]
    try:
        for _ in range(20):
            with holding(home):
                pass
    finally:
        for asker in askers:
            asker.kill()
            asker.wait()
