"""What holds for every fleet, service and strategy, whatever the world does in between.

Safety: the scheduler itself never takes a service below its floor or above its ceiling, and never gives an instance
more than it has. Liveness: in a world that does as it is told every roll comes to its end, or the service says why not.
"""

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders import TARGET_GROUP, a_service, a_state, a_task_definition, an_instance
from tests.share import examples

from culm.core.decide import deployments
from culm.core.decide.actions import StartTask, StopTask
from culm.core.decide.health import verdict
from culm.core.decide.ledger import Fleet
from culm.core.decide.roster import HOLDING, hosts_of, limits
from culm.core.decide.schedule import schedule
from culm.core.decide.simulate import apply, obedient, simulate
from culm.core.decide.state import ClusterState, TargetHealth, group_of, is_gone
from culm.core.decide.validation import dead_configuration
from culm.core.decide.zones import is_spread
from culm.core.model.services import DeploymentCircuitBreaker, Service
from culm.core.model.task_definitions import PlacementConstraint, PlacementStrategy
from culm.core.model.tasks import Status, StopCode, Task

"""How many times more examples than a developer's run has."""
LOOKS = 120
"""More than any of these rolls needs."""
ZONE = "attribute:ecs.availability-zone"
CHAINS = st.lists(
    st.sampled_from(
        [
            PlacementStrategy(type="spread", field=ZONE),
            PlacementStrategy(type="spread", field="instanceId"),
            PlacementStrategy(type="binpack", field="memory"),
            PlacementStrategy(type="binpack", field="cpu"),
            PlacementStrategy(type="random"),
        ]
    ),
    max_size=3,
).map(tuple)
CONSTRAINTS = st.sampled_from(
    [
        (),
        (),
        (PlacementConstraint(type="distinctInstance"),),
        (PlacementConstraint(type="memberOf", expression="attribute:ecs.availability-zone == a"),),
        (PlacementConstraint(type="memberOf", expression="runningTasksCount < 4"),),
    ]
)


@st.composite
def fleets(draw: st.DrawFn) -> list[Any]:
    sizes = draw(st.lists(st.sampled_from([300, 995, 1900, 3900]), min_size=1, max_size=5))
    return [
        an_instance(f"i-{n}", memory=size, attributes={"ecs.availability-zone": draw(st.sampled_from("abc"))})
        for n, size in enumerate(sizes)
    ]


@st.composite
def services(draw: st.DrawFn, name: str, born: int) -> Service:
    kind = draw(st.sampled_from(["REPLICA", "REPLICA", "REPLICA", "DAEMON"]))
    ceiling = draw(st.sampled_from([100, 125, 150, 200]))
    floor = draw(st.sampled_from([0, 33, 50, 75, 100]))
    breaker = draw(st.sampled_from([None, DeploymentCircuitBreaker(enable=True, rollback=True)]))
    chain = draw(CHAINS)
    even = kind == "REPLICA" and ceiling > 100 and is_spread(chain) and draw(st.booleans())
    return a_service(
        name,
        desired=0 if kind == "DAEMON" else draw(st.integers(0, 5)),
        percents=(floor, ceiling),
        breaker=breaker,
        balanced=draw(st.booleans()),
        scheduling_strategy=kind,
        placement_strategy=chain,
        availability_zone_rebalancing="ENABLED" if even else "DISABLED",
        placement_constraints=draw(CONSTRAINTS),
        created_at=float(born),
    )


@st.composite
def clusters(draw: st.DrawFn) -> ClusterState:
    """Services that are wanted, none of their tasks there yet."""
    count = draw(st.integers(1, 4))
    wanted = [draw(services(f"s{n}", n)) for n in range(count)]
    definitions = []
    for service in wanted:
        size = draw(st.sampled_from([64, 256, 256, 512]))
        ports = draw(st.sampled_from([(), (), (8080,)]))
        definitions += [
            a_task_definition(f"{service.service_name}:{revision}", memory=size, ports=ports) for revision in (1, 2)
        ]
    return a_state(*wanted, instances=draw(fleets()), definitions=definitions)


def live(state: ClusterState, service: Service) -> list[Task]:
    return [t for t in state.tasks if t.group == group_of(service) and not is_gone(t)]


def healthy(state: ClusterState, service: Service) -> int:
    staying = [t for t in live(state, service) if t.desired_status == "RUNNING"]
    return sum(verdict(t, service, state) == "healthy" for t in staying)


def wanted_count(state: ClusterState, service: Service) -> int:
    """What floor and ceiling are per cent of."""
    if service.scheduling_strategy == "REPLICA":
        return service.desired_count
    return len(hosts_of(service, state.task_definitions[service.task_definition], Fleet.of(state)))


def check_room(state: ClusterState) -> None:
    """No instance gave more than it has, and no host port twice."""
    for node in Fleet.of(state):
        assert node.memory >= 0
        assert node.cpu >= 0
    taken = Counter(
        (t.container_instance_arn, mapping.host_port)
        for t in state.tasks
        if not is_gone(t)
        for c in state.task_definitions[t.task_definition_arn].container_definitions
        for mapping in c.port_mappings
    )
    assert all(count == 1 for count in taken.values())


def check_step(state: ClusterState) -> ClusterState:
    """One look, with everything that must hold for what it decided; gives the state with it written down."""
    actions = schedule(state)
    after = apply(state, actions)
    check_room(after)
    by_arn = {t.task_arn: t for t in state.tasks}
    for service in state.services:
        if service.status != "ACTIVE" or service.primary is None:
            continue
        wanted = wanted_count(state, service)
        floor, ceiling = limits(service, wanted)
        starts = [a for a in actions if isinstance(a, StartTask) and a.service_arn == service.service_arn]
        stops = [a for a in actions if isinstance(a, StopTask) and by_arn[a.task_arn].group == group_of(service)]
        running = [t for t in live(after, service) if t.last_status in HOLDING]
        assert not starts or len(running) <= ceiling
        for stop in stops:
            assert by_arn[stop.task_arn].desired_status == "RUNNING"
            assert not is_gone(by_arn[stop.task_arn])
        before, now = healthy(state, service), healthy(after, service)
        assert now >= min(before, floor), "the scheduler itself took it below its floor"
    return after


def begin_all(state: ClusterState) -> ClusterState:
    """A new revision of every service."""
    rolled = tuple(
        deployments.begin(s, f"ecs-svc/{s.service_name}-2", f"{s.service_name}:2", state.now) for s in state.services
    )
    return replace(state, services=rolled, now=state.now + 3600)


@settings(max_examples=examples(300), deadline=None)
@given(clusters(), st.booleans())
def test_an_obedient_world_comes_to_rest_and_what_is_unfinished_says_why(state, roll):
    outcome = simulate(state, looks=LOOKS)
    if roll:
        outcome = simulate(begin_all(outcome.state), looks=LOOKS)
    assert outcome.settled, "it goes on for ever"
    check_room(outcome.state)
    for service in outcome.unfinished:
        reasons = [e.message for e in service.events]
        assert any("was unable to" in reason for reason in reasons), f"{service.service_name} does not say why"
    for service in outcome.state.services:
        if service not in outcome.unfinished:
            assert healthy(outcome.state, service) == len(live(outcome.state, service))
            assert {t.started_by for t in live(outcome.state, service)} <= {service.primary.id}


@settings(max_examples=examples(60), deadline=None)
@given(clusters())
def test_a_dead_configuration_is_the_only_reason_that_needs_no_missing_room(state):
    free = replace(
        state,
        instances=tuple(an_instance(f"i-{n}", memory=10**6, cpu=10**6) for n in range(12)),
        services=tuple(replace(s, placement_constraints=()) for s in state.services),
        task_definitions={arn: a_task_definition(arn) for arn in state.task_definitions},
    )
    first = simulate(free, looks=LOOKS)
    assert not first.unfinished
    second = simulate(begin_all(first.state), looks=LOOKS)
    dead = {s.service_name for s in first.state.services if dead_configuration(s)}
    assert {s.service_name for s in second.unfinished} == dead


class Weather:
    """A world that starts late, stops slowly, fails health checks, kills tasks and drains instances, as data says."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def __call__(self, state: ClusterState) -> ClusterState:
        pick = self._data.draw
        tasks = tuple(self._task(t, state) for t in state.tasks)
        balanced = {group_of(s) for s in state.services if s.load_balancers}
        health = {}
        for task in tasks:
            if task.group in balanced and task.last_status == Status.RUNNING:
                verdict = pick(st.sampled_from(["initial", "healthy", "healthy", "healthy", "unhealthy"]))
                health[task.task_arn] = TargetHealth(state=verdict, target_group_arn=TARGET_GROUP, port=1, reason="x")
        instances = state.instances
        if pick(st.integers(0, 9)) == 0:
            index = pick(st.integers(0, len(instances) - 1))
            turned = "ACTIVE" if instances[index].status == "DRAINING" else "DRAINING"
            instances = (*instances[:index], replace(instances[index], status=turned), *instances[index + 1 :])
        later = state.now + pick(st.sampled_from([0.0, 1.0, 45.0, 600.0]))
        return replace(state, tasks=tasks, target_health=health, instances=instances, now=later)

    def _task(self, task: Task, state: ClusterState) -> Task:
        luck = self._data.draw(st.integers(0, 9))
        if is_gone(task) or luck < 2:
            return task
        if task.desired_status == "STOPPED":
            following = Status.STOPPING if task.last_status != Status.STOPPING else Status.STOPPED
            return replace(task, last_status=following, stopped_at=state.now if following == Status.STOPPED else None)
        if luck == 9:
            code = StopCode.ESSENTIAL_CONTAINER_EXITED
            return replace(
                task, desired_status="STOPPED", last_status=Status.STOPPED, stopped_at=state.now, stop_code=code
            )
        started = state.now if task.started_at is None else task.started_at
        return replace(task, last_status=Status.RUNNING, started_at=started)


@settings(max_examples=examples(100), deadline=None)
@given(clusters(), st.data())
def test_floor_ceiling_and_room_hold_whatever_tasks_and_instances_do(state, data):
    weather = Weather(data)
    for day in range(data.draw(st.integers(1, 12))):
        state = check_step(state)
        if day == 3:
            state = begin_all(state)
        if day == 6:
            state = replace(
                state, services=tuple(replace(s, desired_count=min(s.desired_count, 1)) for s in state.services)
            )
        state = weather(state)
    calm = replace(state, instances=tuple(replace(i, status="ACTIVE") for i in state.instances))
    outcome = simulate(calm, looks=1000)
    assert outcome.settled, "after the storm it never comes to rest"


@settings(max_examples=examples(60), deadline=None)
@given(clusters())
def test_what_is_decided_twice_from_one_snapshot_is_the_same(state):
    assert schedule(state) == schedule(state)


@settings(max_examples=examples(60), deadline=None)
@given(clusters())
def test_actions_that_were_applied_are_not_returned_again(state):
    """Crash after the write, before the effect: the next look starts nothing a second time."""
    once = apply(state, schedule(state))
    assert not [a for a in schedule(once) if isinstance(a, StartTask)]


@settings(max_examples=examples(60), deadline=None)
@given(clusters(), st.data())
def test_deleting_a_service_always_ends(state, data):
    up = simulate(state, looks=LOOKS).state
    name = data.draw(st.sampled_from([s.service_name for s in up.services]))
    gone = replace(
        up, services=tuple(replace(s, status="DRAINING") if s.service_name == name else s for s in up.services)
    )
    outcome = simulate(gone, looks=LOOKS)
    after = next(s for s in outcome.state.services if s.service_name == name)
    assert outcome.settled
    assert after.status == "INACTIVE"
    assert not live(outcome.state, after)


def test_the_obedient_world_leaves_a_settled_state_as_it_is():
    outcome = simulate(a_state(a_service()))
    assert obedient(outcome.state) == outcome.state
