"""What Python and Node.js programs of host processes load first: a port in their code is their own.

Container port 8000 is given the host's port 0 here, so that the system chooses a free one.
"""

import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.interface import Port
from culm.cluster.instance.runtime.process import preload
from culm.cluster.instance.runtime.process.preload import listen

PORTS = (Port(container_port=8000, host_port=0),)
NODE = pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("a task") / "preload"
    preload.place(folder)
    return folder


def run(folder: Path, *command: str, **given: str) -> str:
    environment = {**given, **preload.environment(given, PORTS, "127.0.0.1", folder)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.stdout.strip()


def python(folder: Path, code: str, **given: str) -> str:
    return run(folder, sys.executable, "-c", f"import socket, sys; {code}", **given)


def node(folder: Path, code: str) -> str:
    executable = shutil.which("node")
    assert executable is not None
    return run(folder, executable, "-e", code)


def test_the_mapping_is_read_as_it_is_written() -> None:
    ports = (Port(container_port=80, host_port=40123), Port(container_port=53, host_port=53, protocol="udp"))
    given = preload.environment({"PYTHONPATH": "lib", "NODE_OPTIONS": "-r x"}, ports, "127.77.0.11", Path("/t/p"))

    assert listen.mapping(given[preload.VARIABLE]) == ("127.77.0.11", {80: 40123})
    assert given["PYTHONPATH"] == "/t/p:lib"
    assert given["NODE_OPTIONS"] == '-r x --require "/t/p/listen.cjs"'
    assert preload.environment({}, ports[1:], "127.77.0.11", Path("/t/p")) == {}


def test_the_ports_of_a_tasks_other_containers_are_named_apart() -> None:
    peers = (Port(container_port=9000, host_port=9000),)

    alone = preload.environment({}, (), "127.80.0.1", Path("/t/p"), peers)

    assert alone[preload.PEERS] == "127.80.0.1 9000=9000"
    assert preload.VARIABLE not in alone


@pytest.mark.parametrize(
    ("wanted", "target"),
    [
        (("0.0.0.0", 8000), ("127.7.0.1", 40123)),
        (("", 8000), ("127.7.0.1", 40123)),
        (("0.0.0.0", 8001), ("0.0.0.0", 8001)),
        (("127.0.0.1", 8000), ("127.0.0.1", 8000)),
        ("/run/app.sock", "/run/app.sock"),
    ],
)
def test_a_container_port_on_all_addresses_becomes_the_hosts(wanted: object, target: object) -> None:
    assert listen.moved(wanted, listen.ANYWHERE, "127.7.0.1", {8000: 40123}) == target


def test_a_container_port_of_both_protocols_is_the_hosts_by_its_mapped_address() -> None:
    target = listen.moved(("::", 8000, 0, 0), listen.ANYWHERE, "127.7.0.1", {8000: 40123}, True)

    assert target == ("::ffff:127.7.0.1", 40123, 0, 0)


def test_python_listens_where_the_host_has_its_port_and_reaches_itself_there(folder: Path) -> None:
    code = (
        "s = socket.socket(); s.bind(('0.0.0.0', 8000)); s.listen(); here, port = s.getsockname(); "
        "print(here, port not in (0, 8000)); "
        "import sitecustomize; c = socket.socket(); "
        "print(sitecustomize.moved(('localhost', 8000), sitecustomize.HERE, here, {8000: port}, False) == (here, port))"
    )

    assert python(folder, code).split("\n") == ["127.0.0.1 True", "True"]


def test_a_udp_socket_and_another_address_stay_as_they_are(folder: Path) -> None:
    code = "s = socket.socket(type=socket.SOCK_DGRAM); s.bind(('', 0)); print(s.getsockname()[0])"

    assert python(folder, code) == "0.0.0.0"


def test_the_sitecustomize_that_a_project_has_runs_too(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('its own')\n", encoding="utf-8")

    assert python(folder, "pass", PYTHONPATH=str(tmp_path)) == "its own"


@NODE
@pytest.mark.parametrize(
    "listening",
    ["listen(8000, done)", "listen('8000', '0.0.0.0', 16, done)", "listen({port: 8000, host: '::'}, done)"],
)
def test_node_listens_where_the_host_has_its_port(folder: Path, listening: str) -> None:
    code = (
        "const s = require('http').createServer(); const done = () => { const a = s.address(); "
        f"console.log(a.address, a.port !== 8000 && a.port !== 0); s.close(); }}; s.{listening}"
    )

    assert node(folder, code) == "127.0.0.1 true"


@NODE
def test_node_calls_itself_where_it_listens(folder: Path) -> None:
    code = (
        "const http = require('http'), net = require('net'); const connect = net.Socket.prototype.connect; "
        "const s = http.createServer((_, r) => r.end('itself')).listen(8000, () => { "
        "process.env.CULM_LISTEN = `127.0.0.1 8000=${s.address().port}`; "
        "delete require.cache[process.env.FILE]; require(process.env.FILE); "
        "http.get('http://localhost:8000/', (r) => r.on('data', (d) => { console.log(String(d)); s.close(); })); })"
    )
    executable = shutil.which("node")
    assert executable is not None

    assert run(folder, executable, "-e", code, FILE=str(folder / "listen.cjs")) == "itself"


UVLOOP = """
class Loop:
    def create_server(self, factory, host=None, port=None, **given):
        print(host, port, given)
"""
"""As uvloop is built: a class of Python's on one of C's, which opens the sockets."""


@pytest.mark.parametrize(
    ("wanted", "listens"),
    [
        ("host='0.0.0.0', port=8000, backlog=9", "127.0.0.1 0 {'backlog': 9}"),
        ("None, 8000", "127.0.0.1 0 {}"),
        ("'0.0.0.0', 8001", "0.0.0.0 8001 {}"),
        ("sock=1", "None None {'sock': 1}"),
    ],
)
def test_uvloop_s_servers_listen_where_the_host_has_their_port(
    folder: Path, tmp_path: Path, wanted: str, listens: str
) -> None:
    (tmp_path / "uvloop.py").write_text(UVLOOP)
    code = f"import uvloop; uvloop.Loop().create_server(print, {wanted})"
    assert python(folder, code, PYTHONPATH=str(tmp_path)) == listens


@NODE
def test_node_reaches_the_tasks_other_container_at_localhost(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as peer:
        peers = (Port(container_port=9000, host_port=peer.getsockname()[1]),)
        given = preload.environment({}, (), "127.0.0.1", folder, peers)
        code = (
            "require('net').connect(9000).on('connect', function () { console.log(this.remotePort); this.destroy(); })"
        )
        executable = shutil.which("node")
        assert executable is not None
        done = subprocess.run([executable, "-e", code], env=given, capture_output=True, text=True, timeout=60)
        assert (done.stdout.strip(), done.stderr) == (str(peer.getsockname()[1]), "")
