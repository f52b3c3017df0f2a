"""Finding the local cluster, also while its daemon comes or goes."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.target.holding import holding

from culm.target import local


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where a cluster.json in CULM_HOME says that the daemon is."""
    monkeypatch.setenv("CULM_HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as made:
        host, port = made.getsockname()
        (tmp_path / "cluster.json").write_text(json.dumps({"endpoint": f"http://{host}:{port}"}))
        yield made


def test_a_daemon_that_answers_is_found(listener: socket.socket, tmp_path: Path) -> None:
    def answer() -> None:
        line, _ = listener.accept()
        with line:
            line.recv(100)
            line.sendall(b"HTTP/1.0 404 Not Found\r\n\r\n")

    with holding(tmp_path):
        server = threading.Thread(target=answer)
        server.start()
        assert local.settled() == json.loads((tmp_path / "cluster.json").read_text())
        server.join()


def test_one_that_was_killed_and_still_holds_its_lock_is_waited_for(listener: socket.socket, tmp_path: Path) -> None:
    with holding(tmp_path) as daemon:

        def die() -> None:
            listener.accept()[0].close()
            daemon.kill()

        dying = threading.Thread(target=die)
        dying.start()
        assert local.settled() is None
        dying.join()


def test_where_none_ever_ran_none_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULM_HOME", str(tmp_path / "new"))
    assert local.settled() is None
