"""The catalog's client against an HTTP server that answers as it is told."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import anyio
import msgspec
import pytest

from orders.catalog import Away, Broken, Catalog, Product, Unknown

POLE = {"id": 7, "name": "Pole", "price_cents": 1250, "currency": "EUR", "stock": 4}


class Server(ThreadingHTTPServer):
    answer: tuple[int, str, bytes] | Event
    """Status, content type and body; or an event to wait for before answering nothing."""
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if isinstance(self.server.answer, Event):
            self.server.answer.wait(10)
            self.close_connection = True
            return
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(("127.0.0.1", 0), Handler)
    server.asked = []
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    if isinstance(server.answer, Event):
        server.answer.set()
    server.shutdown()
    thread.join()
    server.server_close()


def ask(server: Server, *wanted: int, timeout_seconds: float = 5) -> list[Product]:
    async def asking() -> list[Product]:
        catalog = Catalog(f"http://127.0.0.1:{server.server_port}", timeout_seconds)
        try:
            return await catalog.products(wanted)
        finally:
            await catalog.close()

    return anyio.run(asking)


def test_products_come_in_the_order_in_which_they_were_asked_for(server):
    server.answer = (200, "application/json", msgspec.json.encode(POLE))
    assert ask(server, 7, 8) == 2 * [Product(id=7, name="Pole", price_cents=1250, currency="EUR")]
    assert sorted(server.asked) == ["/catalog/products/7", "/catalog/products/8"]


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ((404, "application/problem+json", b"{}"), Unknown, "7"),
        ((404, "text/plain", b"no rule for this path"), Broken, "status 404"),
        ((500, "application/problem+json", b"{}"), Broken, "status 500"),
        ((503, "application/problem+json", b"{}"), Away, "status 503"),
        ((504, "text/html", b""), Away, "status 504"),
        ((200, "text/html", b"<html>"), Broken, "malformed"),
        ((200, "application/json", b'{"id": 7}'), Broken, "missing required field"),
        ((200, "application/json", msgspec.json.encode(POLE | {"price_cents": -1})), Broken, "price_cents"),
    ],
)
def test_an_answer_that_is_none_is_told_apart(server, answer, error, said):
    server.answer = answer
    with pytest.raises(error, match=said):
        ask(server, 7)


def test_a_catalog_that_does_not_answer_in_time_is_away(server):
    server.answer = Event()
    with pytest.raises(Away):
        ask(server, *range(20), timeout_seconds=0.2)


def test_a_catalog_that_hangs_up_is_away(server):
    server.answer = Event()
    server.answer.set()
    with pytest.raises(Away):
        ask(server, 7)
