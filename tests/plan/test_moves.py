"""Waves, lending and what does not fit: the six services on two t2.micro, and their neighbours."""

from dataclasses import replace
from typing import Any

import pytest
from tests.builders import a_service, a_state, a_task_definition, an_instance

from culm.cli.price_lists import load
from culm.core.decide.simulate import simulate
from culm.core.decide.state import ClusterState
from culm.plan.bill import Assumptions
from culm.plan.moves import has_room, plan_moves, settled
from culm.plan.remedies import Costs, Remedy, remedies
from culm.plan.waves import Moves, Wanted
from culm.project.project import Scaling
from culm.project.sizes import Roll
from culm.project.values import Range, Scale


def running(*names: str, memory: int = 256) -> ClusterState:
    services = [a_service(n, created_at=float(i)) for i, n in enumerate(names)]
    definitions = [a_task_definition(f"{n}:1", memory=memory) for n in names]
    outcome = simulate(a_state(*services, definitions=definitions))
    assert not outcome.unfinished
    return replace(outcome.state, now=outcome.state.now + 60)


def wanted(
    state: ClusterState, name: str, *, memory: int = 256, migrates: bool = False, roll: Roll = "auto", desired: int = 1
) -> Wanted:
    found = next((s for s in state.services if s.service_name == name), a_service(name))
    return Wanted(
        service=replace(found, desired_count=desired),
        definition=a_task_definition(f"{name}:2", memory=memory),
        migration=a_task_definition(f"{name}-migrate:2", memory=memory) if migrates else None,
        roll=roll,
    )


def told(moves: Moves) -> list[str]:
    """`a, b` for a wave; `!` where a service stops first, `~` where it is down while its migration runs."""
    marks = {"stop-first": "!", "start-first": "", "new": "+", "settings": "=", "unchanged": "?"}
    return [", ".join(p.name + ("~" if p.lends else marks[p.how]) for p in wave.parts) for wave in moves.waves]


def test_four_services_roll_side_by_side() -> None:
    state = running(*"abc")
    assert told(plan_moves(state, [wanted(state, n) for n in "abc"])) == ["a, b, c"]


def test_with_one_slot_free_they_take_turns() -> None:
    state = running(*"abcde")
    moves = plan_moves(state, [wanted(state, n, migrates=True) for n in "abcde"])
    assert (told(moves), moves.obstacles) == (["a", "b", "c", "d", "e"], ())


def test_with_six_services_each_lends_its_slot_to_its_migration() -> None:
    state = running(*"abcdef")
    moves = plan_moves(state, [wanted(state, n, migrates=True) for n in "abcdef"])
    assert (told(moves), moves.obstacles) == (["a~", "b~", "c~", "d~", "e~", "f~"], ())
    verbs = [(s.move.verb, s.move.group) for s in moves.waves[0].moments]
    assert verbs == [
        ("stop", "service:a"),
        ("gone", "service:a"),
        ("start", "family:a-migrate"),
        ("gone", "family:a-migrate"),
        ("start", "service:a"),
    ]
    assert all(min(step.free.values()) >= 227 for wave in moves.waves for step in wave.moments)


def test_without_a_migration_there_is_nothing_to_lend_for() -> None:
    state = running(*"abcdef")
    assert told(plan_moves(state, [wanted(state, "a")])) == ["a!"]


def test_a_new_service_does_not_take_the_room_that_a_roll_needs() -> None:
    state = running(*"abcde")
    assert told(plan_moves(state, [wanted(state, "new"), wanted(state, "a")])) == ["a", "new+"]


def test_a_service_comes_after_those_it_names() -> None:
    state = running("a")
    first = replace(wanted(state, "a"), after=("b",))
    assert told(plan_moves(state, [first, wanted(state, "b")])) == ["b+", "a"]


def test_what_is_as_it_should_be_does_not_move() -> None:
    state = running("a", "b")
    same = replace(wanted(state, "a"), definition=state.task_definitions["a:1"])
    assert told(plan_moves(state, [same, replace(same, service=replace(same.service, desired_count=2))])) == ["a="]
    assert told(plan_moves(state, [replace(same, again=True)])) == ["a"]


@pytest.mark.parametrize("roll", ["start-first", (100, 200)])
def test_who_insists_on_staying_up_neither_stops_nor_lends(roll: Roll) -> None:
    state = running(*"abcdef")
    moves = plan_moves(state, [wanted(state, "a", roll=roll), wanted(state, "b", roll=roll, migrates=True)])
    assert [(o.name, o.step) for o in moves.obstacles] == [("a", "roll"), ("b", "migration")]
    assert set(moves.obstacles[0].reasons.values()) == {"RESOURCE:MEMORY"}
    assert moves.state == state


@pytest.mark.parametrize(("percents", "desired"), [((75, 100), 2), ((100, 125), 3)])
def test_percentages_that_leave_no_task_to_move_are_found(percents: tuple[int, int], desired: int) -> None:
    state = running("a")
    moves = plan_moves(state, [wanted(state, "a", roll=percents, desired=desired)])
    [obstacle] = moves.obstacles
    assert obstacle.step == "configuration"
    assert "no task may be stopped and none started" in obstacle.message


def ways_out(state: ClusterState, *wishes: Wanted, peaks: dict[str, int] | None = None) -> tuple[Remedy, ...]:
    moves = plan_moves(state, wishes)
    assert moves.obstacles
    fleet = ["t2.micro"] * 2
    return remedies(
        state, wishes, moves, Costs(fleet=fleet, prices=load("us-east-1"), assumed=Assumptions()), peaks or {}
    )


def test_a_seventh_service_is_cured_cheapest_first() -> None:
    state = running(*"abcdef")
    found = ways_out(state, wanted(state, "g", migrates=True))
    assert [(r.write, round(r.dollars, 2)) for r in found] == [
        ("instances: 1 x t3a.small", -9.26),
        ("g: {memory: 227}", 0.0),
        ("a: {count: 0}", 0.0),
        ("instances: 2 x t2.micro + 1 x t3a.nano", 9.48),
    ]


def test_a_start_first_roll_without_room_may_stop_first_or_lend() -> None:
    state = running(*"abcdef")
    found = ways_out(state, wanted(state, "a", roll="start-first", migrates=True))
    assert any("stop while its migration runs" in r.what and r.write == "a: {roll: auto}" for r in found)
    found = ways_out(state, wanted(state, "a", roll="start-first"))
    assert any("stop the old task before" in r.what and r.dollars == 0 for r in found)


def test_measured_peaks_tell_how_much_memory_is_enough() -> None:
    state = running(*"abcdef")
    found = ways_out(state, wanted(state, "g"), peaks={"g": 100})
    assert "g: {memory: 128}" in [r.write for r in found]
    found = ways_out(state, wanted(state, "g"), peaks={"g": 250})
    assert not any("memory" in r.write for r in found)


def test_dead_percentages_are_cured_by_the_nearest_that_move_a_task_or_by_another_roll() -> None:
    state = running("a")
    assert [r.write for r in ways_out(state, wanted(state, "a", roll=(75, 100), desired=2))] == [
        "a: {roll: 75/150}",
        "a: {roll: 50/100}",
        "a: {roll: auto}",
    ]
    assert [r.write for r in ways_out(state, wanted(state, "a", roll=(100, 125), desired=3))] == [
        "a: {roll: 100/134}",
        "a: {roll: 66/125}",
        "a: {roll: auto}",
    ]
    full = running(*"abcdef")
    assert [r.write for r in ways_out(full, wanted(full, "a", roll=(100, 100)))] == [
        "a: {roll: 0/100}",
        "a: {roll: auto}",
    ]


def test_the_least_memory_that_is_proposed_is_more_than_what_a_bench_of_nothing_shows() -> None:
    state = running(*"abcdef")
    assert "g: {memory: 32}" in [r.write for r in ways_out(state, wanted(state, "g"), peaks={"g": 5})]


def test_a_task_larger_than_any_instance_needs_another_fleet() -> None:
    state = running("a")
    found = ways_out(state, wanted(state, "huge", memory=3000))
    assert all(r.write.startswith("instances: ") for r in found)
    assert any("medium" in r.write for r in found)


def test_an_instance_that_drains_takes_nothing() -> None:
    state = running("a")
    drained = replace(state, instances=(an_instance("i-1"), replace(an_instance("i-2"), status="DRAINING")))
    moves = plan_moves(drained, [wanted(drained, "b")])
    assert {s.move.container_instance_arn for w in moves.waves for s in w.moments if s.move.verb == "start"} == {"i-1"}


def scaled(one: Wanted, most: int, least: int = 1) -> Wanted:
    return replace(one, scaling=Scaling(bounds=Range(least=least, most=most), by=Scale(metric="cpu", value=60)))


def unchanged(state: ClusterState, name: str, **how: Any) -> Wanted:
    return replace(wanted(state, name, **how), definition=state.task_definitions[f"{name}:1"])


def test_a_deploy_at_the_maximum_is_played_for_services_too_that_this_deploy_starts_or_rolls() -> None:
    state = running("a")
    for name in ("new", "a"):
        others = 1 if name == "new" else 0
        room, full = 5 - others, 6 - others
        assert plan_moves(state, [scaled(wanted(state, name), room)]).at_most == {name: "start-first"}
        assert plan_moves(state, [scaled(wanted(state, name), full)]).at_most == {name: "stop-first"}


def test_the_maximum_of_services_that_are_scaled_needs_room_beside_everything_else() -> None:
    state = running(*"ab")
    moves = plan_moves(state, [scaled(unchanged(state, "a"), 4)])
    assert (told(moves), moves.obstacles, moves.at_most) == ([], (), {"a": "start-first"})
    moves = plan_moves(state, [scaled(unchanged(state, "a"), 5)])
    assert (moves.obstacles, moves.at_most) == ((), {"a": "stop-first"})
    moves = plan_moves(state, [scaled(unchanged(state, "a"), 6)])
    assert [(o.name, o.step, o.need.memory) for o in moves.obstacles] == [("a", "maximum", 256)]


def test_services_that_are_scaled_need_room_for_their_maxima_at_once() -> None:
    state = running(*"ab")
    assert plan_moves(state, [scaled(unchanged(state, n), 3) for n in "ab"]).obstacles == ()
    [obstacle] = plan_moves(state, [scaled(unchanged(state, "a"), 4), scaled(unchanged(state, "b"), 3)]).obstacles
    assert obstacle.step == "maximum"


def test_a_roll_that_has_no_room_at_the_maximum_is_an_obstacle() -> None:
    state = running(*"ab")
    one = scaled(unchanged(state, "a", roll="start-first"), 5)
    assert [(o.name, o.step) for o in plan_moves(state, [one]).obstacles] == [("a", "maximum")]
    assert "a: {roll: auto}" in [r.write for r in ways_out(state, one)]


def test_a_maximum_without_room_is_cured_cheapest_first() -> None:
    state = running(*"ab")
    found = ways_out(state, scaled(unchanged(state, "a"), 8))
    assert ("a: {count: 1-5}", 0.0) in [(r.write, r.dollars) for r in found]
    assert any(r.write.startswith("instances: ") for r in found)
    assert list(found) == sorted(found, key=lambda remedy: round(remedy.dollars, 2))
    full = running(*"abcdef")
    assert "a: {count: 1} without scale" in [r.write for r in ways_out(full, scaled(unchanged(full, "a"), 2))]


def test_more_tasks_of_a_service_than_fit_are_an_obstacle() -> None:
    state = running(*"abc")
    one = replace(wanted(state, "a", desired=9), definition=state.task_definitions["a:1"])
    moves = plan_moves(state, [one])
    assert (told(moves), [(o.name, o.step) for o in moves.obstacles]) == ([], [("a", "roll")])
    few = replace(wanted(state, "a", desired=3), definition=state.task_definitions["a:1"])
    assert told(plan_moves(state, [few])) == ["a="]


def test_a_new_service_waits_for_a_live_one_that_stops_first() -> None:
    state = running(*"ab")
    moves = plan_moves(state, [wanted(state, "a", roll="stop-first"), wanted(state, "new")])
    assert told(moves) == ["a!", "new+"]


def test_a_migration_that_is_under_way_has_ended_when_the_cluster_is_settled_and_another_task_has_not() -> None:
    state = running("a")
    one_time = [replace(state.tasks[0], task_arn=f"arn:task/{family}", group=f"family:{family}") for family in "mn"]
    after = settled(replace(state, tasks=(*state.tasks, *one_time)), ["m"])
    assert sorted(task.group for task in after.tasks) == ["family:n", "service:a"]


def test_one_instance_more_may_be_larger_than_those_that_are_there() -> None:
    state = running("a")
    assert [r.write for r in ways_out(state, wanted(state, "huge", memory=3000))] == [
        "instances: 1 x t3a.medium",
        "instances: 2 x t2.micro + 1 x t3a.medium",
    ]


def test_a_migration_has_room_beside_what_runs_or_has_none() -> None:
    free, full = running("a"), running(*"abcdef")
    assert has_room(free, wanted(free, "a", migrates=True))
    assert not has_room(full, wanted(full, "a", migrates=True))


def test_the_smallest_service_whose_room_is_enough_is_the_one_to_park() -> None:
    state = running(*"abcde")
    small = a_service("small", created_at=9.0)
    definition = a_task_definition("small:1", memory=200)
    state = replace(
        state,
        services=(*state.services, replace(small, task_definition="small:1")),
        task_definitions={**state.task_definitions, "small:1": definition},
    )
    state = simulate(replace(state, now=state.now + 60)).state

    parked = [r.write for r in ways_out(state, wanted(state, "g", memory=400)) if "count" in r.write]
    assert parked == ["small: {count: 0}"]


def test_only_services_that_find_no_room_have_their_maximum_lowered() -> None:
    state = running(*"ab")
    found = plan_moves(state, [scaled(unchanged(state, "a"), 9), scaled(unchanged(state, "b"), 2)])
    assert {obstacle.name for obstacle in found.obstacles} >= {"a"}
    lowered = [r.write for r in ways_out(state, scaled(unchanged(state, "a"), 8), unchanged(state, "b"))]
    assert any(write.startswith("a: {count: 1-") for write in lowered)
    assert not any("b: {count: 1-" in write for write in lowered)
