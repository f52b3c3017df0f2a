"""What an agent needs of the world besides its runtime; wired by whoever starts it."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from culm.cluster.instance.runtime.interface import Line
from culm.core.model.agent import ContainerPayload, FromAgent, RegisterContainerInstance, TaskPayload, ToAgent


class Control(Protocol):
    """The control plane, as its agents see it."""

    async def register(self, message: RegisterContainerInstance) -> str:
        """Return the instance's ARN."""
        ...

    def connect(self, container_instance_arn: str) -> AsyncIterator[ToAgent]:
        """Return its orders, for as long as the connection lasts: first all that it has to know, then what comes up."""
        ...

    async def submit(self, container_instance_arn: str, message: FromAgent) -> None:
        """Submit a message; it is kept when this returns."""
        ...


class Logs(Protocol):
    """CloudWatch Logs, as the awslogs driver uses it."""

    async def open(self, group: str, stream: str, *, create_group: bool) -> None:
        """Make the stream; raises RuntimeFailure where the driver would keep the container from starting."""
        ...

    async def append(self, group: str, stream: str, container: str, lines: Sequence[Line]) -> None:
        """Keep the lines and the last one's cursor together."""
        ...

    async def cursor(self, container: str) -> str | None:
        """Return the cursor of the last line that was kept."""
        ...


class Secrets(Protocol):
    async def __call__(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, str]:
        """Return the values of a container's secrets. Raises RuntimeFailure where one cannot be read."""
        ...


class Files(Protocol):
    async def __call__(self, task: TaskPayload, container: ContainerPayload) -> Mapping[str, bytes]:
        """Return a file of a container, by its path there. Raises RuntimeFailure."""
        ...


class Login(Protocol):
    async def __call__(self, image: str) -> tuple[str, str] | None:
        """User and password for the image's registry; None if it needs none."""
        ...
