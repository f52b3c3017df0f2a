"""Waits until a target's instances have joined its cluster, or says why they do not start.

A stack is complete when its auto scaling group is there; that says nothing of instances, which boot for a minute or
two, or never: the group's activities tell why.
https://docs.aws.amazon.com/autoscaling/ec2/userguide/CHAP_Troubleshooting.html
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import described_instances
from culm.target.polling import intervals

Say = Callable[[str], None]
JOIN_SECONDS = 600.0
HINTS = (
    (
        "not eligible for Free Tier",
        "new accounts on the free plan do not start t2.micro: instances: 2 x t3.micro",
    ),
    ("do not have sufficient", "AWS has none of this type there now: another instance type, or try again later"),
    ("not supported in your requested Availability Zone", "another instance type, or `subnets:` in zones that have it"),
    ("vCPU", "the account's limit of vCPUs: Service Quotas raises it"),
    ("Max spot instance count exceeded", "the account's limit of spot instances: Service Quotas raises it"),
    ("There is no Spot capacity", "AWS has no spot capacity of this type now: another instance type, or `spot: false`"),
    ("AMI", "the image is gone: culm aws refresh takes Amazon's current one"),
    ("not authorized", "the account's service-linked role for Auto Scaling lacks this right"),
)
"""Words of failed activities, and what to do."""


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
    wanted = sum(group.count for group in target.settings.instances)
    started = clock()
    for seconds in intervals(0.5, target.longest_pause * 5):
        instances = described_instances(target, project.name)
        ready = sum(i["status"] == "ACTIVE" and i["agentConnected"] for i in instances)
        if ready >= wanted:
            return
        progress_text = f"{ready} of {wanted} instances have joined cluster {project.name}"
        if reason := failure(activities(target, project)):
            raise CulmError(f"{progress_text}; the next one does not start: {reason}", hint(reason))
        if clock() - started > JOIN_SECONDS:
            raise TimedOut(
                f"{progress_text} after {JOIN_SECONDS:.0f} s; they run, but their agents do not register",
                "their subnets need a way to ECS: a public address or a NAT; culm aws diff shows changes by hand",
            )
        progress(progress_text)
        pause(seconds)


def activities(target: Target, project: Project) -> list[Described]:
    """Return what the target's auto scaling groups did, each group's newest first."""
    client = target.client("autoscaling")
    filters = [{"Name": "tag:Name", "Values": [project.name]}]
    pages = client.get_paginator("describe_auto_scaling_groups").paginate(Filters=filters)
    names = [group["AutoScalingGroupName"] for page in pages for group in page["AutoScalingGroups"]]
    return [
        activity
        for name in names
        for activity in client.describe_scaling_activities(AutoScalingGroupName=name, MaxRecords=10)["Activities"]
    ]


def failure(activities: Sequence[Any]) -> str | None:
    """Return why the newest attempt to start an instance failed; None where it did not, or goes on."""
    for activity in activities:
        if activity["StatusCode"] == "Failed":
            return str(activity.get("StatusMessage") or activity.get("Cause", "no reason was given"))
        if activity["StatusCode"] in ("Successful", "InProgress", "PreInService"):
            return None
    return None


def hint(reason: str) -> str:
    """Return what to try for a failure of an instance to join, or the command that says more."""
    return next((advice for words, advice in HINTS if words in reason), "aws autoscaling describe-scaling-activities")
