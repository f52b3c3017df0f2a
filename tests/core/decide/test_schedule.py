from dataclasses import replace

import pytest
from tests.builders import NOW, a_failed_task, a_service, a_starting_task, a_state, a_task

from culm.core.decide.records import forgettable
from culm.core.decide.schedule import next_look
from culm.core.model.tasks import Status


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"started_at": NOW - 10}, NOW + 30),  # 40 s RUNNING
        ({"started_at": NOW - 50}, None),
        ({"protected_until": NOW + 5}, NOW + 5),
        ({"protected_until": NOW + 5, "desired_status": "STOPPED"}, None),
        ({"protected_until": NOW + 5, "last_status": Status.STOPPED}, None),
    ],
)
def test_time_alone_changes_something_next_at(fields, expected):
    web = a_service()
    assert next_look(a_state(web, tasks=[a_task(of=web, **fields)])) == expected


def test_the_end_of_a_grace_period_is_looked_at():
    web = a_service(health_check_grace_period_seconds=90)
    assert next_look(a_state(web, tasks=[a_task(of=web, started_at=NOW - 50)])) == NOW + 40


def test_the_end_of_a_back_off_is_looked_at():
    web = a_service()
    failed = [a_failed_task(f"f{n}", of=web) for n in range(5)]
    assert next_look(a_state(web, tasks=failed)) == NOW + 8


def test_a_task_that_starts_is_waited_for_by_event():
    web = a_service()
    assert next_look(a_state(web, tasks=[a_starting_task(of=web)])) is None
    assert next_look(a_state(replace(web, deployments=()), tasks=[])) is None


def gone(name, service, age, **fields):
    return replace(a_failed_task(name, of=service, at=NOW - age), **fields)


def test_the_record_of_a_stopped_task_is_kept_for_an_hour():
    web = a_service()
    old, young = gone("old", web, 3600, started_by=None), gone("young", web, 3599, started_by=None)
    running = a_task("running", of=web)
    assert [f.task_arn for f in forgettable(a_state(web, tasks=[old, young, running]))] == ["old"]


def test_the_failures_that_the_breaker_may_still_count_are_kept():
    web = a_service()
    failures = [gone(f"f{n:03}", web, 10_000 - n) for n in range(205)]
    served = gone("served", web, 20_000, healthy_at=1.0, stop_code=None)
    assert [f.task_arn for f in forgettable(a_state(web, tasks=[*failures, served]))] == [
        "f000", "f001", "f002", "f003", "f004", "served",
    ]  # fmt: skip


def test_once_a_deployment_is_complete_only_its_newest_failures_in_a_row_are_kept():
    web = a_service()
    done = replace(web, deployments=(replace(web.deployments[0], rollout_state="COMPLETED"),))
    before, after = gone("before", web, 8000), gone("after", web, 4000)
    healthy = a_task("healthy", of=web, healthy_at=NOW - 6000)
    assert [f.task_arn for f in forgettable(a_state(done, tasks=[before, after, healthy]))] == ["before"]
