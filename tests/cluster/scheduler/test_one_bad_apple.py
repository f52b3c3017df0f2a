"""One item that cannot be looked after costs that item alone: a poisoned one is put into every control loop."""

import logging
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cluster.scheduler.conftest import InlineStore

from culm.cluster.database.servers import Databases
from culm.cluster.instance.fleet import Fleet
from culm.cluster.loop import Isolated, Reported
from culm.cluster.scheduler import alarms as alarm_loop
from culm.cluster.services.ecr import lifecycle_policies
from culm.cluster.store.db import connect, savepoint, transact

POISONS = {
    "its service": "UPDATE ecs_service SET body = '{' WHERE name = ?",
    "its deployment": "UPDATE ecs_deployment SET body = '{' WHERE service_arn LIKE '%/' || ?",
    "its task definition": "UPDATE ecs_task_definition SET body = '{' WHERE family = ?",
}


@pytest.mark.parametrize("what", POISONS)
async def test_a_service_that_cannot_be_scheduled_says_so_and_the_others_go_on(world, what):
    names = ["first", "second", "third"]
    for name in names:
        world.register(family=name)
        world.ecs.create_service(serviceName=name, taskDefinition=name, desiredCount=0)
    await world.settle()
    assert world.cloud.db.execute(POISONS[what], ("second",)).rowcount
    world.cloud.db.execute("UPDATE ecs_service SET desired_count = 1, look_at = 0")
    await world.settle()
    running = world.cloud.db.execute("SELECT service_arn FROM ecs_task WHERE last_status = 'RUNNING'").fetchall()
    assert sorted(row[0].rpartition("/")[2] for row in running) == ["first", "third"]
    [event] = world.cloud.db.execute("SELECT message FROM ecs_event WHERE message LIKE '%unable to be scheduled%'")
    assert event[0].startswith("(service second) was unable to be scheduled: ")


async def test_a_task_that_cannot_be_ordered_holds_back_no_other(world):
    for name in "good", "bad":
        world.register(family=name)
    for name in "bad", "good":
        world.ecs.run_task(taskDefinition=name)
    world.cloud.db.execute(POISONS["its task definition"], ("bad",))
    await world.settle()
    states = dict(world.cloud.db.execute("SELECT task_group, last_status FROM ecs_task").fetchall())
    assert states["family:good"] == "RUNNING"


def test_an_alarm_that_cannot_be_evaluated_holds_back_no_other(cloud):
    cloudwatch = cloud.client("cloudwatch")
    for name in "a", "b", "c":
        cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="N", MetricName="m", Period=60, EvaluationPeriods=1, Threshold=1, Statistic="Sum",
            ComparisonOperator="GreaterThanThreshold", TreatMissingData="breaching",
        )  # fmt: skip
    cloud.db.execute("UPDATE cloudwatch_alarm SET body = '{' WHERE name = 'a'")
    transact(cloud.db, lambda db: alarm_loop.look(db, cloud.clock(), Isolated("alarm")))
    states = dict(cloud.db.execute("SELECT name, state FROM cloudwatch_alarm").fetchall())
    assert (states["b"], states["c"]) == ("ALARM", "ALARM")


def test_a_lifecycle_policy_that_cannot_be_read_holds_back_no_other(cloud):
    ecr = cloud.client("ecr")
    for name in "aa", "bb":
        ecr.create_repository(repositoryName=name)
        ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText='{"rules": []}' + " " * 100)
    cloud.db.execute(
        "UPDATE ecr_repository SET body = json_set(body, '$.lifecycle_policy_text', '{') WHERE name = 'aa'"
    )
    assert transact(cloud.db, lambda db: lifecycle_policies.apply(db, 0.0)) == 0


async def test_a_database_whose_folder_cannot_be_made_is_told_and_the_next_is_looked_after(cloud, tmp_path):
    rds = cloud.client("rds")
    for name in "a", "b":
        rds.create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=5,
            MasterUsername="u", MasterUserPassword="secret-secret",
        )  # fmt: skip
    (tmp_path / "file").write_text("")
    cloud.db.execute("UPDATE db_instance SET body = '{' WHERE identifier = 'a'")

    databases = Databases(InlineStore(cloud.db), tmp_path / "file", ["127.0.0.1"], network="127.0.0.0/8")
    await databases.step()
    [(status, why)] = cloud.db.execute("SELECT status, status_reason FROM db_instance WHERE identifier = 'b'")
    assert (status, "Not a directory" in why) == ("failed", True)


async def test_a_database_whose_row_cannot_be_read_keeps_no_other_from_being_stopped(cloud, tmp_path, monkeypatch):
    rds = cloud.client("rds")
    for name in "a", "b":
        rds.create_db_instance(
            DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=5,
            MasterUsername="u", MasterUserPassword="secret-secret",
        )  # fmt: skip
    cloud.db.execute("UPDATE db_instance SET body = '{' WHERE identifier = 'a'")
    stopped = []

    class Watched(Databases):
        def server(self, row):
            stopped.append(row.identifier)
            return super().server(row)

    await Watched(InlineStore(cloud.db), tmp_path, ["127.0.0.1"], network="127.0.0.0/8").stop()
    assert stopped == ["b"]


async def test_a_cluster_whose_machines_cannot_be_decided_holds_back_no_other(world):
    for name in "a", "b":
        world.ecs.create_cluster(clusterName=name)
    fleet = Fleet(
        world.store, default="1 x t2.micro", region="us-east-1", account="0" * 12,
        address=lambda used: f"127.0.0.{len(used) + 2}",
        agent_for=lambda machine: pytest.fail("no agent is started here"),
        new_id=world.cloud.new_id,
    )  # fmt: skip
    world.cloud.db.execute("INSERT INTO machine SELECT 'i-0', 'a', 'x9.none', '127.0.0.9', 'us-east-1a', NULL WHERE 1")
    there = transact(world.cloud.db, fleet._decide)
    assert [machine.cluster for machine in there if machine.cluster != "default"][-1] == "b"


@given(bad=st.sets(st.integers(0, 9)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_items_that_fail_leave_no_trace_and_all_others_are_kept(bad):
    isolated = Isolated("number")

    def work(db):
        for n in range(10):
            with isolated.item(str(n)), savepoint(db):
                db.execute("INSERT INTO done VALUES (?)", (n,))
                if n in bad:
                    raise ValueError(n)

    with closing(connect(":memory:")) as db:
        db.execute("CREATE TABLE done (n INTEGER)")
        transact(db, work)
        assert {row[0] for row in db.execute("SELECT n FROM done")} == set(range(10)) - bad
    assert isolated.failing.keys() == {str(n) for n in bad}


def test_a_failure_is_logged_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    isolated = Isolated("service")
    for fails in True, True, True, False, False:
        with isolated.item("web"):
            if fails:
                raise ValueError("no such thing")
    assert [record.message for record in caplog.records] == [
        "service web cannot be looked after; the others are",
        "service web is looked after again",
    ]


async def test_a_step_that_fails_for_ever_is_logged_once_a_minute(caplog):
    reported = Reported()
    for _ in range(100):
        reported.failed("a step failed", error=ValueError("no"))
    assert len(caplog.records) == 1
