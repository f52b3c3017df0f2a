"""The process that terminates TLS: it takes connections, decrypts them, and passes the bytes on to HAProxy.

It knows nothing of HTTP. Each connection becomes one to the unix socket on which HAProxy takes the listener's
connections over, and begins there with the PROXY protocol's header, so that HAProxy sees the client's own address.
HAProxy knows HTTP/2 by its first bytes.

    client --TLS--> relay --PROXY v2, then plain bytes--> handover-8443.sock --> HAProxy's frontend

It outlives the daemon, as HAProxy does. The daemon says what to serve by one line of JSON on `tls.sock`, and gets one
back. A line changes what differs and nothing else: certificates are those of the next handshake, so no connection is
closed for a new one; a port that is left out takes no more connections, and those it has go on. The process ends when
it has neither ports nor connections.

Example: `{"ports": {"8443": {...}}}` is answered with `{"pid": 812, "ports": [8443], "problems": {}}`. `{}` asks for
that alone, `{"keep": [8443]}` lets go of every other port.
https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt
"""

import asyncio
import json
import os
import resource
import socket
import ssl
import struct
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

SOCKET = "tls.sock"
"""Relative, as every path here: the process runs in the load balancer's folder."""
HANDSHAKE_SECONDS = 10.0
SHUTDOWN_SECONDS = 2.0
BIND_SECONDS = 2.0
"""How long a port may be somebody else's: HAProxy, when the listener spoke plain HTTP until now."""
_PAUSE_SECONDS = 0.02
_IP_FREEBIND = 15
"""Bind an address that this machine lacks for now."""
_SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def proxy_header(source: tuple[str, int], destination: tuple[str, int]) -> bytes:
    """Return what tells HAProxy of the client: version 2, TCP over IPv4."""
    addresses = socket.inet_aton(source[0]) + socket.inet_aton(destination[0])
    ports = struct.pack("!HH", source[1], destination[1])
    return _SIGNATURE + b"\x21\x11" + struct.pack("!H", len(addresses + ports)) + addresses + ports


class Certificates:
    """A listener's certificates, and which one a client gets: the exact name's, else the wildcard's, else the first."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._by_name: dict[str, ssl.SSLContext] = {}
        contexts = [_context(each["file"], settings) for each in settings["certificates"]]
        for context, each in zip(contexts, settings["certificates"], strict=True):
            for name in each["names"]:
                self._by_name.setdefault(name.lower(), context)
        self.default = contexts[0]
        if len(contexts) > 1:
            self.default.sni_callback = self._choose

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> None:
        wanted = (name or "").lower()
        wildcard = f"*.{wanted.partition('.')[2]}"
        if chosen := self._by_name.get(wanted) or self._by_name.get(wildcard):
            connection.context = chosen


def _context(file: str, settings: Mapping[str, Any]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    context.minimum_version = ssl.TLSVersion[settings["oldest"]]
    context.maximum_version = ssl.TLSVersion[settings["newest"]]
    context.set_alpn_protocols(settings["protocols"])
    return context


class Half(asyncio.Protocol):
    """One of a connection's two halves. What one receives the other writes, and waits for when it is full."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: Half | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()  # once what was written has left


class Client(Half):
    """The client's half: it makes the other one. Nothing is read before that is there."""

    def __init__(self, relay: "Relay", handover: str) -> None:
        super().__init__()
        self._relay = relay
        self._handover = handover

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert self.transport is not None
        self.transport.pause_reading()
        self._relay.connections.add(self)
        self._relay.spawn(self._connect(self.transport))

    async def _connect(self, transport: asyncio.Transport) -> None:
        source, destination = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        try:
            upstream, half = await asyncio.get_running_loop().create_unix_connection(Half, self._handover)
        except OSError:
            transport.abort()
            return
        half.other, self.other = self, half
        upstream.write(proxy_header(source, destination))
        if transport.is_closing():
            upstream.close()
        else:
            transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._relay.connections.discard(self)
        self._relay.look_for_the_end()


class ServedPort:
    """A port that is served; `settings` may change while it is."""

    def __init__(self, relay: "Relay", settings: Mapping[str, Any], sockets: Sequence[socket.socket]) -> None:
        self._relay = relay
        self._sockets = sockets
        self.apply(settings)
        self._tasks = [relay.spawn(self._take(each)) for each in sockets]

    def apply(self, settings: Mapping[str, Any]) -> None:
        """Use these certificates from the next handshake on. Raises OSError, and ssl.SSLError, which is one."""
        certificates = Certificates(settings)
        self.settings, self._certificates = settings, certificates

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for each in self._sockets:
            asyncio.get_running_loop().remove_reader(each.fileno())
            each.close()

    async def _take(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError:  # too many descriptors, or a client that has gone
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._relay.spawn(self._shake_hands(connection))

    async def _shake_hands(self, connection: socket.socket) -> None:
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Client(self._relay, self.settings["handover"]),
                connection,
                ssl=self._certificates.default,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        except (TimeoutError, OSError):
            connection.close()


class Relay:
    """All ports."""

    def __init__(self) -> None:
        self.connections: set[Client] = set()
        self.ended = asyncio.Event()
        self._ports: dict[str, ServedPort] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wished: Mapping[str, Any] | None = None
        """None: nobody has said what to serve yet."""

    def spawn(self, coroutine: Any) -> asyncio.Task[None]:
        """Run a coroutine in a task that is kept until it ends."""
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def look_for_the_end(self) -> None:
        """End the process when nothing is served, nor under way."""
        if self._wished is not None and not self._wished and not self.connections:
            self.ended.set()

    def keep(self, numbers: Collection[str]) -> None:
        """Let go of every port but these, whose settings stay."""
        for number in self._ports.keys() - set(numbers):
            self._ports.pop(number).close()

    async def serve(self, wished: Mapping[str, Any]) -> dict[str, str]:
        """Serve exactly these ports; returns those that cannot be, and why."""
        self._wished = wished
        self.keep(wished)
        problems = {}
        for number, settings in wished.items():
            try:
                await self._serve_port(number, settings)
            except (OSError, ValueError) as error:
                problems[number] = f"port {number}: {getattr(error, 'strerror', None) or error}"
        self.look_for_the_end()
        return problems

    async def _serve_port(self, number: str, settings: Mapping[str, Any]) -> None:
        port = self._ports.get(number)
        if port is not None and port.settings["addresses"] == settings["addresses"]:
            if port.settings != settings:
                port.apply(settings)
            return
        if port is not None:
            self._ports.pop(number).close()
        sockets = await _bound(settings["addresses"], int(number))
        try:
            self._ports[number] = ServedPort(self, settings, sockets)
        except Exception:
            for each in sockets:
                each.close()
            raise

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the daemon's lines."""
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                command = json.loads(line)
                if "keep" in command:
                    self.keep([str(number) for number in command["keep"]])
                problems = await self.serve(command["ports"]) if "ports" in command else {}
                answer = {"pid": os.getpid(), "ports": sorted(map(int, self._ports)), "problems": problems}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()


async def _bound(addresses: Sequence[str], port: int) -> list[socket.socket]:
    """Return listening sockets. Raises OSError where the port stays somebody else's."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BIND_SECONDS
    while True:
        try:
            return _listening(addresses, port)
        except OSError:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(_PAUSE_SECONDS)


def _listening(addresses: Sequence[str], port: int) -> list[socket.socket]:
    made: list[socket.socket] = []
    try:
        for address in addresses:
            each = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            made.append(each)
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if len(made) > 1:  # it may come and go with a network interface
                each.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
            each.bind((address, port))
            each.listen(1024)
    except OSError:
        for each in made:
            each.close()
        raise
    return made


async def run(listening: socket.socket) -> None:
    """Take the daemon's lines, and serve until there is nothing to serve."""
    relay = Relay()
    mine = os.stat(SOCKET).st_ino
    server = await asyncio.start_unix_server(relay.converse, sock=listening, limit=1 << 24)
    try:
        await relay.ended.wait()
    finally:
        server.close()
        with suppress(FileNotFoundError):
            if os.stat(SOCKET).st_ino == mine:
                os.unlink(SOCKET)


def main() -> None:
    """Go on in a process that nobody waits for, from when the daemon can speak to it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.umask(0o177)
    with suppress(FileNotFoundError):
        os.unlink(SOCKET)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(SOCKET)
    listening.listen()
    if os.fork() == 0:
        os.setsid()
        asyncio.run(run(listening))


if __name__ == "__main__":
    main()
