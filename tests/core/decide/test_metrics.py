import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.core.decide.metrics import gather, is_statistic, statistic
from culm.core.model.metrics import Point, sample


def test_points_are_gathered_into_periods_that_begin_at_multiples_of_their_length():
    points = [sample(60, 1.0), sample(240, 5.0), sample(300, 2.0)]
    assert gather(points, 300) == [
        Point(at=0.0, samples=2, sum=6.0, minimum=1.0, maximum=5.0),
        Point(at=300.0, samples=1, sum=2.0, minimum=2.0, maximum=2.0),
    ]


def test_only_the_unit_that_is_asked_for_counts():
    points = [sample(0, 1.0, "Bytes"), sample(0, 2.0, "Count")]
    assert [point.sum for point in gather(points, 60, "Count")] == [2.0]
    assert [point.sum for point in gather(points, 60)] == [3.0]


@given(st.lists(st.tuples(st.integers(0, 10**6), st.floats(-1e6, 1e6)), min_size=1))
def test_gathering_in_two_steps_is_gathering_in_one(values):
    """Points are stored coarser as they age: a longer period must not tell the difference."""
    points = [sample(at, value) for at, value in values]
    once, twice = gather(points, 3600), gather(gather(points, 60), 3600)
    assert [(p.at, p.samples, p.minimum, p.maximum) for p in once] == [
        (p.at, p.samples, p.minimum, p.maximum) for p in twice
    ]
    assert [p.sum for p in twice] == pytest.approx([p.sum for p in once])


@pytest.mark.parametrize(
    ("name", "value"),
    [("SampleCount", 4.0), ("Sum", 10.0), ("Average", 2.5), ("Minimum", 1.0), ("Maximum", 4.0), ("p99", None)],
)
def test_statistics_of_a_point(name, value):
    assert statistic(Point(at=0, samples=4, sum=10, minimum=1, maximum=4), name) == value


def test_a_percentile_is_told_where_all_values_are_the_same():
    assert statistic(Point(at=0, samples=3, sum=6, minimum=2, maximum=2), "p50") == 2
    assert statistic(sample(0, 7.0), "p99.9") == 7


def test_a_point_without_samples_has_no_average():
    assert statistic(Point(at=0, samples=0, sum=0, minimum=0, maximum=0), "Average") is None


@pytest.mark.parametrize(("name", "known"), [("Sum", True), ("p99.9", True), ("p101", False), ("tm90", False)])
def test_which_statistics_there_are(name, known):
    assert is_statistic(name) is known
