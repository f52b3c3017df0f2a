"""The stands that scenarios are played on. Making one takes a while: those that only look share one."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.scenarios.stand import BAMBOO, Stand
from tests.traffic import free_port


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.scenario)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="session")
def venvs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Virtual environments, made once for all stands."""
    return tmp_path_factory.mktemp("shared venvs")


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory, venvs: Path) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("bamboo"), port=free_port(), venvs=venvs)
    stand.copy(BAMBOO)
    yield stand
    stand.close()


@pytest.fixture
def bamboo(_shared: Stand) -> Stand:
    """The four examples, up and steady on the process runtime; a scenario leaves them in a state that `up` can heal."""
    _shared.culm("up", "--runtime", "process")
    return _shared


@pytest.fixture
def stand(tmp_path: Path, venvs: Path) -> Iterator[Stand]:
    """One of its own, with nothing in it."""
    made = Stand(tmp_path, port=free_port(), venvs=venvs)
    yield made
    made.close()
