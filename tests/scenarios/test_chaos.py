"""A minute of accidents on real processes: tasks killed, instances drained, deploys, scaling, the daemon killed.

tests/cluster/scheduler/test_chaos.py plays hours of it in memory; this is the same with real processes, sockets and
kill -9.
"""

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.conftest import Cluster
from tests.scenarios.stand import Stand, eventually
from tests.traffic import free_port

NAME = "chaos"
SECONDS = 45.0
SEED = int(os.environ.get("CULM_SEED", "7"))
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    made = Stand(tmp_path, port=free_port())
    yield Cluster(made)
    made.close()


def test_a_minute_of_chaos_on_real_processes_ends_well(cluster: Cluster) -> None:
    ecs, dice = cluster.ecs, random.Random(SEED)
    ecs.create_cluster(clusterName=NAME)
    for name in "ab":
        revision = cluster.register(name)
        ecs.create_service(
            cluster=NAME, serviceName=name, taskDefinition=revision, desiredCount=2, deploymentConfiguration=BREAKER
        )
    homes = eventually(lambda: ecs.list_container_instances(cluster=NAME)["containerInstanceArns"])

    def tasks() -> list[dict[str, Any]]:
        arns = ecs.list_tasks(cluster=NAME)["taskArns"]
        return list(ecs.describe_tasks(cluster=NAME, tasks=arns)["tasks"]) if arns else []

    def programs() -> list[int]:
        found = cluster.stand.processes().items()
        return [pid for pid, what in found if what.startswith("/bin/sh ") and "/app/run " in what]

    def kill() -> None:
        for pid in dice.sample(sorted(programs()), min(1, len(programs()))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def stop() -> None:
        for task in dice.sample(tasks(), min(1, len(tasks()))):
            ecs.stop_task(cluster=NAME, task=task["taskArn"])

    def drain() -> None:
        turned = dice.choice(["ACTIVE", "DRAINING"])
        ecs.update_container_instances_state(cluster=NAME, containerInstances=[dice.choice(homes)], status=turned)

    def deploy() -> None:
        name, tag = dice.choice("ab"), dice.choice(["1", "2", "broken"])
        ecs.update_service(cluster=NAME, service=name, taskDefinition=cluster.register(name, tag))

    def scale() -> None:
        ecs.update_service(cluster=NAME, service=dice.choice("ab"), desiredCount=dice.randrange(4))

    def crash() -> None:
        os.kill(cluster.stand.daemon(), signal.SIGKILL)
        cluster.stand.culm("cluster", "start", "--runtime", "process", cwd=cluster.stand.home)

    eventually(lambda: len(programs()) == 4)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        dice.choice([kill, stop, drain, deploy, scale, crash])()
        for instance in ecs.describe_container_instances(cluster=NAME, containerInstances=homes)["containerInstances"]:
            assert all(resource["integerValue"] >= 0 for resource in instance["remainingResources"])
        time.sleep(dice.random())

    ecs.update_container_instances_state(cluster=NAME, containerInstances=homes, status="ACTIVE")
    for name in "ab":
        ecs.update_service(cluster=NAME, service=name, taskDefinition=cluster.register(name), desiredCount=2)

    def settled() -> bool:
        found = [cluster.service(NAME, name) for name in "ab"]
        return all(s["runningCount"] == 2 and s["deployments"][0]["rolloutState"] == "COMPLETED" for s in found)

    def alone() -> bool:  # zones may still be balanced, with one task more for a while
        return sorted(task["group"] for task in tasks()) == ["service:a"] * 2 + ["service:b"] * 2

    assert eventually(settled, within=120)
    assert eventually(alone)
