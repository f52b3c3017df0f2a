"""Services that sleep: a request wakes them, all others wait for the same wake, and nothing is lost meanwhile."""

import json
import os
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from tests.scenarios.stand import Stand, eventually
from tests.scenarios.test_calls import CATALOG, DOCKERFILE, FRONT
from tests.traffic import free_port

BROKEN = """\
import http.server, os, sys

if os.path.exists(os.environ["TRIPWIRE"]):
    sys.exit("the tripwire is there")

class Flaky(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = str(len(body)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Flaky).serve_forever()
"""
MANIFEST = """\
name: nap
targets: {{local: {{port: {port}}}}}
defaults: {{grace: 5, settle: 0, memory: 128}}
services:
  front:
    port: 8080
    health: /front/
    environment: {{CATALOG_URL: "{{catalog.url}}", BY_NAME: "http://catalog:8800/name"}}
    calls: [catalog]
    init: true
    stop: 2s
  catalog:
    path: none
    port: 8080
    stop: 2s
    health: {{command: "true"}}
  flaky:
    port: 8080
    health: /flaky/
    environment: {{TRIPWIRE: "{tripwire}"}}
    stop: 2s
"""
AT_ONCE = 1000


@pytest.fixture(scope="module")
def nap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("nap"), port=free_port())
    for name, program in (("front", FRONT), ("catalog", CATALOG), ("flaky", BROKEN)):
        stand.write(f"{name}/serve.py", program)
        stand.write(f"{name}/Dockerfile", DOCKERFILE)
    stand.write("culm.yml", MANIFEST.format(port=stand.port, tripwire=stand.home / "tripwire"))
    stand.culm("up", "--runtime", "process")
    yield stand
    stand.close()


def services(stand: Stand) -> dict[str, dict[str, object]]:
    return {each["name"]: each for each in json.loads(stand.culm("status", "--json").out)["services"]}


def events(stand: Stand, service: str, words: str) -> list[str]:
    [described] = stand.client("ecs").describe_services(cluster="nap", services=[service])["services"]
    return [each["message"] for each in described["events"] if words in each["message"]]


def head(stand: Stand, path: str, *fields: str) -> tuple[int, bytes]:
    """Status and whole answer of a GET with these header fields."""
    with socket.create_connection(("127.0.0.1", stand.port), timeout=60) as connection:
        lines = [f"GET {path} HTTP/1.1", "Host: nap", "Connection: close", *fields, "", ""]
        connection.sendall("\r\n".join(lines).encode())
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return int(answer.split(b" ", 2)[1]), answer


def test_services_that_sleep_hold_no_memory_and_differ_in_nothing(nap: Stand) -> None:
    nap.culm("wake")
    before = services(nap)

    assert "no instance is needed" in nap.culm("sleep").screen

    asleep = services(nap)
    assert {name: (each["desired"], each["asleep"]) for name, each in asleep.items()} == dict.fromkeys(asleep, (0, 1))
    eventually(lambda: nap.tasks("nap") == {} or None)
    nap.culm("diff")
    assert "no instance is needed" in nap.culm("status").out
    assert "front sleeps" in " ".join(nap.culm("plan").out.split())
    assert "nothing changed" in nap.culm("sleep").screen

    nap.culm("wake", "front")  # and catalog, which it calls

    assert {name: each["asleep"] for name, each in services(nap).items()} == {
        "front": None,
        "catalog": None,
        "flaky": 1,
    }
    nap.culm("wake")
    nap.culm("diff")
    now = services(nap)
    same = ("desired", "running", "task_definition", "image_digest", "asleep")
    assert {n: [e[k] for k in same] for n, e in now.items()} == {n: [e[k] for k in same] for n, e in before.items()}
    assert "flaky sleeps" in nap.culm("sleep", "flaky").screen.replace("  ", " ")
    assert "culm wake flaky" in nap.culm("scale", "flaky", "2", status=1).screen


def test_a_request_wakes_a_service_with_all_that_it_calls(nap: Stand) -> None:
    nap.culm("sleep")
    began = time.monotonic()

    answer = nap.get("/front/call")

    assert (answer.status, answer.body) == (200, "catalog /things")
    print(f"first byte after {time.monotonic() - began:.2f} s")
    assert any("GET /front/call was asked for" in each for each in events(nap, "front", "wakes with 1 task"))
    assert any("front calls it" in each for each in events(nap, "catalog", "wakes with 1 task"))
    assert "awake after" in (nap.home / "daemon.log").read_text()
    nap.culm("diff")
    nap.culm("up")
    assert services(nap)["front"]["asleep"] is None


def test_a_thousand_requests_at_once_are_one_wake_and_a_thousand_answers(nap: Stand) -> None:
    nap.culm("sleep")
    wakes = len(events(nap, "front", "wakes with"))
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        together = threading.Barrier(AT_ONCE)

        def ask(number: int) -> int:
            together.wait(timeout=60)
            return head(nap, f"/front/things?{number}")[0]

        statuses = list(pool.map(ask, range(AT_ONCE)))

    assert {status: statuses.count(status) for status in set(statuses)} == {200: AT_ONCE}
    assert len(events(nap, "front", "wakes with")) == wakes + 1


def test_a_body_that_was_held_arrives_whole(nap: Stand) -> None:
    nap.culm("sleep", "flaky")
    request = urllib.request.Request(nap.url("/flaky/upload"), data=b"x" * 3_000_000, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.read() == b"3000000"


def test_a_service_that_does_not_start_says_why_in_the_answer(nap: Stand) -> None:
    nap.culm("sleep", "flaky")
    tripwire = nap.home / "tripwire"
    tripwire.touch()
    try:
        status, answer = head(nap, "/flaky/")
        assert status == 503
        assert b"flaky does not start" in answer
        assert b"exit code 1" in answer
        assert b"retry-after:" in answer.lower()
        status, answer = head(nap, "/flaky/", "Accept: text/html")
        assert status == 503
        assert b'http-equiv="refresh"' in answer
    finally:
        tripwire.unlink()
    eventually(lambda: head(nap, "/flaky/")[0] == 200 or None)


def test_a_deploy_leaves_services_asleep_and_wakes_them_if_it_is_told_to(nap: Stand) -> None:
    nap.culm("sleep")
    before = services(nap)["flaky"]["task_definition"]
    nap.edit(
        "culm.yml", f'{{TRIPWIRE: "{nap.home / "tripwire"}"}}', f'{{TRIPWIRE: "{nap.home / "tripwire"}", NEW: "1"}}'
    )

    nap.culm("up")

    now = services(nap)
    assert now["flaky"]["task_definition"] != before
    assert {name: each["asleep"] for name, each in now.items()} == dict.fromkeys(now, 1)
    nap.culm("diff")
    nap.culm("deploy", "flaky", "--wake")
    assert {name: each["asleep"] for name, each in services(nap).items()} == {"front": 1, "catalog": 1, "flaky": None}


def killed(stand: Stand) -> None:
    """kill -9 of the daemon, until it is gone."""
    pid = stand.daemon()
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: pid not in stand.processes() or None)


def test_a_daemon_that_is_killed_leaves_services_that_sleep_and_can_be_woken(nap: Stand) -> None:
    nap.culm("sleep")
    killed(nap)
    nap.culm("cluster", "start")
    assert {name: each["asleep"] for name, each in services(nap).items()} == dict.fromkeys(services(nap), 1)
    eventually(lambda: nap.get("/front/call").status == 200 or None)


def test_a_daemon_that_is_killed_while_services_wake_leaves_services_that_wake(nap: Stand) -> None:
    nap.culm("sleep")
    with ThreadPoolExecutor(max_workers=1) as pool:
        held = pool.submit(nap.get, "/front/call")
        eventually(lambda: services_wanted(nap)["front"] == 1 or None)
        killed(nap)
        nap.culm("cluster", "start")
        with suppress(urllib.error.URLError, OSError):  # its connection ended with the daemon that held it
            assert held.result().status in (200, 502, 503)
    eventually(lambda: nap.get("/front/call").status == 200 or None)
    assert services_wanted(nap) == {"front": 1, "catalog": 1, "flaky": 0}
    nap.culm("diff")


def services_wanted(stand: Stand) -> dict[str, int]:
    described = stand.client("ecs").describe_services(cluster="nap", services=["front", "catalog", "flaky"])["services"]
    return {each["serviceName"]: each["desiredCount"] for each in described}


def test_a_monitor_keeps_nobody_awake_and_a_user_does(nap: Stand) -> None:
    nap.culm("wake")
    ecs = nap.client("ecs")
    [described] = ecs.describe_services(cluster="nap", services=["flaky"])["services"]
    policy = [{"key": "culm:sleep", "value": "after 6"}, {"key": "culm:ignore/1", "value": "UptimeRobot"}]
    ecs.tag_resource(resourceArn=described["serviceArn"], tags=policy)
    began = time.monotonic()
    while time.monotonic() - began < 15:
        assert head(nap, "/flaky/", "User-Agent: somebody")[0] == 200
    assert services_wanted(nap)["flaky"] == 1

    def asleep_while_polled() -> bool:
        if services_wanted(nap)["flaky"] == 0:
            return True
        head(nap, "/flaky/", "User-Agent: Mozilla/5.0 (compatible; uptimerobot/2.0)")
        return False

    eventually(asleep_while_polled)

    assert any("no request for 6 s" in each for each in events(nap, "flaky", "sleeps"))
    assert services_wanted(nap)["front"] == 1
    assert services(nap)["flaky"]["asleep"] == 1
    ecs.untag_resource(resourceArn=described["serviceArn"], tagKeys=["culm:sleep", "culm:ignore/1"])
