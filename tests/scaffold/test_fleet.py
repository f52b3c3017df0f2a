"""Instances for the tasks of a first culm.yml."""

import pytest

from culm.scaffold.draft import Block, Draft
from culm.scaffold.fleet import Reservation, instances


@pytest.mark.parametrize(
    ("needs", "fleet"),
    [
        ([], "2 x t2.micro"),
        ([Reservation()] * 6, "2 x t2.micro"),
        ([Reservation()] * 7, "3 x t2.micro"),
        ([Reservation()] * 13, "2 x t3a.small"),
        ([Reservation(), Reservation(), Reservation(memory=768)], "3 x t2.micro"),
        ([Reservation(memory=1024)], "2 x t3a.small"),
        ([Reservation(cpu=2048)], "2 x t3a.small"),
        ([Reservation(memory=8000)], "4 x t3a.large"),
    ],
)
def test_all_tasks_fit_and_the_smallest_fleet_is_taken(needs: list[Reservation], fleet: str) -> None:
    assert instances(needs) == fleet


def test_a_draft_counts_the_tasks_of_each_service() -> None:
    block = Block(name="web")
    block.put("memory", 512)
    block.put("count", 3)
    assert "local: {instances: 3 x t2.micro}" in Draft(name="shop", services={"web": block}).text()


def test_tasks_are_placed_in_the_order_of_the_deploy() -> None:
    services = {name: Block(name=name) for name in ("config", "registry", *"abcdefg", "grafana", "prometheus")}
    for name, block in services.items():
        block.put("memory", 256 if name in ("grafana", "prometheus") else 512)
        if name not in ("config", "a", "grafana", "prometheus"):
            block.put("after", ["config"] if name == "registry" else ["registry"])
    needs = Draft(name="shop", services=services).needs()
    assert [need.memory for need in needs[:5]] == [512, 512, 256, 256, 512]
    assert instances(needs) == "4 x t3a.small"
