import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

VARIABLES = (
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "DOCKER_TLS",
    "DOCKER_TLS_VERIFY",
    "DOCKER_CERT_PATH",
    "DOCKER_CONFIG",
    "COLIMA_HOME",
    "XDG_CONFIG_HOME",
)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's home without an engine, in which no variable names one. Its path is short, as sockets' must be."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="home-") as folder:
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("culm.engine.endpoint.SOCKET", f"{folder}/none.sock")
        monkeypatch.setenv("HOME", folder)
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{folder}/run")
        yield Path(folder)
