"""Peaks out of CloudWatch's hours, and what is stored for a project, from the local cluster's API."""

import contextlib
import time
from pathlib import Path

import pytest
from tests.serving import served

from culm.cluster.store import metrics
from culm.cluster.store.db import connect
from culm.core.decide.ledger import Need
from culm.core.model.metrics import metric, sample
from culm.operate.snapshot.observed import Graph
from culm.operate.usage import HOUR, Sized, calls_of_previews, peaks, situation, summed_up
from culm.plan.advised import ServicePeaks, StoredLogs
from culm.project.load import load
from culm.target.connection import StaticCredentials, Target

WEB = Sized(name="web", need=Need(cpu=128, memory=200), since=0.0, balanced=True)


def hours(*values: float, first: int = 0) -> Graph:
    return Graph(step=HOUR, values={(first + number) * HOUR: value for number, value in enumerate(values)})


def test_peaks_are_the_highest_hour_of_what_tasks_reserve() -> None:
    graphs = {
        ("web", "memory"): hours(20.0, 45.0, 30.0),
        ("web", "cpu"): hours(50.0, 250.0, 10.0),
        ("web", "requests"): hours(3.0, 4.0),
    }
    known = summed_up([WEB], graphs, {})
    assert known.services == {"web": ServicePeaks(hours=3, memory=90, cpu=320.0, requests=7.0)}
    assert known.hours == 3
    assert known.calls_by_hour == (3.0, 4.0, *[0.0] * 22)


def test_hours_before_the_present_memory_do_not_count_for_it() -> None:
    graphs = {("web", "memory"): hours(90.0, 45.0, 30.0), ("web", "cpu"): hours(900.0, 10.0, 20.0)}
    later = Sized(name="web", need=WEB.need, since=HOUR, balanced=False)
    [web] = summed_up([later], graphs, {}).services.values()
    assert (web.hours, web.memory, web.requests) == (2, 90, None)
    assert web.cpu == pytest.approx(25.6)


def test_a_higher_peak_of_the_bench_counts() -> None:
    known = summed_up([WEB], {("web", "memory"): hours(20.0)}, {"web": 130})
    assert known.services["web"].memory == 130
    assert summed_up([WEB], {}, {"web": None}).services["web"] == ServicePeaks()


def test_calls_of_previews_are_counted_and_none_is_a_count() -> None:
    graphs = {
        ("pr-1--web", "memory"): hours(40.0, 41.0),
        ("pr-2--web", "memory"): hours(40.0),
        ("pr-2--web", "requests"): hours(7.0),
        ("web", "memory"): hours(40.0),
    }
    assert calls_of_previews(graphs) == {
        "pr-1--web": ServicePeaks(hours=2, requests=0.0),
        "pr-2--web": ServicePeaks(hours=1, requests=7.0),
    }


def test_days_share_the_hours_of_the_day() -> None:
    requests = hours(*([0.0] * 12 + [1.0] * 12) * 3)
    known = summed_up([WEB], {("web", "requests"): requests}, {})
    assert known.calls_by_hour == (0.0,) * 12 + (3.0,) * 12


def test_hours_and_stores_are_read_from_the_target(tmp_path: Path) -> None:
    (tmp_path / "culm.yml").write_text("name: shop\nservices: {web: {image: nginx:1, port: 8000}}\n")
    project = load(tmp_path / "culm.yml")
    now = time.time()
    memory = metric("AWS/ECS", "MemoryUtilization", ClusterName="shop", ServiceName="web")
    with contextlib.closing(connect(tmp_path / "state.db")) as db, db:
        metrics.add(db, [(memory, sample(now - hour * HOUR, 40.0, "Percent")) for hour in range(30)])
    with served(tmp_path) as endpoint:
        target = Target(project.targets["local"], endpoint, StaticCredentials(access_key="a", secret_key="b"))
        ecs = target.client("ecs")
        ecs.create_cluster(clusterName="shop")
        container = {"name": "web", "image": "nginx:1", "cpu": 128}
        for size in (128, 256, 256):
            ecs.register_task_definition(family="shop-web", containerDefinitions=[{**container, "memory": size}])
        ecs.create_service(cluster="shop", serviceName="web", taskDefinition="shop-web", desiredCount=1)
        target.client("logs").create_log_group(logGroupName="/culm/shop/old")
        there = situation(target, project, now)
        known = peaks(target, project, there.survey, now)
    assert there.logs == (StoredLogs(name="/culm/shop/old", size=0),)
    assert there.running == {"nginx:1"}
    assert known.hours >= 29
    assert known.services["web"].hours <= 1, "it has its memory since just now"
