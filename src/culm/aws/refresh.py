"""Replaces a fleet's instances by ones of the stack's current launch template: one at a time, each drained first.

    outdated  its launch template version is not its auto scaling group's, or its agent has joined and does not answer:
              it is to be replaced
    draining  ECS starts nothing on it any more, and moves its services' tasks to where there is room
    empty     no task runs on it; it is terminated, and its group starts another one in its place
    joined    as many instances as before take tasks
    steady    every service has the tasks that it wants, and the load balancer sends them requests; then the next one

What an instance is comes from EC2 Auto Scaling and ECS at every look, nothing is remembered here: after a crash the
same command goes on, with an instance that was left draining first. Instances that another hand terminates are drained,
too: a lifecycle hook of ECS's waits for that (`instances.draining`). An instance whose agent does not answer cannot be
drained; its tasks run unseen, and ECS has long started others where there was room.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-draining.html
https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_TerminateInstanceInAutoScalingGroup.html
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from culm.aws import joining
from culm.core.model.record import record
from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.plan.replacement import Effect, effects
from culm.project.project import Project
from culm.target.connection import Target
from culm.target.observe import active_services, described_instances, target_health
from culm.target.polling import intervals
from culm.target.survey import tasks_by_wish

Say = Callable[[str], None]
STEP_SECONDS = 900.0
"""The longest that one instance may take to drain, or a new one to boot and join."""


@record
class Instance:
    """One of the fleet, as EC2 Auto Scaling and ECS know it."""

    id: str
    outdated: bool
    container_instance: Described | None
    """None where its agent has not joined the cluster."""


def fleet(target: Target, project: Project, groups: Sequence[str]) -> list[Instance]:
    """Return the instances of these auto scaling groups, those that drain already first."""
    described = target.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=list(groups))
    joined = {i["ec2InstanceId"]: i for i in described_instances(target, project.name)}
    instances = [
        Instance(
            id=instance["InstanceId"],
            outdated=version_of(instance) != wanted or not answers(joined.get(instance["InstanceId"])),
            container_instance=joined.get(instance["InstanceId"]),
        )
        for group in described["AutoScalingGroups"]
        for wanted in [wanted_version(target, group)]
        for instance in group["Instances"]
        if not instance["LifecycleState"].startswith(("Terminat", "Detach"))
    ]
    return sorted(instances, key=lambda i: ((i.container_instance or {}).get("status") != "DRAINING", i.id))


def answers(container_instance: Described | None) -> bool:
    """Return whether an instance's agent answers; one that has not joined yet may be about to."""
    return container_instance is None or bool(container_instance["agentConnected"])


def version_of(instance: Mapping[str, Any]) -> str:
    return str(instance.get("LaunchTemplate", {}).get("Version", ""))


def wanted_version(target: Target, group: Mapping[str, Any]) -> str:
    """Return the version that the group starts instances of, as a number."""
    template = (
        group.get("LaunchTemplate") or (group["MixedInstancesPolicy"]["LaunchTemplate"]["LaunchTemplateSpecification"])
    )
    version = str(template["Version"])
    if version.isdigit():
        return version
    [described] = target.client("ec2").describe_launch_template_versions(
        LaunchTemplateId=template["LaunchTemplateId"], Versions=[version]
    )["LaunchTemplateVersions"]
    return str(described["VersionNumber"])


def forecast(target: Target, project: Project, outdated: Sequence[Instance]) -> list[Effect]:
    """Tell what replacing these instances will do to the project's services."""
    tasks = tasks_by_wish(target.client("ecs"), project.name, "RUNNING")
    services = active_services(target, project.name, list(project.services))
    joined = [instance.id for instance in outdated if instance.container_instance is not None]
    return effects(joined, described_instances(target, project.name), tasks, services)


class Refresh:
    """Replaces instances; `pause` waits between two looks, `clock` gives seconds that only grow."""

    def __init__(
        self,
        target: Target,
        project: Project,
        groups: Sequence[str],
        progress: Say,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.target, self.project, self.groups = target, project, groups
        self.progress, self.pause, self.clock = progress, pause, clock

    def replace(self, instance: Instance, count: int) -> None:
        """Drain one instance, terminate it and wait until `count` take tasks and services are steady.

        Raises TimedOut, with what to look at, when a step takes longer than STEP_SECONDS.
        """
        if instance.container_instance is not None and answers(instance.container_instance):
            arn = instance.container_instance["containerInstanceArn"]
            if instance.container_instance["status"] != "DRAINING":
                answer = self.target.client("ecs").update_container_instances_state(
                    cluster=self.project.name, containerInstances=[arn], status="DRAINING"
                )
                if answer.get("failures"):
                    raise CulmError(f"ECS does not drain {instance.id}: {answer['failures'][0]['reason']}", "try again")
            self._until(lambda: self._empties(arn), f"{instance.id} drains", "culm events shows what does not move")
        self.target.client("autoscaling").terminate_instance_in_auto_scaling_group(
            InstanceId=instance.id, ShouldDecrementDesiredCapacity=False
        )
        self._until(
            lambda: self._joins(count, instance.id),
            f"waits for the instance that replaces {instance.id}",
            "aws autoscaling describe-scaling-activities tells why none starts",
        )
        self._until(self._steady, "waits until services are steady", "culm status; culm events")

    def _until(self, done: Callable[[], str], what: str, hint: str) -> None:
        """Look until nothing is left to wait for; `done` returns what is, or an empty string."""
        started = self.clock()
        for seconds in intervals(0.5, self.target.longest_pause * 5):
            if not (left := done()):
                return
            if self.clock() - started > STEP_SECONDS:
                raise TimedOut(f"{what}: {left} after {STEP_SECONDS:.0f} s", f"{hint}; then culm aws refresh goes on")
            self.progress(f"{what}: {left}")
            self.pause(seconds)
        raise AssertionError("intervals do not end")

    def _empties(self, arn: str) -> str:
        for instance in described_instances(self.target, self.project.name):
            if instance["containerInstanceArn"] == arn:
                count = instance["runningTasksCount"] + instance["pendingTasksCount"]
                return f"{count} tasks left" if count else ""
        return ""

    def _joins(self, count: int, gone: str) -> str:
        """Raises CulmError where its group cannot start another one."""
        ready = [
            instance
            for instance in described_instances(self.target, self.project.name)
            if instance["status"] == "ACTIVE" and instance["agentConnected"] and instance["ec2InstanceId"] != gone
        ]
        if len(ready) >= count:
            return ""
        so_far = f"{len(ready)} of {count} take tasks"
        joining.demand_launches(self.target, self.project, so_far)
        return so_far

    def _steady(self) -> str:
        """Return the services that lack tasks which the load balancer finds healthy; empty: all is steady."""
        services = active_services(self.target, self.project.name, list(self.project.services))
        return ", ".join(sorted(name for name, s in services.items() if self._serving(s) < s["desiredCount"]))

    def _serving(self, service: Described) -> int:
        """Return how many tasks of a service run, and, behind a load balancer, are healthy at each of its groups."""
        counts = [int(service["runningCount"])]
        for balancer in service.get("loadBalancers", ()):
            states = [each["TargetHealth"]["State"] for each in target_health(self.target, balancer["targetGroupArn"])]
            counts.append(states.count("healthy"))
        return min(counts)
