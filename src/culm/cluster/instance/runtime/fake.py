"""A runtime in memory: containers do what their image's `Script` says and what the test tells them.

Control-loop tests and the planner's simulations run on it; the contract suite keeps it honest.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from culm.cluster.instance.runtime.interface import Capabilities, Line, Port, Pruned, Seen, Spec, Terminal, Usage
from culm.cluster.instance.runtime.process.terminal import LastWords
from culm.core.model.record import record
from culm.errors import RuntimeFailure

OUT_OF_MEMORY = 137
FIRST_DYNAMIC_PORT = 32768
"""Where Linux's, and so ECS's, dynamic host ports begin."""


@record
class Script:
    """What a container of an image does."""

    output: bytes = b""
    """Written at once."""
    exit_code: int | None = None
    """It ends by itself with this; None: it runs until it is told otherwise."""
    memory: float = 16.0
    """MiB that it takes; above its limit it is killed."""
    health: Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"] = "HEALTHY"
    """What its probe finds, when it has one."""
    obeys_sigterm: bool = True
    """False: it ends only by SIGKILL."""
    failure: RuntimeFailure | None = None
    """It cannot be started, for this reason."""
    commands: Mapping[tuple[str, ...], tuple[int, bytes]] = field(default_factory=dict)
    """What `exec` answers; a command that is not here is not found."""


@dataclass
class _Container:
    spec: Spec
    script: Script
    snapshot: Seen
    lines: list[Line] = field(default_factory=list)
    memory: float = 0.0
    peak: float = 0.0
    cpu_seconds: float = 0.0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class FakeRuntime:
    """`scripts` says what each image does; an image that is not named runs for ever and is healthy."""

    def __init__(self, now: Callable[[], float], scripts: Mapping[str, Script] | None = None) -> None:
        self._now = now
        self.scripts = dict(scripts or {})
        self._containers: dict[str, _Container] = {}
        self._listeners: list[asyncio.Queue[str]] = []

    # What a test does to a container.

    def exit(self, name: str, exit_code: int) -> None:
        """Let it end by itself."""
        self._end(self._running(name), exit_code)

    def use_memory(self, name: str, mebibytes: float) -> None:
        """Let it hold this much; beyond its limit it is killed, as the kernel would."""
        container = self._running(name)
        container.memory = mebibytes
        container.peak = max(container.peak, mebibytes)
        if container.spec.memory is not None and mebibytes > container.spec.memory:
            self._end(container, OUT_OF_MEMORY, out_of_memory=True)

    def use_cpu(self, name: str, seconds: float) -> None:
        """Let it take so many seconds of a CPU."""
        self._running(name).cpu_seconds += seconds

    def set_health(self, name: str, health: Literal["UNKNOWN", "HEALTHY", "UNHEALTHY"]) -> None:
        container = self._running(name)
        container.snapshot = replace(container.snapshot, health=health)
        self._tell(container)

    def write(self, name: str, output: bytes) -> None:
        """Let it write some lines."""
        container = self._running(name)
        for text in output.decode(errors="replace").splitlines():
            cursor = str(len(container.lines) + 1)
            container.lines.append(Line(at=self._now(), text=text, cursor=cursor))
        self._tell(container)

    def listen_elsewhere(self, name: str, host_port: int) -> None:
        """Publish a container's first port at another one, as the process runtime does once it listens there."""
        container = self._containers[name]
        first, *others = container.snapshot.ports
        container.snapshot = replace(container.snapshot, ports=(replace(first, host_port=host_port), *others))
        self._tell(container)

    def spec_of(self, name: str) -> Spec:
        """Return what a container was started with."""
        return self._containers[name].spec

    # The port.

    async def capabilities(self) -> Capabilities:
        return Capabilities(name="fake", version="in memory", memory_limit="cgroup", gateway="127.0.0.1")

    async def list(self) -> Sequence[Seen]:
        return [container.snapshot for container in self._containers.values()]

    async def start(self, spec: Spec) -> Seen:
        if spec.name in self._containers:
            return self._containers[spec.name].snapshot
        script = self.scripts.get(spec.image, Script())
        if script.failure is not None:
            raise script.failure
        snapshot = Seen(
            name=spec.name,
            runtime_id=hashlib.sha256(spec.name.encode()).hexdigest(),
            labels=spec.labels,
            state="running",
            ports=self._bind(spec),
            address=spec.address,
            image_digest=_digest(spec.image),
            health=script.health if spec.probe else "UNKNOWN",
            started_at=self._now(),
        )
        container = _Container(spec=spec, script=script, snapshot=snapshot)
        self._containers[spec.name] = container
        self.write(spec.name, script.output)
        self.use_memory(spec.name, script.memory)
        if script.exit_code is not None and container.snapshot.state == "running":
            self.exit(spec.name, script.exit_code)
        return container.snapshot

    async def stop(self, name: str, grace: float) -> Seen | None:
        container = self._containers.get(name)
        if container is None:
            return None
        if container.snapshot.state == "running":
            self._end(container, 143 if container.script.obeys_sigterm else 137)
        return container.snapshot

    async def remove(self, name: str) -> None:
        container = self._containers.pop(name, None)
        if container is not None and container.snapshot.state == "running":
            self._end(container, 137)

    async def exec(self, name: str, command: Sequence[str]) -> tuple[int, bytes]:
        script = self._running(name).script
        return script.commands.get(tuple(command), (127, f"{command[0]}: not found\n".encode()))

    async def terminal(self, name: str, command: Sequence[str]) -> Terminal:
        """Return a terminal that says what `exec` answers and ends, whatever is typed."""
        return LastWords(*await self.exec(name, command))

    async def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
        container = self._find(name)
        at = int(after or 0)
        while True:
            container.changed.clear()
            ended = container.snapshot.state == "stopped"
            for line in container.lines[at:]:
                yield line
                at = int(line.cursor)
            if ended or not follow:
                return
            await container.changed.wait()

    async def stats(self, name: str) -> Usage | None:
        container = self._containers.get(name)
        if container is None or container.snapshot.state != "running":
            return None
        return Usage(memory=container.memory, memory_peak=container.peak, cpu_seconds=container.cpu_seconds)

    async def prune(self, registry: str, repositories: Collection[str], newest: int) -> Pruned:
        """Return nothing: it keeps no images."""
        return Pruned()

    async def changes(self) -> AsyncIterator[str]:
        with self._listening() as names:
            for name in list(self._containers):
                yield name
            while True:
                yield await names.get()

    # Inside.

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Queue[str]]:
        names: asyncio.Queue[str] = asyncio.Queue()
        self._listeners.append(names)
        try:
            yield names
        finally:
            self._listeners.remove(names)

    def _find(self, name: str) -> _Container:
        if name not in self._containers:
            raise RuntimeFailure("NoSuchContainer", f"there is no container {name}")
        return self._containers[name]

    def _running(self, name: str) -> _Container:
        container = self._find(name)
        if container.snapshot.state != "running":
            raise RuntimeFailure("ContainerNotRunning", f"container {name} is not running")
        return container

    def _end(self, container: _Container, exit_code: int, out_of_memory: bool = False) -> None:
        container.snapshot = replace(
            container.snapshot,
            state="stopped",
            exit_code=exit_code,
            out_of_memory=out_of_memory,
            health="UNKNOWN",
            stopped_at=self._now(),
        )
        self._tell(container)

    def _tell(self, container: _Container) -> None:
        container.changed.set()
        for listener in self._listeners:
            listener.put_nowait(container.spec.name)

    def _bind(self, spec: Spec) -> tuple[Port, ...]:
        taken = {
            (container.spec.address, port.host_port): name
            for name, container in self._containers.items()
            if container.snapshot.state == "running"
            for port in container.snapshot.ports
        }
        bound: list[Port] = []
        for port in spec.ports:
            if port.host_port and (holder := taken.get((spec.address, port.host_port))):
                what = f"port {port.host_port} of {spec.address} is already taken by container {holder}"
                raise RuntimeFailure("CannotStartContainerError", what)
            host_port = port.host_port or next(p for p in count(FIRST_DYNAMIC_PORT) if (spec.address, p) not in taken)
            taken[spec.address, host_port] = spec.name
            bound.append(replace(port, host_port=host_port))
        return tuple(bound)


def _digest(image: str) -> str:
    if "@" in image:
        return image.partition("@")[2]
    return f"sha256:{hashlib.sha256(image.encode()).hexdigest()}"
