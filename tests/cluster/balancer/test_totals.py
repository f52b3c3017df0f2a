from itertools import pairwise

from culm.cluster.balancer.haproxy.totals import Totals
from culm.cluster.balancer.interface import RESPONSE_BOUNDS, typical_seconds


def row(requests: int, in_flight: int = 0, group: str = "web") -> dict[str, str]:
    return {
        "pxname": f"group-{group}",
        "svname": "a:1",
        "scur": str(in_flight),
        "stot": str(requests),
        "hrsp_2xx": str(requests),
        "hrsp_5xx": "",
        "econ": "0",
        "rtime": "7",
    }


def test_counts_go_on_when_a_new_worker_begins_at_zero():
    totals = Totals()
    totals.traffic([row(5)], [])
    totals.restarted()
    [traffic] = totals.traffic([row(2)], [])
    assert (traffic.requests, traffic.response_milliseconds) == (7, 7)
    assert traffic.responses == {2: 7, 3: 0, 4: 0, 5: 0}
    totals.restarted()
    totals.restarted()
    assert totals.traffic([row(1)], [])[0].requests == 8


def test_failures_of_a_group_count_what_haproxy_answers_by_itself_and_go_on_in_a_new_worker():
    totals = Totals()
    group = {**row(5), "svname": "BACKEND", "hrsp_5xx": "3"}
    [traffic] = totals.traffic([row(5), group], [])
    assert (traffic.target, totals.failures()) == ("a:1", {"web": 3})
    totals.restarted()
    totals.traffic([row(2), {**group, "hrsp_5xx": "1"}], [])
    assert totals.failures() == {"web": 4}


def test_requests_that_an_earlier_worker_still_answers_are_in_flight():
    [traffic] = Totals().traffic([row(1, in_flight=1)], [row(9, in_flight=2), row(9, in_flight=3)])
    assert traffic.in_flight == 6


def test_backends_that_are_not_groups_are_not_counted():
    handover = {**row(1), "pxname": "handover-8080"}
    assert [each.group for each in Totals().traffic([handover, row(1)], [])] == ["web"]


def test_classes_of_response_times_go_on_over_reloads_too():
    totals = Totals()
    key = ("group-web", "a:1")
    totals.traffic([row(5)], [], {key: (2, 3)})
    totals.restarted()
    [before] = totals.traffic([row(0)], [])
    [after] = totals.traffic([row(2)], [], {key: (0, 1, 1)})
    assert (before.response_times, after.response_times) == ((2, 3), (2, 4, 1))


def test_a_class_of_response_times_is_told_by_the_middle_of_its_bounds():
    assert typical_seconds(0) < RESPONSE_BOUNDS[0] / 1e6
    for number, (lower, upper) in enumerate(pairwise(RESPONSE_BOUNDS), start=1):
        assert lower / 1e6 < typical_seconds(number) < upper / 1e6
    assert typical_seconds(len(RESPONSE_BOUNDS)) > RESPONSE_BOUNDS[-1] / 1e6
