"""Containers on any Docker Engine API: Docker, Podman.

Labels on the containers are all the state there is: a new object finds what an old one started by `culm.home`.
Containers sit on a network of their own whose gateway is an address of this machine, 169.254.170.2: what culm listens
to there they reach, and SDKs accept credentials from it over plain HTTP.
https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

import asyncio
import errno
import io
import json
import math
import platform
import re
import socket
import tarfile
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from typing import Any

from culm.cluster.instance.runtime import programs, references
from culm.cluster.instance.runtime.docker import orders, pruning
from culm.cluster.instance.runtime.docker.logs import Frames, Lines, TerminalFrames, since
from culm.cluster.instance.runtime.docker.terminal import open_terminal
from culm.cluster.instance.runtime.interface import Capabilities, Line, Pruned, Seen, Spec, Terminal, Usage
from culm.cluster.instance.runtime.process.shim.listeners import holder
from culm.cluster.instance.runtime.references import Reference
from culm.engine import registries
from culm.engine.answers import Refused, progress_message
from culm.engine.asynchronous import AsyncEngine
from culm.errors import CulmError, RuntimeFailure

_ARCHIVE_BYTES = 1 << 16
"""Enough of an archive of one file to hold its header and its beginning."""
_RETRY_SECONDS = (0.1, 0.5, 1.0, 2.0)
"""Between attempts to hear from an engine that went away."""
_EVENTS = ("create", "start", "die", "oom", "health_status", "destroy")
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use")


class DockerRuntime:
    """`cluster` tells this cluster's containers from others' on the same engine."""

    def __init__(
        self,
        cluster: str,
        *,
        network: str = "culm",
        subnet: str = "169.254.170.0/24",
        gateway: str = "169.254.170.2",
        engine: AsyncEngine | None = None,
    ) -> None:
        self._cluster = cluster
        self._network = network
        self._subnet = subnet
        self._gateway = gateway
        self._engine = engine or AsyncEngine()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._networking = asyncio.Lock()
        self._networked = False
        self._ended: dict[str, Seen] = {}
        self._peaks: dict[str, float] = {}

    async def close(self) -> None:
        """Hang up; containers go on."""
        await self._engine.close()

    async def remove_network(self) -> None:
        """Remove the network, for a cluster that stops for good; one that somebody still uses stays."""
        try:
            await self._engine.call("DELETE", f"/networks/{self._network}")
        except Refused as refused:
            if refused.status not in (403, 404, 409):
                raise RuntimeFailure("CannotRemoveNetworkError", refused.message) from refused
        self._networked = False

    async def capabilities(self) -> Capabilities:
        """Return what the engine can do; make the network first, so that the gateway can be listened on."""
        version = await self._engine.get("/version")
        await self._join_network()
        name = next((part["Name"] for part in version.get("Components", ()) if "Podman" in part["Name"]), "Docker")
        gateway = self._gateway if _is_ours(self._gateway) else "host.docker.internal"  # the engine is in a machine
        return Capabilities(
            name="docker", version=f"{name.split()[0]} {version['Version']}", memory_limit="cgroup", gateway=gateway
        )

    async def list(self) -> Sequence[Seen]:
        filters = json.dumps({"label": [f"{orders.HOME}={self._cluster}"]})
        entries = await self._engine.get("/containers/json", all=1, filters=filters)
        self._ended = {entry["Id"]: self._ended[entry["Id"]] for entry in entries if entry["Id"] in self._ended}
        looks = await asyncio.gather(*(self._look(entry["Id"]) for entry in entries))
        return [snapshot for snapshot in looks if snapshot is not None]

    async def start(self, spec: Spec) -> Seen:
        async with self._locks[spec.name]:
            snapshot = await self._look(spec.name)
            if snapshot is not None and snapshot.state != "created":
                return snapshot
            if snapshot is None:
                reference = references.parse(spec.image)
                digest = await self._have(reference, spec.registry_auth)
                await self._join_network()
                await self._create(spec, digest)
            try:
                await self._begin(spec.name)
            except Refused as refused:
                hint = await self._why_not(spec.name, refused.message)
                await self.remove(spec.name)
                raise _start_failure(spec, refused, hint) from refused
            snapshot = await self._look(spec.name)
            if snapshot is None:
                raise RuntimeFailure("CannotStartContainerError", f"container {spec.name} was removed while it started")
            return snapshot

    async def _begin(self, name: str) -> None:
        """Start a container that is there. Its network is made anew where somebody has removed it.

        Clusters of one engine share the network, and `docker network prune` removes one that nobody uses just then.
        """
        try:
            await self._engine.call("POST", f"/containers/{name}/start")
        except Refused as refused:
            if f"network {self._network} not found" not in refused.message:
                raise
            self._networked = False
            await self._join_network()
            await self._engine.call("POST", f"/containers/{name}/start")

    async def stop(self, name: str, grace: float) -> Seen | None:
        try:
            async with self._engine.stream("POST", f"/containers/{name}/stop", {"t": math.ceil(grace)}):
                pass
        except Refused as refused:
            if refused.status == 404:
                return None
            raise RuntimeFailure("CannotStopContainerError", refused.message) from refused
        return await self._look(name)

    async def remove(self, name: str) -> None:
        try:
            await self._engine.call("DELETE", f"/containers/{name}", {"force": 1, "v": 1})
        except Refused as refused:
            if refused.status not in (404, 409):  # 409: it is being removed already
                raise RuntimeFailure("CannotRemoveContainerError", refused.message) from refused
        self._peaks.pop(name, None)

    async def exec(self, name: str, command: Sequence[str]) -> tuple[int, bytes]:
        body = {"AttachStdout": True, "AttachStderr": True, "Cmd": list(command)}
        try:
            created = await self._engine.call("POST", f"/containers/{name}/exec", body=body)
        except Refused as refused:
            raise RuntimeFailure("ContainerNotRunning", f"{name}: {refused.message}") from refused
        output = bytearray()
        try:
            attach = {"Detach": False, "Tty": False}
            async with self._engine.stream("POST", f"/exec/{created['Id']}/start", body=attach) as reply:
                raw = await reply.aread()
        except Refused as refused:
            return 127, f"{refused.message}\n".encode()
        while raw:
            length = int.from_bytes(raw[4:8], "big")
            output += raw[8 : 8 + length]
            raw = raw[8 + length :]
        done = await self._engine.get(f"/exec/{created['Id']}/json")
        return int(done["ExitCode"]), bytes(output)

    async def terminal(self, name: str, command: Sequence[str]) -> Terminal:
        return await open_terminal(self._engine, name, command)

    async def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
        # An engine may close a followed stream a little before the last lines are in it: look again at the end.
        for following in (True, False) if follow else (False,):
            snapshot = await self._look(name)
            lines = Lines(after)
            frames = TerminalFrames() if await self._has_terminal(name) else Frames()
            query = {"stdout": 1, "stderr": 1, "timestamps": 1, "follow": int(following)}
            if after is not None:
                query["since"] = since(after)  # type: ignore[assignment]
            try:
                async with self._engine.stream("GET", f"/containers/{name}/logs", query) as reply:
                    async for data in reply.aiter_raw():
                        for frame in frames.feed(data):
                            for line in lines.feed(frame):
                                after = line.cursor
                                yield line
            except Refused as refused:
                raise RuntimeFailure("NoSuchContainer", refused.message) from refused
            for line in lines.close(ended=following or (snapshot is not None and snapshot.state == "stopped")):
                after = line.cursor
                yield line

    async def stats(self, name: str) -> Usage | None:
        try:
            stats = await self._engine.get(f"/containers/{name}/stats", **{"stream": 0, "one-shot": 1})
        except Refused:
            return None
        usage = orders.usage(stats, self._peaks.get(name, 0.0))
        if usage is not None:
            self._peaks[name] = usage.memory_peak
        return usage

    async def prune(self, registry: str, repositories: Collection[str], newest: int) -> Pruned:
        """Remove images; the names that builds gave them go with them, and so do old builds that were never pushed."""
        try:
            images = await self._engine.get("/images/json")
            used = {each["ImageID"] for each in await self._engine.get("/containers/json", all=1)}
            going = pruning.going(images, used, registry, repositories, newest)
            for each in going:
                for name in each.names:
                    await self._forget(name)
        except Refused as refused:
            raise RuntimeFailure("CannotRemoveImageError", refused.message) from refused
        return Pruned(images=len(going), bytes=sum(int(each.image.get("Size", 0)) for each in going))

    async def _forget(self, image: str) -> None:
        try:
            await self._engine.call("DELETE", f"/images/{image}")
        except Refused as refused:
            if refused.status not in (404, 409):  # 409: somebody has it after all
                raise

    async def changes(self) -> AsyncIterator[str]:
        filters = {"type": ["container"], "label": [f"{orders.HOME}={self._cluster}"], "event": _EVENTS}
        failures = 0
        while True:
            try:
                async with self._engine.stream("GET", "/events", {"filters": json.dumps(filters)}) as reply:
                    for snapshot in await self.list():
                        yield snapshot.name
                    failures = 0
                    async for event in reply.aiter_lines():
                        yield json.loads(event)["Actor"]["Attributes"]["name"]
            except (RuntimeFailure, Refused):
                await asyncio.sleep(_RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)])
                failures += 1

    async def _has_terminal(self, name: str) -> bool:
        try:
            return bool((await self._engine.get(f"/containers/{name}/json"))["Config"].get("Tty"))
        except Refused as refused:
            raise RuntimeFailure("NoSuchContainer", refused.message) from refused

    async def _why_not(self, name: str, complaint: str) -> str | None:
        """Return what is wrong with the program that a container could not execute, by its first bytes."""
        path = programs.file_named(complaint)
        if path is None:
            return None
        try:
            async with self._engine.stream("GET", f"/containers/{name}/archive", {"path": path}) as reply:
                content = await anext(reply.aiter_bytes(_ARCHIVE_BYTES))
            with tarfile.open(fileobj=io.BytesIO(content), mode="r|") as archive:
                entry = next(iter(archive))
                file = archive.extractfile(entry) if entry.isfile() else None
                head = file.read(programs.HEAD_BYTES) if file is not None else b""
        except (Refused, RuntimeFailure, tarfile.TarError, EOFError, StopIteration, StopAsyncIteration):
            return None
        return programs.why_not(head, platform.machine())

    async def _look(self, name: str) -> Seen | None:
        if name in self._ended:
            return self._ended[name]
        try:
            snapshot = orders.snapshot_of(await self._engine.get(f"/containers/{name}/json"))
        except Refused as refused:
            if refused.status == 404:
                return None
            raise RuntimeFailure("CannotInspectContainerError", refused.message) from refused
        if snapshot.state == "stopped":
            self._ended[snapshot.runtime_id] = snapshot
        return snapshot

    async def _have(self, reference: Reference, auth: tuple[str, str] | None) -> str | None:
        """Pull the image unless it is here by its digest; returns the digest.

        A tag that cannot be pulled is taken as the engine has it, as Amazon's agent does by default
        (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-agent-config.html, ECS_IMAGE_PULL_BEHAVIOR).
        """
        if reference.digest is None or not await self._is_here(str(reference)):
            try:
                await self._pull(reference, auth)
            except RuntimeFailure:
                if reference.digest is not None or not await self._is_here(str(reference)):
                    raise
        if reference.digest is not None:
            return reference.digest
        image = await self._engine.get(f"/images/{reference}/json")
        named = (digest.rpartition("@") for digest in image.get("RepoDigests") or ())
        return next((digest for name, _, digest in named if name == reference.familiar), None)

    async def _is_here(self, image: str) -> bool:
        try:
            await self._engine.get(f"/images/{image}/json")
        except Refused as refused:
            if refused.status == 404:
                return False
            raise RuntimeFailure("CannotPullContainerError", f"{image}: {refused.message}") from refused
        return True

    async def _pull(self, reference: Reference, auth: tuple[str, str] | None) -> None:
        query = {"fromImage": f"{reference.registry}/{reference.repository}", "tag": reference.version}
        login, problem = await asyncio.to_thread(_login, reference, auth)
        headers = {"X-Registry-Auth": login.header()} if login else {}
        try:
            async with self._engine.stream("POST", "/images/create", query, headers=headers) as reply:
                async for line in reply.aiter_lines():
                    if line:
                        progress_message(line)
        except Refused as refused:
            what = "; ".join(filter(None, (f"{reference}: {_plainly(refused.message)}", problem)))
            raise RuntimeFailure("CannotPullContainerError", what) from refused

    async def _create(self, spec: Spec, digest: str | None) -> None:
        body = orders.creation(spec, self._cluster, self._network, digest)
        try:
            await self._engine.call("POST", "/containers/create", {"name": spec.name}, body)
        except Refused as refused:
            raise RuntimeFailure("CannotCreateContainerError", _plainly(refused.message)) from refused

    async def _join_network(self) -> None:
        async with self._networking:
            if self._networked:
                return
            body: dict[str, Any] = {
                "Name": self._network,
                "CheckDuplicate": True,
                "Driver": "bridge",
                "IPAM": {"Config": [{"Subnet": self._subnet, "Gateway": self._gateway}]},
                "Labels": {orders.HOME: self._cluster},
            }
            try:
                await self._engine.call("POST", "/networks/create", body=body)
            except Refused as refused:
                if refused.status != 409:
                    what = f"network {self._network} ({self._subnet}): {refused.message}"
                    raise RuntimeFailure("CannotCreateNetworkError", what) from refused
            self._networked = True


def _login(reference: Reference, auth: tuple[str, str] | None) -> tuple[registries.EngineLogin | None, str]:
    """Return the task's own login to the image's registry, else the one of whoever runs the cluster.

    And why there is none.
    """
    if auth is not None:
        return registries.EngineLogin(server=reference.registry, user=auth[0], password=auth[1]), ""
    try:
        return registries.login_to(reference.registry), ""
    except CulmError as error:
        return None, error.what


def _start_failure(spec: Spec, refused: Refused, hint: str | None) -> RuntimeFailure:
    """Return the engine's reason, the hint first.

    For a port that is taken also who has it, as far as this machine tells.
    """
    message = _plainly(refused.message)
    if hint is not None:
        message = f"{hint}: {message}"
    if _PORT_TAKEN.search(message):
        for port in spec.ports:
            if port.host_port and str(port.host_port) in message:
                who = holder(spec.address, port.host_port) or "another container or process"
                message = f"port {port.host_port} of {spec.address} is already taken by {who}: {message}"
    return RuntimeFailure("CannotStartContainerError", message)


def _plainly(message: str) -> str:
    if "no space left on device" in message:
        return f"no space left on device; free some (`docker system prune`), then try again: {message}"
    return message


def _is_ours(address: str) -> bool:
    """Return whether a listener on this machine can have the address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as trial:
        try:
            trial.bind((address, 0))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL):
                return False
            raise
    return True
