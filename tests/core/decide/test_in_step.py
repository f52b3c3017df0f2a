"""Several tasks of one service that stop before others start: whoever is first, they end where it was planned."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.builders import a_service, a_state, a_task, a_task_definition, an_instance
from tests.share import examples

from culm.core.decide import deployments
from culm.core.decide.ledger import Fleet
from culm.core.decide.rollout import next_actions
from culm.core.decide.roster import HOLDING
from culm.core.decide.simulate import World, simulate
from culm.core.decide.state import ClusterState, is_gone
from culm.core.model.task_definitions import PlacementStrategy
from culm.core.model.tasks import Status, Task
from culm.plan.moves import gradual

CHAINS = [
    (),
    (PlacementStrategy(type="spread", field="instanceId"),),
    (PlacementStrategy(type="binpack", field="memory"),),
    (PlacementStrategy(type="random"),),
]


def unruly(dice: random.Random) -> World:
    """All goes well, but each task takes as long as the dice say to be gone, to start and to become healthy."""

    def world(state: ClusterState) -> ClusterState:
        ahead = [t.task_arn for t in state.tasks if further(t, state.now) != t]
        moved = {arn for arn in ahead if dice.random() < 0.4} or set(dice.sample(ahead, min(1, len(ahead))))
        tasks = (further(t, state.now) if t.task_arn in moved or told(t) else t for t in state.tasks)
        return replace(state, tasks=tuple(tasks))

    return world


def told(task: Task) -> bool:
    """The control plane marks all that it tells to stop in one transaction."""
    return task.desired_status == "STOPPED" and task.last_status in HOLDING


def further(task: Task, now: float) -> Task:
    if is_gone(task):
        return task
    if told(task):
        return replace(task, last_status=Status.DEACTIVATING)
    if task.desired_status == "STOPPED":
        return replace(task, last_status=Status.STOPPED, stopped_at=now)
    if task.last_status != Status.RUNNING:
        return replace(task, last_status=Status.RUNNING, started_at=now)
    return replace(task, health_status="HEALTHY")


@st.composite
def rolls(draw: st.DrawFn) -> ClusterState:
    """A full or nearly full fleet whose services have several tasks each, and one of them gets a new revision."""
    sizes = draw(st.lists(st.sampled_from([600, 995, 995, 1900]), min_size=2, max_size=4))
    zones = [{"ecs.availability-zone": draw(st.sampled_from("ab"))} for _ in sizes]
    fleet = [an_instance(f"i-{n}", memory=m, attributes=zones[n]) for n, m in enumerate(sizes)]
    percents = draw(st.sampled_from([(0, 100), (50, 100), (34, 100)]))
    wanted = [
        a_service(
            f"s{n}",
            desired=draw(st.integers(2, 4)),
            percents=percents,
            created_at=float(n),
            placement_strategy=draw(st.sampled_from(CHAINS)),
        )
        for n in range(draw(st.integers(1, 2)))
    ]
    definitions = [
        a_task_definition(f"{s.service_name}:{revision}", memory=draw(st.sampled_from([100, 256, 256])), checked=True)
        for s in wanted
        for revision in (1, 2)
    ]
    outcome = simulate(a_state(*wanted, instances=fleet, definitions=definitions), gradual)
    assume(not outcome.unfinished)  # a service that lacks room takes what another one frees
    state = outcome.state
    first = next(s for s in state.services if s.service_name == "s0")
    rolled = deployments.begin(first, "ecs-svc/new", "s0:2", state.now + 60)
    others = (s for s in state.services if s is not first)
    return replace(state, services=(rolled, *others), now=state.now + 60)


def sitting(state: ClusterState) -> Counter[tuple[str, str | None]]:
    return Counter((t.task_definition_arn, t.container_instance_arn) for t in state.tasks if not is_gone(t))


@settings(max_examples=examples(150))
@given(rolls(), st.integers(0, 2**32))
def test_the_order_in_which_tasks_stop_or_become_healthy_does_not_change_placement(
    state: ClusterState, seed: int
) -> None:
    planned = simulate(state, gradual)
    lived = simulate(state, unruly(random.Random(seed)))
    assert planned.settled
    assert lived.settled
    assert sitting(lived.state) == sitting(planned.state)
    assert [s.primary and s.primary.rollout_state for s in lived.state.services] == [
        s.primary and s.primary.rollout_state for s in planned.state.services
    ]


def leaving(**instance: Any) -> ClusterState:
    """Of two old tasks one is gone, and one is on its way out."""
    service = a_service("web", desired=2, percents=(0, 100))
    old = replace(a_task("t1", of=service), desired_status="STOPPED", last_status=Status.DEACTIVATING)
    rolled = deployments.begin(service, "ecs-svc/new", "web:2", 9_000.0)
    known = [a_task_definition("web:2")]
    return a_state(
        rolled, tasks=[old], instances=[an_instance("i-1", **instance), an_instance("i-2")], definitions=known
    )


@pytest.mark.parametrize(("connected", "starts"), [(True, 0), (False, 2)])
def test_successors_wait_for_the_whole_batch_but_not_for_an_instance_that_does_not_answer(
    connected: bool, starts: int
) -> None:
    state = leaving(agent_connected=connected, memory=3000)
    actions = next_actions(state.services[0], state.tasks, state, Fleet.of(state))
    assert sum(type(action).__name__ == "StartTask" for action in actions) == starts
