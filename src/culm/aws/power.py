"""Stops and starts what the services of a target on aws stand on: databases, instances, and the rule of sleepers.

`culm sleep` and `culm wake` do by hand what the schedules of `aws.sleep` do by the clock, in the same order. Each call
is made only where something changes, so who comes second changes nothing.
"""

import time
from collections.abc import Callable

from culm import render
from culm.aws import joining
from culm.core.model.record import record
from culm.errors import TimedOut
from culm.plan import sleep
from culm.plan.observed import Described, Survey
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import every_rule, first_listener, load_balancer
from culm.target.polling import intervals

Say = Callable[[str], None]
DATABASE_SECONDS = 1800.0
"""RDS says a quarter of an hour, and sometimes takes longer."""
STOPS_OR_STOPPED = ("stopped", "stopping")
"""https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status"""


@record
class Power:
    """What stops and starts, as AWS describes it now."""

    groups: tuple[Described, ...]
    """Auto scaling groups."""
    databases: tuple[Described, ...]
    """RDS instances that stop while all services sleep."""
    rule: Described | None
    """The rule of sleepers; None: the stack has none."""

    @property
    def off(self) -> bool:
        """Whether there are auto scaling groups, and none of them has or wants an instance."""
        return bool(self.groups) and all(int(group["DesiredCapacity"]) == 0 for group in self.groups)


def look(target: Target, project: Project) -> Power:
    """Return what there is now; nothing is changed."""
    names = {f"{project.name}-{name}" for name in sleep.stopping(project)}
    databases: list[Described] = []
    if names:
        pages = target.client("rds").get_paginator("describe_db_instances").paginate()
        databases = [each for page in pages for each in page["DBInstances"] if each["DBInstanceIdentifier"] in names]
    rule = None
    if target.settings.sleep is not None:
        rule = next(filter(render.answers_for_sleepers, rules(target, project)), None)
    return Power(groups=tuple(joining.groups(target, project)), databases=tuple(databases), rule=rule)


def rules(target: Target, project: Project) -> list[Described]:
    """Return the rules of the listener that services are behind; none where there is no load balancer."""
    balancer = load_balancer(target, project.name)
    listener = first_listener(target, balancer) if balancer else None
    return every_rule(target, listener) if listener else []


def off(target: Target, project: Project) -> bool:
    """Tell whether a target on aws has no instances because its services sleep."""
    return target.settings.provider == "aws" and look(target, project).off


def stop(target: Target, project: Project, survey: Survey, say: Say) -> bool:
    """Stop instances and databases once all services sleep. Returns whether all sleep, so that they stop.

    What else runs in the cluster, such as a preview, keeps them. Raises botocore's ClientError for want of rights.
    """
    running = sorted(each["serviceName"] for each in survey.services if int(each["desiredCount"]) > 0)
    if running and not set(running) & set(project.services):
        say(f"the instances go on, as {', '.join(running)} runs on them")
    if running or not sleep.sleeping(project, survey.observed):
        return False
    power = look(target, project)
    answer_for_sleepers(target, power, asleep=True)
    groups = [group for group in power.groups if int(group["DesiredCapacity"]) or int(group["MinSize"])]
    for group in groups:
        resize(target, group, 0)
    databases = [each["DBInstanceIdentifier"] for each in power.databases if each["DBInstanceStatus"] == "available"]
    for name in databases:
        target.client("rds").stop_db_instance(DBInstanceIdentifier=name)
    if stopping := [*(["the instances"] if groups else ()), *(f"database {name}" for name in databases)]:
        say(f"stopping {', '.join(stopping)}")
    if databases:
        say("RDS itself starts a database that was stopped for 7 days")
    return True


def start(target: Target, project: Project, say: Say, progress: Say) -> bool:
    """Start databases and instances that are stopped, and wait until they are there; returns whether any was.

    Raises CulmError where the instances do not start, TimedOut where they or a database take too long.
    """
    power = look(target, project)
    databases = [each for each in power.databases if each["DBInstanceStatus"] != "available"]
    if not power.off and not databases:
        return False
    for database in databases:
        name = database["DBInstanceIdentifier"]
        if database["DBInstanceStatus"] in STOPS_OR_STOPPED:  # others start already, or are backed up and the like
            say(f"starting database {name}: up to a quarter of an hour")
            await_database(target, name, "stopped", progress)
            target.client("rds").start_db_instance(DBInstanceIdentifier=name)
    if power.off:
        say("starting the instances: two or three minutes")
        for group in power.groups:
            resize(target, group, int(group["MaxSize"]))
        joining.wait(target, project, progress)
    for database in databases:
        await_database(target, database["DBInstanceIdentifier"], "available", progress)
    return True


def open_doors(target: Target, project: Project) -> None:
    """Let requests through again, once services are awake."""
    if target.settings.provider == "aws" and target.settings.sleep is not None:
        answer_for_sleepers(target, look(target, project), asleep=False)


def answer_for_sleepers(target: Target, power: Power, *, asleep: bool) -> None:
    """Have the rule of sleepers take every request, or none; nothing is called where it is so, or there is no rule."""
    if power.rule is not None and render.sleeping_rule_state(power.rule) is not asleep:
        conditions = render.sleeping_conditions(asleep=asleep)
        target.client("elbv2").modify_rule(RuleArn=power.rule["RuleArn"], Conditions=conditions)


def resize(target: Target, group: Described, count: int) -> None:
    """Have an auto scaling group keep `count` instances.

    MaxSize is not changed: it remembers the count when awake, which `start` goes back to.
    """
    name = group["AutoScalingGroupName"]
    client = target.client("autoscaling")
    client.update_auto_scaling_group(AutoScalingGroupName=name, MinSize=count, DesiredCapacity=count)


def await_database(target: Target, name: str, status: str, progress: Say) -> None:
    """Wait until an RDS instance has a status. Raises TimedOut."""
    client, began = target.client("rds"), time.monotonic()
    for pause in intervals(0.5, target.longest_pause * 5):
        [described] = client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        if (now := described["DBInstanceStatus"]) == status:
            return
        if time.monotonic() - began > DATABASE_SECONDS:
            raise TimedOut(f"database {name} is still {now}", "the same command goes on where this one ended")
        progress(f"database {name} is {now}")
        time.sleep(pause)
