"""Containers as host processes, for a machine without a container engine.

    tasks/<name>/container.json   who it is: what `list` tells even when nothing runs
    tasks/<name>/plan.json ...    what the daemon and the container's shim tell each other (`shim/files.py`)
    tasks/<name>/rootfs/          its own copy of the image's files

What an engine does and this does not: no namespaces, so no isolation; read-only mounts can be written; the image's
user is taken only when culm runs as root and the host knows that user. Everything else is as the port says.
"""

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import culm
from culm.cluster.instance.runtime.interface import Capabilities, Line, Port, Pruned, Seen, Spec, Terminal, Usage
from culm.cluster.instance.runtime.process import orders, output, port_mapping, rootfs
from culm.cluster.instance.runtime.process.disk import full_disk
from culm.cluster.instance.runtime.process.exits import Exits
from culm.cluster.instance.runtime.process.images import Image, Images
from culm.cluster.instance.runtime.process.rootfs import Rootfs
from culm.cluster.instance.runtime.process.shim import cgroups, files, tree
from culm.cluster.instance.runtime.process.shim.main import BOOT
from culm.cluster.instance.runtime.process.terminal import LastWords, open_terminal
from culm.cluster.instance.runtime.process.venvs import Pythons, Venvs
from culm.cluster.instance.runtime.references import Reference
from culm.errors import RuntimeFailure

_CONTAINER = "container.json"
_SHIM = (sys.executable, "-I", "-S", "-E", "-c", BOOT, str(Path(culm.__file__).parents[1]))
_EXEC_FORMAT = os.strerror(errno.ENOEXEC).lower()
_KILLED = 128 + signal.SIGKILL
_PATIENCE_SECONDS = 10.0
"""Beyond the grace: a process that SIGKILL does not end by then is stuck in the kernel."""
_LOOK_SECONDS = 0.25
_FEW = 64
"""Containers whose states are looked at without a change of thread, which would cost more than the look."""


class _NotFoundError(Exception):
    """There is no such command; what its shell would have said."""

    def __init__(self, output: bytes) -> None:
        super().__init__(output)
        self.output = output


class ProcessRuntime:
    """Everything it knows is in `home`, so a new object adopts what an old one started."""

    def __init__(
        self, home: Path, *, now: Callable[[], float], gateway: str = "127.0.0.1", use_cgroups: bool = True
    ) -> None:
        self._tasks = home / "tasks"
        self._tasks.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._images = Images(home / "images")
        self._venvs = Venvs(home / "venvs")
        self._now = now
        self._gateway = gateway
        self._cgroups = cgroups.find_room() if use_cgroups else None
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._ports = asyncio.Lock()
        self._clean()

    async def capabilities(self) -> Capabilities:
        limit: Any = "cgroup" if self._cgroups else "watched"
        return Capabilities(name="process", version="host processes", memory_limit=limit, gateway=self._gateway)

    async def list(self) -> Sequence[Seen]:
        return await asyncio.to_thread(self._look_at_all)

    async def start(self, spec: Spec) -> Seen:
        async with self._locks[spec.name]:
            directory = self._tasks / spec.name
            snapshot = await asyncio.to_thread(self._look, directory)
            if snapshot is not None and snapshot.state != "created":
                return snapshot
            image = await self._images.get(spec.image, spec.registry_auth)
            with self._images.held(image):
                await self._make(directory, spec, image)
            try:
                await self._launch(directory)
            except RuntimeFailure:
                await asyncio.to_thread(self._delete, directory)
                raise
            snapshot = await asyncio.to_thread(self._look, directory)
            assert snapshot is not None
            return snapshot

    async def stop(self, name: str, grace: float) -> Seen | None:
        directory = self._tasks / name
        snapshot = await asyncio.to_thread(self._look, directory)
        if snapshot is not None and snapshot.state == "running":
            await self._stop(directory, grace)
            snapshot = await asyncio.to_thread(self._look, directory)
        return snapshot

    async def remove(self, name: str) -> None:
        async with self._locks[name]:
            await self.stop(name, 0)
            await asyncio.to_thread(self._delete, self._tasks / name)
        self._locks.pop(name, None)

    async def exec(self, name: str, command: Sequence[str]) -> tuple[int, bytes]:
        try:
            inside = await self._inside(name, command)
        except _NotFoundError as missing:
            return 127, missing.output
        process = await asyncio.create_subprocess_exec(
            *inside, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, start_new_session=True
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        code = process.returncode or 0
        return code if code >= 0 else 128 - code, output

    async def terminal(self, name: str, command: Sequence[str]) -> Terminal:
        try:
            inside = await self._inside(name, command)
        except _NotFoundError as missing:
            return LastWords(127, missing.output)
        directory = str(self._tasks / name)
        return await open_terminal(inside, lambda: files.is_alive(directory))

    async def _inside(self, name: str, command: Sequence[str]) -> Sequence[str]:
        """Return what runs a command in a running container."""
        directory = self._tasks / name
        snapshot = await asyncio.to_thread(self._look, directory)
        if snapshot is None or snapshot.state != "running":
            raise RuntimeFailure("ContainerNotRunning", f"container {name} is not running")
        plan = files.read_plan(str(directory))
        words = orders.arguments(command, Rootfs(directory / "rootfs"), snapshot.ports, plan["address"])
        try:
            executable, argv = orders.resolve(words, plan["environment"]["PATH"], Path(plan["directory"]))
        except RuntimeFailure as failure:
            raise _NotFoundError(f"{failure.message}\n".encode()) from None
        return [*_SHIM, str(directory), executable, *argv]

    async def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
        directory = self._tasks / name
        if not directory.is_dir():
            raise RuntimeFailure("NoSuchContainer", f"there is no container {name}")

        def ended() -> bool:
            return not files.is_alive(str(directory))

        async for line in output.read(directory / files.OUTPUT, after, follow=follow, ended=ended):
            yield line

    async def stats(self, name: str) -> Usage | None:
        return await asyncio.to_thread(self._usage, self._tasks / name)

    async def changes(self) -> AsyncIterator[str]:
        known: dict[str, int] = {}
        with Exits() as exits:
            while True:
                written = self._written() if len(known) <= _FEW else await asyncio.to_thread(self._written)
                for name in exits.take() | {name for name in written if written[name] != known.get(name)}:
                    yield name
                for name in written.keys() - known.keys():
                    self._watch(exits, name)
                known = written
                await exits.wait(_LOOK_SECONDS)

    async def prune(self, registry: str, repositories: Collection[str], newest: int) -> Pruned:
        def stays(reference: Reference) -> bool:
            return not reference.is_near or reference.repository in repositories

        used = {container["image_digest"] for path in self._tasks.iterdir() if (container := _recorded(path))}
        images = self._images.set_aside(used, stays, newest)
        venvs = self._venvs.set_aside(self._images.kept())
        freed = await asyncio.to_thread(_delete_all, (*images, *venvs))
        return Pruned(images=len(images), environments=len(venvs), bytes=freed)

    # Starting.

    async def _make(self, directory: Path, spec: Spec, image: Image) -> None:
        pythons = await self._venvs.get(image)
        async with self._ports:  # until its ports are on disk nobody else may choose
            try:
                await asyncio.to_thread(self._prepare, directory, spec, image, pythons)
            except OSError as error:
                raise full_disk("CannotStartContainerError", error, self._tasks) from error

    def _prepare(self, directory: Path, spec: Spec, image: Image, pythons: Pythons) -> None:
        """Write all that the shim needs; the directory appears whole or not at all."""
        self._delete(directory)
        taken = {
            port.host_port
            for snapshot in self._look_at_all()
            if snapshot.state == "running" and self._address(snapshot.name) == spec.address
            for port in snapshot.ports
        }
        bound = port_mapping.bind(spec.ports, spec.address, taken)
        scratch = self._tasks / f".new-{spec.name}"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        try:
            inside = rootfs.copy(image.rootfs, scratch / "rootfs")
            pythons.place(inside.root, directory / "rootfs")
            for mount in spec.mounts:
                Path(mount.source).mkdir(parents=True, exist_ok=True)
                rootfs.place_link(inside, mount.container_path, Path(mount.source))
            container = {
                "runtime_id": hashlib.sha256(spec.name.encode()).hexdigest(),
                "labels": dict(spec.labels),
                "image_digest": image.digest,
                "address": spec.address,
                "protocols": {port.container_port: port.protocol for port in bound},
            }
            files.write(str(scratch), _CONTAINER, container)
            scratch.rename(directory)
            group = cgroups.inside(self._cgroups, spec.name) if self._cgroups else None
            order = orders.order(spec, image, Rootfs(directory / "rootfs"), bound, group)
            files.write(str(directory), files.PLAN, order)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            self._delete(directory)
            raise

    async def _launch(self, directory: Path) -> None:
        """Returns when the container's program runs."""
        process = await asyncio.create_subprocess_exec(
            *_SHIM, str(directory), stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
        )
        answer, complaint = await process.communicate()
        try:
            refusal = json.loads(answer).get("error")
        except ValueError:
            refusal = f"its supervisor failed: {complaint.decode(errors='replace').strip() or 'see shim.log'}"
        if refusal and _EXEC_FORMAT in refusal:
            wrong = orders.why_not(files.read_plan(str(directory))["executable"])
            refusal = f"{refusal}: {wrong}" if wrong else refusal
        if refusal:
            raise RuntimeFailure("CannotStartContainerError", refusal)

    # Ending.

    async def _stop(self, directory: Path, grace: float) -> None:
        state = files.read_state(str(directory))
        assert state is not None
        with Exits() as exits:
            exits.watch(directory.name, state["shim"])
            with contextlib.suppress(OSError):  # a full disk: the shim gives its usual grace
                files.write(str(directory), files.STOP, {"grace": grace})
            with contextlib.suppress(ProcessLookupError):
                os.kill(state["shim"], signal.SIGTERM)
            try:
                async with asyncio.timeout(grace + _PATIENCE_SECONDS):
                    while files.is_alive(str(directory)):
                        await exits.wait(_LOOK_SECONDS)
            except TimeoutError:
                what = f"container {directory.name} does not end, not even by SIGKILL"
                raise RuntimeFailure("CannotStopContainerError", what) from None

    def _delete(self, directory: Path) -> None:
        if not directory.exists():
            return
        plan = files.read(str(directory), files.PLAN)
        if plan is not None and plan["cgroup"] is not None:
            cgroups.Cgroup(plan["cgroup"]).end()
        going = directory.with_name(f".gone-{directory.name}")
        shutil.rmtree(going, ignore_errors=True)
        directory.rename(going)
        shutil.rmtree(going, ignore_errors=True)

    def _bury(self, directory: Path, state: files.State) -> None:
        """End what is left of a container whose shim was killed (kill -9), and report its end in the shim's place."""
        plan = files.read_plan(str(directory))
        if plan["cgroup"] is not None:
            cgroups.Cgroup(plan["cgroup"]).end()
        for pid in tree.with_variable(orders.NAME_VARIABLE, directory.name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        state |= {"exit_code": _KILLED, "stopped_at": self._now(), "health": "UNKNOWN"}
        with contextlib.suppress(OSError):  # a full disk: the next look tells it again
            files.write(str(directory), files.STATE, state)

    def _clean(self) -> None:
        """Delete what a daemon that died left half made or half deleted."""
        for pattern in (".new-*", ".gone-*"):
            for left in self._tasks.glob(pattern):
                shutil.rmtree(left, ignore_errors=True)
        self._images.clean()
        self._venvs.clean()

    # Looking.

    def _look_at_all(self) -> Sequence[Seen]:
        looks = [self._look(path) for path in sorted(self._tasks.iterdir()) if not path.name.startswith(".")]
        return [snapshot for snapshot in looks if snapshot is not None]

    def _look(self, directory: Path) -> Seen | None:
        container = files.read(str(directory), _CONTAINER)
        if container is None:
            return None
        snapshot = Seen(
            name=directory.name,
            runtime_id=container["runtime_id"],
            labels=container["labels"],
            image_digest=container["image_digest"],
            address=container["address"],
            state="created",
        )
        state = files.read_state(str(directory))
        if state is None:
            return snapshot
        if state["exit_code"] is None and not files.is_alive(str(directory)):
            state = files.read_state(str(directory))  # its last words may have come between the two looks
            assert state is not None
            if state["exit_code"] is None:
                self._bury(directory, state)
        bound = tuple(
            Port(protocol=container["protocols"][str(port["container_port"])], **port) for port in state["ports"]
        )
        health: Any = state["health"]
        snapshot = replace(snapshot, state="running", ports=bound, health=health, started_at=state["started_at"])
        if state["exit_code"] is None:
            return snapshot
        return replace(
            snapshot,
            state="stopped",
            exit_code=state["exit_code"],
            out_of_memory=state["out_of_memory"],
            stopped_at=state["stopped_at"],
        )

    def _address(self, name: str) -> str:
        return str(files.read(str(self._tasks / name), _CONTAINER)["address"])

    def _usage(self, directory: Path) -> Usage | None:
        state = files.read_state(str(directory))
        if state is None or state["exit_code"] is not None:
            return None
        plan = files.read_plan(str(directory))
        pids = tree.descendants(state["shim"])
        if state["limited_by"] == "cgroup" and plan["cgroup"] is not None:
            group = cgroups.Cgroup(plan["cgroup"])
            try:
                memory, peak = group.usage(), group.peak()
            except OSError:
                return None  # it ended meanwhile
        else:
            memory = tree.memory_of(pids, 0)
            peak = max(state["peak"], memory)
        unit = orders.MEBIBYTE
        return Usage(memory=memory / unit, memory_peak=peak / unit, cpu_seconds=tree.cpu_seconds_of(pids))

    def _written(self) -> dict[str, int]:
        """Return when each container's state was last written, in nanoseconds."""
        written: dict[str, int] = {}
        for path in self._tasks.iterdir():
            with contextlib.suppress(OSError):
                if not path.name.startswith("."):
                    written[path.name] = (path / files.STATE).stat().st_mtime_ns
        return written

    def _watch(self, exits: Exits, name: str) -> None:
        state = files.read_state(str(self._tasks / name))
        if state is not None and state["exit_code"] is None:
            exits.watch(name, state["shim"])


def _recorded(directory: Path) -> Any:
    """Return a container's record, also of one that is just being made or deleted; None when there is none."""
    with contextlib.suppress(OSError, ValueError):
        return files.read(str(directory), _CONTAINER)
    return None


def _delete_all(folders: Iterable[Path]) -> int:
    """Delete them with all they hold; returns the bytes of their files."""
    freed = 0
    for folder in folders:
        freed += sum(file.lstat().st_size for file in folder.rglob("*") if not file.is_dir())
        shutil.rmtree(folder, ignore_errors=True)
    return freed
