"""Service deployments and service revisions: how ECS writes a service's rolls down. moto has neither.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

ACTIVE = ("PENDING", "IN_PROGRESS")


@dataclass
class Roll:
    """One deploy of a service."""

    arn: str
    revision_arn: str
    """Of the service revision that it brings."""
    service_arn: str
    cluster_arn: str
    task_definition: str
    status: str = "IN_PROGRESS"
    created_at: float = field(default_factory=lambda: datetime.now(UTC).timestamp())

    def brief(self) -> dict[str, Any]:
        return {
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service_arn,
            "clusterArn": self.cluster_arn,
            "createdAt": self.created_at,
            "targetServiceRevisionArn": self.revision_arn,
            "status": self.status,
        }

    def revision(self) -> dict[str, Any]:
        return {
            "serviceRevisionArn": self.revision_arn,
            "serviceArn": self.service_arn,
            "clusterArn": self.cluster_arn,
            "taskDefinition": self.task_definition,
            "createdAt": self.created_at,
        }


class Rolls:
    """Those of an account, the oldest first."""

    def __init__(self) -> None:
        self.made: list[Roll] = []

    def begin(self, service: Any) -> None:
        """CreateService, or an UpdateService that changes what runs; the one before is stopped if it still goes on."""
        for roll in self.of(service):
            if roll.status in ACTIVE:
                roll.status = "STOPPED"
        base, number = service.arn.rpartition(":")[0], f"{len(self.made) + 1:020}"
        place = f"{service.cluster_name}/{service.name}/{number}"
        self.made.append(
            Roll(
                arn=f"{base}:service-deployment/{place}",
                revision_arn=f"{base}:service-revision/{place}",
                service_arn=service.arn,
                cluster_arn=service.cluster_arn,
                task_definition=service.task_definition,
            )
        )

    def end(self, service: Any, status: str) -> None:
        """What became of the roll that goes on; nothing where none does."""
        if (rolls := self.of(service)) and rolls[-1].status in ACTIVE:
            rolls[-1].status = status

    def of(self, service: Any) -> list[Roll]:
        return [roll for roll in self.made if roll.service_arn == service.arn]

    def last_good(self, service: Any) -> str | None:
        """The task definition that ECS would go back to: that of the last roll that ended well."""
        return next((roll.task_definition for roll in reversed(self.of(service)) if roll.status == "SUCCESSFUL"), None)

    def go_back(self, service: Any) -> bool:
        """End the roll that goes on by putting the last good task definition in its place; whether there is one."""
        before = self.last_good(service)
        if before is None:
            return False
        self.end(service, "ROLLBACK_SUCCESSFUL")
        service.task_definition = before
        return True
