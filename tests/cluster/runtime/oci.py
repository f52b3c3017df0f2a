"""Images made by hand and a registry that serves them: what a runtime pulls from in tests."""

import base64
import gzip
import hashlib
import io
import json
import tarfile
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

USER, PASSWORD = "AWS", "open sesame"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def tar(files: Mapping[str, bytes | str], links: Mapping[str, str] | None = None) -> bytes:
    """A layer. Text values are programs, bytes are data; `links` are symbolic."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mode = 0o755 if isinstance(content, str) else 0o644
            raw = content.encode() if isinstance(content, str) else content
            entry.size = len(raw)
            archive.addfile(entry, io.BytesIO(raw))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return data.getvalue()


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


class OciRegistry:
    """Serves `/v2/` on a port of 127.0.0.1 to USER with PASSWORD; with `by_token` to whoever has asked for a token."""

    def __init__(self, *, by_token: bool = False) -> None:
        self.by_token = by_token
        self.tokens = 0
        """How many were asked for."""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.pulls = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def push(self, repository: str, layers: Sequence[bytes], **config: Any) -> str:
        """The image's name by digest. `config` is the image configuration's, as Docker capitalises it."""
        packed = [gzip.compress(layer, 1, mtime=0) for layer in layers]
        configuration = {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [digest_of(layer) for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.keep(json.dumps(configuration).encode(), "application/vnd.oci.image.config.v1+json"),
            "layers": [self.keep(layer, "application/vnd.oci.image.layer.v1.tar+gzip") for layer in packed],
        }
        return self.push_manifest(repository, manifest)

    def push_manifest(self, repository: str, manifest: Mapping[str, Any], algorithm: str = "sha256") -> str:
        """The image's name by digest."""
        raw = json.dumps(manifest).encode()
        digest = digest_of(raw, algorithm)
        self.manifests[digest] = raw
        return f"{self.host}/{repository}@{digest}"

    def keep(self, data: bytes, media_type: str, algorithm: str = "sha256") -> dict[str, Any]:
        """A blob's descriptor."""
        digest = digest_of(data, algorithm)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, version = self.path.split("/")[-2:]
                if registry.by_token and self.path.startswith("/token?"):
                    registry.tokens += 1
                    body = json.dumps({"token": self.path.partition("?")[2]}).encode()
                    return self.reply(200, body, "application/json")
                repository = self.path.removeprefix("/v2/").rpartition(f"/{kind}/")[0]
                token = urlencode({"service": "here", "scope": f"repository:{repository}:pull"})
                if self.headers.get("Authorization") != (f"Bearer {token}" if registry.by_token else expected):
                    return self.reply(401, b"", "application/json")
                if self.path.rstrip("/") == "/v2":
                    return self.reply(200, b"{}", "application/json")
                if kind == "manifests" and version in registry.manifests:
                    registry.pulls += self.command == "GET"
                    return self.reply(200, registry.manifests[version], MANIFEST)
                if kind == "blobs" and version in registry.blobs:
                    return self.reply(200, registry.blobs[version], "application/octet-stream")
                code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
                errors = {"errors": [{"code": code, "message": f"{version} is not known"}]}
                return self.reply(404, json.dumps(errors).encode(), "application/json")

            do_HEAD = do_GET

            def reply(self, status: int, body: bytes, media_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", media_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", digest_of(body))
                if status == 401:
                    bearer = f'Bearer realm="http://{registry.host}/token",service="here"'
                    basic = f'Basic realm="http://{registry.host}/"'
                    self.send_header("WWW-Authenticate", bearer if registry.by_token else basic)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        return Handler
