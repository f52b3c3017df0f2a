"""What the worker asks of whatever runs containers.

Three implementations: `docker` (any Docker Engine API), `process` (host processes, no engine needed) and `fake`
(in memory; shipped, and held to the same contract suite, `tests/contracts/test_runtime.py`).
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import field
from typing import Literal, Protocol

from culm.core.model.record import record
from culm.core.model.task_definitions import Ulimit


@record
class Port:
    """A container's port, published on the instance's address."""

    container_port: int
    host_port: int = 0
    """0: the runtime picks a free one (ECS's dynamic host port)."""
    protocol: Literal["tcp", "udp"] = "tcp"


@record
class Probe:
    """A container health check, as in a task definition (times in seconds)."""

    command: tuple[str, ...]
    """`("CMD", ...)` or `("CMD-SHELL", "...")`."""
    interval: int = 30
    timeout: int = 5
    retries: int = 3
    start_period: int = 0


@record
class Mount:
    source: str
    """An absolute path on the host."""
    container_path: str
    read_only: bool = False


@record
class Scratch:
    """A folder in memory, empty at the start."""

    path: str
    size: int
    """MiB."""
    options: tuple[str, ...] = ()
    """Of mount, as `noexec`."""


@record
class Spec:
    """One container to run."""

    name: str
    """Unique on this machine for all time; the key of every later call."""
    image: str
    """`host:port/repository@sha256:...` (or `:tag`) in an OCI registry that this machine reaches."""
    address: str
    """The simulated instance's own address; ports are published on it."""
    entry_point: tuple[str, ...] | None = None
    """None: the image's."""
    command: tuple[str, ...] | None = None
    """None: the image's."""
    environment: Mapping[str, str]
    working_directory: str | None = None
    user: str | None = None
    memory: int | None = None
    """Hard limit in MiB: a container that passes it is killed, exit code 137, `out_of_memory`."""
    cpu: int = 0
    """CPU units (1024 = one vCPU), a share and not a limit."""
    ports: tuple[Port, ...] = ()
    mounts: tuple[Mount, ...] = ()
    probe: Probe | None = None
    labels: Mapping[str, str]
    """Truth about the container: what the worker needs in order to adopt it after a restart."""
    registry_auth: tuple[str, str] | None = None
    """(user, password) for the image's registry."""
    init: bool = False
    """Whether an init process reaps orphans and passes signals on."""
    read_only: bool = False
    """Whether the container cannot write in its image's files; mounts and `scratch` are its places to write."""
    scratch: tuple[Scratch, ...] = ()
    hostname: str | None = None
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Addresses by name, for a container that resolves names by itself; a host process resolves as the machine does."""
    input_open: bool = False
    """Its standard input stays open, with nothing to read; otherwise it is at its end from the start."""
    terminal: bool = False
    """Its output and input are a terminal."""
    ulimits: tuple[Ulimit, ...] = ()
    host_processes: bool = False
    """Whether it sees the processes of the host; a host process does so anyway."""
    network_of: str | None = None
    """Name of the container whose network it shares, or its own name where others share its network."""
    peers: tuple[Port, ...] = ()
    """Ports of the others in that network: it finds them at `localhost`."""


@record
class Seen:
    """A container as the runtime sees it now."""

    name: str
    runtime_id: str
    labels: Mapping[str, str]
    state: Literal["created", "running", "stopped"]
    ports: tuple[Port, ...] = ()
    """With the host ports that were picked."""
    address: str = ""
    """The container's own, where it has one; else its instance's."""
    image_digest: str | None = None
    exit_code: int | None = None
    out_of_memory: bool = False
    health: Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"] = "UNKNOWN"
    started_at: float | None = None
    """Epoch seconds."""
    stopped_at: float | None = None


@record
class Line:
    """One line of a container's output."""

    at: float
    """Epoch seconds; never goes backwards within a container."""
    text: str
    """Without the newline."""
    cursor: str
    """Pass the last one to `logs(after=...)` to go on behind this line, also after a restart."""


@record
class Usage:
    memory: float
    """MiB now."""
    memory_peak: float
    """The most that it ever had, MiB."""
    cpu_seconds: float
    """CPU time used since it started."""


@record
class Pruned:
    """What a pruning took away."""

    images: int = 0
    environments: int = 0
    """Virtual environments that no image asks for any more."""
    bytes: int = 0


@record
class Capabilities:
    name: Literal["docker", "process", "fake"]
    version: str
    """For people: `Docker 20.10.24`, `host processes`."""
    memory_limit: Literal["cgroup", "watched"]
    gateway: str
    """The address by which its containers reach services of this machine (the load balancer, the API, PostgreSQL)."""


class Terminal(Protocol):
    """A command that runs inside a container on a terminal of its own (a pty). It ends with its container."""

    async def read(self) -> bytes:
        """Return what it has written, as soon as there is something; empty: it has ended and all was read."""
        ...

    async def write(self, data: bytes) -> None:
        """Write what is typed. The terminal makes of it what terminals do: 3 is SIGINT, 4 the end of the input."""
        ...

    async def resize(self, columns: int, rows: int) -> None: ...

    async def wait(self) -> int:
        """Return its exit code, 128 more than the signal that ended it."""
        ...

    async def hang_up(self) -> None:
        """End it, if it has not ended: SIGHUP, as when a line drops, and SIGKILL soon after."""
        ...


class Runtime(Protocol):
    """Every call is idempotent by `name`; failures are `culm.errors.RuntimeFailure` and nothing else."""

    async def capabilities(self) -> Capabilities: ...

    async def list(self) -> Sequence[Seen]:
        """Return every container of this cluster, running or not."""
        ...

    async def start(self, spec: Spec) -> Seen:
        """Pull the image if needed and start it; starting one that is already there is not an error."""
        ...

    async def stop(self, name: str, grace: float) -> Seen | None:
        """Stop a container by SIGTERM, and by SIGKILL after `grace` seconds; keep its record and logs.

        Returns None if there is no such container.
        """
        ...

    async def remove(self, name: str) -> None:
        """Forget a container (killed first, if it runs) and delete what it left on disk."""
        ...

    async def exec(self, name: str, command: Sequence[str]) -> tuple[int, bytes]:
        """Run a command inside a running container: exit code and combined output."""
        ...

    async def terminal(self, name: str, command: Sequence[str]) -> Terminal:
        """Run a command inside a running container for somebody who sits before a terminal.

        A command that cannot be run says so on the terminal and ends with 126 or 127.
        """
        ...

    def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
        """Return its output behind cursor `after`.

        With `follow`, ends when the container has ended and all was read.
        """
        ...

    async def stats(self, name: str) -> Usage | None:
        """Return what a container uses; None when it does not run."""
        ...

    async def prune(self, registry: str, repositories: Collection[str], newest: int) -> Pruned:
        """Delete the images that no container has, but for the `newest` last used ones of each repository.

        `registry`: `host:port` of the cluster's own; of its images those of other repositories than these all go.
        """
        ...

    def changes(self) -> AsyncIterator[str]:
        """Yield containers that started, stopped or changed health, as it happens; only a hint to look.

        It begins with every container there is, and does so again when notices may have been lost.
        """
        ...
