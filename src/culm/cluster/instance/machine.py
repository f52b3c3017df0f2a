"""A simulated instance as its agent registers it.

Attributes and reserved ports are the ECS agent's own (protocols of aws/amazon-ecs-agent, README and
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-placement-constraints.html#attributes).
"""

import platform

from culm.core.model.agent import RegisterContainerInstance
from culm.core.model.instances import Attribute
from culm.core.model.record import record

ARCHITECTURES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
CAPABILITIES = (
    *(f"com.amazonaws.ecs.capability.docker-remote-api.1.{minor}" for minor in range(17, 33)),
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.ecr-auth",
    "com.amazonaws.ecs.capability.task-iam-role",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.container-restart-policy",
    "ecs.capability.task-cpu-mem-limit",
    "ecs.capability.task-eni",
    "ecs.capability.efs",
    "ecs.capability.efsAuth",
    "ecs.capability.full-sync",
)


ATTRIBUTES = tuple(Attribute(name=name) for name in CAPABILITIES)


@record
class Machine:
    cluster: str
    """The name of the ECS cluster that it joins."""
    ec2_instance_id: str
    address: str
    instance_type: str = "t2.micro"
    cpu: int = 1024
    """CPU units."""
    memory: int = 995
    """MiB."""
    ports: tuple[int, ...] = (22, 2375, 2376, 51678, 51679)
    availability_zone: str = "us-east-1a"
    ami_id: str = "ami-00000000000000000"
    container_instance_arn: str | None = None
    """Of one that registered before: it stays the same instance."""


def registration(machine: Machine) -> RegisterContainerInstance:
    values = {
        "ecs.availability-zone": machine.availability_zone,
        "ecs.instance-type": machine.instance_type,
        "ecs.ami-id": machine.ami_id,
        "ecs.os-type": "linux",
        "ecs.os-family": "LINUX",
        "ecs.cpu-architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
    }
    return RegisterContainerInstance(
        cluster=machine.cluster,
        ec2_instance_id=machine.ec2_instance_id,
        address=machine.address,
        cpu=machine.cpu,
        memory=machine.memory,
        ports=machine.ports,
        attributes=(
            *(Attribute(name=name, value=value) for name, value in values.items()),
            *ATTRIBUTES,
        ),
        container_instance_arn=machine.container_instance_arn,
    )
