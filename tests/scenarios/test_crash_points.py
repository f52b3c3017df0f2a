"""The daemon is killed at points drawn by a seed, over its real files: what it answered is there afterwards.

A small sample for every run; bench/crash_points.py is the sweep over every operation, with every other fault.
"""

import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from tests.acceptance.workshop import STAYS, push
from tests.scenarios.crash_points import broken_blobs, client_of
from tests.scenarios.stand import CULM, Stand, eventually
from tests.traffic import free_port

SEED = int(os.environ.get("CULM_SEED", "7"))
ROUNDS = int(os.environ.get("CULM_EXAMPLES", "1"))
LATEST = {"starting": 60, "serving": 400}
"""Changes after which the daemon dies at the latest."""
SERVICES = ("ssm", "s3", "ecr", "ecs")
LARGE = b"x" * (5 << 20)


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path, port=free_port())
    made.environment["PYTHONPATH"] = str(Path(__file__).parent / "dying")
    yield made
    made.environment.pop("CULM_DIES_AT", None)
    made.close()


def test_whenever_the_daemon_dies_what_it_has_answered_is_there(stand: Stand) -> None:
    dice, kept = random.Random(SEED), Kept(stand)
    moments = ["serving", "starting", "serving"] * ROUNDS
    points = [f"{moment}:{dice.randrange(1, LATEST[moment])}" for moment in moments]
    for point in points:
        stand.environment["CULM_DIES_AT"] = point
        started = stand.run([*CULM, "cluster", "start", "--runtime", "process"], cwd=stand.home)
        assert started.status == 0 or point.startswith("starting:"), started
        if started.status == 0:
            kept.write_until_it_dies()
            eventually(lambda: not any("culm.cluster.daemon" in line for line in stand.processes().values()))

        stand.environment["CULM_DIES_AT"] = ""
        stand.culm("cluster", "start", "--runtime", "process", cwd=stand.home)

        where = f"killed at {point} of {points}; again: CULM_SEED={SEED}"
        assert kept.lost() == [], where
        assert broken_blobs(stand.home) == [], where
        os.kill(stand.daemon(), signal.SIGKILL)
    assert kept.answered, "nothing was ever answered"


class Kept:
    """What the cluster said yes to, by the kind of thing and its name."""

    def __init__(self, stand: Stand) -> None:
        self._home = stand.home
        self._number = 0
        self.answered: list[tuple[str, str]] = []

    def write_until_it_dies(self) -> None:
        """Write parameters, objects, images and clusters, one after the other."""
        try:
            ssm, s3, ecr, ecs = (client_of(self._home, service) for service in SERVICES)
            s3.create_bucket(Bucket="kept")
            while True:
                self._number += 1
                name = f"n{self._number}"
                ssm.put_parameter(Name=name, Value=name, Type="String")
                self.answered.append(("parameter", name))
                s3.put_object(Bucket="kept", Key=name, Body=LARGE if self._number % 4 == 0 else b"small")
                self.answered.append(("object", name))
                push(ecr, "kept", name, f"{STAYS}# {name}\n")
                self.answered.append(("image", name))
                ecs.create_cluster(clusterName=name)
                self.answered.append(("cluster", name))
        except (BotoCoreError, ClientError, httpx2.TransportError, OSError):
            return  # it died, be it in the middle of an answer

    def lost(self) -> list[tuple[str, str]]:
        """What is not there, or not whole."""
        ssm, s3, ecr, ecs = (client_of(self._home, service) for service in SERVICES)
        there: set[tuple[str, str]] = set()
        for page in ssm.get_paginator("describe_parameters").paginate():
            there |= {("parameter", each["Name"]) for each in page["Parameters"]}
        for page in ecs.get_paginator("list_clusters").paginate():
            there |= {("cluster", arn.rpartition("/")[2]) for arn in page["clusterArns"]}
        for kind, name in self.answered:
            if kind == "object":
                body = s3.get_object(Bucket="kept", Key=name)["Body"].read()
                assert body in (b"small", LARGE)
                there.add((kind, name))
        if any(kind == "image" for kind, _ in self.answered):
            for page in ecr.get_paginator("describe_images").paginate(repositoryName="kept"):
                there |= {("image", tag) for each in page["imageDetails"] for tag in each.get("imageTags", [])}
        return [each for each in self.answered if each not in there]
