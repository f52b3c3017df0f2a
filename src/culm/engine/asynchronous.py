"""The Docker Engine API for the cluster's event loop: any call, streams, and connections that are taken over.

https://docs.docker.com/reference/api/engine/version/v1.41/
"""

import asyncio
import json
import urllib.parse
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2

from culm.engine import endpoint as endpoints
from culm.engine.answers import Refused, message
from culm.engine.endpoint import Endpoint
from culm.errors import RuntimeFailure

_TIMEOUT = httpx2.Timeout(60.0, connect=2.0)
_STREAMING = httpx2.Timeout(None, connect=2.0)


class AsyncEngine:
    """Raises Refused for an answer that says no, RuntimeFailure when there is no answer."""

    def __init__(self, endpoint: Endpoint | None = None) -> None:
        """Raises NoEngine when the user's settings name an engine that cannot be used."""
        self.endpoint = where = endpoint or endpoints.find()
        self._secure = where.tls.context() if where.tls is not None else None
        authority = f"[{where.host}]" if ":" in where.host else where.host
        base = "http://engine" if where.socket else f"{'https' if where.tls else 'http'}://{authority}:{where.port}"
        self._client = httpx2.AsyncClient(
            transport=httpx2.AsyncHTTPTransport(
                uds=where.socket, verify=self._secure or False, limits=httpx2.Limits(max_connections=None)
            ),
            base_url=base + where.prefix,
            timeout=_TIMEOUT,
            trust_env=False,  # an engine is reached directly
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def get(self, path: str, **query: Any) -> Any:
        return await self.call("GET", path, query)

    async def call(
        self, method: str, path: str, query: Mapping[str, Any] | None = None, body: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the answer's JSON; None when it has none."""
        async with self.stream(method, path, query, body, timeout=_TIMEOUT) as reply:
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
        """Open an answer that is read piece by piece, for as long as it takes."""
        url = f"{urllib.parse.quote(path, safe='/:@')}?{urllib.parse.urlencode(query or {})}"
        content = json.dumps(body).encode() if body is not None else None
        sent = {**(headers or {}), **({"Content-Type": "application/json"} if content else {})}
        try:
            async with self._client.stream(method, url, content=content, headers=sent, timeout=timeout) as reply:
                if reply.is_error:
                    raise Refused(reply.status_code, message(await reply.aread()))
                yield reply
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    async def hijack(self, path: str, body: Mapping[str, Any]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Return a connection that is no more HTTP once the engine has agreed: bytes both ways.

        https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Exec/operation/ExecStart
        """
        where = self.endpoint
        try:
            if where.socket is not None:
                reader, writer = await asyncio.open_unix_connection(where.socket)
            else:
                reader, writer = await asyncio.open_connection(where.host, where.port, ssl=self._secure)
        except OSError as error:
            raise self._unreachable(error) from error
        content = json.dumps(body).encode()
        target = where.prefix + urllib.parse.quote(path, safe="/:@")
        head = (
            f"POST {target} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\n"
            f"Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        writer.write(head.encode() + content)
        answer = await reader.readuntil(b"\r\n\r\n")
        status = int(answer.split(maxsplit=2)[1])
        if status not in (101, 200):
            complaint = await reader.read(1 << 16)
            await hang_up(writer)
            body_of = complaint.partition(b"\r\n")[2] if b"chunked" in answer.lower() else complaint
            raise Refused(status, message(body_of))
        return reader, writer

    def _unreachable(self, error: Exception) -> RuntimeFailure:
        return RuntimeFailure("DockerTimeoutError", endpoints.unreachable(self.endpoint, error).what)


async def hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
