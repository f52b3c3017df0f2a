"""Asks services steadily while something happens to them, as people would: what was lost is counted."""

import http.client
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import field
from types import TracebackType
from urllib.parse import urlsplit

from culm.core.model.record import record
from culm.plan.throughput import percentile

RATE = 20.0
"""Requests a second to each URL."""
CLIENTS = 2
"""For each URL, so that an answer that takes long does not hold up the others."""
TIMEOUT_SECONDS = 10.0
SHOWN = 5
"""Failures that are told one by one."""


@record
class Failure:
    url: str
    seconds: float
    """After the probe began."""
    what: str
    """`status 503`, or what became of the connection."""


@record
class Tally:
    """What a probe has counted."""

    requests: int
    failures: tuple[Failure, ...]
    p99: float
    """Seconds in which 99 of 100 good answers came."""
    urls: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.requests:,} requests, {len(self.failures):,} failed, p99 {self.p99 * 1000:.0f} ms"


class Probe:
    """Ask each URL `RATE` times a second, from the beginning of a `with` to its end; each time by a new connection.

    No answer is a failure, and so is a status of 500 and above, and one of 400 and above at a URL that first answered
    with less.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._times: list[float] = []
        self._failures: list[Failure] = []
        self._usual: dict[str, int] = {}
        self._began = time.monotonic()
        self._threads = [
            threading.Thread(target=self._ask, args=(url, client), daemon=True)
            for url in self._urls
            for client in range(CLIENTS)
        ]

    def __enter__(self) -> "Probe":
        self._began = time.monotonic()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    @property
    def tally(self) -> Tally:
        """What was counted until now."""
        with self._lock:
            times, failures = sorted(self._times), tuple(self._failures)
        p99 = percentile(times, 0.99) if times else 0.0
        return Tally(requests=len(times) + len(failures), failures=failures, p99=p99, urls=self._urls)

    def _ask(self, url: str, client: int) -> None:
        """Ask as one client until the end. The clients of a URL take turns."""
        due = self._began + client / RATE
        while not self._over.wait(max(0.0, due - time.monotonic())):
            began = time.monotonic()
            problem = self._answered(url)
            with self._lock:
                if problem:
                    self._failures.append(Failure(url=url, seconds=began - self._began, what=problem))
                else:
                    self._times.append(time.monotonic() - began)
            due = max(due + CLIENTS / RATE, time.monotonic() - CLIENTS / RATE)

    def _answered(self, url: str) -> str:
        """Ask once. Returns what was wrong; empty: nothing."""
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = connection_to(url)
        try:
            connection.request("GET", path, headers={"User-Agent": "culm-probe"})
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        with self._lock:
            usual = self._usual.setdefault(url, response.status)
        bad = response.status >= 500 or (response.status >= 400 > usual)
        return f"status {response.status}" if bad else ""


def connection_to(url: str) -> http.client.HTTPConnection:
    """Return a connection to a URL's host that is not open yet; with TLS for https."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=TIMEOUT_SECONDS, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=TIMEOUT_SECONDS)
