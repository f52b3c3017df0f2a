"""The container instances of moto's ECS and its service scheduler, played: each look at them takes them one step on."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from moto.moto_api import state_manager
from tests.amazon.rolls import Rolls

EPHEMERAL = 32768
REGISTERED = {"CPU": 1024, "MEMORY": 995}
"""What a t2.micro registers."""


@dataclass
class Fate:
    """How the tasks of a family end; without one a service runs on and a migration ends well."""

    exit_code: int | None = 0
    reason: str = ""
    """Of the container."""
    stop_code: str = "EssentialContainerExited"
    stopped_reason: str = "Essential container in task exited"
    ends: bool = True
    """Whether a migration ever ends."""


@dataclass
class Machines:
    ecs: Any
    ec2: Any
    elb: Any
    fates: dict[str, Fate] = field(default_factory=dict)
    """By task definition family, or one of its revisions: `bamboo-web:2`."""
    rolls: Rolls = field(default_factory=Rolls)
    ports: int = EPHEMERAL
    late: int = 0
    """How many looks at the cluster pass before its instances' agents have joined."""
    history: list[str] = field(default_factory=list)
    """What happened on them, for people who read a failed test."""

    def __post_init__(self) -> None:
        state_manager.set_transition("ecs::task", {"progression": "manual", "times": 1 << 60})

    def act(self, operation: str, asked: dict[str, Any]) -> None:
        """Before moto answers `operation`."""
        for cluster in list(self.ecs.clusters.values()):
            if cluster.status != "ACTIVE":
                continue
            self._leave(cluster.name)
            if not self.ecs.container_instances.get(cluster.name):
                self._boot(cluster.name)
            if operation in ("DescribeServices", "ListTasks"):
                for service in list(self.ecs.services.values()):
                    if service.cluster_name == cluster.name:
                        self._schedule(service)
            if operation == "DescribeTasks":
                for task in self._tasks(cluster.name):
                    task.created_at = getattr(task, "created_at", datetime.now(UTC))
                    if task.group.startswith("family:") and task.last_status != "STOPPED":
                        fate = self._fate(task.task_definition_arn) or Fate()
                        if fate.ends:
                            self._end(task, fate)
            cluster.running_tasks_count = len([t for t in self._tasks(cluster.name) if t.last_status == "RUNNING"])

    def _fate(self, task_definition: str) -> Fate | None:
        revision = task_definition.rpartition("/")[2]
        return self.fates.get(revision) or self.fates.get(revision.rpartition(":")[0])

    def _boot(self, cluster: str) -> None:
        """Every EC2 instance that runs joins, as its agent would."""
        if self.late > 0:
            self.late -= 1
            return
        for one in (one for reservation in self.ec2.all_reservations() for one in reservation.instances):
            if one.state != "running":
                continue
            joined = self.ecs.register_container_instance(cluster, one.id)
            for resources in (joined.registered_resources, joined.remaining_resources):
                for each in resources:
                    each["integerValue"] = REGISTERED.get(each["name"], 0)

    def _leave(self, cluster: str) -> None:
        """Instances that are terminated leave the cluster once their tasks have stopped; ECS drains them first."""
        joined = self.ecs.container_instances.get(cluster) or {}
        for key, one in list(joined.items()):
            states = {i.id: i.state for reservation in self.ec2.all_reservations() for i in reservation.instances}
            busy = [t for t in self._tasks(cluster) if t.last_status == "RUNNING" and key in t.container_instance_arn]
            if not busy and states.get(one.ec2_instance_id) in ("terminated", "shutting-down"):
                del joined[key]

    def _schedule(self, service: Any) -> None:
        """One step of a deployment: the old tasks stop; the new ones run and take requests; it is completed."""
        primary = service.deployments[0]
        tasks = [t for t in self._tasks(service.cluster_name) if t.group == f"service:{service.name}"]
        running = [t for t in tasks if t.last_status == "RUNNING"]
        if service.status != "ACTIVE":
            for task in running:
                self._stop(task, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment)")
            return
        if primary["taskDefinition"] != service.task_definition:
            primary = {
                **primary,
                "id": f"ecs-svc/{len(self.history):019}",
                "createdAt": datetime.now(UTC),
                "failedTasks": 0,
                "rolloutState": "IN_PROGRESS",
                "taskDefinition": service.task_definition,
            }
        wanted = int(service.desired_count)
        mine = [t for t in running if t.task_definition_arn == service.task_definition][:wanted]
        fate = self._fate(service.task_definition)
        for task in running:
            if task not in mine:
                self._stop(task, "ServiceSchedulerInitiated", "Scaling activity initiated by (deployment)")
        if fate is not None and primary["rolloutState"] != "FAILED":
            self._end(self._start(service, primary), fate)
            primary["failedTasks"] += 1
            if primary["failedTasks"] >= 2 and not self._goes_back(service):
                primary |= {"rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start."}
                self.rolls.end(service, "ROLLBACK_FAILED")
        elif len(mine) < wanted and fate is None and self.ecs.container_instances.get(service.cluster_name):
            for _ in range(wanted - len(mine)):
                mine.append(self._start(service, primary))
        elif len(mine) == wanted and fate is None:
            primary["rolloutState"] = "COMPLETED"
            self.rolls.end(service, "SUCCESSFUL")
        primary |= {"desiredCount": wanted, "runningCount": len(mine), "pendingCount": wanted - len(mine)}
        service.running_count, service.pending_count = len(mine), wanted - len(mine)
        service.deployments = [primary]

    def _goes_back(self, service: Any) -> bool:
        """Whether its circuit breaker goes back, as it does where that is asked for and there is something good.

        https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html
        """
        breaker = (getattr(service, "deployment_configuration", None) or {}).get("deploymentCircuitBreaker", {})
        return bool(breaker.get("rollback")) and self.rolls.go_back(service)

    def _start(self, service: Any, deployment: dict[str, Any]) -> Any:
        instances = list(self.ecs.container_instances[service.cluster_name].values())
        least = min(instances, key=lambda one: one.running_tasks_count)
        [task] = self.ecs.start_task(
            service.cluster_name,
            service.task_definition,
            [least.container_instance_arn],
            {},
            deployment["id"],
            group=f"service:{service.name}",
        )
        task.launch_type = "EC2"
        for group in service.load_balancers:
            self.ports += 1
            self.elb.register_targets(group["targetGroupArn"], [{"Id": least.ec2_instance_id, "Port": self.ports}])
        self.history.append(f"{service.name}: {task.task_definition_arn.rpartition('/')[2]} runs")
        return task

    def _end(self, task: Any, fate: Fate) -> None:
        self._stop(task, fate.stop_code, fate.stopped_reason)
        for container in task.containers:
            container.exitCode = fate.exit_code
            container.exit_code = fate.exit_code
            container.reason = fate.reason or None

    def _stop(self, task: Any, code: str, reason: str) -> None:
        self.ecs.stop_task(task.cluster_name, task.task_arn, reason)
        task.stop_code = code
        task.stopped_at = datetime.now(UTC)
        for service in self.ecs.services.values():
            if task.group != f"service:{service.name}":
                continue
            instance = self.ecs.container_instances[task.cluster_name][task.container_instance_arn.rpartition("/")[2]]
            for group in service.load_balancers:
                if instance.ec2_instance_id in self.elb.target_groups[group["targetGroupArn"]].targets:
                    self.elb.deregister_targets(group["targetGroupArn"], [{"Id": instance.ec2_instance_id}])
        self.history.append(f"{task.group}: {task.task_definition_arn.rpartition('/')[2]} stopped: {reason}")

    def _tasks(self, cluster: str) -> list[Any]:
        return list(self.ecs.tasks.get(cluster, {}).values())
