"""What the daemon and the shim write to each other: JSON files in the container's directory, replaced atomically."""

import fcntl
import json
import os
from typing import Any, TypedDict, cast

PLAN = "plan.json"
STATE = "state.json"
STOP = "stop.json"
LOCK = "lock"
OUTPUT = "output"


class ProbePlan(TypedDict):
    """A health check; times in seconds."""

    executable: str
    argv: list[str]
    interval: float
    timeout: float
    retries: int
    start_period: float


class CgroupPlan(TypedDict):
    """The directories to make for this container."""

    version: int
    memory: str
    cpu: str | None


class PortPlan(TypedDict):
    container_port: int
    host_port: int


class Plan(TypedDict):
    """The daemon's order: what to run and within which bounds."""

    executable: str
    argv: list[str]
    environment: dict[str, str]
    directory: str
    user: tuple[int, int] | None
    """(uid, gid), when the shim is root and is to become somebody."""
    stop_signal: int
    memory: int | None
    """Hard limit in bytes."""
    cpu: int
    """CPU units; 0: no share is set."""
    cgroup: CgroupPlan | None
    address: str
    ports: list[PortPlan]
    probe: ProbePlan | None
    ulimits: list[tuple[str, int, int]]
    """Name, soft and hard limit of each."""
    init: bool
    """Whether its program would have an init process above it, and so heeds signals that it has no handler for."""
    input_open: bool
    """Standard input is a pipe into which nobody writes, rather than at its end."""
    terminal: bool
    """Standard input and output are a terminal."""


class State(TypedDict):
    """The shim's facts; times are epoch seconds."""

    shim: int
    """Its process id: that of a living shim only while the lock is held."""
    child: int
    """The container's first process."""
    started_at: float
    stopped_at: float | None
    exit_code: int | None
    out_of_memory: bool
    health: str
    ports: list[PortPlan]
    limited_by: str
    """`cgroup` or `watched`."""
    peak: int
    """The most memory that was seen, in bytes."""


def write(directory: str, name: str, value: Any) -> None:
    """Replace a file at once: a reader sees the old or the new one, never half of it."""
    path = os.path.join(directory, name)
    scratch = f"{path}.new"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(scratch, path)


def read(directory: str, name: str) -> Any:
    """Read a file; return None when there is no such file."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None


def read_plan(directory: str) -> Plan:
    """Return what the container is to run. Raises FileNotFoundError for a folder that has no plan."""
    plan = read(directory, PLAN)
    if plan is None:
        raise FileNotFoundError(os.path.join(directory, PLAN))
    return cast(Plan, plan)


def read_state(directory: str) -> State | None:
    return cast("State | None", read(directory, STATE))


def lock(directory: str) -> int:
    """Say "I live" until this process ends; the descriptor is not inherited by what it executes."""
    descriptor = os.open(os.path.join(directory, LOCK), os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    return descriptor


def is_alive(directory: str) -> bool:
    """Return whether a shim holds the lock of this container."""
    try:
        descriptor = os.open(os.path.join(directory, LOCK), os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)
