"""A client's connection: the AWS API is answered where it is read, and everything else by uvicorn.

SDKs send `POST /` with a body of known length, one request after the other. ASGI would make a task, an event and four
messages of each, a quarter of what a brief one costs.

It rests on parts of uvicorn that are not its public interface: the arguments of a protocol, the sets and headers of
the server's state, `_should_upgrade_to_ws`. So pyproject.toml bounds uvicorn from above, and a test names each of these
parts and fails when it changes. docs/decisions/0036-the-connection-extends-a-bounded-uvicorn.md

Whose a connection is, and what changes that:

    ours       from its first byte on; each request that is an SDK's keeps it ours
    uvicorn's  from the first request that is another: one that does not begin with PLAIN, or whose head says that its
               body is long, of unknown length or streamed, or that its answer goes on (`StartLiveTail`). It never
               comes back: uvicorn knows where in the stream it is, and we do not

What one request goes through while the connection is ours:

    reading    `_begun`: its bytes are kept in `_read`, since until its head is whole they may be uvicorn's to read
    waiting    in `_waiting`, whole; a client may send the next request before it has the answer to this one
    answering  `_answering`: an answer is awaited, and nothing more is read meanwhile, so that a client that never
               takes its answers cannot fill the queue. A brief operation has its answer at once and skips this state
    answered   head and body are written in one piece; the connection is kept or closed, as the client has asked

The order, and why: requests are answered in the order in which they came, as HTTP/1.1 has it, so a second one never
overtakes the first. Who answers is decided by the head alone, before a byte of the body counts: nothing is read twice.
A connection with answers still to come cannot be handed over (uvicorn would write between them); it is closed, and
the client sends the request again on a new one. Time is only measured while a request is incomplete (`_patience`): an
idle connection costs nothing, half a head costs PROGRESS_SECONDS.

An example. boto3 keeps one connection; `docker push` comes to the same port.

    boto3   POST / DescribeServices, 180 bytes       brief: answered in the same turn of the loop, kept
    boto3   POST / RunTask, 900 bytes                the store is busy: awaited; reading pauses, then goes on
    boto3   GET /bucket/web/config.yml (S3)          not PLAIN: handed over with these bytes, uvicorn's from here on
    docker  PATCH /v2/web/blobs/uploads/1            uvicorn's from the first byte
"""

import asyncio
import http
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from culm.cluster.services.logs.live_tail import TARGET
from culm.cluster.wire.asgi import PROGRESS_SECONDS, UNASKED
from culm.cluster.wire.http import Request, Response

Answer = Callable[[Request], Response | Awaitable[Response]]

LONGEST_HEAD = 64 << 10
"""Bytes of a request line and its headers together, as an ALB has it."""
PLAIN = b"POST / HTTP/1.1\r\n"
"""How a request begins that is answered here."""
STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in http.HTTPStatus}


class Connection(asyncio.Protocol):
    """The first request of another kind hands the connection over to uvicorn, for good."""

    def __init__(self, answer: Answer, **uvicorns: Any) -> None:
        """`uvicorns`: what uvicorn gives a protocol of its own."""
        self._answer = answer
        self._uvicorns = uvicorns
        self._state = uvicorns["server_state"]
        self._parser = httptools.HttpRequestParser(self)
        self._transport: Any = None
        self._source: str | None = None
        self._read: bytes | None = None
        """The request that is read, from its first byte on, as long as uvicorn may have to have it."""
        self._begun = False
        self._headed = False
        """Whether the head of the request that is read is complete."""
        self._plain = True
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        self._waiting: deque[tuple[Request, bool]] = deque()
        """Requests, and whether the connection is kept after each."""
        self._answering = False
        """Whether an answer is awaited; one at a time, in the order of the requests."""
        self._closing = False
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note who is at the other end, and be among the connections that a stop waits for."""
        self._transport = transport
        self._state.connections.add(self)
        peer = transport.get_extra_info("peername")
        self._source = peer[0] if peer else None

    def connection_lost(self, error: Exception | None) -> None:
        """Forget the requests that wait; an answer that is being made is dropped when it is done."""
        if self._patience is not None:
            self._patience.cancel()
        self._state.connections.discard(self)
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Read on, or hand the connection over with the bytes that have come. A head that does not end closes it."""
        if not self._begun:
            if not data.startswith(PLAIN):
                return self._hand_over(data)
            self._read = data
        elif self._read is not None:
            self._read += data
            if not self._headed and len(self._read) > LONGEST_HEAD:
                return self._transport.close()  # type: ignore[no-any-return]
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._plain = False
        if not self._plain:
            return self._hand_over(self._read)
        if self._body:
            self._read = None
        self._be_patient()
        self._go_on()

    def _be_patient(self) -> None:
        """Give the client `PROGRESS_SECONDS` for the next bytes of a request that it has begun."""
        if self._patience is not None:
            self._patience.cancel()
        loop, wait = asyncio.get_running_loop(), self._begun and not self._answering
        self._patience = loop.call_later(PROGRESS_SECONDS, self._transport.close) if wait else None

    def shutdown(self) -> None:
        """Take no more requests: uvicorn stops."""
        self._closing = True
        if not self._answering:
            self._transport.close()

    def _hand_over(self, data: bytes | None) -> None:
        if self._answering or self._waiting or data is None:
            return self._transport.close()  # type: ignore[no-any-return]
        if self._patience is not None:
            self._patience.cancel()
        self._state.connections.discard(self)
        other = Uvicorns(**self._uvicorns)
        self._transport.set_protocol(other)
        other.connection_made(self._transport)
        other.data_received(data)

    # what the parser finds

    def on_message_begin(self) -> None:
        self._begun, self._headed = True, False
        self._headers = {}
        self._body = []

    def on_url(self, url: bytes) -> None:
        """Note whether the request is for `/`; called by the parser, as all that begin with `on_`."""
        self._plain = self._plain and url == b"/"

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Decide who answers: a request whose length is unknown or long, or whose answer goes on, is uvicorn's."""
        self._headed = True
        unusual = {"expect", "transfer-encoding", "upgrade"} & self._headers.keys()
        goes_on = self._headers.get("x-amz-target") == TARGET  # its response is not one piece
        length = self._headers.get("content-length", "0")
        if unusual or goes_on or not length.isdigit() or int(length) > UNASKED or self._parser.get_method() != b"POST":
            self._plain = False

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Put a whole request into the queue, and note whether the connection is kept after it."""
        if not self._plain:
            return
        self._begun, self._read = False, None
        body = b"".join(self._body)
        request = Request(method="POST", path="/", query="", headers=self._headers, body=body, source=self._source)
        self._waiting.append((request, self._parser.should_keep_alive()))

    def _go_on(self) -> None:
        while self._waiting and not self._answering:
            request, kept = self._waiting.popleft()
            answer = self._answer(request)
            if isinstance(answer, Response):
                self._send(answer, kept)
                continue
            self._answering = True
            self._transport.pause_reading()
            task = asyncio.get_running_loop().create_task(self._later(answer, kept))
            self._state.tasks.add(task)
            task.add_done_callback(self._state.tasks.discard)

    async def _later(self, answer: Awaitable[Response], kept: bool) -> None:
        response = await answer
        self._answering = False
        if not self._transport.is_closing():
            self._send(response, kept)
            self._transport.resume_reading()
            self._go_on()

    def _send(self, response: Response, kept: bool) -> None:
        """Head and body in one piece."""
        kept = kept and not self._closing
        lines = [f"{name}: {value}\r\n" for name, value in response.headers.items()]
        if response.status not in (204, 304):
            lines.append(f"content-length: {len(response.body)}\r\n")
        if not kept:
            lines.append("connection: close\r\n")
        head = "".join((STATUS_LINES[response.status], *lines)).encode("latin-1")
        given = b"".join(b"%b: %b\r\n" % pair for pair in self._state.default_headers)
        self._transport.write(b"".join((head, given, b"\r\n", response.body)))
        if not kept:
            self._transport.close()


class Uvicorns(HttpToolsProtocol):
    """Whatever else there is on this port, with a bound to a request's head and to the time that it may take."""

    _head: int | None = 0
    """Bytes of the head that is being read; None when it is complete."""
    _patience: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            self._head += len(data)
        super().data_received(data)
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._head and not self.transport.is_closing():
            if self._head > LONGEST_HEAD:
                return self.transport.close()
            self._patience = self.loop.call_later(PROGRESS_SECONDS, self.transport.close)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        super().connection_lost(exc)

    def on_headers_complete(self) -> None:
        self._head = None
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._head = 0

    def _should_upgrade_to_ws(self) -> bool:
        """Websockets are loaded by the first that is asked for: most clusters never see one."""
        if self.ws_protocol_class is None:
            from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

            self.ws_protocol_class = WebSocketsSansIOProtocol
        return True
