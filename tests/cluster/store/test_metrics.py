from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.cluster.store import metrics
from culm.cluster.store.db import connect
from culm.core.model.metrics import metric, sample

CPU = metric("AWS/ECS", "CPUUtilization", ServiceName="web", ClusterName="bamboo")
DAY = 24 * 3600


@pytest.fixture
def db():
    connection = connect(":memory:")
    yield connection
    connection.close()


def test_what_is_seen_within_a_minute_is_one_point(db):
    metrics.add(db, [(CPU, sample(61.5, 1.0)), (CPU, sample(119.0, 5.0)), (CPU, sample(120.0, 9.0))])
    [first, second] = metrics.find(db, CPU, 0, 1000)
    assert (first.at, first.samples, first.sum, first.minimum, first.maximum) == (60, 2, 6.0, 1.0, 5.0)
    assert second.at == 120


def test_a_day_is_kept_by_the_minute_and_a_month_by_five(db):
    def write(days: range) -> None:
        metrics.add(db, [(CPU, sample(day * DAY + n * 60.0, float(n % 7))) for day in days for n in range(60)])

    write(range(33))
    now = 33.0 * DAY
    metrics.age(db, now)
    points = metrics.find(db, CPU, 0, now)
    assert (points[0].at, len(points)) == (2 * DAY, 60 + 30 * 12)
    assert sum(point.samples for point in points) == 31 * 60
    assert {point.maximum for point in points if point.at < 32 * DAY} <= {4.0, 5.0, 6.0}
    assert metrics.age(db, now) == 0


def test_a_day_is_kept_by_ten_seconds_too(db):
    metrics.add(db, [(CPU, replace(sample(n * 5.0, float(n)), values={float(n): 1.0})) for n in range(24)])
    fine = metrics.find(db, CPU, 0, 1000, fine=True)
    assert [(point.at, point.samples, point.maximum) for point in fine[:2]] == [(0, 2, 1.0), (10, 2, 3.0)]
    assert len(fine) == 12 and fine[0].values == {0.0: 1, 1.0: 1}
    metrics.age(db, DAY + 60.0)
    assert [point.at for point in metrics.find(db, CPU, 0, 1000, fine=True)] == [60, 70, 80, 90, 100, 110]
    metrics.age(db, DAY + 1000.0)
    assert metrics.find(db, CPU, 0, 1000, fine=True) == []
    assert sum(point.samples for point in metrics.find(db, CPU, 0, 1000)) == 24


def test_how_often_which_value_was_is_merged_with_its_points(db):
    for minute, value in ((0, 1.0), (1, 1.0), (2, 3.0)):
        metrics.add(db, [(CPU, replace(sample(minute * 60.0, value), values={value: 1.0}))])
    assert [point.values for point in metrics.find(db, CPU, 0, 180)] == [{1.0: 1}, {1.0: 1}, {3.0: 1}]
    metrics.age(db, 2.0 * DAY)
    [merged] = metrics.find(db, CPU, 0, 180)
    assert (merged.samples, merged.values) == (3, {1.0: 2, 3.0: 1})
    metrics.age(db, 40.0 * DAY)
    assert db.execute("SELECT count(*) FROM metric_value").fetchone()[0] == 0


def test_beyond_the_most_points_the_oldest_go(db, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_POINTS", 10)
    metrics.add(db, [(CPU, sample(minute * 60.0, 1.0)) for minute in range(30)])
    metrics.age(db, 30 * 60.0)
    assert [point.at for point in metrics.find(db, CPU, 0, 1e9)] == [minute * 60 for minute in range(20, 30)]
    assert len(metrics.find(db, CPU, 0, 1e9, fine=True)) == 10


def test_a_metric_that_fell_silent_is_forgotten(db):
    metrics.add(db, [(CPU, sample(0.0, 1.0))])
    metrics.age(db, 32.0 * DAY)
    assert metrics.matching(db, namespace=None, name=None, since=0.0) == []


def test_beyond_the_most_metrics_those_go_that_were_silent_longest(db, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_METRICS", 2)
    for number in range(3):
        metrics.add(db, [(metric("app", f"m{number}"), sample(100.0 - number, 1.0))])
    metrics.age(db, 200.0)
    assert [each.metric_name for each in metrics.matching(db, namespace="app", name=None, since=0.0)] == ["m0", "m1"]


points = st.tuples(
    st.sampled_from([CPU, metric("AWS/ECS", "CPUUtilization", ClusterName="bamboo")]),
    st.builds(
        lambda at, value, unit, values: replace(
            sample(float(at), float(value), unit), values={float(value): 1.0} if values else {}
        ),
        st.integers(0, 200),
        st.integers(-3, 3),
        st.sampled_from(["Percent", "None"]),
        st.booleans(),
    ),
)


@given(st.lists(points, max_size=20))
def test_points_that_come_together_are_kept_as_those_that_come_one_by_one(given_points):
    kept = []
    for batches in ([given_points], [[each] for each in given_points]):
        db = connect(":memory:")
        for batch in batches:
            metrics.add(db, batch)
        ages = db.execute("SELECT name, dimensions, unit, last_at FROM metric ORDER BY 1, 2, 3").fetchall()
        found = [
            sorted(metrics.find(db, about, 0, 1e9, fine=fine), key=repr)
            for about in {about for about, _ in given_points}
            for fine in (False, True)
        ]
        kept.append(([tuple(row) for row in ages], found))
        db.close()
    assert kept[0] == kept[1]
