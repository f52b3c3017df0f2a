"""The connection stands on parts of uvicorn that are not its public interface: these tests fail when they change.

`pyproject.toml` bounds uvicorn from above; a newer one is taken when it passes here. See docs/decisions/.
"""

import inspect
import re
import tomllib
from importlib.metadata import version
from pathlib import Path

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import Server, ServerState

from culm.cluster.daemon.connection import Connection, Uvicorns

ROOT = Path(__file__).parents[3]


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])


def test_uvicorn_has_an_upper_bound_and_what_is_installed_is_below_it():
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    line = next(each for each in wanted if each.startswith("uvicorn"))
    bound = re.search(r"<([\d.]+)", line)
    assert bound is not None, line
    assert numbers(version("uvicorn")) < numbers(bound[1])


def test_a_protocol_is_made_of_the_arguments_that_the_connection_passes_on():
    names = list(inspect.signature(HttpToolsProtocol.__init__).parameters)
    assert names == ["self", "config", "server_state", "app_state", "_loop"]
    source = inspect.getsource(Server.startup)
    for name in ("config=config", "server_state=self.server_state", "app_state="):
        assert name in source


def test_the_servers_state_has_what_the_connection_registers_with():
    state = ServerState()
    assert (state.connections, state.tasks, state.default_headers) == (set(), set(), [])
    for each in ("connections", "tasks"):
        assert each in inspect.getsource(Server.shutdown)
    assert "connection.shutdown()" in inspect.getsource(Server.shutdown)
    assert callable(Connection.shutdown)


def test_websockets_are_asked_for_where_the_connection_loads_them():
    overridden = HttpToolsProtocol._should_upgrade_to_ws
    assert list(inspect.signature(overridden).parameters) == ["self"]
    assert "_should_upgrade_to_ws" in inspect.getsource(HttpToolsProtocol._should_upgrade)
    assert "self.ws_protocol_class" in inspect.getsource(HttpToolsProtocol.handle_websocket_upgrade)
    assert Uvicorns._should_upgrade_to_ws is not overridden


def test_a_connection_can_be_handed_over_by_its_first_bytes():
    for name in ("connection_made", "data_received", "connection_lost", "shutdown"):
        assert callable(getattr(HttpToolsProtocol, name))
