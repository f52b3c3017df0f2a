"""A small client of the Docker Engine API over its socket; no more of it than culm needs.

https://docs.docker.com/reference/api/engine/
"""

import asyncio
import json
import os
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from culm.errors import RuntimeFailure

_USUAL_SOCKETS = ("/var/run/docker.sock", "~/.docker/run/docker.sock", "${XDG_RUNTIME_DIR}/podman/podman.sock")
_TIMEOUT = httpx2.Timeout(60.0, connect=2.0)
_STREAMING = httpx2.Timeout(None, connect=2.0)
_PROBE_SECONDS = 0.8


class Refused(Exception):
    """The engine answered, and the answer is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def host() -> str:
    """Where the engine listens: DOCKER_HOST, else the first of the usual sockets that is there."""
    if named := os.environ.get("DOCKER_HOST"):
        return named
    sockets = [os.path.expanduser(os.path.expandvars(path)) for path in _USUAL_SOCKETS]
    return f"unix://{next((path for path in sockets if Path(path).exists()), sockets[0])}"


async def available() -> str | None:
    """None when an engine answers; otherwise why not. Takes less than a second."""
    engine = Engine(timeout=httpx2.Timeout(_PROBE_SECONDS))
    try:
        await engine.get("/_ping")
    except Refused as refused:
        return f"{engine.host} refuses: {refused.message}"
    except RuntimeFailure as failure:
        return failure.message
    finally:
        await engine.close()
    return None


class Engine:
    """Raises Refused for an answer that says no, RuntimeFailure when there is no answer."""

    def __init__(self, address: str | None = None, *, timeout: httpx2.Timeout = _TIMEOUT) -> None:
        self.host = address or host()
        scheme, _, place = self.host.partition("://")
        socket = place if scheme == "unix" else None
        self._socket, self._place = socket, place
        self._secure = secure = scheme == "https" or (scheme == "tcp" and bool(os.environ.get("DOCKER_TLS_VERIFY")))
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(uds=socket, limits=httpx2.Limits(max_connections=None)),
            base_url="http://engine" if socket else f"{'https' if secure else 'http'}://{place}",
            timeout=timeout,
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        return await self.call("GET", path, query)

    async def call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """The answer's JSON; None when it has none."""
        async with self.stream(method, path, query, body, timeout=self._client.timeout) as reply:
            data = await reply.aread()
        if not data or not reply.headers.get("content-type", "").startswith("application/json"):
            return None
        return json.loads(data)

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: httpx2.Timeout = _STREAMING,
    ) -> AsyncIterator[httpx2.Response]:
        """An answer that is read piece by piece, for as long as it takes."""
        url = f"{urllib.parse.quote(path, safe='/:@')}?{urllib.parse.urlencode(query or {})}"
        content = json.dumps(body).encode() if body is not None else None
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if content else {})}
        try:
            async with self._client.stream(method, url, content=content, headers=sent, timeout=timeout) as reply:
                if reply.is_error:
                    raise Refused(reply.status_code, _message(await reply.aread()))
                yield reply
        except httpx2.HTTPError as error:
            what = f"no container engine answers at {self.host}: {error or type(error).__name__}"
            raise RuntimeFailure("DockerTimeoutError", what) from error

    async def hijack(self, path: str, body: Mapping[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection that is no more HTTP once the engine has agreed: bytes both ways.

        https://docs.docker.com/reference/api/engine/version/v1.47/#tag/Exec/operation/ExecStart
        """
        try:
            if self._socket is not None:
                reader, writer = await asyncio.open_unix_connection(self._socket)
            else:
                address, _, port = self._place.rpartition(":")
                reader, writer = await asyncio.open_connection(address, int(port), ssl=self._secure or None)
        except OSError as error:
            raise RuntimeFailure(
                "DockerTimeoutError", f"no container engine answers at {self.host}: {error}"
            ) from error
        content = json.dumps(body).encode()
        head = (
            f"POST {urllib.parse.quote(path, safe='/:@')} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\n"
            f"Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(maxsplit=2)[1])
        if status not in (101, 200):
            told = await reader.read(1 << 16)
            await hang_up(writer)
            raise Refused(status, _message(told.partition(b"\r\n")[2] if b"chunked" in answer.lower() else told))
        return reader, writer


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return data.decode(errors="replace").strip()
