"""Six services on two t2.micro: nothing is free, and everything is still deployed and migrated."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.scenarios.stand import CULM, Stand, eventually
from tests.traffic import free_port

from culm.aws import refresh
from culm.cli.screens import replacement
from culm.operate.probe import Probe
from culm.project.load import load
from culm.target.connection import StaticCredentials, Target

SIX = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
SERVER = """\
import os, signal, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer((os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8000"))), Handler).serve_forever()
"""
IMAGE = "ARG BASE_IMAGE=python:3.12-slim\nFROM $BASE_IMAGE\nWORKDIR /app\n"


def a_service(stand: Stand, name: str) -> None:
    stand.write(f"{name}/server.py", SERVER)
    stand.write(f"{name}/migrate.py", "print('migrated')\n")
    stand.write(f"{name}/Dockerfile", IMAGE + 'COPY server.py /app/\nEXPOSE 8000\nCMD ["python3", "/app/server.py"]\n')
    stand.write(
        f"{name}/Dockerfile.migrate", IMAGE + 'COPY server.py migrate.py /app/\nCMD ["python3", "/app/migrate.py"]\n'
    )


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    stand = Stand(tmp_path_factory.mktemp("full"), port=free_port())
    for name in (*SIX, "eta"):
        a_service(stand, name)
    stand.write("culm.yml", manifest(stand, *SIX))
    stand.culm("up", "--runtime", "process")
    yield stand
    stand.close()


def manifest(stand: Stand, *names: str) -> str:
    lines = [f"name: bamboo\ntargets:\n  local: {{instances: 2 x t2.micro, port: {stand.port}}}\nservices:"]
    return "\n".join([*lines, *(f"  {name}:" for name in names)]) + "\n"


def places(stand: Stand) -> dict[str, str]:
    """Instance ids by service."""
    found = json.loads(stand.culm("status", "--json").out)
    return {service["name"]: service["instance"][0] for service in found["services"] if service["instance"]}


def desired(stand: Stand, name: str) -> tuple[int, list[str]]:
    """Its count, and what it is marked with."""
    [found] = stand.client("ecs").describe_services(cluster="bamboo", services=[name], include=["TAGS"])["services"]
    return found["desiredCount"], [tag["key"] for tag in found.get("tags", ())]


def test_no_room_is_left_and_the_api_says_so(full: Stand) -> None:
    answer = full.client("ecs").run_task(cluster="bamboo", taskDefinition="bamboo-alpha-migrate")
    assert answer["tasks"] == []
    assert [failure["reason"] for failure in answer["failures"]] == ["RESOURCE:MEMORY"] * 2


class Fleet(Target):
    """The stand's cluster, with an auto scaling group that is played: its instances are the cluster's machines."""

    def __init__(self, stand: Stand) -> None:
        aws = stand.aws
        keys = StaticCredentials(access_key=aws["AWS_ACCESS_KEY_ID"], secret_key=aws["AWS_SECRET_ACCESS_KEY"])
        super().__init__(load(stand.project / "culm.yml").targets["local"], aws["AWS_ENDPOINT_URL"], keys)
        self.stand, self.ecs = stand, self.client("ecs")
        self.first = set(self.machines())
        """Of the launch template's first version; what starts from now on is of its second."""
        self.terminated: list[tuple[str, str, int]] = []
        """Instance id, its status at ECS, and the tasks that ran on it when it was terminated."""

    def client(self, service: str) -> Any:
        return self if service == "autoscaling" else super().client(service)

    def machines(self) -> dict[str, dict[str, Any]]:
        """Container instances by EC2 instance id."""
        arns = self.ecs.list_container_instances(cluster="bamboo")["containerInstanceArns"]
        described = self.ecs.describe_container_instances(cluster="bamboo", containerInstances=arns)
        return {each["ec2InstanceId"]: each for each in described["containerInstances"]}

    def describe_auto_scaling_groups(self, **_: Any) -> dict[str, Any]:
        instances = [
            {
                "InstanceId": name,
                "LifecycleState": "InService",
                "LaunchTemplate": {"Version": "1" if name in self.first else "2"},
            }
            for name in self.machines()
        ]
        group = {"AutoScalingGroupName": "fleet", "LaunchTemplate": {"Version": "2"}, "Instances": instances}
        return {"AutoScalingGroups": [group]}

    def describe_scaling_activities(self, **_: Any) -> dict[str, Any]:
        return {"Activities": []}

    def get_paginator(self, operation: str) -> "OnePage":
        return OnePage(getattr(self, operation))

    def terminate_instance_in_auto_scaling_group(self, *, InstanceId: str, **_: Any) -> None:
        """Take the machine away, and start another one in its place."""
        leaving = self.machines()[InstanceId]
        self.terminated.append((InstanceId, leaving["status"], leaving["runningTasksCount"]))
        [cluster] = self.ecs.describe_clusters(clusters=["bamboo"])["clusters"]
        for fleet in ("1 x t2.micro", "2 x t2.micro"):
            self.ecs.tag_resource(resourceArn=cluster["clusterArn"], tags=[{"key": "culm:instances", "value": fleet}])
            eventually(lambda: InstanceId not in self.machines())


@dataclass
class OnePage:
    """botocore's paginator of an operation that answers at once."""

    ask: Callable[..., Any]

    def paginate(self, **given: Any) -> list[Any]:
        return [self.ask(**given)]


def asks(probe: Probe, requests: int) -> None:
    """Wait until a probe has asked so often."""
    eventually(lambda: probe.tally.requests >= requests)


def test_a_fleet_is_replaced_with_just_the_downtime_that_was_announced(full: Stand) -> None:
    """The cluster's own scheduler drains real tasks, and requests go by its load balancer; the rest is played."""
    target, project = Fleet(full), load(full.project / "culm.yml")
    old, instances = full.tasks(), refresh.fleet(target, project, ["fleet"])
    effects = refresh.forecast(target, project, instances)
    announced = list(replacement.lines(effects, len(instances), 2))
    assert announced[0] == "2 of 2 instances are to be replaced, one at a time:"
    assert [sorted(effect.down) for effect in effects] == [
        sorted(name for name, place in places(full).items() if place == instance.id) for instance in instances
    ], "on full instances there is room for none elsewhere"
    assert all(
        f"  {effect.instance}: {', '.join(effect.down)}: no room elsewhere: down until" in announced[n]
        for n, effect in enumerate(effects, 1)
    )

    urls = {f"http://127.0.0.1:{full.port}/{name}/": name for name in SIX}
    work = refresh.Refresh(target, project, ["fleet"], lambda _: None)
    for instance, effect in zip(instances, effects, strict=True):
        began = time.monotonic()
        with Probe(list(urls)) as probe:
            asks(probe, len(SIX))
            work.replace(instance, len(instances))
            steady = time.monotonic() - began
            asks(probe, probe.tally.requests + 4 * len(SIX))
        failures = probe.tally.failures
        assert {urls[failure.url] for failure in failures} == set(effect.down), f"nobody else is down: {failures}"
        assert max(failure.seconds for failure in failures) < steady, "until the new instance serves, and no longer"
    assert sorted(target.terminated) == sorted((instance.id, "DRAINING", 0) for instance in instances)
    stopped = full.client("ecs").describe_tasks(cluster="bamboo", tasks=list(old))["tasks"]
    ends = {(task["group"], task["containers"][0]["exitCode"]) for task in stopped}
    assert ends == {(f"service:{name}", 0) for name in SIX}, "each was asked to end, and none was killed"
    assert all(full.get(f"/{name}/").status == 200 for name in SIX)
    assert set(places(full).values()).isdisjoint(instance.id for instance in instances)
    assert [instance.outdated for instance in refresh.fleet(target, project, ["fleet"])] == [False, False]


def test_all_six_are_deployed_and_migrated_as_planned(full: Stand) -> None:
    for name in SIX:
        full.write(f"{name}/server.py", SERVER + f"# {name}, again\n")
        full.write(f"{name}/migrate.py", f"print('{name} migrated again')\n")
    plan = json.loads(full.culm("plan", "--json").out)
    assert plan["fits"]
    assert [wave["services"] for wave in plan["waves"]] == [[name] for name in SIX]
    assert all(service["lends_its_slot"] for service in plan["services"])
    full.culm("up")
    assert places(full) == {service["name"]: service["instances"][0] for service in plan["services"]}
    logs = full.culm("logs", "--json").out
    assert all(f"{name} migrated again" in logs for name in SIX)
    assert [desired(full, name) for name in SIX] == [(1, [])] * 6


def test_a_migration_that_fails_in_the_lent_slot_gives_it_back(full: Stand) -> None:
    full.write("beta/migrate.py", "import sys\nprint('no such column')\nsys.exit(7)\n")
    said = full.culm("deploy", "beta", status=1)
    assert "the migration of beta ended with exit code 7" in said.err
    assert "no such column" in said.err
    assert full.get("/beta/").status == 200
    assert desired(full, "beta") == (1, [])


def test_a_deploy_that_dies_while_a_slot_is_lent_is_healed_by_the_next(full: Stand) -> None:
    full.write("gamma/migrate.py", "import time\nprint('takes its time', flush=True)\ntime.sleep(5)\n")
    with subprocess.Popen(
        [*CULM, "deploy", "gamma"], cwd=full.project, env=full.environment, stderr=subprocess.PIPE, text=True
    ) as deploy:
        assert deploy.stderr is not None
        assert any("gamma migrating" in line for line in deploy.stderr)
        deploy.send_signal(signal.SIGKILL)
    assert desired(full, "gamma") == (0, ["culm:lends"])
    full.culm("deploy", "alpha")
    assert desired(full, "gamma") == (1, [])
    assert eventually(lambda: full.get("/gamma/").status == 200)


def test_a_seventh_is_refused_with_the_ways_out_and_nothing_is_changed(full: Stand) -> None:
    full.write("culm.yml", manifest(full, *SIX, "eta"))
    before = places(full)
    said = full.culm("up", status=3)
    assert "It does not fit; nothing is changed." in said.err
    ways = [line for line in said.err.splitlines() if "instances: 1 x t3a.small" in line or "{count: 0}" in line]
    assert ways[0].strip().startswith("-$")
    assert places(full) == before
    groups = full.client("elbv2").describe_target_groups()["TargetGroups"]
    assert "bamboo-eta" not in [group["TargetGroupName"] for group in groups]
    full.write("culm.yml", manifest(full, *SIX))


def test_going_back_across_a_migration_is_asked_for_by_name(full: Stand) -> None:
    full.write("alpha/migrate.py", "print('alpha has yet another schema')\n")
    full.culm("deploy", "alpha")
    said = full.culm("rollback", "alpha", "1", status=3)
    assert "another migration has run" in said.err
    assert "culm rollback alpha 1 --across-migration" in said.err
    full.culm("rollback", "alpha", "1", "--across-migration")
    assert full.get("/alpha/").status == 200


def test_a_version_that_crashes_makes_way_for_the_one_before_unless_its_migration_is_marked(full: Stand) -> None:
    """Its migration's image has the code as well, so that a change of code alone makes another one."""
    full.write("epsilon/server.py", "raise SystemExit('no such setting')\n")
    [planned] = json.loads(full.culm("plan", "epsilon", "--json").out)["services"]
    assert (planned["schema_change"], planned["goes_back_when_it_fails"]) == ("none", True)
    said = full.culm("deploy", "epsilon", "--json", f"--probe=http://127.0.0.1:{full.port}/epsilon/", status=1)
    probe = json.loads(said.out)["probe"]
    assert 0 < probe["failed"] < probe["requests"], "down while its migration runs, and until it serves again"
    assert {failure["what"][:9] for failure in probe["failures"]} == {"status 50"}
    assert "if it fails: back to the version before (no new migration)" in " ".join(said.err.split())
    assert "no such setting" in said.err
    back = int(re.findall(r"It was rolled back to bamboo-epsilon:(\d+)", said.err)[0])
    assert full.get("/epsilon/").status == 200

    full.write("epsilon/server.py", SERVER + "# better\n")
    full.culm("deploy", "epsilon")
    said = full.culm("rollback", "epsilon")
    assert f"rolling back to bamboo-epsilon:{back}: the last before #{back + 2} whose deploy ended well" in said.err
    assert f"(passed over: #{back + 1}: failed, gone back)" in said.err
    assert full.get("/epsilon/").status == 200
    full.write("epsilon/server.py", "raise SystemExit('no such setting')\n")

    full.write("epsilon/migrate.py", "print('epsilon has a further column')\n")
    said = full.culm("deploy", "epsilon", status=1)
    assert "if it fails: back to the version before, on the newer schema" in " ".join(said.err.split())
    assert "Its new migration has run and stays" in said.err
    assert full.get("/epsilon/").status == 200

    full.write("epsilon/migrate.py", "# culm: contract\nprint('epsilon has another schema')\n")
    said = full.culm("deploy", "epsilon", status=1)
    assert "if it fails: it stays down: its migration is marked `contract`" in " ".join(said.err.split())
    assert "Its migration has run, and old code may not work" in said.err
    assert "It was rolled back" not in said.err
    assert full.get("/epsilon/").status == 503
    [words] = [line for line in said.err.splitlines() if "--across-migration" in line]
    full.culm(*words.partition("culm rollback ")[2].replace("epsilon", "rollback epsilon", 1).split())
    assert full.get("/epsilon/").status == 200
    full.write("epsilon/server.py", SERVER)


def test_what_a_service_can_take_is_measured_and_kept(full: Stand) -> None:
    full.culm("bench", "delta", "--seconds", "0.3")
    kept = json.loads((full.project / ".culm" / "bench.json").read_text())
    assert kept["delta"]["throughput"] > 10
    assert 5 < kept["delta"]["peak_memory"] < 128  # a quarter more than that is proposed instead of its 256 MiB
    assert kept["delta"]["cpu"] > 0
    found = json.loads(full.culm("plan", "--capacity", "--json").out)
    assert {s["name"]: s["throughput"] is not None for s in found["services"]}["delta"]
    assert [stage["factor"] for stage in found["stages"]] == [1.5, 3.0, 20.0]
    assert all(stage["proven"] for stage in found["stages"])


def test_the_plan_of_nothing_to_do_is_not_shown(full: Stand) -> None:
    for name in ("beta", "gamma"):
        full.write(f"{name}/migrate.py", f"print('{name} migrated again')\n")
    full.culm("up")
    said = full.culm("up")
    assert "nothing changed" in said.err
    assert "Where tasks sit" not in said.err
