"""What the daemon fetches and sends leads to no link-local address: a cloud's machine has its keys there."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from culm.cluster.instance.runtime import references
from culm.cluster.instance.runtime.process.pull import Registry
from culm.cluster.scheduler.messages import post
from culm.errors import RuntimeFailure

KEYS = "http://169.254.169.254/latest/meta-data/iam/security-credentials/"


class Redirects(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(307)
        self.send_header("Location", KEYS)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def redirecting() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Redirects)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("registry", ["169.254.169.254", "169.254.169.254:80", "2852039166:80", "[fe80::1]:5000"])
def test_an_image_of_a_link_local_registry_is_not_pulled(registry: str) -> None:
    with pytest.raises(RuntimeFailure, match="link-local"):
        references.parse(f"{registry}/latest/meta-data:1")


async def test_a_registry_that_redirects_to_a_link_local_address_is_not_followed(redirecting: str) -> None:
    async with Registry(references.parse(f"{redirecting}/web:1"), None) as registry:
        with pytest.raises(RuntimeFailure, match="link-local"):
            await registry.manifest()


@pytest.mark.parametrize("url", [KEYS, "http://2852039166/", "https://[fe80::1]/", "http://0xa9fea9fe/"])
async def test_no_webhook_is_sent_to_a_link_local_address(url: str) -> None:
    assert await post(url, "text") == "the webhook cannot be reached (LinkLocalRefused)"
