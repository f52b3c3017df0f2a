"""A second language reads culm's answers: XML, times, empty lists, errors by their names.

https://docs.aws.amazon.com/AWSJavaScriptSDK/v3/latest/
"""

import json
import shutil
from pathlib import Path

import pytest
from tests.acceptance.conftest import Cluster
from tests.acceptance.workshop import Workshop

PACKAGES = ("ecs", "elastic-load-balancing-v2", "ecr", "cloudwatch-logs")


def test_the_sdk_for_javascript_understands_every_answer(cluster: Cluster, workshop: Workshop, tmp_path: Path) -> None:
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("no node and npm here")
    folder = workshop.node(*(f"@aws-sdk/client-{name}" for name in PACKAGES))
    program = Path(shutil.copy(Path(__file__).parent / "strict.mjs", folder))

    said = cluster.run("node", program, cluster.images["1"])

    assert json.loads(said.out) == {
        "registeredAt": True,
        "stable": "SUCCESS",
        "createdAt": True,
        "events": True,
        "task": ["RUNNING", True],
        "stopped": "SUCCESS",
        "absent": "ClientException",
        "balancer": [True, True],
        "group": [30, "200"],
        "targets": [],
        "noBalancer": "LoadBalancerNotFoundException",
        "images": True,
        "noRepository": "RepositoryNotFoundException",
        "events_of_logs": ["grüß dich"],
    }
