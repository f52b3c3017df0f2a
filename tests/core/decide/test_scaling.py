"""Target tracking: within its bounds, at rest under a steady load, and never faster than its cooldowns."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.scaling import IN_MINUTES, Tracked, desired
from culm.core.model.scaling import CPU, PredefinedMetric, ScalableTarget, TargetTracking

TRACKING = TargetTracking(
    target_value=60,
    predefined_metric_specification=PredefinedMetric(predefined_metric_type=CPU),
    scale_out_cooldown=60,
    scale_in_cooldown=300,
)
TARGET = ScalableTarget(resource_id="service/c/web", min_capacity=1, max_capacity=4, created_at=0.0)
NOW = 10_000.0
percents = st.floats(min_value=0, max_value=1000)


def wanted(*values: float, count: int = 2, target: ScalableTarget = TARGET, **options: bool) -> int:
    return desired(target, [Tracked(tracking=TRACKING, values=values)], count, NOW, **options)


@pytest.mark.parametrize(
    ("values", "count", "result"),
    [
        ((90,), 2, 3),  # 180 of one task's per cents, at 60 each
        ((60,), 2, 2),
        ((600,), 2, 4),  # bounded
        ((30, 20, 30), 4, 2),
        ((55, 55, 55), 4, 4),  # below the target, but not clearly
        ((0, 0, 0), 4, 1),
        ((10, 10), 4, 4),  # not long enough
        ((10, 10, 90), 4, 4),  # more than 4 is not allowed
        ((90,), 0, 0),  # somebody has stopped it
        ((), 2, 2),
    ],
)
def test_the_count_is_what_brings_the_metric_to_its_target(values: tuple[float, ...], count: int, result: int) -> None:
    assert wanted(*values, count=count) == result


def test_nothing_is_taken_away_while_a_deployment_is_under_way() -> None:
    assert wanted(5, 5, 5, deploying=True) == 2
    assert wanted(90, deploying=True) == 3


def test_cooldowns_hold_it_back() -> None:
    assert wanted(90, target=replace(TARGET, scaled_out_at=NOW - 59)) == 2
    assert wanted(90, target=replace(TARGET, scaled_out_at=NOW - 60)) == 3
    assert wanted(5, 5, 5, target=replace(TARGET, scaled_out_at=NOW - 299)) == 2
    assert wanted(5, 5, 5, target=replace(TARGET, scaled_in_at=NOW - 300)) == 1


def test_of_several_policies_one_is_enough_for_more_and_all_are_needed_for_fewer() -> None:
    busy, idle = Tracked(tracking=TRACKING, values=(90, 90, 90)), Tracked(tracking=TRACKING, values=(5, 5, 5))
    assert desired(TARGET, [busy, idle], 2, NOW) == 3
    assert desired(TARGET, [idle, replace(idle, values=(50, 58, 50))], 2, NOW) == 2
    assert desired(TARGET, [], 2, NOW) == 2


def test_scaling_in_can_be_left_out() -> None:
    tracking = replace(TRACKING, disable_scale_in=True)
    assert desired(TARGET, [Tracked(tracking=tracking, values=(5, 5, 5))], 2, NOW) == 2


@given(values=st.lists(percents, max_size=6), count=st.integers(1, 6))
def test_it_never_leaves_its_bounds_and_a_count_outside_of_them_only_comes_nearer(
    values: list[float], count: int
) -> None:
    result = wanted(*values, count=count)
    if TARGET.min_capacity <= count <= TARGET.max_capacity:
        assert TARGET.min_capacity <= result <= TARGET.max_capacity
    else:
        assert TARGET.min_capacity <= result <= count


@given(load=st.floats(min_value=0, max_value=400), count=st.integers(1, 4))
def test_a_steady_load_moves_it_once_and_then_never_again(load: float, count: int) -> None:
    """`load` is what one task alone would use, in per cent."""
    moves = []
    for _ in range(10):
        after = wanted(*[load / count] * IN_MINUTES, count=count)
        if after != count:
            moves.append(after - count)
        count = after
    assert len(moves) <= 1 or all(move > 0 for move in moves) or all(move < 0 for move in moves)
    assert wanted(*[load / count] * IN_MINUTES, count=count) == count
