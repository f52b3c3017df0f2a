"""Fargate: the sizes that a task may have, and the simulated host that all tasks of this launch type are on.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html
"""

from culm.core.model.instances import Attribute, ContainerInstance

LAUNCH_TYPE = "FARGATE"
PROVIDERS = ("FARGATE", "FARGATE_SPOT")
"""Capacity providers that every account has."""
PLATFORM_VERSION = "1.4.0"
"""What LATEST means for Linux."""
HOSTS = "@fargate"
"""In the place of the host's cluster; no cluster can have this name, so nobody sees the host."""

_GIB = 1024
SIZES = {
    256: (512, 1 * _GIB, 2 * _GIB),
    512: tuple(range(1 * _GIB, 4 * _GIB + 1, _GIB)),
    1024: tuple(range(2 * _GIB, 8 * _GIB + 1, _GIB)),
    2048: tuple(range(4 * _GIB, 16 * _GIB + 1, _GIB)),
    4096: tuple(range(8 * _GIB, 30 * _GIB + 1, _GIB)),
    8192: tuple(range(16 * _GIB, 60 * _GIB + 1, 4 * _GIB)),
    16384: tuple(range(32 * _GIB, 120 * _GIB + 1, 8 * _GIB)),
}
"""CPU units -> MiB that a task may have with them."""


def host_arn(any_arn: str) -> str:
    """Return the ARN of the host in the region and account of another ARN of ECS."""
    return f"{':'.join(any_arn.split(':')[:5])}:container-instance/{HOSTS}/{'0' * 32}"


def is_host(container_instance_arn: str | None) -> bool:
    """Return whether an instance is the host of Fargate, rather than one that people see."""
    return f":container-instance/{HOSTS}/" in (container_instance_arn or "")


def host(any_arn: str, attributes: tuple[Attribute, ...]) -> ContainerInstance:
    """Return the host as the scheduler sees it: it has room for every task, whether its agent has joined or not."""
    endless = 1 << 50
    return ContainerInstance(
        container_instance_arn=host_arn(any_arn), ec2_instance_id="", cpu=endless, memory=endless, attributes=attributes
    )
