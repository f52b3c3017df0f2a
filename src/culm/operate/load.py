"""Asks a service as fast as it answers: a few clients, each on a connection of its own that it keeps."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from culm.plan.throughput import Run, counts, goes_on, percentile

MOST_CLIENTS = 256
TIMEOUT_SECONDS = 10.0


def climb(url: str, bound: float, seconds: float, say: Callable[[str], None]) -> list[Run]:
    """Run with 1, 2, 4, ... clients, as long as more clients can still raise the rate."""
    runs: list[Run] = []
    clients = 1
    while clients <= MOST_CLIENTS and goes_on(runs, bound):
        runs.append(run(url, clients, seconds))
        last = runs[-1]
        kept = "" if counts(last, bound) else "; too slow" if not last.failed else f"; {last.failed} failed"
        say(f"{clients:>4} clients  {last.rate:>8.1f} requests/s  p95 {last.p95 * 1000:.0f} ms{kept}")
        clients *= 2
    return runs


def run(url: str, clients: int, seconds: float) -> Run:
    """Ask a URL by so many clients at once for so many seconds; returns how many answers came, and how fast."""
    over = threading.Event()
    measured: list[tuple[list[float], int]] = []
    threads = [threading.Thread(target=lambda: measured.append(_ask(url, over)), daemon=True) for _ in range(clients)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    times = sorted(seconds_each for good, _ in measured for seconds_each in good)
    return Run(
        clients=clients,
        seconds=took,
        answered=len(times),
        failed=sum(bad for _, bad in measured),
        p50=percentile(times, 0.5),
        p95=percentile(times, 0.95),
    )


def _ask(url: str, over: threading.Event) -> tuple[list[float], int]:
    """Ask as one client until the end; returns the seconds of each good answer, and the number of bad ones."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)
    times: list[float] = []
    failed = 0
    for began in _moments(over):
        try:
            connection.request("GET", parts.path or "/")
            response = connection.getresponse()
            response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            failed += 1
            over.wait(0.01)  # a refused connection costs nothing: no client may spin on it
            continue
        if response.status < 400:
            times.append(time.monotonic() - began)
        else:
            failed += 1
    connection.close()
    return times, failed


def _moments(over: threading.Event) -> Iterator[float]:
    while not over.is_set():
        yield time.monotonic()
