"""What people who look at `culm open` cost the local cluster: its daemon's processor, with none, one and ten of them.

The project's cluster runs already, and nobody else uses it. A viewer has a page open as a browser has it: the page,
then the stream of its newer versions. Viewers take turns among the pages; every second one follows the logs. Ends with
1 when a promise of docs/benchmarks.md is broken.

    cd examples/bamboo && culm up && python ../../bench/viewers.py
"""

import http.client
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import quote, urlsplit

import psutil

from culm.target import local

SECONDS = 30.0
SETTLE_SECONDS = 15.0
"""Until pages are drawn, and the errors of the hour are counted for the first time."""
PAGES = ("/", "/logs", "/tasks", "/logs", "/services/{}", "/logs", "/events", "/logs", "/routes", "/logs")
PROMISED = {0: float("inf"), 1: 2.0, 10: 5.0}
"""Percent of a core that so many viewers may add."""


@contextmanager
def page() -> Iterator[tuple[str, psutil.Process]]:
    """Serve the page; yields the address that lets viewers in, and the process."""
    command = [sys.executable, "-m", "culm", "open", "--no-browser", "--read-only", "--listen", "127.0.0.1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as served:
        assert served.stderr is not None
        try:
            for line in served.stderr:
                if address := re.search(r"http://\S+token=\S+", line):
                    yield address[0], psutil.Process(served.pid)
                    return
            sys.exit("the page is not served")
        finally:
            served.terminate()


class Viewer(threading.Thread):
    """Has a page open until it is told to leave."""

    def __init__(self, entrance: str, path: str) -> None:
        super().__init__(daemon=True)
        parts = urlsplit(entrance)
        self.host, self.path, self.events = parts.netloc, path, 0
        connection = self._connection()
        connection.request("GET", f"/?{parts.query}", headers={"Host": self.host})
        self.cookie = (connection.getresponse().getheader("Set-Cookie") or "").partition(";")[0]
        self.leaving = threading.Event()

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", int(self.host.rpartition(":")[2]), timeout=60)

    def _get(self, path: str) -> http.client.HTTPResponse:
        connection = self._connection()
        connection.request("GET", path, headers={"Host": self.host, "Cookie": self.cookie})
        answer = connection.getresponse()
        if answer.status != 200:
            sys.exit(f"{path} is answered with {answer.status}")
        return answer

    def run(self) -> None:
        self._get(self.path).read()
        stream = self._get("/live-logs" if self.path == "/logs" else f"/live?at={quote(self.path, safe='')}")
        while not self.leaving.is_set():
            self.events += stream.readline().startswith(b"data")


def main() -> None:
    described = local.running()
    if described is None:
        sys.exit("the cluster does not run: culm up")
    daemon = psutil.Process(described["pid"])
    spent: dict[int, float] = {}
    print("| viewers | daemon, % of a core | more than without | the page's process, % of a core | MiB |")
    print("|---|---|---|---|---|")
    for count in PROMISED:
        with ExitStack() as stack:
            cells = "—", "—"
            entrance, server = stack.enter_context(page()) if count else ("", None)
            viewers = [Viewer(entrance, PAGES[number].format("orders")) for number in range(count)]
            for viewer in viewers:
                viewer.start()
            time.sleep(SETTLE_SECONDS)
            before = total(daemon), total(server)
            time.sleep(SECONDS)
            spent[count] = (total(daemon) - before[0]) / SECONDS * 100
            if server is not None:
                cells = f"{(total(server) - before[1]) / SECONDS * 100:.1f}", f"{server.memory_info().rss / 2**20:.0f}"
            for viewer in viewers:
                viewer.leaving.set()
        print(f"| {count} | {spent[count]:.1f} | {spent[count] - spent[0]:.1f} | {' | '.join(cells)} |", flush=True)
    if broken := [count for count, most in PROMISED.items() if spent[count] - spent[0] > most]:
        sys.exit(f"more than promised with {' and '.join(map(str, broken))}")


def total(process: psutil.Process | None) -> float:
    """Return the seconds of processor time that a process has had."""
    if process is None:
        return 0.0
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
