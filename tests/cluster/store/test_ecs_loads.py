"""What tasks take from their instances is summed up as they come and go: always the sum over those that are there."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.cluster.store.db import connect, savepoint
from culm.cluster.store.ecs import scheduling, tasks
from culm.core.decide.ledger import Need
from culm.core.model.tasks import Status, StopCode, Task

CLUSTERS = ("a", "b")

starts = st.tuples(
    st.just("start"), st.sampled_from(CLUSTERS), st.sampled_from(["i-1", "i-2", None]), st.sampled_from(["web", "job"])
)
changes = st.tuples(st.just("status"), st.integers(0, 9), st.sampled_from(list(Status)), st.none())
wishes = st.tuples(st.sampled_from(["stop", "delete"]), st.integers(0, 9), st.none(), st.none())
undone = st.tuples(st.just("undo"), st.integers(0, 9), st.sampled_from(list(Status)), st.none())


def counted(db: Any, cluster: str) -> list[tuple[Any, ...]]:
    """Return the sums, from the tasks themselves."""
    rows = db.execute(
        "SELECT container_instance_arn, task_group, sum(counted_cpu), sum(counted_memory), count(*),"
        " sum(desired_status = 'RUNNING'), sum(last_status = 'RUNNING') FROM ecs_task"
        " WHERE cluster = ? AND last_status != 'STOPPED' AND container_instance_arn IS NOT NULL"
        " GROUP BY container_instance_arn, task_group ORDER BY 1, 2",
        (cluster,),
    )
    return [tuple(row) for row in rows]


def play(db: Any, number: int, event: tuple[Any, ...]) -> None:
    kind, which, what, group = event
    arn = f"task/{which}"
    if kind == "start":
        started = Task(
            task_arn=f"task/{number}",
            cluster_arn=f"arn:aws:ecs:us-east-1:1:cluster/{which}",
            task_definition_arn="arn:aws:ecs:us-east-1:1:task-definition/web:1",
            group=group,
            container_instance_arn=what,
            last_status=Status.PENDING,
        )
        tasks.insert(db, started, service_arn=None, need=Need(cpu=number + 1, memory=10 * number))
    elif kind == "status":
        known = tasks.find(db, arn)
        if known is not None and known.last_status != Status.STOPPED:  # nothing comes back from there
            tasks.set_last_status(db, arn, what)
    elif kind == "stop":
        tasks.stop(db, arn, StopCode.USER_INITIATED, "", 1.0)
    elif kind == "delete":
        tasks.delete(db, arn)
    else:
        with pytest.raises(ZeroDivisionError), savepoint(db):
            play(db, number, ("status", which, what, None))
            play(db, number, ("stop", which, None, None))
            raise ZeroDivisionError


@given(st.lists(st.one_of(starts, starts, changes, changes, wishes, undone), max_size=30))
def test_what_is_summed_up_is_what_the_tasks_take(history):
    db = connect(":memory:")
    number = 0
    for event in history:
        play(db, number, event)
        number += event[0] == "start"
        for cluster in CLUSTERS:
            assert [tuple(load) for load in scheduling.loads(db, cluster)] == counted(db, cluster)
    db.close()


def test_tasks_of_before_are_summed_up_when_the_state_is_opened(tmp_path):
    db = connect(tmp_path / "state.db")
    for number, instance in enumerate(["i-1", "i-1", "i-2", None]):
        play(db, number, ("start", "a", instance, "web"))
    play(db, 4, ("status", 0, Status.RUNNING, None))
    play(db, 4, ("status", 2, Status.STOPPED, None))
    expected = counted(db, "a")
    db.execute("DROP TABLE ecs_load")
    for kind in ("new", "stopped", "deleted"):
        db.execute(f"DROP TRIGGER ecs_load_of_{kind}_task")
    db.executescript(
        "DROP TRIGGER ecs_load_of_task; DROP INDEX ecs_task_live; CREATE INDEX ecs_task_load ON ecs_task (cluster);"
        "DELETE FROM migration WHERE name = '0230_ecs_loads.sql'"
    )
    db.close()
    again = connect(tmp_path / "state.db")
    assert [tuple(load) for load in scheduling.loads(again, "a")] == expected != []
    again.close()
