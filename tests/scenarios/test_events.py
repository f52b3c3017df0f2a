"""`culm events`: what has happened, and what happens."""

import json
import subprocess
from typing import Any

from tests.scenarios.stand import CULM, Stand


def test_events_go_on_as_a_task_is_stopped_and_replaced(bamboo: Stand) -> None:
    past = [json.loads(line) for line in bamboo.culm("events", "catalog", "--json").out.splitlines()]
    assert {entry["service"] for entry in past} == {"catalog"}
    assert any("has reached a steady state." in entry["message"] for entry in past)
    assert any(entry["kind"] == "deployment" and entry["message"].endswith("COMPLETED") for entry in past)
    assert [entry["at"] for entry in past] == sorted(entry["at"] for entry in past)

    [task] = [arn for arn, task in bamboo.tasks().items() if task["group"] == "service:catalog"]
    command = [*CULM, "events", "catalog", "--follow", "--tail", "1", "--json"]
    with subprocess.Popen(
        command, cwd=bamboo.project, env=bamboo.environment, stdout=subprocess.PIPE, text=True
    ) as job:
        assert job.stdout is not None
        job.stdout.readline()  # it has begun to look
        bamboo.client("ecs").stop_task(cluster="bamboo", task=task, reason="to see it")
        new: list[dict[str, Any]] = []
        for line in job.stdout:
            new.append(json.loads(line))
            if any(e["kind"] == "task" for e in new) and any("has started 1 tasks" in e["message"] for e in new):
                break
        job.terminate()
    [stopped] = [entry["message"] for entry in new if entry["kind"] == "task"]
    assert "UserInitiated" in stopped and "to see it" in stopped


def test_a_screen_has_the_days_and_80_columns(bamboo: Stand) -> None:
    lines = bamboo.culm("events").out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any("arn:aws" in line for line in lines)
    assert any(line.startswith("accounts ") for line in lines)
