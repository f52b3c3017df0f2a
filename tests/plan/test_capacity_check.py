"""Room for a start-first roll."""

from dataclasses import replace
from typing import Any

import pytest

from culm.plan.capacity_check import fits_beside, remaining
from culm.project.project import Project


def an_instance(memory: int, cpu: int = 1024, **fields: Any) -> dict[str, Any]:
    left = [{"name": "MEMORY", "integerValue": memory}, {"name": "CPU", "integerValue": cpu}]
    return {"status": "ACTIVE", "agentConnected": True, "remainingResources": left, **fields}


@pytest.mark.parametrize(
    ("instances", "count", "fits"),
    [
        ([an_instance(255), an_instance(256)], 1, True),
        ([an_instance(255), an_instance(255)], 1, False),
        ([an_instance(256, cpu=127)], 1, False),
        ([an_instance(256), an_instance(256)], 2, True),
        ([an_instance(512)], 2, True),
        ([an_instance(511)], 2, False),
        ([an_instance(995, status="DRAINING")], 1, False),
        ([an_instance(995, agentConnected=False)], 1, False),
        ([], 1, False),
        ([], 0, True),
    ],
)
def test_a_second_set_of_tasks_must_find_places(
    project: Project, instances: list[dict[str, Any]], count: int, fits: bool
) -> None:
    assert fits_beside(replace(project.services["web"], count=count), instances) is fits


def test_a_resource_that_an_instance_does_not_report_is_used_up() -> None:
    assert remaining({}, "MEMORY") == 0
    assert remaining({"remainingResources": [{"name": "MEMORY"}]}, "MEMORY") == 0
    assert remaining(an_instance(256), "MEMORY") == 256
