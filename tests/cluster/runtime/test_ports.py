import socket

import pytest

from culm.cluster.instance.runtime.interface import Port
from culm.cluster.instance.runtime.process.port_mapping import (
    bind,
    rewrite_argument,
    rewrite_environment,
    rewrite_peers,
    rewrite_probe,
)
from culm.errors import RuntimeFailure

ADDRESS = "127.0.0.1"
MAPPED = (Port(container_port=8080, host_port=31000),)


@pytest.mark.parametrize(
    ("argument", "rewritten"),
    [
        ("8080", "31000"),
        ("--port=8080", "--port=31000"),
        ("0.0.0.0", "127.7.7.7"),
        ("0.0.0.0:8080", "127.7.7.7:31000"),
        ("[::]:8080", "127.7.7.7:31000"),
        (":8080", "127.7.7.7:31000"),
        ("--bind=:8080", "--bind=127.7.7.7:31000"),
        ("tcp://0.0.0.0:8080", "tcp://127.7.7.7:31000"),
        ("exec uvicorn a:app --host 0.0.0.0 --port 8080", "exec uvicorn a:app --host 127.7.7.7 --port 31000"),
        ("http.server '8080'", "http.server '31000'"),
        ("-b0.0.0.0:8080", "-b127.7.7.7:31000"),
        ("gunicorn -b0.0.0.0:8080 app", "gunicorn -b127.7.7.7:31000 app"),
        ("-p8080", "-p31000"),
        ("PORT=8080 exec app", "PORT=31000 exec app"),
        ("app -p 8080", "app -p 31000"),
    ],
)
def test_an_argument_that_names_the_port_names_the_new_one(argument: str, rewritten: str):
    assert rewrite_argument(argument, MAPPED, "127.7.7.7") == rewritten


@pytest.mark.parametrize(
    "argument",
    [
        "18080",
        "8080ms",
        "v8080",
        "8080.5",
        "10.0.0.0",
        "http://catalog:8080/x",
        "http://localhost:8080/x",
        "/data/8080",
        "--max-requests=8080",
        "gunicorn --max-requests 8080 --timeout=8080 -w 8080 app",
        "MAX_REQUESTS=8080 exec app",
    ],
)
def test_an_argument_that_only_looks_like_it_stays(argument: str):
    assert rewrite_argument(argument, MAPPED, "127.7.7.7") == argument


def test_a_number_is_a_port_by_the_option_before_it():
    assert rewrite_argument("8080", MAPPED, ADDRESS, "--port") == "31000"
    assert rewrite_argument("8080", MAPPED, ADDRESS, "http.server") == "31000"
    assert rewrite_argument("8080", MAPPED, ADDRESS, "--max-requests") == "8080"


def test_what_one_port_became_is_not_taken_for_another():
    ports = (Port(container_port=8080, host_port=9090), Port(container_port=9090, host_port=12345))
    words = "app --http 8080 --admin-port 9090 --bind 0.0.0.0:8080 --listen :9090"
    assert rewrite_argument(words, ports, ADDRESS) == (
        "app --http 9090 --admin-port 12345 --bind 127.0.0.1:9090 --listen 127.0.0.1:12345"
    )
    assert rewrite_probe("curl localhost:8080 localhost:9090", ports, ADDRESS) == "curl 127.0.0.1:9090 127.0.0.1:12345"
    assert rewrite_environment({"A": "0.0.0.0:8080,0.0.0.0:9090", "B": "8080", "C": "9090"}, ports, ADDRESS) == {
        "PORT": "9090",
        "HOST": ADDRESS,
        "A": "127.0.0.1:9090,127.0.0.1:12345",
        "B": "9090",
        "C": "12345",
    }


def test_a_variable_that_counts_something_is_no_port():
    assert rewrite_environment({"MAX_REQUESTS": "8080"}, MAPPED, ADDRESS)["MAX_REQUESTS"] == "8080"


def test_a_container_without_ports_is_told_nothing():
    assert rewrite_argument("0.0.0.0:8080", (), "127.7.7.7") == "0.0.0.0:8080"
    assert rewrite_environment({"PORT": "8080"}, (), "127.7.7.7") == {"PORT": "8080"}


def test_a_probe_of_localhost_means_the_container():
    command = "curl -f http://localhost:8080/health || nc -z 127.0.0.1 8080"
    assert rewrite_probe(command, MAPPED, "127.7.7.7") == (
        "curl -f http://127.7.7.7:31000/health || nc -z 127.7.7.7 31000"
    )


def test_the_environment_says_where_to_listen():
    rewritten = rewrite_environment({"LISTEN": "0.0.0.0:8080", "WEB": "8080", "OTHER": "9090"}, MAPPED, "127.7.7.7")
    assert rewritten == {
        "PORT": "31000",
        "HOST": "127.7.7.7",
        "LISTEN": "127.7.7.7:31000",
        "WEB": "31000",
        "OTHER": "9090",
    }


def test_a_port_that_the_task_sets_itself_wins():
    assert rewrite_environment({"PORT": "8080"}, MAPPED, ADDRESS)["PORT"] == "31000"
    assert rewrite_environment({"PORT": "9090"}, MAPPED, ADDRESS)["PORT"] == "9090"


def test_dynamic_ports_are_free_and_differ():
    bound = bind((Port(container_port=1), Port(container_port=2), Port(container_port=3, protocol="udp")), ADDRESS, ())
    assert len({port.host_port for port in bound}) == 3
    assert [(port.container_port, port.protocol) for port in bound] == [(1, "tcp"), (2, "tcp"), (3, "udp")]


def test_a_port_that_another_container_was_given_is_taken_before_it_listens():
    with pytest.raises(RuntimeFailure, match=r"port 31000 of 127\.0\.0\.1 is already taken"):
        bind(MAPPED, ADDRESS, {31000})


def test_who_holds_a_taken_port_is_named():
    with socket.create_server((ADDRESS, 0)) as server:
        port = Port(container_port=80, host_port=server.getsockname()[1])
        with pytest.raises(RuntimeFailure, match=r"is already taken by (pid \d+ \(.*\)|another process)"):
            bind((port,), ADDRESS, ())


def test_an_address_that_this_machine_lacks_is_named():
    with pytest.raises(RuntimeFailure, match=r"no address 192\.0\.2\.1"):
        bind((Port(container_port=80),), "192.0.2.1", ())


def test_localhost_with_the_port_of_another_container_of_the_task_is_where_that_listens():
    peers = (Port(container_port=9000, host_port=9000), Port(container_port=6379, host_port=6379))
    text = "proxy http://localhost:9000/ redis://127.0.0.1:6379 [::1]:9000 db.localhost:9000 localhost:90001 9000"
    assert rewrite_peers(text, peers, "127.80.0.1") == (
        "proxy http://127.80.0.1:9000/ redis://127.80.0.1:6379 127.80.0.1:9000 db.localhost:9000 localhost:90001 9000"
    )
