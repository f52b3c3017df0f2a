"""Tasks a second from the API to RUNNING: by CreateService and by RunTask, through the store and the agents' fakes.

The daemon is the one that users have, with all of its loops, 200 instances by default and their agents; containers are
the runtime's fake, which runs as soon as it is asked to. So this is culm itself: the wire, the store, placement, the
payloads of tasks and the agents' reports. The goal is 600 tasks a second. For comparison, by their own benchmarks on
machines of their own: kube-scheduler binds 680 to 810 pods a second, HashiCorp's Nomad placed some 1,500 containers.

    python bench/scheduling.py
    python bench/scheduling.py --instances 50 --tasks 500
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from culm.target.connection import StaticCredentials, isolated

HOSTS = """\
import asyncio, sys
from pathlib import Path
from culm.cluster import clock
from culm.cluster.daemon import daemon, runtimes
from culm.cluster.daemon.settings import Settings
from culm.cluster.instance.agent import Agent
from culm.cluster.instance.runtime.fake import FakeRuntime

async def choose(settings, now, *, killed):
    async def nothing():
        pass
    return FakeRuntime(now), nothing

runtimes.choose = choose
daemon.Agent = lambda **of: Agent(**{**of, "runtime": FakeRuntime(clock.now)})
asyncio.run(daemon.serve(Settings(home=Path(sys.argv[1]), runtime="auto", instances=sys.argv[2])))
"""
"""A daemon whose instances have a runtime each, as machines have: nobody is woken by another's containers."""
GOAL = 600.0
MEMORY = 64
"""MiB of a task."""
MOST = 10
"""Tasks of one RunTask."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instances", type=int, default=200, help="of 4 GB each")
    parser.add_argument("--tasks", type=int, default=2000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, daemon(Path(folder), fleet(arguments.instances)) as (made, process):
        made.create_cluster(clusterName="bench")
        container = {"name": "web", "image": "127.0.0.1:1/web:1", "memory": MEMORY, "cpu": 16}
        made.register_task_definition(family="web", containerDefinitions=[container])
        until(lambda: registered(made) == arguments.instances, f"{arguments.instances} instances", 120)
        print("| by | tasks | seconds | tasks a second | tasks a second of the daemon's processor |")
        print("|---|---|---|---|---|")
        rates = [measure(way, made, arguments.tasks, process) for way in (by_create_service, by_run_task)]
    if min(rates) < GOAL:
        sys.exit(f"the goal is {GOAL:.0f} tasks a second")


def fleet(instances: int) -> str:
    """Return the fleet as culm.yml writes it: at most 100 in each part."""
    parts = [min(100, instances - begun) for begun in range(0, instances, 100)]
    return " + ".join(f"{part} x t3.medium" for part in parts)


def by_create_service(ecs: Any, tasks: int) -> None:
    ecs.create_service(cluster="bench", serviceName="web", taskDefinition="web", desiredCount=tasks)


def by_run_task(ecs: Any, tasks: int) -> None:
    counts = [min(MOST, tasks - begun) for begun in range(0, tasks, MOST)]
    with ThreadPoolExecutor(8) as pool:
        for answer in pool.map(lambda n: ecs.run_task(cluster="bench", taskDefinition="web", count=n), counts):
            assert not answer["failures"], answer["failures"]


def measure(way: Any, ecs: Any, tasks: int, process: psutil.Process) -> float:
    """Print the row of one way, and return its tasks a second. The tasks of the ways before go on."""
    before, used = running(ecs), spent(process)
    began = time.monotonic()
    way(ecs, tasks)
    until(lambda: running(ecs) >= before + tasks, f"{tasks} tasks", 600)
    seconds = time.monotonic() - began
    name, of_processor = way.__name__[3:].title().replace("_", ""), tasks / (spent(process) - used)
    print(f"| {name} | {tasks} | {seconds:.1f} | {tasks / seconds:.0f} | {of_processor:.0f} |", flush=True)
    return tasks / seconds


def spent(process: psutil.Process) -> float:
    """Seconds of a processor; beside other work they tell more than the clock's."""
    times = process.cpu_times()
    return float(times.user + times.system)


def running(ecs: Any) -> int:
    [cluster] = ecs.describe_clusters(clusters=["bench"])["clusters"]
    return int(cluster["runningTasksCount"])


def registered(ecs: Any) -> int:
    [cluster] = ecs.describe_clusters(clusters=["bench"])["clusters"]
    return int(cluster["registeredContainerInstancesCount"])


def until(condition: Any, what: str, seconds: float) -> None:
    """Wait; ends the program when it takes longer."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


@contextmanager
def daemon(folder: Path, instances: str) -> Iterator[tuple[Any, psutil.Process]]:
    """Give ECS's client of a daemon whose containers are fakes, and the daemon."""
    home = folder / "home"
    home.mkdir(mode=0o700)
    environment = os.environ | {"CULM_HOME": str(home), "CULM_KEYS": str(folder / "keys"), "PYTHONWARNINGS": "ignore"}
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen([sys.executable, "-c", HOSTS, str(home), instances], env=environment, stderr=log)
        try:
            until(lambda: (home / "cluster.json").exists() or process.poll() is not None, "a daemon", 60)
            if process.poll() is not None:
                log.seek(0)
                sys.exit(log.read()[-2000:])
            given = json.loads((home / "cluster.json").read_text())["environment"]
            keys = StaticCredentials(access_key=given["AWS_ACCESS_KEY_ID"], secret_key=given["AWS_SECRET_ACCESS_KEY"])
            ecs = isolated(keys, "us-east-1").client("ecs", endpoint_url=given["AWS_ENDPOINT_URL"])
            yield ecs, psutil.Process(process.pid)
        finally:
            process.terminate()
            process.wait()


if __name__ == "__main__":
    main()
