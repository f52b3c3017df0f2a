"""Rolls played to their end, and the six services on two t2.micro that the whole is about."""

from dataclasses import replace

from tests.builders import a_service, a_state, a_task, a_task_definition, an_instance

from culm.core.decide import deployments
from culm.core.decide.ledger import Need, need_of
from culm.core.decide.placement import PlacementRequest, Unplaceable
from culm.core.decide.simulate import obedient, run_task, simulate, text_of
from culm.core.decide.state import ClusterState
from culm.core.model.services import DeploymentCircuitBreaker
from culm.core.model.tasks import Status, StopCode


def roll(state: ClusterState, name: str, **changes) -> ClusterState:
    """The cluster, later, with a new revision of one service wanted."""
    revision = f"{name}:2"
    services = tuple(
        replace(deployments.begin(s, f"ecs-svc/{name}-2", revision, state.now), **changes)
        if s.service_name == name
        else s
        for s in state.services
    )
    known = {**state.task_definitions, revision: a_task_definition(revision)}
    return replace(state, services=services, task_definitions=known, now=state.now + 60)


def running(*names: str, **fields) -> ClusterState:
    """The named services, up and steady on two t2.micro."""
    outcome = simulate(a_state(*(a_service(n, created_at=float(i), **fields) for i, n in enumerate(names))))
    assert outcome.settled
    assert not outcome.unfinished
    return replace(outcome.state, now=outcome.state.now + 60)


def test_four_services_sit_two_and_two():
    outcome = simulate(a_state(*(a_service(n, created_at=float(i)) for i, n in enumerate("abcd"))))
    assert text_of(outcome) == (
        "start a:1 on i-1, 739 MiB left\n"
        "start b:1 on i-2, 739 MiB left\n"
        "start c:1 on i-1, 483 MiB left\n"
        "start d:1 on i-2, 483 MiB left"
    )


def test_with_six_services_a_start_first_roll_finds_no_room_and_changes_nothing():
    outcome = simulate(roll(running(*"abcdef"), "a"))
    assert (outcome.settled, text_of(outcome)) == (True, "")
    assert [s.service_name for s in outcome.unfinished] == ["a"]
    ((service, told),) = outcome.messages
    assert service == "a"
    assert "has insufficient memory available" in told


def test_with_six_services_a_stop_first_roll_goes_through():
    outcome = simulate(roll(running(*"abcdef", percents=(0, 100)), "a"))
    assert text_of(outcome) == (
        "stop a:1 on i-1, 227 MiB left\ngone a:1 on i-1, 483 MiB left\nstart a:2 on i-1, 227 MiB left"
    )
    assert not outcome.unfinished
    assert [told for _, told in outcome.messages] == [
        "(service a) (deployment ecs-svc/a-2) deployment completed.",
        "(service a) has reached a steady state.",
    ]


def test_with_five_services_a_start_first_roll_goes_through():
    outcome = simulate(roll(running(*"abcde"), "a"))
    assert text_of(outcome) == (
        "start a:2 on i-2, 227 MiB left\nstop a:1 on i-1, 227 MiB left\ngone a:1 on i-1, 483 MiB left"
    )


def test_the_picture_after_each_move_has_every_instance():
    outcome = simulate(roll(running(*"abcde"), "a"))
    assert [(move.verb, free) for move, free in outcome.pictures()] == [
        ("start", {"i-1": 227, "i-2": 227}),
        ("stop", {"i-1": 227, "i-2": 227}),
        ("gone", {"i-1": 483, "i-2": 227}),
    ]


def test_with_six_services_a_migration_finds_no_room():
    state = running(*"abcdef")
    migrate = a_task_definition("a-migrate:1")
    request = PlacementRequest(need=need_of(migrate), group="family:a-migrate")
    task = a_task("m", task_definition_arn="a-migrate:1", last_status=Status.PENDING, started_at=None)
    refused = run_task(state, task, request)
    assert refused == Unplaceable(reasons={"i-1": "RESOURCE:MEMORY", "i-2": "RESOURCE:MEMORY"})


def test_a_migration_takes_the_slot_that_its_service_lends():
    state = running(*"abcdef")
    lending = tuple(replace(s, desired_count=0) if s.service_name == "a" else s for s in state.services)
    lent = simulate(replace(state, services=lending))
    task = a_task("m", task_definition_arn="a-migrate:1", group="family:a-migrate")
    placed = run_task(lent.state, task, PlacementRequest(need=Need(cpu=128, memory=256), group="family:a-migrate"))
    assert isinstance(placed, ClusterState)
    assert next(t for t in placed.tasks if t.task_arn == "m").container_instance_arn == "i-1"


def test_a_seventh_service_finds_no_room():
    state = running(*"abcdef")
    seventh = a_service("g", created_at=99.0)
    known = {**state.task_definitions, "g:1": a_task_definition("g:1")}
    more = replace(state, services=(*state.services, seventh), task_definitions=known)
    outcome = simulate(more)
    assert outcome.settled
    assert [s.service_name for s in outcome.unfinished] == ["g"]


def test_services_without_checks_are_waited_for_as_long_as_they_need():
    outcome = simulate(a_state(a_service(), now=1000.0))
    assert outcome.state.now == 1040.0


def test_a_simulated_target_is_healthy_at_once():
    outcome = simulate(a_state(a_service(balanced=True), now=1000.0))
    assert (outcome.settled, outcome.unfinished) == (True, ())


def crashing(revision: str):
    """A world in which one revision ends as soon as it starts."""

    def world(state: ClusterState) -> ClusterState:
        after = obedient(state)
        tasks = tuple(
            replace(t, last_status=Status.STOPPED, stopped_at=state.now, stop_code=StopCode.ESSENTIAL_CONTAINER_EXITED)
            if t.task_definition_arn == revision and t.last_status == Status.RUNNING
            else t
            for t in after.tasks
        )
        return replace(after, tasks=tasks)

    return world


def test_a_revision_that_crashes_is_rolled_back_and_the_old_tasks_never_stopped():
    breaker = DeploymentCircuitBreaker(enable=True, rollback=True)
    outcome = simulate(roll(running("a", breaker=breaker), "a"), world=crashing("a:2"))
    assert outcome.settled
    assert not outcome.unfinished
    assert outcome.state.services[0].task_definition == "a:1"
    assert [m.verb for m in outcome.moves] == ["start", "gone"] * 3
    assert [told.partition(") ")[2] for _, told in outcome.messages] == [
        "(deployment ecs-svc/a-2) deployment failed: tasks failed to start.",
        "rolling back to deployment ecs-svc/a.",
        "(deployment ecs-svc/a) deployment completed.",
        "has reached a steady state.",
    ]


def test_a_revision_that_crashes_for_ever_is_given_up_after_so_many_looks():
    outcome = simulate(roll(running("a"), "a"), world=crashing("a:2"), looks=40)
    assert not outcome.settled
    assert any("unable to consistently start tasks" in told for _, told in outcome.messages)


def test_a_deleted_service_ends_inactive_and_counts_as_finished():
    state = running("a", "b")
    gone = replace(state, services=tuple(replace(s, status="DRAINING") for s in state.services))
    outcome = simulate(gone)
    assert {s.status for s in outcome.state.services} == {"INACTIVE"}
    assert not outcome.unfinished
    assert outcome.free_before == {"i-1": 739, "i-2": 739}


def test_records_are_forgotten_an_hour_after_the_stop_and_new_tasks_get_new_names():
    state = running("a", "b")
    name = f"{state.tasks[0].task_arn}-old"
    old = replace(state.tasks[0], task_arn=name, last_status=Status.STOPPED, stopped_at=state.now - 3600)
    outcome = simulate(roll(replace(state, tasks=(old, *state.tasks)), "a"))
    assert old.task_arn not in {t.task_arn for t in outcome.state.tasks}
    assert not outcome.unfinished


def test_a_fleet_that_grows_is_used_at_the_next_look():
    refused = simulate(roll(running(*"abcdef"), "a"))
    grown = replace(refused.state, instances=(*refused.state.instances, an_instance("i-3")))
    outcome = simulate(grown)
    assert text_of(outcome).splitlines()[0] == "start a:2 on i-3, 739 MiB left"
    assert not outcome.unfinished
