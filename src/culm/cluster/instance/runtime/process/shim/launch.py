"""Starting a process of a container: fork, wait until it has been put into its control group, become it."""

import ctypes
import fcntl
import os
import resource
import signal
import sys
import termios
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from culm.cluster.instance.runtime.process.shim.files import Plan

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_RESET = (signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP)


class CannotExecute(Exception):
    """The operating system refused; the message says what and why."""


def adopt_orphans() -> None:
    """Make whatever a container's process abandons, on Linux, a child of this process, not of init."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Streams(NamedTuple):
    """What a process of a container reads from and writes to: descriptors of this process."""

    output: int
    input: int | None = None
    """None: nothing to read."""
    terminal: bool = False
    """Both are one terminal, which becomes the process's own."""


def spawn(plan: Plan, executable: str, argv: list[str], streams: Streams, ready: Callable[[int], None]) -> int:
    """Start `argv` as a process of the container; `ready(pid)` runs before its first instruction.

    Raises CannotExecute when it did not become that program.
    """
    gate_read, gate_write = os.pipe()
    error_read, error_write = os.pipe()
    shim = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(gate_write)
            os.close(error_read)
            os.read(gate_read, 1)
            _detach(streams)
            become(plan, executable, argv, dies_with=shim)
        except BaseException as error:
            os.write(error_write, explain(error, executable, plan).encode())
        finally:
            os._exit(127)
    os.close(gate_read)
    os.close(error_write)
    try:
        ready(pid)
    finally:
        os.close(gate_write)  # opens the gate: the read returns
    with open(error_read, "rb") as errors:
        refusal = errors.read().decode(errors="replace")
    if refusal:
        os.waitpid(pid, 0)
        raise CannotExecute(refusal)
    return pid


def become(plan: Plan, executable: str, argv: list[str], dies_with: int | None = None) -> NoReturn:
    """Turn this process into a container's; `dies_with` is the parent that it is not to outlive."""
    os.umask(0o022)
    for name, soft, hard in plan.get("ulimits", ()):  # before setuid: only root may raise one
        try:
            resource.setrlimit(getattr(resource, f"RLIMIT_{name.upper()}"), (soft, hard))
        except (OSError, ValueError) as error:
            raise CannotExecute(f"ulimit {name}={soft}:{hard}: {error}") from None
    if plan["user"] is not None:
        uid, gid = plan["user"]
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    os.chdir(plan["directory"])
    if dies_with is not None and sys.platform == "linux":  # after setuid, which would clear it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != dies_with:
            os._exit(128 + signal.SIGKILL)
    os.execve(executable, argv, plan["environment"])


def explain(error: BaseException, executable: str, plan: Plan) -> str:
    """Return a refusal of `become` in words."""
    if isinstance(error, CannotExecute):
        return str(error)
    if isinstance(error, OSError) and error.filename == plan["directory"]:
        return f"working directory {plan['directory']}: {(error.strerror or '').lower()}"
    if isinstance(error, OSError):
        return f"exec {executable}: {(error.strerror or str(error)).lower()}"
    return f"exec {executable}: {error}"


def _detach(streams: Streams) -> None:
    """Begin a session, with one pipe for both outputs so that their order is kept."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY) if streams.input is None else streams.input, 0)
    os.dup2(streams.output, 1)
    os.dup2(streams.output, 2)
    if streams.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)
