"""EventBridge Scheduler through boto3, and what its schedules start, by a clock of the test's own."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.cluster.services.ecs.conftest import add_instance, ecs, register

from culm.cluster.services.eventbridge_scheduler import runs
from culm.cluster.store.db import transact
from culm.cluster.wire.operations import Call

__all__ = ["add_instance", "ecs", "register"]

ROLE = "arn:aws:iam::000000000000:role/shop.scheduler"


@pytest.fixture
def scheduler(cloud) -> Any:
    return cloud.client("scheduler")


@pytest.fixture
def target(ecs, register) -> dict[str, Any]:
    [cluster] = ecs.list_clusters()["clusterArns"]
    return {
        "Arn": cluster,
        "RoleArn": ROLE,
        "EcsParameters": {"TaskDefinitionArn": register(), "LaunchType": "EC2"},
        "RetryPolicy": {"MaximumEventAgeInSeconds": 900, "MaximumRetryAttempts": 2},
    }


@pytest.fixture
def create(scheduler, target) -> Callable[..., str]:
    def create(expression: str, **changed: Any) -> str:
        given = {
            "Name": "nightly",
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        }
        return str(scheduler.create_schedule(**{**given, **changed})["ScheduleArn"])

    return create


@pytest.fixture
def look(cloud) -> Callable[[], int]:
    def call(db: Any) -> Call:
        where = {"region": "us-east-1", "account": "000000000000", "endpoint": "http://127.0.0.1:4566"}
        return Call(db=db, now=cloud.now, new_id=cloud.new_id, **where)

    return lambda: transact(cloud.db, lambda db: runs.look(call, db))


def started(ecs) -> list[dict[str, Any]]:
    arns = ecs.list_tasks(startedBy="chronos-schedule/nightly")["taskArns"]
    return ecs.describe_tasks(tasks=arns)["tasks"] if arns else []


def local(cloud, ahead: float) -> str:
    return datetime.fromtimestamp(cloud.now + ahead, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def test_a_schedule_that_cannot_be_read_holds_back_no_other(cloud, ecs, create, look, add_instance) -> None:
    add_instance()
    for name in ("bad", "nightly", "fired"):
        create(f"at({local(cloud, 60)})", Name=name)
    cloud.db.execute("UPDATE schedule SET body = '{' WHERE name = 'bad'")
    cloud.db.execute("INSERT INTO schedule_firing SELECT group_name, name, 0, 0, 0 FROM schedule WHERE name = 'fired'")
    cloud.db.execute("UPDATE schedule SET body = '{' WHERE name = 'fired'")
    cloud.clock.advance(61)
    assert look() == 1
    assert len(started(ecs)) == 1


def test_a_schedule_is_described_as_it_was_made_and_changed_as_a_whole(scheduler, create, target) -> None:
    arn = create("cron(0 6 ? * MON-FRI *)", ScheduleExpressionTimezone="Europe/Berlin", Description="report")
    described = scheduler.get_schedule(Name="nightly")
    assert described["Arn"] == arn == "arn:aws:scheduler:us-east-1:000000000000:schedule/default/nightly"
    assert described["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert described["Target"]["EcsParameters"]["TaskDefinitionArn"] == target["EcsParameters"]["TaskDefinitionArn"]
    scheduler.update_schedule(
        Name="nightly", ScheduleExpression="rate(5 minutes)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    changed = scheduler.get_schedule(Name="nightly")
    assert (changed["ScheduleExpression"], changed.get("Description")) == ("rate(5 minutes)", None)
    assert changed["CreationDate"] == described["CreationDate"]
    assert [each["Name"] for each in scheduler.list_schedules(NamePrefix="night")["Schedules"]] == ["nightly"]
    scheduler.delete_schedule(Name="nightly")
    with pytest.raises(ClientError, match=r"ResourceNotFoundException.*nightly does not exist"):
        scheduler.get_schedule(Name="nightly")


def test_a_group_takes_its_schedules_with_it_and_has_tags(scheduler, create) -> None:
    arn = scheduler.create_schedule_group(Name="shop", Tags=[{"Key": "a", "Value": "b"}])["ScheduleGroupArn"]
    create("rate(1 day)", GroupName="shop")
    scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "d"}])
    scheduler.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert [each["Name"] for each in scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "shop"]
    scheduler.delete_schedule_group(Name="shop")
    assert scheduler.list_schedules()["Schedules"] == []
    with pytest.raises(ClientError, match="can't delete the default"):
        scheduler.delete_schedule_group(Name="default")


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"ScheduleExpression": "0 6 * * *"}, "ValidationException.*Invalid Schedule Expression"),
        ({"ScheduleExpressionTimezone": "Europe/Nowhere"}, "Invalid ScheduleExpressionTimezone"),
        ({"GroupName": "nobody"}, "ResourceNotFoundException"),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}}, "culm does not support"),
        (
            {"Target": {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:x", "RoleArn": ROLE}},
            "tasks of ECS alone",
        ),
    ],
)
def test_what_would_never_run_is_refused(create, changed, why) -> None:
    with pytest.raises(ClientError, match=why):
        create(changed.pop("ScheduleExpression", "rate(1 day)"), **changed)


def test_a_name_is_taken_once(create) -> None:
    create("rate(1 day)")
    with pytest.raises(ClientError, match="ConflictException"):
        create("rate(1 day)")


def test_it_starts_its_task_when_its_time_comes_and_once(cloud, ecs, add_instance, target, create, look) -> None:
    add_instance()
    given = {"containerOverrides": [{"name": "web", "command": ["report"]}]}
    create(f"at({local(cloud, 60)})", Target={**target, "Input": json.dumps(given)}, ActionAfterCompletion="DELETE")
    assert look() == 0
    cloud.clock.advance(61)
    assert (look(), look()) == (1, 0)
    [task] = started(ecs)
    assert task["overrides"]["containerOverrides"][0]["command"] == ["report"]
    assert cloud.client("scheduler").list_schedules()["Schedules"] == []


def test_firings_that_were_missed_are_one_and_not_too_late(cloud, ecs, add_instance, create, look) -> None:
    add_instance()
    create("rate(10 minutes)")
    cloud.clock.advance(3 * 3600 + 60)
    look()
    assert len(started(ecs)) == 1
    cloud.clock.advance(599)
    look()
    assert len(started(ecs)) == 2


def test_a_firing_that_is_older_than_its_policy_is_given_up(cloud, ecs, add_instance, create, look) -> None:
    add_instance()
    create(f"at({local(cloud, 60)})")
    cloud.clock.advance(60 + 901)
    look()
    assert started(ecs) == []


def test_what_finds_no_room_is_tried_again_and_not_for_ever(cloud, ecs, add_instance, create, look) -> None:
    create("rate(1 hour)")
    cloud.clock.advance(3600)
    assert look() == 0
    add_instance()
    assert look() == 0
    cloud.clock.advance(10)
    assert look() == 1
    assert len(started(ecs)) == 1


def test_a_daemon_that_is_killed_while_it_starts_a_task_starts_it_once(cloud, ecs, add_instance, create, look) -> None:
    add_instance()
    create("rate(1 hour)")
    cloud.clock.advance(3600)

    class Killed(BaseException):
        pass

    def dies(db: Any) -> None:
        def call(db: Any) -> Call:
            where = {"region": "us-east-1", "account": "000000000000", "endpoint": "http://127.0.0.1:4566"}
            return Call(db=db, now=cloud.now, new_id=cloud.new_id, **where)

        assert runs.look(call, db) == 1
        raise Killed

    with pytest.raises(Killed):
        transact(cloud.db, dies)
    assert started(ecs) == []
    assert (look(), look()) == (1, 0)
    assert len(started(ecs)) == 1


def overlapping(target: dict[str, Any], how: str) -> dict[str, Any]:
    """The target, whose runs overlap in this way."""
    parameters = {**target["EcsParameters"], "Tags": [{"key": "culm:overlap", "value": how}]}
    return {**target, "EcsParameters": parameters}


def end(cloud, arn: str) -> None:
    cloud.db.execute("UPDATE ecs_task SET desired_status = 'STOPPED', last_status = 'STOPPED' WHERE arn = ?", (arn,))


def test_runs_overlap_as_amazons_do_unless_the_tag_says_otherwise(cloud, ecs, add_instance, create, look) -> None:
    add_instance()
    create("rate(10 minutes)")
    cloud.clock.advance(600)
    look()
    cloud.clock.advance(600)
    look()
    assert len(started(ecs)) == 2


def test_a_run_that_is_to_be_skipped_is_left_out_and_the_next_one_starts(
    cloud, ecs, add_instance, target, create, look
) -> None:
    add_instance()
    create("rate(10 minutes)", Target=overlapping(target, "skip"))
    assert cloud.client("scheduler").get_schedule(Name="nightly")["Target"]["EcsParameters"]["Tags"] == [
        {"key": "culm:overlap", "value": "skip"}
    ]
    cloud.clock.advance(600)
    look()
    [first] = started(ecs)
    cloud.clock.advance(600)
    assert look() == 1  # the firing has ended
    end(cloud, first["taskArn"])
    cloud.clock.advance(300)
    assert (look(), started(ecs)) == (0, [])
    cloud.clock.advance(300)
    look()
    assert len(started(ecs)) == 1


def test_a_run_that_is_to_be_queued_starts_when_the_one_before_has_ended(
    cloud, ecs, add_instance, target, create, look
) -> None:
    add_instance()
    create("rate(10 minutes)", Target=overlapping(target, "queue"))
    cloud.clock.advance(600)
    look()
    [first] = started(ecs)
    cloud.clock.advance(600)
    assert look() == 0
    cloud.clock.advance(60)
    assert look() == 0
    end(cloud, first["taskArn"])
    cloud.clock.advance(1)
    assert (look(), len(started(ecs)), look()) == (1, 1, 0)


def test_a_queued_run_waits_no_longer_than_a_late_one_may(cloud, ecs, add_instance, target, create, look) -> None:
    add_instance()
    create(f"at({local(cloud, 60)})", Target=overlapping(target, "queue"))
    ecs.run_task(taskDefinition=target["EcsParameters"]["TaskDefinitionArn"], launchType="EC2")
    cloud.clock.advance(60)
    assert look() == 0
    cloud.clock.advance(901)
    assert (look(), started(ecs)) == (1, [])


@pytest.fixture
def written(cloud, register, target) -> Callable[[], list[str]]:
    """What the job's log has of runs that did not start; the target's container writes to that log."""
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/culm/shop/nightly")
    options = {"awslogs-group": "/culm/shop/nightly", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "x"}
    revision = register(logConfiguration={"logDriver": "awslogs", "options": options})
    target["EcsParameters"]["TaskDefinitionArn"] = revision

    def read() -> list[str]:
        found = logs.filter_log_events(logGroupName="/culm/shop/nightly", logStreamNamePrefix="schedule/")["events"]
        assert {event["logStreamName"] for event in found} <= {"schedule/nightly"}
        return [re.sub(r",? of \S+ \S+ UTC,?", "", event["message"]) for event in found]

    return read


def test_a_run_that_is_skipped_is_told_in_the_jobs_log(cloud, add_instance, target, create, look, written) -> None:
    add_instance()
    create("rate(10 minutes)", Target=overlapping(target, "skip"))
    for _ in range(2):
        cloud.clock.advance(600)
        look()
    assert written() == ["the run is skipped: the one before still goes on"]


def test_runs_that_are_given_up_are_told_with_the_reason(cloud, create, look, written) -> None:
    create(f"at({local(cloud, 60)})")
    for seconds in (60, 10, 20):
        cloud.clock.advance(seconds)
        look()
    [told] = written()
    assert told.startswith("the run is given up after 3 attempts: ")
    create(f"at({local(cloud, 60)})", Name="late")
    cloud.clock.advance(60 + 901)
    look()
    found = cloud.client("logs").filter_log_events(
        logGroupName="/culm/shop/nightly", logStreamNamePrefix="schedule/late"
    )
    assert found["events"][0]["message"].endswith(" is given up: it could not start within 900 s")


def test_runs_that_nobody_looked_after_are_told_once(cloud, add_instance, create, look, written) -> None:
    add_instance()
    create("rate(10 minutes)")
    cloud.clock.advance(3 * 3600 + 60)
    look()
    [told] = written()
    assert told.startswith("runs from ")
    assert told.endswith("as the cluster did not look after them; the latest stands for all of them")


def test_a_run_of_a_job_without_a_log_is_given_up_all_the_same(cloud, ecs, create, look) -> None:
    create(f"at({local(cloud, 60)})")
    cloud.clock.advance(60 + 901)
    assert (look(), started(ecs)) == (1, [])


def test_an_overlap_that_is_none_is_refused(target, create) -> None:
    with pytest.raises(ClientError, match="tag culm:overlap is allow, skip, queue, not never"):
        create("rate(1 day)", Target=overlapping(target, "never"))


def test_a_disabled_schedule_starts_nothing(cloud, ecs, add_instance, create, look) -> None:
    add_instance()
    create("rate(1 minute)", State="DISABLED")
    cloud.clock.advance(600)
    look()
    assert started(ecs) == []


@pytest.mark.parametrize(
    "where",
    [
        {"LaunchType": "FARGATE", "PlatformVersion": "LATEST"},
        {"CapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1}]},
    ],
    ids=["launch type", "capacity provider"],
)
def test_a_task_of_fargate_is_scheduled_with_its_network(cloud, ecs, scheduler, create, target, look, where) -> None:
    sized = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
    container = {"name": "job", "image": "busybox", "essential": True}
    definition = ecs.register_task_definition(family="job", containerDefinitions=[container], **sized)
    [cluster] = ecs.list_clusters()["clusterArns"]
    ecs.put_cluster_capacity_providers(
        cluster=cluster, capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[]
    )
    parameters = {
        "TaskDefinitionArn": definition["taskDefinition"]["taskDefinitionArn"],
        "NetworkConfiguration": {
            "awsvpcConfiguration": {"Subnets": ["subnet-0000000000000000a"], "AssignPublicIp": "ENABLED"}
        },
    } | where
    create(f"at({local(cloud, 60)})", Target={**target, "EcsParameters": parameters})
    kept = scheduler.get_schedule(Name="nightly")["Target"]["EcsParameters"]
    assert {name: kept[name] for name in where} == where | (
        {"CapacityProviderStrategy": [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}]}
        if "CapacityProviderStrategy" in where
        else {}
    )
    assert kept["NetworkConfiguration"]["awsvpcConfiguration"]["Subnets"] == ["subnet-0000000000000000a"]
    cloud.clock.advance(61)
    assert look() == 1
    [task] = started(ecs)
    assert task["launchType"] == "FARGATE"
    [attachment] = task["attachments"]
    assert {"name": "subnetId", "value": "subnet-0000000000000000a"} in attachment["details"]
