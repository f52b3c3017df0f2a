"""`culm status`: who runs where."""

import json

from tests.scenarios.stand import Stand

SERVICES = {"accounts", "catalog", "notices", "orders"}


def test_status_tells_programs_everything(bamboo: Stand) -> None:
    found = json.loads(bamboo.culm("status", "--json").out)

    services = {service["name"]: service for service in found["services"]}
    assert set(services) == SERVICES
    instances = {instance["id"]: instance for instance in found["instances"]}
    for name, service in services.items():
        assert service["url"] == bamboo.url(f"/{name}/")
        assert (service["desired"], service["running"]) == (1, 1)
        assert service["task_definition"].startswith(f"bamboo-{name}:")
        assert service["image_digest"].startswith("sha256:")
        assert service["instance"][0] in instances
    assert {rule["service"]: rule["paths"] for rule in found["rules"]} == {
        name: [f"/{name}/*", f"/{name}"] for name in SERVICES
    }
    assert any("has reached a steady state" in event["message"] for event in found["events"])


def test_every_slot_of_the_two_small_instances_is_accounted_for(bamboo: Stand) -> None:
    instances = json.loads(bamboo.culm("status", "--json").out)["instances"]

    assert [(instance["type"], instance["registered_memory"]) for instance in instances] == [("t2.micro", 995)] * 2
    assert [instance["remaining_memory"] for instance in instances] == [
        995 - 256 * len(instance["tasks"]) for instance in instances
    ]
    assert {task["group"] for instance in instances for task in instance["tasks"]} == {
        f"service:{name}" for name in SERVICES
    }


def test_status_shows_people_the_same(bamboo: Stand) -> None:
    screen = bamboo.culm("status").out

    for name in SERVICES:
        assert bamboo.url(f"/{name}/") in screen
    for instance in json.loads(bamboo.culm("status", "--json").out)["instances"]:
        assert f"{instance['remaining_memory']} of 995 MiB" in screen
