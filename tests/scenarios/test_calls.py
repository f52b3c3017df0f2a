"""One service calls another without the load balancer, while the one that answers is replaced; in both runtimes."""

import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.scenarios.load import Load
from tests.scenarios.stand import Stand
from tests.traffic import free_port

BASE = os.environ.get("CULM_BASE_IMAGE", "culm-base:bookworm")
DOCKERFILE = """\
ARG BASE_IMAGE=python:3.12-slim
FROM ${BASE_IMAGE}
WORKDIR /app
COPY serve.py .
CMD ["python3", "serve.py"]
"""
FRONT = """\
import http.server, os, socket, urllib.request

class Front(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, body = 200, b"ok"
        urls = {"/front/call": os.environ["CATALOG_URL"] + "/things", "/front/name": os.environ["BY_NAME"]}
        url = urls.get(self.path)
        if url:
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    body = answer.read()
            except OSError as error:
                status, body = 502, repr(error).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Front).serve_forever()
"""
CATALOG = """\
import http.server, os, signal, sys, threading, time

class Catalog(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(0.05)
        body = ("catalog " + self.path).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

server = http.server.ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Catalog)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""
MANIFEST = """\
name: pair
targets: {{local: {{port: {port}}}}}
defaults: {{grace: 5, settle: 0, memory: 128}}
services:
  front:
    port: 8080
    health: /front/
    environment: {{CATALOG_URL: "{{catalog.url}}", BY_NAME: "http://catalog:8800/name"}}
    calls: [catalog]
    stop: 2s
  catalog:
    path: none
    port: 8080
    roll: start-first
    stop: 2s
    health: {{command: "true"}}
"""


@pytest.fixture(scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("pair"), port=free_port())
    if request.param == "docker":
        if subprocess.run(["docker", "image", "inspect", BASE], capture_output=True, check=False).returncode:
            pytest.skip(f"no Docker engine with {BASE} here: .ci/base-image.sh makes it")
        stand.environment |= {"CULM_BASE_IMAGE": BASE, "BASE_IMAGE": BASE}
    for name, program in (("front", FRONT), ("catalog", CATALOG)):
        stand.write(f"{name}/serve.py", program)
        stand.write(f"{name}/Dockerfile", DOCKERFILE)
    stand.write("culm.yml", MANIFEST.format(port=stand.port))
    stand.culm("up", "--runtime", request.param)
    yield stand
    stand.close()


def test_a_call_arrives_inside_and_the_load_balancer_knows_nothing_of_the_other(pair: Stand) -> None:
    assert pair.get("/front/call").body == "catalog /things"
    assert pair.get("/catalog/things").status == 404


def test_a_container_resolves_the_name_itself(pair: Stand, request: pytest.FixtureRequest) -> None:
    if "docker" not in request.node.name:
        pytest.skip("a host process resolves names as the machine does")
    assert pair.get("/front/name").body == "catalog /name"


def test_up_again_changes_nothing_and_diff_shows_nothing(pair: Stand) -> None:
    before = pair.client("ecs").list_tasks(cluster="pair")["taskArns"]
    pair.culm("up")
    assert pair.client("ecs").list_tasks(cluster="pair")["taskArns"] == before
    assert pair.culm("diff").status == 0


def test_no_call_is_lost_while_the_called_service_is_replaced(pair: Stand) -> None:
    before = pair.client("ecs").list_tasks(cluster="pair", serviceName="catalog")["taskArns"]
    with Load(pair.port, "/front/call") as load:
        pair.culm("restart", "catalog")
        load.flows()
    assert pair.client("ecs").list_tasks(cluster="pair", serviceName="catalog")["taskArns"] != before
    assert load.failures == [], load.failures[:5]


def test_calls_that_end_take_the_listener_with_them(pair: Stand) -> None:
    pair.edit("culm.yml", "    calls: [catalog]\n", "")
    pair.edit("culm.yml", "{catalog.url}", "http://nowhere")
    pair.culm("up")
    [service] = pair.client("ecs").describe_services(cluster="pair", services=["catalog"])["services"]
    assert service["deployments"][0]["serviceConnectConfiguration"]["enabled"] is False
    assert pair.get("/front/call").status == 502
    pair.culm("diff")
