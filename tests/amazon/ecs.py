"""What moto's ECS lacks, in one account and region: services' history, tasks of a service, who registered what.

moto answers; this stands before it, instead of it where it has no such operation, and after it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from moto.core.utils import camelcase_to_underscores
from moto.ecs.exceptions import EcsClientException, InvalidParameterException, ServiceNotFoundException
from tests.amazon.machines import Machines
from tests.amazon.rolls import ACTIVE

FORGOTTEN = (
    "placementStrategy",
    "healthCheckGracePeriodSeconds",
    "availabilityZoneRebalancing",
    "deploymentConfiguration",
)
"""Members of ecs.CreateService that moto's DescribeServices does not give back."""
MOST_REVISIONS = 20
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html"""
Asked = Mapping[str, Any]


class Ecs:
    """`machines` plays the container instances and the service scheduler."""

    def __init__(self, ecs: Any, ec2: Any, elb: Any) -> None:
        self.backend = ecs
        self.machines = Machines(ecs, ec2, elb)
        self.served: Mapping[str, Callable[[Asked], dict[str, Any]]] = {
            "ListTasks": self.list_tasks,
            "ListServiceDeployments": self.list_service_deployments,
            "DescribeServiceRevisions": self.describe_service_revisions,
            "StopServiceDeployment": self.stop_service_deployment,
        }
        """Operations that are answered here, by name."""

    def runs(self, asked: Asked) -> str | None:
        """The task definition of the service that a request names."""
        service = self.service(asked)
        return service and service.task_definition

    def answered(self, operation: str, asked: Asked, ran: str | None) -> None:
        """After moto has answered: keep what it forgets. `ran` is what the service ran before."""
        if operation == "RegisterTaskDefinition" and asked.get("family") in self.backend.task_definitions:
            newest = list(self.backend.task_definitions[asked["family"]].values())[-1]
            newest.registered_at = datetime.now(UTC)
            newest.registered_by = f"arn:aws:iam::{self.backend.account_id}:user/ada"
        if operation not in ("CreateService", "UpdateService") or (service := self.service(asked)) is None:
            return
        for member in FORGOTTEN:
            if member in asked:
                setattr(service, camelcase_to_underscores(member), asked[member])
        if service.task_definition != ran or asked.get("forceNewDeployment"):
            self.machines.rolls.begin(service)

    def service(self, asked: Asked) -> Any:
        """The service that a request names; None: there is none."""
        name = str(asked.get("serviceName") or asked.get("service") or "").rpartition("/")[2]
        return self.backend.services.get(f"{cluster_of(asked)}:{name}")

    def list_tasks(self, asked: Asked) -> dict[str, Any]:
        """moto's does not know services, gives stopped tasks to who asks for none, and takes a cluster whose name
        begins with another one's for that one.
        """
        tasks = self.backend.list_tasks(
            asked.get("cluster"),
            asked.get("containerInstance"),
            asked.get("family"),
            asked.get("startedBy"),
            None,
            asked.get("desiredStatus", "RUNNING"),
        )
        group = f"service:{asked['serviceName']}" if "serviceName" in asked else None
        own = [task for task in tasks if task.cluster_arn.endswith(f"/{cluster_of(asked)}")]
        return {"taskArns": [task.task_arn for task in own if group in (None, task.group)]}

    def list_service_deployments(self, asked: Asked) -> dict[str, Any]:
        """Newest first."""
        service = self.service(asked)
        if service is None:
            raise ServiceNotFoundException
        wanted = asked.get("status") or None
        rolls = [roll for roll in reversed(self.machines.rolls.of(service)) if not wanted or roll.status in wanted]
        return {"serviceDeployments": [roll.brief() for roll in rolls]}

    def describe_service_revisions(self, asked: Asked) -> dict[str, Any]:
        arns = asked["serviceRevisionArns"]
        if len(arns) > MOST_REVISIONS:
            raise InvalidParameterException(f"serviceRevisionArns: at most {MOST_REVISIONS}")
        known = {roll.revision_arn: roll for roll in self.machines.rolls.made}
        missing = [{"arn": arn, "reason": "MISSING"} for arn in arns if arn not in known]
        return {"serviceRevisions": [known[arn].revision() for arn in arns if arn in known], "failures": missing}

    def stop_service_deployment(self, asked: Asked) -> dict[str, Any]:
        arn = asked["serviceDeploymentArn"]
        for service in self.backend.services.values():
            rolls = self.machines.rolls.of(service)
            if rolls and rolls[-1].arn == arn and rolls[-1].status in ACTIVE and self.machines.rolls.go_back(service):
                return {"serviceDeploymentArn": arn}
        raise EcsClientException("The service deployment cannot be stopped.")


def cluster_of(asked: Asked) -> str:
    return str(asked.get("cluster") or "default").rpartition("/")[2]
