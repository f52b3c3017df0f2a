"""Starts the relay that terminates TLS, and tells it what to serve.

Nothing it could be asked is remembered here, as with HAProxy: one that runs from before an earlier daemon's end is told
what this one wishes.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from culm.cluster.balancer.haproxy.console import short_path
from culm.cluster.balancer.interface import Listener
from culm.cluster.balancer.tls.relay import BIND_SECONDS, SOCKET
from culm.cluster.services.acm import x509
from culm.errors import PlaneFailure

ANSWER_SECONDS = 10.0 + BIND_SECONDS
_LOG = "tls.log"


class TlsFront:
    """`folder` is the load balancer's; `handover` names the socket on which HAProxy takes a port's connections over."""

    def __init__(self, folder: Path, addresses: Callable[[int], Sequence[str]], handover: Callable[[int], str]) -> None:
        self._folder = folder
        self._addresses = addresses
        self._handover = handover

    async def keep(self, listeners: Sequence[Listener]) -> frozenset[int]:
        """Stop to serve every port but those of `listeners`; returns those that are served now, as they were."""
        answer = await self._ask({"keep": [each.port for each in listeners]})
        return frozenset(answer["ports"]) if answer else frozenset()

    async def serve(self, listeners: Sequence[Listener]) -> dict[int, str]:
        """Serve exactly these; returns the ports that cannot be, and why. Starts the relay where it does not run."""
        if not listeners and not (self._folder / SOCKET).exists():
            return {}
        if await self._ask({}) is None:
            if not listeners:
                return {}
            await self._start()
        return await self._tell(listeners)

    async def stop(self) -> None:
        """End it with what it still carries."""
        await self._ask({}, end=True)

    async def _tell(self, listeners: Sequence[Listener]) -> dict[int, str]:
        answer = await self._ask({"ports": {each.port: self._settings(each) for each in listeners}})
        if answer is None:
            raise PlaneFailure("NotAnswering", "the process that terminates TLS does not answer")
        return {int(port): why for port, why in answer["problems"].items()}

    def _settings(self, listener: Listener) -> Mapping[str, Any]:
        assert listener.tls is not None
        return {
            "addresses": self._addresses(listener.port),
            "handover": self._handover(listener.port),
            "oldest": listener.tls.oldest.replace(".", "_"),
            "newest": listener.tls.newest.replace(".", "_"),
            "protocols": ["h2", "http/1.1"] if listener.tls.http2 else ["http/1.1"],
            "certificates": [{"file": each.name, "names": x509.names(each.pem)} for each in listener.tls.certificates],
        }

    async def _start(self) -> None:
        """Run it out of the daemon's session, as it goes on when that ends."""
        log = self._folder / _LOG
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "culm.cluster.balancer.tls.relay"),
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
            status = await process.wait()  # it ends when another one, which it leaves behind, can be spoken to
        if status != 0:
            words = log.read_text(errors="replace").strip().splitlines()[-1:] or ["it did not say why"]
            raise PlaneFailure("CannotStart", f"the process that terminates TLS did not start: {words[0]}")

    async def _ask(self, command: Mapping[str, Any], *, end: bool = False) -> dict[str, Any] | None:
        """Return the answer, with `end` once who gave it has ended; None where nobody gives one."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                with short_path(self._folder / SOCKET) as path:
                    reader, writer = await asyncio.open_unix_connection(path, limit=1 << 24)
                try:
                    writer.write(json.dumps(command).encode() + b"\n")
                    answer: dict[str, Any] | None = json.loads(await reader.readline() or "null")
                    if answer and end:
                        os.kill(int(answer["pid"]), signal.SIGTERM)
                        await reader.read()
                finally:
                    writer.close()
            return answer
        except (OSError, TimeoutError):
            return None
