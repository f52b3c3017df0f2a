"""Peaks out of CloudWatch's hours."""

import pytest

from culm.core.decide.ledger import Need
from culm.operate.snapshot.observed import Graph
from culm.operate.usage import HOUR, Sized, summed_up
from culm.plan.advised import ServicePeaks

WEB = Sized(name="web", need=Need(cpu=128, memory=200), since=0.0, balanced=True)


def hours(*values: float, first: int = 0) -> Graph:
    return Graph(step=HOUR, values={(first + number) * HOUR: value for number, value in enumerate(values)})


def test_peaks_are_the_highest_hour_of_what_tasks_reserve() -> None:
    graphs = {
        ("web", "memory"): hours(20.0, 45.0, 30.0),
        ("web", "cpu"): hours(50.0, 250.0, 10.0),
        ("web", "requests"): hours(3.0, 4.0),
    }
    peaks = summed_up([WEB], graphs, {})
    assert peaks.services == {"web": ServicePeaks(hours=3, memory=90, cpu=320.0, requests=7.0)}
    assert peaks.hours == 3
    assert peaks.calls_by_hour == (3.0, 4.0, *[0.0] * 22)


def test_hours_before_the_present_memory_do_not_count_for_it() -> None:
    graphs = {("web", "memory"): hours(90.0, 45.0, 30.0), ("web", "cpu"): hours(900.0, 10.0, 20.0)}
    later = Sized(name="web", need=WEB.need, since=HOUR, balanced=False)
    [web] = summed_up([later], graphs, {}).services.values()
    assert (web.hours, web.memory, web.requests) == (2, 90, None)
    assert web.cpu == pytest.approx(25.6)


def test_a_higher_peak_of_the_bench_counts() -> None:
    peaks = summed_up([WEB], {("web", "memory"): hours(20.0)}, {"web": 130})
    assert peaks.services["web"].memory == 130
    assert summed_up([WEB], {}, {"web": None}).services["web"] == ServicePeaks()


def test_days_share_the_hours_of_the_day() -> None:
    requests = hours(*([0.0] * 12 + [1.0] * 12) * 3)
    peaks = summed_up([WEB], {("web", "requests"): requests}, {})
    assert peaks.calls_by_hour == (0.0,) * 12 + (3.0,) * 12
