"""Health checks over HTTP/2, as an application load balancer sends them to targets that speak it.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
The library is loaded with the first of them.
"""

import asyncio
import ssl

from culm.core.model.record import record

_STREAM = 1
_EMPTY_MESSAGE = b"\0\0\0\0\0"
"""gRPC's: not compressed, of length 0. https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md"""
_CHUNK = 1 << 16


@record
class CheckedServer:
    """Who is asked; `tls`: how to speak TLS with it, None where it is spoken to in the clear."""

    address: str
    port: int
    tls: ssl.SSLContext | None = None


async def status(server: CheckedServer, path: str) -> int | None:
    """Return the status of a GET; None where the answer is not HTTP/2. Raises OSError without a connection."""
    answer = await _ask(server, [(":method", "GET"), (":path", path)], None)
    return _number(answer.get(":status"))


async def grpc_status(server: CheckedServer, path: str) -> int | None:
    """Return the gRPC status of a call without a message; None where the answer has none. Raises OSError."""
    fields = [(":method", "POST"), (":path", path), ("content-type", "application/grpc"), ("te", "trailers")]
    answer = await _ask(server, fields, _EMPTY_MESSAGE)
    return _number(answer.get("grpc-status"))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


async def _ask(server: CheckedServer, fields: list[tuple[str, str]], body: bytes | None) -> dict[str, str]:
    """Return the fields of the answer's head and of its end; none where it is not HTTP/2."""
    from h2 import config, connection, events, exceptions

    speaker = connection.H2Connection(config.H2Configuration(client_side=True, header_encoding="utf-8"))
    reader, writer = await asyncio.open_connection(server.address, server.port, ssl=server.tls)
    answer: dict[str, str] = {}
    try:
        speaker.initiate_connection()
        scheme = "https" if server.tls else "http"
        begin = [*fields[:2], (":scheme", scheme), (":authority", f"{server.address}:{server.port}")]
        head = [*begin, *fields[2:], ("user-agent", "ELB-HealthChecker/2.0")]
        speaker.send_headers(_STREAM, head, end_stream=body is None)
        if body is not None:
            speaker.send_data(_STREAM, body, end_stream=True)
        while True:
            writer.write(speaker.data_to_send())
            if not (data := await reader.read(_CHUNK)):
                return answer
            for event in speaker.receive_data(data):
                match event:
                    case events.ResponseReceived() | events.TrailersReceived():
                        answer |= {str(name): str(value) for name, value in event.headers or ()}
                    case events.DataReceived():
                        speaker.acknowledge_received_data(event.flow_controlled_length or 0, _STREAM)
                    case events.StreamEnded() | events.StreamReset() | events.ConnectionTerminated():
                        return answer
    except exceptions.ProtocolError:
        return {}
    finally:
        writer.close()
