"""`culm status` for people."""

from typing import Any

import click
import pytest

from culm.cli.status import image_named, picture, pictured


def a_task(name: str, memory: int = 256) -> dict[str, Any]:
    return {"group": f"service:{name}", "memory": memory}


def test_an_instance_is_drawn_to_scale() -> None:
    tasks = [a_task("accounts"), a_task("catalogue", 128)]
    assert picture({"tasks": tasks, "remaining_memory": 611}) == "[accounts|cata|..................]"
    assert picture({"tasks": [], "remaining_memory": 128}) == "[....]"
    assert picture({"tasks": [a_task("a", 995)], "remaining_memory": 0}) == f"[{'a':<30}]"


def test_a_digest_is_cut_and_a_ready_image_has_its_whole_name() -> None:
    assert image_named("sha256:0123456789abcdef") == "0123456789ab"
    assert image_named("python:3.12-slim") == "python:3.12-slim"


FOUND: dict[str, Any] = {
    "services": [
        {
            "name": "accounts",
            "url": "http://127.0.0.1:8080/accounts/",
            "desired": 1,
            "running": 1,
            "scaling": "1-4, cpu 60",
            "task_definition": "bamboo-accounts:3",
            "image_digest": "sha256:0123456789abcdef",
            "instance": ["i-1"],
        }
    ],
    "instances": [
        {
            "id": "i-1",
            "type": "t2.micro",
            "status": "ACTIVE",
            "remaining_memory": 739,
            "registered_memory": 995,
            "tasks": [a_task("accounts")],
        },
        {
            "id": "i-2",
            "type": "t2.micro",
            "status": "DRAINING",
            "remaining_memory": 995,
            "registered_memory": 995,
            "tasks": [],
        },
    ],
    "rules": [{"priority": 10, "paths": ["/accounts/*"], "service": "accounts"}],
    "events": [
        {
            "at": "2026-01-01T10:20:30.4+00:00",
            "service": "accounts",
            "message": "(service accounts) registered 1 targets in (target-group "
            "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/bamboo-accounts/0123456789abcdef)",
        }
    ],
    "missing": ["web"],
}


def test_the_whole_story_is_one_page() -> None:
    assert (
        pictured(FOUND)
        == """\
SERVICE   URL                              TASKS              TASK DEFINITION    IMAGE         INSTANCE
accounts  http://127.0.0.1:8080/accounts/  1/1 (1-4, cpu 60)  bamboo-accounts:3  0123456789ab  i-1

INSTANCE  TYPE               MEMORY FREE     TASKS
i-1       t2.micro           739 of 995 MiB  [accounts|......................]
i-2       t2.micro DRAINING  995 of 995 MiB  [..............................]

RULE  PATHS        SERVICE
10    /accounts/*  accounts

10:20:30  accounts: waiting for the health check of a task (ECS: registered 1 targets in (target-group bamboo-accounts))

not deployed: web"""
    )


@pytest.mark.parametrize("width", [60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    long = FOUND["instances"][0] | {"id": "i-2cd2d62f7996d9a9b", "tasks": [a_task("api"), a_task("worker")]}
    lines = pictured(FOUND | {"instances": [long]}, width).splitlines()
    assert max(map(len, lines)) <= width
    assert lines[1].startswith("accounts  http://127.0.0.1:8080/accounts/")
    assert ("0123456789ab" in lines[1]) == (width > 100)


def test_trouble_is_red_and_says_the_same_without_colour() -> None:
    wrong = FOUND | {"services": [FOUND["services"][0] | {"trouble": "keeps dying"}]}
    said = pictured(wrong)
    assert "\x1b[31maccounts: keeps dying\x1b[0m" in said
    assert click.unstyle(said) == said.replace("\x1b[31m", "").replace("\x1b[0m", "")
