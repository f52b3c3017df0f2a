"""What a plan makes of the moves: the usual size, and how each service's part is told."""

from dataclasses import replace

import pytest
from tests.builders import a_service, a_state, a_task_definition
from tests.plan.test_moves import running, wanted
from tests.plan.test_screen import made, of_type

from culm.core.decide.state import ClusterState
from culm.plan import plan
from culm.plan.way_back import Effect


def sized(*sizes: int) -> ClusterState:
    """One service of each of these memories in MiB; nothing runs yet."""
    services = [a_service(f"s{n}") for n in range(len(sizes))]
    return a_state(*services, definitions=[a_task_definition(f"s{n}:1", memory=m) for n, m in enumerate(sizes)])


@pytest.mark.parametrize(
    ("sizes", "memory"),
    [((256, 256, 512), 256), ((256, 512), 512), ((512, 256, 512, 256), 512), ((), 256)],
)
def test_the_usual_size_is_the_most_frequent_and_of_several_the_greatest(sizes: tuple[int, ...], memory: int) -> None:
    assert plan.usual_size(sized(*sizes), []) == (memory, 128)


def test_what_is_asked_for_counts_for_the_usual_size_beside_what_there_is() -> None:
    state = sized(512)
    assert plan.usual_size(state, [wanted(state, "a"), wanted(state, "b")]) == (256, 128)


def test_a_fleet_is_written_as_numbers_of_types_in_the_order_of_their_first() -> None:
    assert plan.written(["t3.small", "t2.micro", "t3.small"]) == "2 x t3.small + 1 x t2.micro"
    assert plan.written([]) == "no instances"


def test_a_service_without_room_is_told_by_what_it_would_do_and_its_neighbours_as_unchanged() -> None:
    state = of_type(running("a"))
    same = plan.Asked(wanted=replace(wanted(state, "a"), definition=state.task_definitions["a:1"]))
    huge = plan.Asked(wanted=wanted(state, "huge", memory=2000))
    told = {part.name: part for part in made(state, huge, same).services}
    assert (told["huge"].how, told["huge"].count, told["huge"].places) == ("new", (0, 1), ())
    assert (told["a"].how, told["a"].count, told["a"].places) == ("unchanged", (1, 1), ("i-1",))
    assert told["a"].percents is None, "it does not roll"
    assert not any(part.lends or part.down for part in told.values()), "nothing moves, so nothing is down"


def test_a_live_service_that_has_grown_out_of_its_instances_would_start_first() -> None:
    state = of_type(running("a"))
    grown = plan.Asked(wanted=wanted(state, "a", memory=2000))
    [told] = made(state, grown).services
    assert (told.how, told.percents, told.places) == ("start-first", (100, 200), ("i-1",))
    assert not told.down


@pytest.mark.parametrize(
    ("good", "effect", "back"),
    [(True, "none", True), (False, "none", False), (True, "contract", False), (False, "contract", False)],
)
def test_a_roll_goes_back_by_itself_to_a_good_revision_that_its_migration_leaves_alone(
    good: bool, effect: Effect, back: bool
) -> None:
    state = of_type(running("a"))
    [told] = made(state, plan.Asked(wanted=wanted(state, "a"), good=good, effect=effect)).services
    assert (told.how, told.goes_back) == ("start-first", back)


def test_a_service_that_is_new_or_unchanged_goes_back_to_nothing() -> None:
    state = of_type(running("a"))
    same = plan.Asked(wanted=replace(wanted(state, "a"), definition=state.task_definitions["a:1"]), good=True)
    told = made(state, same, plan.Asked(wanted=wanted(state, "new"), good=True)).services
    assert {part.name: (part.how, part.goes_back) for part in told} == {
        "a": ("unchanged", False),
        "new": ("new", False),
    }
    assert not plan.Asked(wanted=wanted(state, "a")).good
