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


def test_two_tasks_are_on_each_of_two_small_instances(bamboo: Stand) -> None:
    found = json.loads(bamboo.culm("status", "--json").out)

    assert [
        (instance["type"], instance["registered_memory"], instance["remaining_memory"], len(instance["tasks"]))
        for instance in found["instances"]
    ] == [("t2.micro", 995, 995 - 2 * 256, 2)] * 2
    assert {task["group"] for instance in found["instances"] for task in instance["tasks"]} == {
        f"service:{name}" for name in SERVICES
    }


def test_status_shows_people_the_same(bamboo: Stand) -> None:
    screen = bamboo.culm("status").out

    for name in SERVICES:
        assert bamboo.url(f"/{name}/") in screen
    assert screen.count("483 of 995 MiB") == 2
