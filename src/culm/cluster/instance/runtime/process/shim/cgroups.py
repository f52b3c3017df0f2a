"""Linux control groups, versions 1 and 2: the kernel's own hard memory limit, where this user may set one.

https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import os
import select
import signal
import time
from collections.abc import Iterator

from culm.cluster.instance.runtime.process.shim.files import CgroupPlan

_ROOM = "culm"
"""The group that holds the groups of all containers."""


def find_room() -> CgroupPlan | None:
    """Return where containers' groups can be made on this machine; None: nowhere (not Linux, not permitted)."""
    mounts = _mounts()
    memory = mounts.get("memory")
    if memory is not None:
        room = _first_writable(memory, _own_paths("memory"), "memory.limit_in_bytes")
        cpu = mounts.get("cpu")
        cpu_room = _first_writable(cpu, _own_paths("cpu"), "cpu.shares") if cpu else None
        return CgroupPlan(version=1, memory=room, cpu=cpu_room) if room else None
    unified = mounts.get("unified")
    if unified is None:
        return None
    room = _first_writable(unified, _own_paths(""), "memory.max")
    if room is None or not _delegate(room):
        return None
    return CgroupPlan(version=2, memory=room, cpu=None)


def inside(room: CgroupPlan, name: str) -> CgroupPlan:
    """Return the group of one container."""
    cpu = os.path.join(room["cpu"], name) if room["cpu"] else None
    return CgroupPlan(version=room["version"], memory=os.path.join(room["memory"], name), cpu=cpu)


class Cgroup:
    """The group of one container."""

    def __init__(self, plan: CgroupPlan) -> None:
        self._version = plan["version"]
        self._memory = plan["memory"]
        self._directories = [d for d in (plan["memory"], plan["cpu"]) if d]
        self._cpu = plan["cpu"]

    def create(self, memory: int | None, cpu: int) -> None:
        """Make it with a hard limit of `memory` bytes, swap included, and a share of `cpu` units."""
        for directory in self._directories:
            os.makedirs(directory, exist_ok=True)
        if self._version == 1:
            if memory is not None:
                _write(self._memory, "memory.limit_in_bytes", memory)
                _write(self._memory, "memory.memsw.limit_in_bytes", memory, needed=False)
            if cpu and self._cpu:
                _write(self._cpu, "cpu.shares", max(2, cpu), needed=False)
            return
        if memory is not None:
            _write(self._memory, "memory.max", memory)
            _write(self._memory, "memory.swap.max", 0, needed=False)
            _write(self._memory, "memory.oom.group", 1, needed=False)
        if cpu:
            _write(self._memory, "cpu.weight", weight_of(cpu), needed=False)

    def take(self, pid: int) -> None:
        """Move a process (and what it will start) in."""
        for directory in self._directories:
            _write(directory, "cgroup.procs", pid)

    def pids(self) -> list[int]:
        try:
            return [int(pid) for pid in _read(self._memory, "cgroup.procs").split()]
        except OSError:
            return []

    def kill(self) -> None:
        for pid in self.pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def end(self) -> None:
        """Kill everything in it, wait until it has gone (a second at most), remove it."""
        for _ in range(500):
            if not self.pids():
                break
            self.kill()
            time.sleep(0.002)
        self.remove()

    def oom_kills(self) -> int:
        """Return how many of its processes the kernel killed for want of memory."""
        name = "memory.oom_control" if self._version == 1 else "memory.events"
        return _field(self._memory, name, "oom_kill")

    def usage(self) -> int:
        """Return the bytes that it cannot give back at once.

        Cached file pages that nobody used lately do not count.
        """
        name = "memory.usage_in_bytes" if self._version == 1 else "memory.current"
        idle = _field(self._memory, "memory.stat", "total_inactive_file" if self._version == 1 else "inactive_file")
        return max(0, int(_read(self._memory, name)) - idle)

    def peak(self) -> int:
        """Return the most that was ever charged, in bytes.

        0 where the kernel does not keep it (version 2 before 5.19).
        """
        name = "memory.max_usage_in_bytes" if self._version == 1 else "memory.peak"
        return int("".join(_words(self._memory, name)) or 0)

    def watch_out_of_memory(self, poller: select.poll) -> int:
        """Let `poller` report a descriptor when the limit is hit; returns the descriptor."""
        if self._version == 2:
            events = os.open(os.path.join(self._memory, "memory.events"), os.O_RDONLY)
            poller.register(events, select.POLLPRI)
            return events
        notice = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        control = os.open(os.path.join(self._memory, "memory.oom_control"), os.O_RDONLY)
        try:
            _write(self._memory, "cgroup.event_control", f"{notice} {control}")
        finally:
            os.close(control)
        poller.register(notice, select.POLLIN)
        return notice

    def remove(self) -> None:
        """Remove the group if it is empty; what cannot be removed now is removed by the next that asks."""
        for directory in self._directories:
            try:
                os.rmdir(directory)
            except OSError:
                continue


def weight_of(cpu: int) -> int:
    """Return CPU units (2..262144, version 1's shares) as version 2's weight (1..10000), as runc converts them."""
    shares = min(max(cpu, 2), 262144)
    return 1 + (shares - 2) * 9999 // 262142


def _mounts() -> dict[str, str]:
    """Mount points by controller; `unified` is version 2's, if it has the memory controller."""
    mounts: dict[str, str] = {}
    try:
        with open("/proc/self/mounts", encoding="utf-8") as file:
            lines = file.readlines()
    except FileNotFoundError:
        return {}
    for line in lines:
        _, where, kind, options, *_ = line.split()
        if kind == "cgroup":
            mounts.update(dict.fromkeys(options.split(","), where))
        elif kind == "cgroup2" and "memory" in _words(where, "cgroup.controllers"):
            mounts["unified"] = where
    return mounts


def _own_paths(controller: str) -> Iterator[str]:
    """Yield this process's group in a hierarchy and the groups around it, the root first."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        for line in file:
            _, controllers, path = line.rstrip("\n").split(":", 2)
            if controller in controllers.split(","):
                parts = [part for part in path.split("/") if part]
                for depth in range(len(parts) + 1):
                    yield "/".join(parts[:depth])
                return


def _first_writable(mount: str, paths: Iterator[str], needed: str) -> str | None:
    for path in paths:
        room = os.path.join(mount, path, _ROOM)
        trial = os.path.join(room, f".trial-{os.getpid()}")
        try:
            os.makedirs(room, exist_ok=True)
            if needed == "memory.max" and not _delegate(room):
                continue
            os.mkdir(trial)
        except OSError:
            continue
        able = os.access(os.path.join(trial, needed), os.W_OK)
        os.rmdir(trial)
        if able:
            return room
    return None


def _delegate(room: str) -> bool:
    """Version 2: hand the memory controller (and the CPU's, if there is one) down to the groups in `room`."""
    parent = os.path.dirname(room)
    for directory in (parent, room):
        for controller in ("memory", "cpu"):
            if controller in _words(directory, "cgroup.controllers"):
                _write(directory, "cgroup.subtree_control", f"+{controller}", needed=False)
        if "memory" not in _words(directory, "cgroup.subtree_control"):
            return False
    return True


def _read(directory: str, name: str) -> str:
    with open(os.path.join(directory, name), encoding="utf-8") as file:
        return file.read()


def _words(directory: str, name: str) -> list[str]:
    try:
        return _read(directory, name).split()
    except OSError:
        return []


def _field(directory: str, name: str, key: str) -> int:
    try:
        lines = _read(directory, name).splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == key), 0)


def _write(directory: str, name: str, value: int | str, *, needed: bool = True) -> None:
    try:
        descriptor = os.open(os.path.join(directory, name), os.O_WRONLY)
        try:
            os.write(descriptor, str(value).encode())
        finally:
            os.close(descriptor)
    except OSError:
        if needed:
            raise
