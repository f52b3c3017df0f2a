"""A process and everything it started: who they are, what memory and CPU time they take."""

import os
import sys
from collections.abc import Callable, Iterator

_LINUX = sys.platform == "linux"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICKS = os.sysconf("SC_CLK_TCK")


def descendants(root: int) -> list[int]:
    """Return all living processes below `root`, which is not among them."""
    children = _children if os.path.exists(f"/proc/{root}/task/{root}/children") else _children_by_parent()
    pids: list[int] = []
    waiting = children(root)
    while waiting:
        pid = waiting.pop()
        pids.append(pid)
        waiting.extend(children(pid))
    return pids


def with_variable(variable: str, value: str) -> list[int]:
    """Return every process that was started with this in its environment, as far as this user may look."""
    needle = f"{variable}={value}".encode()
    return [pid for pid, _ in _parents() if needle in _environment(pid).split(b"\0")]


def heeds(pid: int, number: int) -> bool:
    """Return whether a container's first process would take notice of a signal: whether it has a handler for it.

    In a container it is process 1, and the kernel keeps a signal without a handler from process 1. So a script that
    does not pass SIGTERM on is killed after its grace here as it is there. True where the kernel does not tell.
    https://man7.org/linux/man-pages/man7/pid_namespaces.7.html
    """
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            caught = next((int(line.split()[1], 16) for line in file if line.startswith("SigCgt:")), None)
    except OSError:
        return True
    return caught is None or bool(caught >> (number - 1) & 1)


def memory_of(pids: list[int], limit: int | None) -> int:
    """Return the bytes held by these processes together.

    The cheap sum of resident sets counts shared pages once per process, so where it is above `limit` each page is
    counted in proportion to its sharers (PSS), which is what a control group would charge.
    """
    resident = sum(_resident(pid) for pid in pids)
    if limit is None or resident <= limit or not _LINUX:
        return resident
    return sum(_proportional(pid) for pid in pids)


def cpu_seconds_of(pids: list[int]) -> float:
    """Return user and system time, including that of children they have waited for."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        if fields:
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / _TICKS


def _children(pid: int) -> list[int]:
    """Return a process's children by the kernel's list, which spares a look at every process of the machine."""
    pids: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children", encoding="utf-8") as file:
                pids += [int(child) for child in file.read().split()]
    except OSError:
        return pids
    return [child for child in pids if _stat(child)[:1] not in ([], ["Z"])]


def _children_by_parent() -> Callable[[int], list[int]]:
    """Return children by parent, from one look at every process, for kernels without that list."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    return lambda pid: children.get(pid, [])


def _parents() -> Iterator[tuple[int, int]]:
    if not _LINUX:
        for line in _ps("-A", "-o", "pid=,ppid=").splitlines():
            pid, parent = line.split()
            yield int(pid), int(parent)
        return
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            fields = _stat(int(entry))
            if fields and fields[0] != "Z":
                yield int(entry), int(fields[1])


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""


def _ps(*arguments: str) -> str:
    import subprocess  # slow to load, and not needed on Linux

    return subprocess.run(["ps", *arguments], capture_output=True, text=True).stdout


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third (state) on; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return []


def _resident(pid: int) -> int:
    if not _LINUX:
        return int(_ps("-o", "rss=", "-p", str(pid)).strip() or 0) * 1024
    try:
        with open(f"/proc/{pid}/statm", encoding="utf-8") as file:
            return int(file.read().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
            return next((int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:")), 0)
    except OSError:
        return _resident(pid)
