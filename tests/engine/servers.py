"""A small container engine on real sockets: it answers what it is told to, and remembers what it was asked."""

import datetime
import ipaddress
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

VERSION = {"Version": "27.1", "Components": [{"Name": "Engine"}]}


class FakeEngine:
    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {"/version": (200, VERSION), "/_ping": (200, "OK")}
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Path with query, and headers with lower-case names."""
        self.streams: dict[str, list[list[dict[str, Any]]]] = {}
        """By path: the messages that each request in its turn is answered with, after which the engine hangs up."""

    def headers_of(self, path: str) -> dict[str, str]:
        return next(headers for asked, headers in self.requests if asked.partition("?")[0] == path)


def handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            engine.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
            self.take_body()
            path = self.path.partition("?")[0]
            if path in engine.streams:
                return self.stream(engine.streams[path].pop(0))
            status, content = engine.answers.get(path, (404, {"message": f"no such thing: {path}"}))
            body = json.dumps(content).encode() + b"\n"
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
            return None

        def stream(self, messages: list[dict[str, Any]]) -> None:
            """Send messages in one chunk each, and no end of the chunks where the last one is empty."""
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            for message in messages:
                line = json.dumps(message).encode() + b"\r\n"
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line) if message else b"ff\r\n")
            if messages[-1]:
                self.wfile.write(b"0\r\n\r\n")

        def take_body(self) -> None:
            if self.headers.get("Transfer-Encoding") == "chunked":
                while length := int(self.rfile.readline(), 16):
                    self.rfile.read(length + 2)
                self.rfile.readline()
            self.rfile.read(int(self.headers.get("Content-Length") or 0))

        do_GET = do_POST = do_DELETE = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

        def address_string(self) -> str:
            return "a test"

    return Handler


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


class TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that does not trust us hangs up; that is what is tested."""


@contextmanager
def on_socket(path: Path) -> Iterator[FakeEngine]:
    path.parent.mkdir(parents=True, exist_ok=True)
    engine = FakeEngine()
    with _serving(UnixServer(str(path), handler(engine))):
        yield engine


@contextmanager
def on_port(tls: ssl.SSLContext | None = None) -> Iterator[tuple[FakeEngine, int]]:
    engine = FakeEngine()
    server = TcpServer(("127.0.0.1", 0), handler(engine))
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    with _serving(server):
        yield engine, server.server_address[1]


@contextmanager
def _serving(server: Any) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def make_certificates(folder: Path) -> Path:
    """An authority with a certificate for 127.0.0.1 that serves and asks: `ca.pem`, `cert.pem`, `key.pem`."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = ec.generate_private_key(ec.SECP256R1())
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of a test")])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signer = x509.BasicConstraints(ca=True, path_length=None)
    (folder / "ca.pem").write_bytes(_certificate(issuer, issuer, authority, authority, signer))
    (folder / "cert.pem").write_bytes(_certificate(subject, issuer, key, authority, names))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


def _certificate(subject: x509.Name, issuer: x509.Name, key: Any, signer: Any, extension: Any) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(extension, critical=True)
        .sign(signer, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def serving_context(folder: Path) -> ssl.SSLContext:
    """Of a server that talks to those alone whom its authority knows, as `dockerd --tlsverify` does."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context
