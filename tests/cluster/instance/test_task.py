"""What an agent makes of what its runtime shows it, early or late."""

from dataclasses import replace
from typing import Any

from culm.cluster.instance.runtime.interface import Seen
from culm.cluster.instance.specs import CONTAINER_NAME
from culm.cluster.instance.task import LOST, KnownTask
from culm.core.model.agent import ContainerPayload, TaskPayload


def a_known_task() -> KnownTask:
    container = ContainerPayload(name="web", image="web", container_arn="web")
    return KnownTask(TaskPayload(arn="task/1", desired_status="RUNNING", containers=(container,)), 0.0)


def web(state: Any) -> Seen:
    return Seen(name="ecs-web", runtime_id="1", labels={CONTAINER_NAME: "web"}, state=state, exit_code=0)


def test_a_look_that_began_before_a_start_ended_does_not_lose_the_container():
    task = a_known_task()
    task.seen["web"], task.touched["web"] = web("running"), 1
    task.observe([], 1.0, effects=0)
    assert task.status(1.0) == "RUNNING"

    task.observe([], 2.0, effects=1)
    assert task.status(2.0) == "STOPPED"
    assert task.refused == {"web": LOST}


def test_the_first_reason_why_a_container_could_not_start_is_kept():
    """An engine makes a container before it starts it: one that could not start was there for a moment."""
    task = a_known_task()
    task.busy["web"] = "starting"
    task.observe([web("created")], 1.0, effects=0)
    task.refuse("web", "CannotStartContainerError: no such file")
    task.touched["web"] = 1
    del task.busy["web"]
    task.observe([], 2.0, effects=1)
    assert task.refused == {"web": "CannotStartContainerError: no such file"}
    change = task.news(2.0)
    assert change is not None and change.reason == "CannotStartContainerError: no such file"


def test_a_container_that_did_not_heed_its_stop_signal_says_so():
    task = a_known_task()
    task.wanted = "STOPPED"
    task.ended_by_stop("web", replace(web("stopped"), exit_code=137), 30)
    change = task.news(1.0)
    assert change is not None and change.status == "STOPPED"
    assert (change.containers[0].reason or "").startswith("it did not end within 30 s of its stop signal")

    obedient = a_known_task()
    obedient.ended_by_stop("web", replace(web("stopped"), exit_code=143), 30)
    change = obedient.news(1.0)
    assert change is not None and change.containers[0].reason is None


def test_a_look_that_began_before_a_stop_ended_does_not_bring_the_container_back():
    task = a_known_task()
    task.seen["web"], task.touched["web"] = web("stopped"), 3
    task.observe([web("running")], 1.0, effects=2)
    assert task.status(1.0) == "STOPPED"
