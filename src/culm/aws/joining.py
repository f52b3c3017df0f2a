"""Waits until a target's instances have joined its cluster, or says why they do not start.

A stack is complete when its auto scaling group is there; that says nothing of instances, which boot for a minute or
two, or never: the group's activities tell why.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
"""

import time
from collections.abc import Callable, Iterator

from culm.aws import launches
from culm.core.model.record import record
from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import described_instances
from culm.target.polling import intervals

Say = Callable[[str], None]
JOIN_SECONDS = 600.0
ACTIVITIES_COMMAND = "aws autoscaling describe-scaling-activities"


@record
class Goal:
    """What is waited for: that `count` reaches the number of instances that culm.yml says."""

    count: Callable[[], int]
    done: str
    """What is said of those that `count` counts, after "2 of 3 instances"."""
    late: str = ""
    """What is said besides when the time is up."""
    hint: str = ACTIVITIES_COMMAND


def wait(
    target: Target,
    project: Project,
    progress: Say,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when as many instances as culm.yml says take tasks.

    Raises CulmError with the reason when the auto scaling group cannot start them, TimedOut when they do not join.
    """

    def joined() -> int:
        instances = described_instances(target, project.name)
        return sum(i["status"] == "ACTIVE" and i["agentConnected"] for i in instances)

    goal = Goal(
        count=joined,
        done=f"have joined cluster {project.name}",
        late="; they run, but their agents do not register",
        hint="their subnets need a way to ECS: a public address or a NAT; culm aws diff shows changes by hand",
    )
    for seconds in _pauses(target, project, goal, progress, clock):
        pause(seconds)


def wait_for_start(
    target: Target,
    project: Project,
    progress: Say,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when the target's auto scaling groups have started as many instances as culm.yml says.

    Whether their agents join is not waited for. Raises as `wait` does.
    """

    def started() -> int:
        states = [each["LifecycleState"] for group in groups(target, project) for each in group["Instances"]]
        return states.count("InService")

    for seconds in _pauses(target, project, Goal(count=started, done="have started"), progress, clock):
        pause(seconds)


def _pauses(target: Target, project: Project, goal: Goal, progress: Say, clock: Callable[[], float]) -> Iterator[float]:
    """Yield the seconds to wait before each next look, until the goal is reached. Raises as `wait` does."""
    wanted = sum(group.count for group in target.settings.instances)
    began = clock()
    for seconds in intervals(0.5, target.longest_pause * 5):
        ready = goal.count()
        if ready >= wanted:
            return
        so_far = f"{ready} of {wanted} instances {goal.done}"
        demand_launches(target, project, so_far)
        if clock() - began > JOIN_SECONDS:
            raise TimedOut(f"{so_far} after {JOIN_SECONDS:.0f} s{goal.late}", goal.hint)
        progress(so_far)
        yield seconds


def demand_launches(target: Target, project: Project, so_far: str) -> None:
    """Raise CulmError where the newest attempt to start an instance failed; its message begins with `so_far`."""
    if reason := launches.failure(activities(target, project)):
        raise CulmError(f"{so_far}; the next one does not start: {reason}", launches.hint(reason) or ACTIVITIES_COMMAND)


def groups(target: Target, project: Project) -> list[Described]:
    """Return the target's auto scaling groups, as EC2 Auto Scaling describes them."""
    filters = [{"Name": "tag:Name", "Values": [project.name]}]
    pages = target.client("autoscaling").get_paginator("describe_auto_scaling_groups").paginate(Filters=filters)
    return [group for page in pages for group in page["AutoScalingGroups"]]


def activities(target: Target, project: Project) -> list[Described]:
    """Return what the target's auto scaling groups did, each group's newest first."""
    client = target.client("autoscaling")
    return [
        activity
        for name in [group["AutoScalingGroupName"] for group in groups(target, project)]
        for activity in client.describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=10)["Activities"]
    ]
