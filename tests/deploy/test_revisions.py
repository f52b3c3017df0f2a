"""Which revision a service goes back to."""

import pytest

from culm.deploy.revisions import last_good

GOOD, FAILED = "SUCCESSFUL", "ROLLBACK_SUCCESSFUL"


def revisions(*numbers: int) -> list[str]:
    return [f"arn:aws:ecs:us-east-1:000000000000:task-definition/bamboo-web:{number}" for number in numbers]


def chosen(there: list[str], live: int, *deploys: tuple[int, str]) -> tuple[int, str] | None:
    """The number and the why, after these deploys, the newest first."""
    earlier = last_good(there, live, {revisions(number)[0]: outcome for number, outcome in deploys})
    return earlier and (int(earlier.arn.rpartition(":")[2]), earlier.why)


@pytest.mark.parametrize(
    ("live", "deploys", "number"),
    [
        (3, [(3, "IN_PROGRESS"), (2, GOOD), (1, GOOD)], 2),
        (4, [(4, "IN_PROGRESS"), (3, FAILED), (2, "STOPPED"), (1, GOOD)], 1),
        (2, [(2, GOOD), (3, FAILED), (1, GOOD)], 1),
        (3, [(3, GOOD), (1, GOOD), (2, GOOD)], 1),
    ],
    ids=["the one before", "what failed or was replaced is passed over", "only older ones", "what was left stays left"],
)
def test_the_last_revision_that_served_well_is_taken(live: int, deploys: list[tuple[int, str]], number: int) -> None:
    found = chosen(revisions(1, 2, 3, 4), live, *deploys)
    assert found is not None
    assert found[0] == number


def test_what_is_passed_over_is_named_with_its_outcome() -> None:
    assert chosen(revisions(1, 2, 3, 4), 4, (4, "IN_PROGRESS"), (3, FAILED), (1, GOOD)) == (
        1,
        "the last before #4 whose deploy ended well (passed over: #2: no deploy that ECS knows of; "
        "#3: failed, gone back)",
    )


def test_where_ecs_has_forgotten_the_deploys_the_newest_that_is_not_known_to_have_failed_is_taken() -> None:
    found = chosen(revisions(1, 2, 3, 4), 4, (4, GOOD), (3, FAILED))
    assert found == (2, "ECS knows of no deploy before #4 that ended well, nor how this one did")


def test_a_revision_that_is_not_there_any_more_is_not_taken() -> None:
    found = chosen(revisions(1, 3), 3, (3, GOOD), (2, GOOD), (1, GOOD))
    assert found is not None
    assert found[0] == 1


def test_where_each_has_failed_there_is_none() -> None:
    assert chosen(revisions(1, 2), 2, (2, "IN_PROGRESS"), (1, FAILED)) is None
