"""HTTP/2 and gRPC at both ends of a real socket: targets that speak it, and a client."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from h2 import config, connection, events
from tests.traffic import serving

Answer = Callable[[Mapping[str, str], bytes], tuple[list[tuple[str, str]], bytes, list[tuple[str, str]]]]
"""From a request's fields and body: the head, the body, and the trailers."""


@asynccontextmanager
async def an_http2_target(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that speaks HTTP/2 and nothing else; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaker = connection.H2Connection(config.H2Configuration(client_side=False, header_encoding="utf-8"))
        speaker.initiate_connection()
        heads: dict[int, dict[str, str]] = {}
        bodies: dict[int, bytes] = {}
        while data := await reader.read(65536):
            for event in speaker.receive_data(data):
                if isinstance(event, events.RequestReceived):
                    heads[event.stream_id] = {str(name): str(value) for name, value in event.headers}
                    bodies[event.stream_id] = b""
                elif isinstance(event, events.DataReceived):
                    bodies[event.stream_id] += event.data
                    speaker.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, events.StreamEnded):
                    head, body, trailers = answer(heads.pop(event.stream_id), bodies.pop(event.stream_id))
                    speaker.send_headers(event.stream_id, head)
                    speaker.send_data(event.stream_id, body, end_stream=not trailers)
                    if trailers:
                        speaker.send_headers(event.stream_id, trailers, end_stream=True)
            writer.write(speaker.data_to_send())
            await writer.drain()

    async with serving(serve, tls=tls) as port:
        yield port


def message(text: bytes) -> bytes:
    """A gRPC message, as it is on the wire."""
    return b"\0" + len(text).to_bytes(4) + text


def a_grpc_service(fields: Mapping[str, str], body: bytes) -> tuple[Any, bytes, Any]:
    """Answers /shop.Echo/Say with what it was told and by whom; every other method is not there (12)."""
    head = [(":status", "200"), ("content-type", "application/grpc")]
    if fields[":path"] != "/shop.Echo/Say":
        return head, b"", [("grpc-status", "12")]
    return head, message(f"{fields['x-forwarded-proto']} ".encode() + body[5:]), [("grpc-status", "0")]


async def http2(port: int, context: ssl.SSLContext, host: str, fields: Mapping[str, str], body: bytes = b"") -> Any:
    """One request over TLS and HTTP/2: the fields of its answer's head and trailers, and the body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=host)
    speaker = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
    speaker.initiate_connection()
    head = {":method": "POST" if body else "GET", ":path": "/", ":scheme": "https", ":authority": host, **fields}
    speaker.send_headers(1, list(head.items()), end_stream=not body)
    if body:
        speaker.send_data(1, body, end_stream=True)
    answer: dict[str, str] = {}
    content = b""
    try:
        while True:
            writer.write(speaker.data_to_send())
            data = await reader.read(65536)
            for event in speaker.receive_data(data):
                if isinstance(event, events.ResponseReceived | events.TrailersReceived):
                    answer |= {str(name): str(value) for name, value in event.headers}
                elif isinstance(event, events.DataReceived):
                    content += event.data
                    speaker.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, events.StreamEnded | events.StreamReset):
                    return answer, content
            assert data, "it hung up"
    finally:
        writer.close()
