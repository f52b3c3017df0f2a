"""What the load balancer gets from a health page, as `up` shows it."""

import http.server
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.conftest import Cloud

from culm.deploy import health_page
from culm.deploy.health_page import beginning
from culm.project.project import Project
from culm.target.connection import Target

EVENT = (
    "(service web) (task 0123) (port 32768) is unhealthy in (target-group arn:aws:elasticloadbalancing:us-east-1:"
    "000000000000:targetgroup/bamboo-web/0123456789abcdef) due to (reason Health checks failed with these codes: "
    "[404])."
)


def a_target(state: str = "unhealthy", **fields: Any) -> dict[str, Any]:
    description = {"unhealthy": "Health checks failed with these codes: [301]", "initial": "in progress"}[state]
    health = {"State": state, "Description": description}
    return {"Target": {"Id": "i-1", "Port": 32768}, "TargetHealth": health, **fields}


def test_the_code_where_it_was_asked_and_how_the_answer_begins(project: Project) -> None:
    asked = a_target(address="127.9.1.2", status=301, begins="Moved Permanently")
    assert health_page.lines(project.services["web"], [asked], []) == [
        "GET /web/health on 127.9.1.2:32768: Health checks failed with these codes: [301]",
        "its answer begins: Moved Permanently",
    ]
    assert health_page.lines(project.services["web"], [a_target()], []) == [
        "GET /web/health on i-1:32768: Health checks failed with these codes: [301]"
    ]


def test_an_event_tells_of_a_target_that_was_gone_before_anybody_looked(project: Project) -> None:
    web, events = project.services["web"], [{"message": EVENT}]
    code = "Health checks failed with these codes: [404]"
    assert health_page.lines(web, [], events) == [f"GET /web/health on port 32768: {code}"]
    early = a_target("initial", address="127.9.1.2", status=404, begins="nothing here")
    assert health_page.lines(web, [early], events) == [
        f"GET /web/health on 127.9.1.2:32768: {code}",
        "its answer begins: nothing here",
    ]
    assert health_page.lines(web, [early], [])[0] == "GET /web/health on 127.9.1.2:32768: it answers 404"
    assert health_page.lines(web, [a_target("initial")], []) == []


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"\n  the database does not answer\nsecond line")

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class Machines(Target):
    """Its one instance is this machine."""

    def __init__(self, target: Target, cloud: Cloud) -> None:
        super().__init__(target.settings, "http://127.0.0.1:1")
        self._cloud = cloud

    def client(self, service: str) -> Any:
        return self._cloud.client(service)


def test_the_page_of_this_machine_is_asked(project: Project, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_page, "address_of", lambda target, instance: "127.0.0.1")
    target = Target(project.targets["local"], "http://127.0.0.1:1")
    web = project.services["web"]
    assert health_page.answer(target, web, "i-1", port) == {
        "address": "127.0.0.1",
        "status": 503,
        "begins": "the database does not answer",
    }
    amazon = Target(replace(target.settings, provider="aws"))
    assert health_page.answer(amazon, web, "i-1", port) == {}


def test_an_instance_that_is_gone_is_not_asked(project: Project, cloud: Cloud) -> None:
    target = Machines(Target(project.targets["local"], "http://127.0.0.1:1"), cloud)
    assert health_page.answer(target, project.services["web"], "i-0123456789abcdef0", 1) == {}


class Garble(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1000)
        self.request.sendall(b"\x15\x03\x01\x00\x02\x02F\r\n\r\n")


class HangUp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1000)


@pytest.mark.parametrize(
    ("handler", "shown", "words"),
    [
        (Garble, "garbled", "what answers there is not HTTP"),
        (HangUp, "closed", "the connection is closed without an answer"),
    ],
)
def test_what_gives_no_answer_of_http_is_told(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    handler: type[socketserver.BaseRequestHandler],
    shown: str,
    words: str,
) -> None:
    monkeypatch.setattr(health_page, "address_of", lambda target, instance: "127.0.0.1")
    web = project.services["web"]
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        asked = health_page.answer(Target(project.targets["local"]), web, "i-1", server.server_address[1])
        thread.join()
    assert asked == {"address": "127.0.0.1", shown: True}
    assert health_page.lines(web, [a_target("initial", **asked)], []) == [
        f"GET /web/health on 127.0.0.1:32768: no answer, {words}"
    ]


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("\n moved\n", "moved"),
        ("", ""),
        ("<html><title>\n KeyError: &#39;A&#39;\n // Werkzeug</title>", "KeyError: 'A' // Werkzeug"),
        (
            '<title>OperationalError\n at /</title><pre class="exception_value">no table</pre>',
            "OperationalError at /: no table",
        ),
    ],
)
def test_an_html_page_begins_with_its_title(text: str, begins: str) -> None:
    assert beginning(text) == begins
