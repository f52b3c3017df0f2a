import pytest

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


def test_old_points_are_merged_and_the_oldest_go(db):
    """Fifteen days of a sample a minute leave 21,600 points behind; a few hundred of them are enough."""
    metrics.add(db, [(CPU, sample(minute * 60.0, float(minute % 7))) for minute in range(16 * DAY // 60)])
    now = 16.0 * DAY
    metrics.age(db, now)
    points = metrics.find(db, CPU, 0, now)
    assert len(points) <= 3 * 60 + 3 * DAY // 300 + 15 * 24
    assert sum(point.samples for point in points) == 15 * DAY / 60
    assert {point.maximum for point in points if point.at < now - 3 * DAY} == {6.0}
    assert points[0].at == DAY
    assert metrics.age(db, now) == 0


def test_a_metric_that_fell_silent_is_forgotten(db):
    metrics.add(db, [(CPU, sample(0.0, 1.0))])
    metrics.age(db, 16.0 * DAY)
    assert metrics.matching(db, namespace=None, name=None, since=0.0) == []


def test_beyond_the_most_metrics_those_go_that_were_silent_longest(db, monkeypatch):
    monkeypatch.setattr(metrics, "MOST_METRICS", 2)
    for number in range(3):
        metrics.add(db, [(metric("app", f"m{number}"), sample(100.0 - number, 1.0))])
    metrics.age(db, 200.0)
    assert [each.metric_name for each in metrics.matching(db, namespace="app", name=None, since=0.0)] == ["m0", "m1"]
