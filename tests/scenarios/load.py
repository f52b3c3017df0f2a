"""People who use a service while something happens to it."""

import http.client
import threading
from dataclasses import dataclass
from types import TracebackType

from tests.scenarios.stand import eventually

CLIENTS = 4
ENOUGH = 50
"""Answers in a row that count as well again."""


@dataclass(frozen=True)
class Seen:
    path: str
    what: str
    """The status, or the exception."""


class Load:
    """Requests one after another, from four clients at once, two of which keep their connection.

    `failures` lists all that was not a 2xx.
    """

    def __init__(self, port: int, *paths: str) -> None:
        self._port = port
        self._paths = paths
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(n % 2 == 0,)) for n in range(CLIENTS)]
        self._lock = threading.Lock()
        self._well = 0
        self.answered = 0
        self.failures: list[Seen] = []

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self.flows()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def flows(self) -> "Load":
        """Wait until requests are answered well, one after another."""
        with self._lock:
            self._well = 0
        eventually(lambda: self._well >= ENOUGH)
        return self

    def _ask(self, keep: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        turn = 0
        while not self._over.is_set():
            path = self._paths[turn % len(self._paths)]
            turn += 1
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
                what = str(response.status)
            except (OSError, http.client.HTTPException) as error:
                what = repr(error)
                connection.close()
            if not keep:
                connection.close()
            with self._lock:
                self.answered += 1
                if what.startswith("2"):
                    self._well += 1
                else:
                    self._well = 0
                    self.failures.append(Seen(path, what))
            self._over.wait(0.01)
        connection.close()
