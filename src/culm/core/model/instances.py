"""Container instances: the machines that tasks are placed on.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerInstance.html
"""

from typing import Literal

from culm.core.model.record import record


@record
class Attribute:
    name: str
    value: str | None = None


@record
class ContainerInstance:
    container_instance_arn: str
    ec2_instance_id: str
    cpu: int
    """Registered CPU units: 1024 a vCPU."""
    memory: int
    """Registered MiB: the machine's memory less the kernel's and ECS_RESERVED_MEMORY."""
    ports: tuple[int, ...] = (22, 2375, 2376, 51678, 51679)
    """TCP ports that are reserved from the start."""
    ports_udp: tuple[int, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    status: Literal["ACTIVE", "DRAINING", "REGISTERING", "DEREGISTERING", "REGISTRATION_FAILED", "INACTIVE"] = "ACTIVE"
    agent_connected: bool = True
    agent_version: str = "1.0.0"
    registered_at: float = 0.0
    address: str = ""
    """Where its tasks' host ports are reached."""

    def attribute(self, name: str) -> str | None:
        """Return the attribute's value, None if the instance lacks it."""
        return next((a.value for a in self.attributes if a.name == name), None)
