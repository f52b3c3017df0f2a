"""`culm up` of 4, 16 and 100 trivial services in one wave: the time a service, and the command's memory.

On the runtime's fake a service is a worker that is RUNNING and HEALTHY as soon as it is asked for: that is culm itself.
With processes it is a Python HTTP server behind the load balancer, which the machine has to start, too. `settle:` is 0:
how long services are watched is no part of how fast they come up. Ends with 1 when a service of the largest wave takes
more than twice the time of one of 16.

    python bench/many.py --runtime fake
    python bench/many.py --runtime process --sizes 4,16,100
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FAKE = """\
import asyncio, sys
from pathlib import Path
from culm.cluster import clock
from culm.cluster.daemon import daemon, runtimes
from culm.cluster.daemon.settings import Settings
from culm.cluster.instance.runtime.fake import FakeRuntime

async def choose(settings, now, *, killed):
    async def nothing():
        pass
    return FakeRuntime(now), nothing

runtimes.choose = choose
asyncio.run(daemon.serve(Settings(home=Path(sys.argv[1]), runtime="auto", instances=sys.argv[2])))
"""
SERVER = """\
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ["PORT"])), Handler).serve_forever()
"""
MEMORY = 32
"""MiB of a service."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", choices=("fake", "process"), default="fake")
    parser.add_argument("--sizes", default="4,16,100")
    arguments = parser.parse_args()
    each: dict[int, float] = {}
    print(
        "| services | up, s | a service, s | memory of the command, MiB | nothing changed, s |\n|---|---|---|---|---|"
    )
    for size in map(int, arguments.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder, Stand(Path(folder), size, arguments.runtime) as stand:
            seconds, mib = stand.up()
            again, _ = stand.up()
        each[size] = seconds / size
        print(f"| {size} | {seconds:.1f} | {seconds / size:.2f} | {mib:.0f} | {again:.1f} |", flush=True)
    sixteen, largest = each.get(16), each[max(each)]
    if sixteen is not None and largest > 2 * sixteen:
        sys.exit(f"a service of {max(each)} takes {largest / sixteen:.1f} times as long as one of 16")


class Stand:
    """A home, a project of so many services, and a cluster that holds them."""

    def __init__(self, folder: Path, size: int, runtime: str) -> None:
        self._home, self._project, self._runtime = folder / "home", folder / "project", runtime
        self._home.mkdir(mode=0o700)
        self._environment = os.environ | {
            "CULM_HOME": str(self._home),
            "CULM_KEYS": str(folder / "keys"),
            "PYTHONWARNINGS": "ignore",
        }
        self._instances = f"{-(-size * MEMORY // 3600) + 1} x t3.medium"
        self._daemon: subprocess.Popen[bytes] | None = None
        for number in range(size):
            self._service(f"s{number:03}")
        more = ", path: none, health: {command: ['true']}" if runtime == "fake" else ""
        services = "".join(f"  s{number:03}: {{cpu: 16{more}}}\n" for number in range(size))
        (self._project / "culm.yml").write_text(
            f"name: many\ntargets: {{local: {{instances: {self._instances}}}}}\n"
            f"defaults: {{memory: {MEMORY}, settle: 0}}\nservices:\n{services}"
        )

    def _service(self, name: str) -> None:
        folder = self._project / name
        folder.mkdir(parents=True)
        (folder / "serve.py").write_text(SERVER)
        dockerfile = 'FROM python:3.12-slim\nWORKDIR /app\nCOPY serve.py .\nCMD ["python3", "serve.py"]\n'
        if self._runtime != "fake":
            dockerfile += "EXPOSE 8080\n"
        (folder / "Dockerfile").write_text(dockerfile)

    def __enter__(self) -> "Stand":
        if self._runtime == "fake":
            command = [sys.executable, "-c", FAKE, str(self._home), self._instances]
            self._daemon = subprocess.Popen(command, env=self._environment, stderr=subprocess.DEVNULL)
            while not (self._home / "cluster.json").exists():
                time.sleep(0.05)
        else:
            self._culm("cluster", "start", "--runtime", "process", "--instances", self._instances)
        return self

    def __exit__(self, *_: object) -> None:
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait()
        else:
            self._culm("cluster", "stop")

    def up(self) -> tuple[float, float]:
        """Seconds of `culm up`, and the most MiB that it had resident."""
        began = time.monotonic()
        command = [sys.executable, "-m", "culm", "up"]
        with tempfile.TemporaryFile("w+") as told:
            process = subprocess.Popen(
                command, cwd=self._project, env=self._environment, stdout=subprocess.DEVNULL, stderr=told
            )
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                told.seek(0)
                sys.exit(f"culm up ended with {process.returncode}:\n{told.read()[-3000:]}")
        per_mib = 1024 if sys.platform == "linux" else 1 << 20
        return time.monotonic() - began, used.ru_maxrss / per_mib

    def _culm(self, *words: str) -> None:
        command = [sys.executable, "-m", "culm", *words]
        subprocess.run(command, cwd=self._project, env=self._environment, check=True, capture_output=True)


if __name__ == "__main__":
    main()
