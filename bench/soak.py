"""Let the real cluster age under load, and draw what grows: memory, descriptors, threads, disk, latency.

    .venv/bin/python bench/soak.py --minutes 60 --rate 20 --lines 20 --rolls 50 --picture docs/soak.svg

Two services of two tasks answer `--rate` requests a second and write `--lines` log lines a second each. So many deploys
an hour as `--rolls` says; every minute something else happens, in turn: a task is killed with SIGKILL, the proxy is, a
service is scaled to three tasks and back. Every second it is asked what `culm status` asks. The daemon is killed once,
after a sixth of the time: what is measured afterwards is one process. A slope is that of the straight line that fits
the last two thirds best, an hour.

The exit status is 1 when requests failed for longer than TOLERATED_SECONDS at a time, or when a slope is steeper than
its bound in PANELS.
"""

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from botocore.exceptions import BotoCoreError, ClientError
from tests.scenarios import misfits
from tests.scenarios.stand import CULM, Stand
from tests.traffic import free_port

SAMPLE_SECONDS = 5.0
TOLERATED_SECONDS = 2.0
WARM = 1 / 3
"""The share of the time that no slope is taken of."""
PANELS = {
    "memory of the daemon, MiB": 8.0,
    "of that not files, MiB": 8.0,
    "memory of the proxy, MiB": 8.0,
    "file descriptors of the daemon": 10.0,
    "threads of the daemon": 5.0,
    "write-ahead log, MiB": 150.0,  # it begins anew at 32
    "the state's disk, bytes a log line": 40.0,
    "the home's disk without the state, MiB": 60.0,
    "latency, 95 of 100 requests, ms": 50.0,
    "what culm status asks, median, ms": 50.0,
}
"""What is drawn, and the steepest slope of it an hour that is no growth."""
SPEAKS = """
import threading, time
def speak():
    number = 0
    while True:
        time.sleep({pause})
        number += 1
        print("line", number, "of a service that says something now and then", flush=True)
threading.Thread(target=speak, daemon=True).start()
"""


class Load:
    """Requests at a steady rate, each on a connection of its own; what failed, and when."""

    def __init__(self, urls: Sequence[str], rate: float) -> None:
        self._urls = urls
        self._rate = rate
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send)
        self.latencies: list[float] = []
        """Seconds, since they were taken last."""
        self.failed: list[tuple[float, str]] = []
        self.sent = 0

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _send(self) -> None:
        due = time.monotonic()
        while not self._over.is_set():
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            self._over.wait(max(due - time.monotonic(), 0))
            began = time.monotonic()
            self.sent += 1
            try:
                with urllib.request.urlopen(self._urls[self.sent % len(self._urls)], timeout=10) as answer:
                    answer.read()
            except (OSError, urllib.error.URLError) as error:
                self.failed.append((began, str(error)))
            self.latencies.append(time.monotonic() - began)

    def outages(self) -> list[tuple[float, int]]:
        """Seconds and failures of each time in which requests failed, with a second of peace between two."""
        spans: list[list[float]] = []
        for at, _ in self.failed:
            if spans and at - spans[-1][-1] < 1:
                spans[-1].append(at)
            else:
                spans.append([at])
        return [(span[-1] - span[0], len(span)) for span in spans]


class Looks:
    """Asks every second for services, tasks and the health of targets, as `culm status` does; how long that took."""

    def __init__(self, stand: Stand) -> None:
        self._ecs, self._elb = stand.client("ecs"), stand.client("elbv2")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seconds: list[float] = []
        """Since they were taken last."""
        self.count = self.failed = 0

    def __enter__(self) -> "Looks":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(1.0):
            began = time.monotonic()
            self.count += 1
            try:
                self._ask()
            except (BotoCoreError, ClientError):  # the daemon was killed
                self.failed += 1
            self.seconds.append(time.monotonic() - began)

    def _ask(self) -> None:
        self._ecs.describe_services(cluster="soak", services=["a", "b"])
        if tasks := self._ecs.list_tasks(cluster="soak")["taskArns"]:
            self._ecs.describe_tasks(cluster="soak", tasks=tasks)
        for group in self._elb.describe_target_groups()["TargetGroups"]:
            self._elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])


class Soak:
    """The cluster that ages, and what is done to it."""

    def __init__(self, stand: Stand, lines: float) -> None:
        self.stand = stand
        self._pause = 1 / lines
        self.releases = {"a": 0, "b": 0}
        self.done: dict[str, int] = {}
        self.began = time.monotonic()

    def write(self) -> None:
        for name, release in self.releases.items():
            first = SPEAKS.format(pause=self._pause)
            misfits.service(self.stand, name, said=f"{name} {release}", first=first)

    def up(self) -> None:
        self.write()
        self.stand.culm("up", "--runtime", "process")

    def roll(self) -> None:
        name = min(self.releases, key=self.releases.__getitem__)
        self.releases[name] += 1
        self.up()

    def kill_task(self) -> None:
        self._kill("python3 serve.py", 1)

    def kill_proxy(self) -> None:
        self._kill("bin/haproxy ", 2)

    def scale(self) -> None:
        self.stand.culm("scale", "a", "3")
        self.stand.culm("scale", "a", "2")

    def kill_daemon(self) -> None:
        os.kill(self.stand.daemon(), signal.SIGKILL)
        self.stand.culm("cluster", "start")

    def _kill(self, words: str, count: int) -> None:
        for pid in [pid for pid, line in self.stand.processes().items() if words in line][:count]:
            os.kill(pid, signal.SIGKILL)

    def happen(self, what: Callable[[], None]) -> None:
        self.done[what.__name__] = self.done.get(what.__name__, 0) + 1
        what()

    def sample(self, latencies: list[float], looks: list[float], lines: int) -> dict[str, float]:
        """One point of each of PANELS."""
        daemon = self.stand.daemon()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{daemon}/status").read_text().splitlines() if ":" in line
        )
        proxies = [pid for pid, line in self.stand.processes().items() if "bin/haproxy " in line]
        wal, state = (self.stand.home / name for name in ("state.db-wal", "state.db"))
        rest = sum(size for path, size in sizes(self.stand.home) if not path.name.startswith("state.db"))
        values = (
            int(status["VmRSS"].split()[0]) / 1024,
            int(status["RssAnon"].split()[0]) / 1024,
            sum(resident(pid) for pid in proxies) / 2**20,
            len(os.listdir(f"/proc/{daemon}/fd")),
            int(status["Threads"]),
            wal.stat().st_size / 2**20,
            state.stat().st_size / max(lines, 1),
            rest / 2**20,
            statistics.quantiles(latencies, n=20)[-1] * 1000 if len(latencies) > 1 else 0.0,
            statistics.median(looks) * 1000 if looks else 0.0,
        )
        return dict(zip(PANELS, values, strict=True)) | {"minute": (time.monotonic() - self.began) / 60}


def resident(pid: int) -> int:
    """Bytes; none of a process that is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def sizes(folder: Path) -> Iterator[tuple[Path, int]]:
    """Files below it with what they take of the disk, in bytes."""
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            try:
                yield path, path.lstat().st_blocks * 512
            except OSError:
                continue


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line that fits best, an hour; points are minutes and values."""
    return statistics.linear_regression(*zip(*points, strict=True)).slope * 60 if len(points) > 1 else 0.0


def picture(samples: Sequence[Mapping[str, float]], title: str, slopes: Mapping[str, float]) -> str:
    """An SVG of one panel a measure, each with its slope."""
    wide, high, gap = 420, 130, 50
    minutes = max(sample["minute"] for sample in samples)
    parts = []
    for place, (name, hourly) in enumerate(slopes.items()):
        left, top = 60 + place % 2 * (wide + 90), 70 + place // 2 * (high + gap)
        values = [sample[name] for sample in samples]
        highest = max(values) * 1.15 or 1.0
        points = " ".join(
            f"{left + sample['minute'] / minutes * wide:.1f},{top + high - sample[name] / highest * high:.1f}"
            for sample in samples
        )
        parts.append(
            f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" fill="none" stroke="#999"/>'
            f'<text x="{left}" y="{top - 8}">{name}: {hourly:+.1f} an hour</text>'
            f'<text x="{left - 6}" y="{top + 10}" text-anchor="end">{highest:.0f}</text>'
            f'<text x="{left - 6}" y="{top + high}" text-anchor="end">0</text>'
            f'<text x="{left + wide}" y="{top + high + 14}" text-anchor="end">{minutes:.0f} min</text>'
            f'<rect x="{left}" y="{top}" width="{wide * WARM:.0f}" height="{high}" fill="#8883"/>'
            f'<polyline points="{points}" fill="none" stroke="#07c" stroke-width="1.5"/>'
        )
    rows = -(-len(slopes) // 2)
    size = f'width="{2 * wide + 180}" height="{80 + rows * (high + gap)}"'
    style = "<style>text{font:12px sans-serif;fill:#555}svg{background:#fff}</style>"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{style}<text x="60" y="30">{title}</text>'
    return head + "\n".join(parts) + "</svg>\n"


def soak(chosen: argparse.Namespace, root: Path) -> tuple[list[dict[str, float]], Soak, Load]:
    """Let it age. Returns the samples, what was done, and the load."""
    stand = Stand(root, port=free_port())
    misfits.project(stand, "soak", "a", "b")
    stand.edit("culm.yml", "services:", "defaults: {settle: 0, count: 2}\nservices:")
    running = Soak(stand, chosen.lines)
    samples: list[dict[str, float]] = []
    try:
        running.up()
        end, seconds = running.began + chosen.minutes * 60, chosen.minutes * 60
        accidents = [running.kill_task, running.scale, running.kill_proxy]
        roll_at, accident_at, crash_at = (running.began + after for after in (30.0, 60.0, seconds / 6))
        with Load([stand.url("/a/"), stand.url("/b/")], chosen.rate) as load, Looks(stand) as looks:
            while (now := time.monotonic()) < end:
                if now >= crash_at:
                    crash_at = end + 1
                    running.happen(running.kill_daemon)
                elif now >= roll_at:
                    roll_at = now + 3600 / chosen.rolls
                    running.happen(running.roll)
                elif now >= accident_at:
                    accident_at = now + 60
                    running.happen(accidents[sum(running.done.values()) % len(accidents)])
                taken, load.latencies = load.latencies, []
                looked, looks.seconds = looks.seconds, []
                lines = 4 * chosen.lines * (time.monotonic() - running.began)
                counted = {"sent": load.sent, "failed": len(load.failed), "looks": looks.count, "unseen": looks.failed}
                samples.append(running.sample(taken, looked, int(lines)) | counted)
                if chosen.record:
                    chosen.record.write_text(json.dumps(samples))
                time.sleep(SAMPLE_SECONDS)
        return samples, running, load
    finally:
        stand.run([*CULM, "down"])
        stand.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--rate", type=float, default=20, help="requests a second")
    options.add_argument("--lines", type=float, default=20, help="log lines a second and task")
    options.add_argument("--rolls", type=float, default=50, help="deploys an hour")
    options.add_argument("--picture", type=Path)
    options.add_argument("--record", type=Path, help="where the samples are written, as JSON")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak ") as folder:
        samples, running, load = soak(chosen, Path(folder))
    if chosen.record:
        chosen.record.write_text(json.dumps(samples))
    warm = [sample for sample in samples if sample["minute"] >= chosen.minutes * WARM]
    slopes = {name: slope([(sample["minute"], sample[name]) for sample in warm]) for name in PANELS}
    done = ", ".join(f"{count} x {what}" for what, count in running.done.items())
    title = f"{chosen.minutes:.0f} minutes, {load.sent} requests, {chosen.lines:g} lines a second and task; {done}"
    if chosen.picture:
        chosen.picture.write_text(picture(samples, title, slopes))
    print(title, "| | first third's end | end | slope an hour | bound |", "|---|---|---|---|---|", sep="\n")
    for name, hourly in slopes.items():
        print(f"| {name} | {warm[0][name]:.1f} | {warm[-1][name]:.1f} | {hourly:+.1f} | {PANELS[name]:g} |")
    outages = load.outages()
    longest = max((seconds for seconds, _ in outages), default=0.0)
    print(
        f"{len(load.failed)} of {load.sent} requests failed, in {len(outages)} outages, the longest of {longest:.2f} s"
    )
    for what in sorted({what for _, what in load.failed}):
        print(f"    {sum(other == what for _, other in load.failed)} x {what}")
    sys.exit(longest > TOLERATED_SECONDS or any(hourly > PANELS[name] for name, hourly in slopes.items()))


if __name__ == "__main__":
    main()
