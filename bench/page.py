"""The page of 100 services with 500 tasks on 100 instances, opened in Chromium.

The page is served from what AWS would answer of such a cluster, by the code that `culm open` runs: when each view is
first painted, how long the browser's thread is busy at a stretch, at first, while newer versions are laid over the page
and while it is scrolled, and the memory of the process that serves it (that of this whole program). Ends with 1 when a
promise of docs/benchmarks.md is broken.

    python bench/page.py
"""

import resource
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.operate.snapshot import described as aws

from culm.operate.snapshot.observed import About, Observed
from culm.web import security
from culm.web.feed import Feed
from culm.web.jobs import Jobs
from culm.web.pages import Site
from culm.web.reads import Reads
from culm.web.security import Door
from culm.web.server import Keys, PageServer, Pulse, Web, application
from culm.web.watcher import Watcher

SERVICES, EACH, INSTANCES = 100, 5, 100
PATHS = "/", "/tasks", "/events"
PAINT_SECONDS, MEMORY_MIB = 1.0, 100.0
"""The promises."""


def large() -> Observed:
    """Return what AWS would answer of so many services: each with five tasks, on machines of five tasks."""
    names = [f"service-{number:03}" for number in range(SERVICES)]
    zones = "us-east-1a", "us-east-1b"
    instances = [
        aws.instance(
            f"{number:017x}",
            attributes=[
                {"name": "ecs.instance-type", "value": "t3.small"},
                {"name": "ecs.availability-zone", "value": zones[number % 2]},
            ],
            registeredAt=aws.at(9000 - number),
            registeredResources=[{"name": "MEMORY", "integerValue": 1900}, {"name": "CPU", "integerValue": 2048}],
            remainingResources=[{"name": "MEMORY", "integerValue": 620}, {"name": "CPU", "integerValue": 1408}],
        )
        for number in range(INSTANCES)
    ]
    tasks, metrics, targets = [], {}, {}
    for index, name in enumerate(names):
        group = aws.GROUP.format(name)
        targets[group] = []
        for each in range(EACH):
            id, where, port = f"{index * EACH + each:032x}", (index + each * 20) % INSTANCES, 40000 + index
            tasks.append(
                aws.task(
                    id,
                    f"bamboo-{name}:2",
                    group=f"service:{name}",
                    containerInstanceArn=instances[where]["containerInstanceArn"],
                    containers=[{"name": name, "networkBindings": [{"hostPort": port, "containerPort": 8080}]}],
                )
            )
            targets[group].append(
                {
                    "Target": {"Id": instances[where]["ec2InstanceId"], "Port": port},
                    "TargetHealth": {"State": "healthy"},
                }
            )
            metrics[id, "memory"] = metrics[id, "memory_peak"] = aws.graph({30: 20.0 + each * 15})
            metrics[id, "cpu"] = aws.graph({30: 10.0})
        for what, value in (("requests", 60.0), ("errors", 0.0), ("p95", 0.02), ("mean", 0.01)):
            metrics[name, what] = aws.graph({ago: value + (ago + index) % 50 for ago in range(30, 1800, 60)})
    return aws.observed(
        services=[
            aws.service(
                serviceName=name,
                desiredCount=EACH,
                runningCount=EACH,
                taskDefinition=f"arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-{name}:2",
                loadBalancers=[{"targetGroupArn": aws.GROUP.format(name)}],
                deployments=[aws.deployment(f"bamboo-{name}:2", desiredCount=EACH, runningCount=EACH)],
                events=[
                    {
                        "id": f"{name}-{n}",
                        "createdAt": aws.at(60 + n),
                        "message": f"(service {name}) has reached a steady state.",
                    }
                    for n in range(20)
                ],
            )
            for name in names
        ],
        tasks=tasks,
        instances=instances,
        task_definitions=aws.definitions(*(f"bamboo-{name}:2" for name in names)),
        rules=[aws.rule("default"), *(aws.rule(str(n), f"/{name}/*", name) for n, name in enumerate(names, 1))],
        target_groups={
            aws.GROUP.format(name): {"TargetGroupName": f"bamboo-{name}", "HealthCheckPath": "/health"}
            for name in names
        },
        targets=targets,
        metrics=metrics,
    )


class Looker:
    """Answers as one that asks AWS does: the same, a little later and with one more request."""

    def __init__(self) -> None:
        self.about: About = aws.about()
        self.looks = 0
        self._seen = large()

    def now(self) -> float:
        return time.time()

    def look(self) -> Observed:
        self.looks += 1
        return replace(self._seen, at=aws.NOW + self.looks)


@contextmanager
def page() -> Iterator[str]:
    """Serve the page; yields the address that lets a browser in."""
    listening = socket.create_server(("127.0.0.1", 0))
    port = listening.getsockname()[1]
    door = Door(
        hosts=frozenset({f"culm.localhost:{port}"}), cookie="culm", session="s" * 32, secret=b"s" * 32, read_only=False
    )
    pulse, looker, project = Pulse(), Looker(), aws.about().project
    watcher = Watcher(looker, None, pulse.beat)  # type: ignore[arg-type]
    target: Any = None
    jobs = Jobs(Path(), aws.about().settings, now=time.time, done=pulse.beat, stop_task=print)
    reads = Reads(target, project, time.time)
    site = Site(watcher=watcher, reads=reads, jobs=jobs, folder=Path(), may_act=True, token=security.form_token(door))
    watcher.start()
    ready = threading.Event()
    feed = Feed.__new__(Feed)
    app = application(Web(site, feed, door, pulse), Keys("token", many=True))
    config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    served = PageServer(config, pulse, ready.set)
    thread = threading.Thread(target=lambda: served.run(sockets=[listening]), daemon=True)
    thread.start()
    ready.wait(10)
    try:
        yield f"http://culm.localhost:{port}/?token=token"
    finally:
        watcher.stop()
        served.should_exit = True
        thread.join(5)


WATCH = """
globalThis.busy = [];
new PerformanceObserver((list) => busy.push(...list.getEntries().map((each) => Math.round(each.duration))))
    .observe({type: "longtask", buffered: true});
"""


SCROLL = """
(async () => {
    for (let y = 0; y < 4000; y += 200) { scrollTo(0, y); await new Promise(requestAnimationFrame); }
})()
"""
PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime / 1000"
ANSWER = "(each => (each.responseEnd - each.requestStart) / 1000)(performance.getEntriesByType('navigation')[0])"
SIZE = "performance.getEntriesByType('navigation')[0].decodedBodySize / 1024"


def main() -> None:
    print("| view | first paint, s | its answer, s | KiB | busy at first, ms | with newer versions | scrolling |")
    print("|---|---|---|---|---|---|---|")
    with page() as entrance, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.add_init_script(WATCH)
        tab.goto(entrance)
        paints = [paint(tab, entrance.partition("/?")[0] + path) for path in PATHS]
        browser.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{memory:.0f} MiB")
    if max(paints) > PAINT_SECONDS or memory > MEMORY_MIB:
        sys.exit(f"promised are {PAINT_SECONDS:g} s and {MEMORY_MIB:g} MiB")


def paint(tab: Page, url: str) -> float:
    """Print the row of a view, and return its seconds to the first paint."""
    tab.goto(url)
    tab.wait_for_timeout(300)
    first, answer, size = tab.evaluate(PAINT), tab.evaluate(ANSWER), tab.evaluate(SIZE)
    busy = [longest(tab)]
    tab.wait_for_timeout(5000)  # newer versions come meanwhile
    busy.append(longest(tab))
    tab.evaluate(SCROLL)
    busy.append(longest(tab))
    cells = f"{first:.2f}", f"{answer:.2f}", f"{size:.0f}", *(f"{each}" for each in busy)
    print(f"| {urlsplit(url).path} | {' | '.join(cells)} |")
    return float(first)


def longest(tab: Page) -> int:
    """Return the milliseconds of the longest task since the last call; 0: none took 50."""
    return int(tab.evaluate("Math.max(0, ...busy.splice(0))"))


if __name__ == "__main__":
    main()
