"""What an agent makes of what its runtime shows it, early or late."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from culm.cluster.instance.runtime.interface import Seen
from culm.cluster.instance.specs import ATTEMPT, CONTAINER_NAME
from culm.cluster.instance.task import LOST, KnownTask
from culm.core.decide.lifecycle import out_of_memory_reason
from culm.core.model.agent import ContainerPayload, PublishHealth, TaskPayload
from culm.core.model.task_definitions import HealthCheck


def a_known_task() -> KnownTask:
    container = ContainerPayload(name="web", image="web", container_arn="web")
    return KnownTask(TaskPayload(arn="task/1", desired_status="RUNNING", containers=(container,)), 0.0)


def web(state: Any) -> Seen:
    return Seen(name="ecs-web", runtime_id="1", labels={CONTAINER_NAME: "web"}, state=state, exit_code=0)


def test_a_look_that_began_before_a_start_ended_does_not_lose_the_container():
    task = a_known_task()
    task.snapshots["web"], task.touched["web"] = web("running"), 1
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
    task.snapshots["web"], task.touched["web"] = web("stopped"), 3
    task.observe([web("running")], 1.0, effects=2)
    assert task.status(1.0) == "STOPPED"


def attempt(number: int, state: Any) -> Seen:
    return replace(web(state), name=f"ecs-web-{number}", labels={CONTAINER_NAME: "web", ATTEMPT: str(number)})


def test_of_several_attempts_the_last_counts_in_whatever_order_they_are_seen():
    for order in ([0, 10, 9], [10, 9, 0]):
        task = a_known_task()
        task.observe([attempt(n, "running" if n == 10 else "stopped") for n in order], 1.0, effects=0)
        assert task.progress(1.0)["web"].attempt == 10
        assert task.status(1.0) == "RUNNING"
        assert task.runtime_name("web") == "ecs-web-10"


def test_a_container_that_has_ended_is_not_lost_when_it_is_gone():
    task = a_known_task()
    task.observe([web("stopped")], 1.0, effects=0)
    task.observe([], 2.0, effects=0)
    assert task.refused == {}
    assert task.progress(2.0)["web"].exit_code == 0


def test_a_task_has_ended_when_it_was_first_seen_to_be_over():
    task = a_known_task()
    task.observe([web("running")], 1.0, effects=0)
    assert task.ended_at is None
    task.observe([web("stopped")], 2.0, effects=0)
    task.observe([web("stopped")], 9.0, effects=0)
    assert task.ended_at == 2.0


def test_a_container_has_run_until_it_stopped_or_until_now():
    task = a_known_task()
    task.snapshots["web"] = replace(web("running"), started_at=10.0)
    assert task.progress(25.0)["web"].ran_seconds == 15.0
    task.snapshots["web"] = replace(web("stopped"), started_at=10.0, stopped_at=12.0)
    assert task.progress(25.0)["web"].ran_seconds == 2.0
    task.snapshots["web"] = replace(web("stopped"), stopped_at=12.0)
    assert task.progress(25.0)["web"].ran_seconds == 0.0


def test_a_container_that_ran_out_of_memory_while_it_was_stopped_is_told_as_that():
    task = a_known_task()
    task.ended_by_stop("web", replace(web("stopped"), exit_code=137, out_of_memory=True), 30)
    assert task.killed == {}
    assert task.progress(1.0)["web"].reason == out_of_memory_reason()


def test_what_was_told_is_no_news():
    task = a_known_task()
    first = task.news(1.0)
    assert first is not None
    assert (first.status, first.containers[0].status, first.reason) == ("PENDING", "PENDING", "")
    task.reported(first)
    assert task.news(2.0) is None
    task.observe([web("running")], 3.0, effects=0)
    change = task.news(3.0)
    assert change is not None
    assert (change.status, change.containers[0].status) == ("RUNNING", "RUNNING")
    assert not task.reported_stopped
    task.observe([web("stopped")], 4.0, effects=0)
    change = task.news(4.0)
    assert change is not None
    task.reported(change)
    assert task.reported_stopped


def test_health_is_told_of_containers_with_a_check_while_the_task_runs_and_once():
    checked = ContainerPayload(
        name="web", image="web", container_arn="web", health_check=HealthCheck(command=("CMD", "true"))
    )
    task = KnownTask(TaskPayload(arn="task/1", desired_status="RUNNING", containers=(checked,)), 0.0)
    assert task.news_of_health(1.0) is None, "it is pending"
    task.observe([replace(web("running"), health="HEALTHY")], 2.0, effects=0)
    health = task.news_of_health(2.0)
    assert isinstance(health, PublishHealth)
    assert [(c.container_name, c.health_status) for c in health.containers] == [("web", "HEALTHY")]
    task.reported(health)
    assert task.news_of_health(3.0) is None
    unchecked = a_known_task()
    unchecked.observe([web("running")], 2.0, effects=0)
    assert unchecked.news_of_health(2.0) is None


def test_a_task_that_is_told_to_stop_stays_running_while_a_container_is_being_stopped():
    task = a_known_task()
    task.observe([web("running")], 1.0, effects=0)
    task.wanted, task.busy["web"] = "STOPPED", "stopping"
    assert task.progress(2.0)["web"].state == "stopping"
    change = task.news(2.0)
    assert change is not None
    assert (change.status, change.containers[0].status) == ("RUNNING", "RUNNING")


def look(task: KnownTask, shown: list[Seen], now: float, effects: int, ends_meanwhile: Seen | None = None) -> list[Any]:
    """Do what an agent's look does to one task, and return what is told.

    `ends_meanwhile`: its start ends with this container while the news is on its way.
    """
    task.observe(shown, now, effects)
    told: list[Any] = []
    for news in (task.news, task.news_of_health):
        if (message := news(now)) is not None:
            if ends_meanwhile is not None and "web" in task.busy:
                end_of_start(task, ends_meanwhile, effects + 1)
            task.reported(message)
            told.append(message)
    return told


def end_of_start(task: KnownTask, made: Seen, effect: int) -> None:
    task.snapshots["web"], task.touched["web"] = made, effect
    del task.busy["web"]


def a_checked_task() -> KnownTask:
    web = ContainerPayload(name="web", image="web", container_arn="web", health_check=HealthCheck(command=("true",)))
    return KnownTask(TaskPayload(arn="task/1", desired_status="RUNNING", containers=(web,)), 0.0)


showings = st.one_of(
    st.none(),
    st.builds(
        lambda state, health, code: replace(web(state), health=health, exit_code=code),
        st.sampled_from(["created", "running", "running", "running", "stopped"]),
        st.sampled_from(["UNKNOWN", "HEALTHY", "UNHEALTHY"]),
        st.sampled_from([None, 1]),
    ),
)
events = st.one_of(
    st.tuples(st.just("look"), showings),
    st.tuples(st.just("same"), st.none()),
    st.tuples(st.just("same"), st.none()),
    st.tuples(st.just("starting"), st.none()),
    st.tuples(st.just("started"), showings),
    st.tuples(st.just("started meanwhile"), showings),
    st.tuples(st.just("refused"), st.none()),
    st.tuples(st.just("wanted stopped"), st.none()),
)


@given(st.lists(events, max_size=25))
def test_looks_that_pass_over_settled_tasks_tell_what_looks_at_all_of_them_tell(history):
    every, brief = a_checked_task(), a_checked_task()
    told: dict[int, list[Any]] = {id(every): [], id(brief): []}
    shown: list[Seen] = []
    effects = 0
    for now, (event, container) in enumerate(history):
        match event:
            case "look" | "started meanwhile":
                shown = [] if container is None else [container]
            case "starting" | "wanted stopped" | "refused" | "started":
                for task in (every, brief):
                    if event == "starting":
                        task.busy["web"] = "starting"
                    elif event == "wanted stopped":
                        task.wanted = "STOPPED"
                    elif "web" in task.busy and event == "refused":
                        task.refuse("web", "no such image")
                        del task.busy["web"]
                    elif "web" in task.busy and container is not None:
                        end_of_start(task, container, effects + 1)
                effects += 1
                continue
        meanwhile = container if event == "started meanwhile" else None
        told[id(every)] += look(every, shown, float(now), effects, meanwhile)
        if not brief.is_settled(shown):
            told[id(brief)] += look(brief, shown, float(now), effects, meanwhile)
            brief.settle(shown)
        effects += 1
    assert told[id(brief)] == told[id(every)]
    assert (brief.snapshots, brief.refused, brief.ended_at) == (every.snapshots, every.refused, every.ended_at)


def test_a_task_that_runs_and_was_told_of_is_passed_over_until_its_container_changes_or_it_is_to_stop():
    task, running = a_known_task(), web("running")
    look(task, [running], 1.0, effects=0)
    task.settle([running])
    assert task.is_settled([running])
    assert task.is_settled([web("running")]), "the runtime shows the same in other words"
    assert not task.is_settled([replace(running, health="HEALTHY")])
    assert not task.is_settled([])
    task.wanted = "STOPPED"
    assert not task.is_settled([running])
