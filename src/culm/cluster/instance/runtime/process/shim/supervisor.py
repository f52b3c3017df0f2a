"""Runs one container from its start to its end and writes down what happens.

One process, one loop, no threads: `run` waits in `poll` until something happens or is due, looks at what it may be, and
waits again. What can happen, and who says so:

    output        the container wrote             its pipe or terminal is readable
    a child ends  the container, a probe, an      SIGCHLD, by the wake-up pipe; all are reaped, one of them is the
                  orphan that was adopted         container's first process, and its end is the container's
    a stop        the daemon wants an end         SIGTERM, with the grace in stop.json
    no memory     the limit was hit               the cgroup's notice; without cgroups the shim's own look
    something due a look at memory or listeners,  the earliest of the times below; `inf` is never
                  a probe, the end of the grace

The container's life, as state.json shows it:

    (no file) --start--> running --its first process ends--> finished
                 |                                             exit_code is set, last of all, when every process of the
                 +-- cannot execute: no state at all           container is gone and its output is on disk

The order of `_finish` matters: kill what is left first (nothing may outlive its container), then drain the output
(the last words come after the death), then ask the cgroup (its counters die with it), then write the exit code. A
daemon that reads an exit code may believe that nothing moves any more.

Times that are due, in seconds of the monotonic clock: `_kill_at` the grace is over; `_probe_ends_at` the probe that
runs takes too long; `_health.due_at` the next one; `_memory_look_at`, `_kernel_look_at`, `_listen_look_at` the looks.

Example: `sh start.sh` with a grace of 30 s. At 100.0 SIGTERM comes; `sh` has no handler, and as process 1 of a
container would not notice, so nothing is sent (`tree.heeds`); `_kill_at` is 130.0. At 130.0 everything is killed;
SIGCHLD wakes the loop, `_reap` takes status -9, and state.json says exit_code 137.
"""

import errno
import os
import select
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

from culm.cluster.instance.runtime.process.shim import files, launch, listeners, tree
from culm.cluster.instance.runtime.process.shim.cgroups import Cgroup
from culm.cluster.instance.runtime.process.shim.files import Plan, PortPlan, State
from culm.cluster.instance.runtime.process.shim.health import Health
from culm.cluster.instance.runtime.process.shim.output import Output

OUT_OF_MEMORY = 128 + signal.SIGKILL
MEMORY_LOOK_SECONDS = 0.1
MEMORY_LOOK_SECONDS_WHEN_CLOSE = 0.02
"""Used above half of the limit: memory can be touched at about 2 GB/s."""
LISTEN_LOOK_SECONDS = 0.2
LISTEN_LOOKS = 150
"""How often it is looked at after it first listened anywhere."""
LISTEN_LOOKS_TO_BELIEVE = 5
"""A port that is not even the container's own counts when nothing better came up in a second."""
DEFAULT_GRACE_SECONDS = 10.0
"""For a SIGTERM that did not come from the daemon: the machine is going down."""
_NEVER = float("inf")
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


def published(planned: list[PortPlan], heard: set[int], *, insists: bool) -> list[PortPlan]:
    """Return where the container's ports really are, given the ports on which its processes listen."""
    free = heard - {port["host_port"] for port in planned}
    strange = free - {port["container_port"] for port in planned}
    plans: list[PortPlan] = []
    for port in planned:
        host_port = port["host_port"]
        if host_port not in heard and port["container_port"] in free:
            host_port = port["container_port"]
        elif host_port not in heard and insists and strange:
            host_port = min(strange)
            strange.discard(host_port)
        plans.append(PortPlan(container_port=port["container_port"], host_port=host_port))
    return plans


class Supervisor:
    """One container. All times inside are of the monotonic clock; those in the state file are epoch seconds."""

    def __init__(self, directory: str, plan: Plan) -> None:
        self._directory = directory
        self._plan = plan
        self._cgroup = Cgroup(plan["cgroup"]) if plan["cgroup"] else None
        self._output = Output(os.path.join(directory, files.OUTPUT))
        self._poller = select.poll()
        self._status: int | None = None
        self._largest = 0
        self._out_of_memory = False
        self._kill_at = _NEVER
        self._probe_pid = 0
        self._probe_ends_at = _NEVER
        self._memory_look_at = _NEVER
        self._kernel_look_at = _NEVER
        self._listen_looks = 0
        self._listen_look_at = _NEVER
        self._health: Health | None = None
        self._state = State(
            shim=os.getpid(),
            child=0,
            started_at=0.0,
            stopped_at=None,
            exit_code=None,
            out_of_memory=False,
            health="UNKNOWN",
            ports=plan["ports"],
            limited_by="watched",
            peak=0,
        )

    def start(self) -> None:
        """Start the container's process; raises CannotExecute."""
        launch.adopt_orphans()
        self._wake_on_signals()
        self._pipe, streams = self._open_streams()
        os.set_blocking(self._pipe, False)
        self._poller.register(self._pipe, select.POLLIN)
        if self._cgroup is not None:
            try:
                self._cgroup.create(self._plan["memory"], self._plan["cpu"])
                self._oom = self._cgroup.watch_out_of_memory(self._poller)
            except OSError:
                self._forgo_cgroup()
        try:
            child = launch.spawn(self._plan, self._plan["executable"], self._plan["argv"], streams, self._contain)
        except launch.CannotExecute:
            self._forgo_cgroup()
            raise
        finally:
            os.close(streams.output)
        now = time.monotonic()
        self._state["child"] = child
        self._state["started_at"] = time.time()
        self._state["limited_by"] = "cgroup" if self._cgroup else "watched"
        if self._plan["probe"] is not None:
            self._health = Health(self._plan["probe"], now)
        if self._cgroup is None and self._plan["memory"] is not None:
            self._memory_look_at = now
        if self._plan["ports"]:
            self._listen_look_at = now + LISTEN_LOOK_SECONDS
        self._save()

    def run(self) -> None:
        """Return when the container has ended and everything about it is on disk."""
        while self._status is None:
            self._wait()
            self._reap()
            now = time.monotonic()
            if now >= self._kill_at:
                self._kill()
            if now >= self._kernel_look_at:
                self._look_at_kernel(now)
            if now >= self._memory_look_at:
                self._look_at_memory(now)
            if now >= self._listen_look_at:
                self._look_at_listeners(now)
            self._probe(now)
        self._finish(self._status)

    def _open_streams(self) -> tuple[int, launch.Streams]:
        """Return where the container's output is read, and what its process gets. A terminal's other end is both."""
        if self._plan["terminal"]:
            here, there = os.openpty()
            return here, launch.Streams(output=there, input=there, terminal=True)
        here, there = os.pipe()
        if not self._plan["input_open"]:
            return here, launch.Streams(output=there)
        read_end, self._input = os.pipe()  # nobody writes, and it is open as long as this process lives
        return here, launch.Streams(output=there, input=read_end)

    # Waiting.

    def _wake_on_signals(self) -> None:
        self._wake, wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake_write, False)
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._poller.register(self._wake, select.POLLIN)

    def _wait(self) -> None:
        due = min(
            self._kill_at,
            self._kernel_look_at,
            self._memory_look_at,
            self._listen_look_at,
            self._probe_ends_at if self._probe_pid else (self._health.due_at if self._health else _NEVER),
        )
        timeout = None if due == _NEVER else max(0.0, due - time.monotonic()) * 1000 + 1
        for descriptor, _ in self._poller.poll(timeout):
            if descriptor == self._pipe:
                self._pump()
            elif descriptor == self._wake:
                os.read(self._wake, 4096)
            else:
                self._on_memory_pressure(descriptor)

    def _pump(self) -> bool:
        """Take what the container wrote; False at the end of its output."""
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return False
        except OSError as error:
            if error.errno != errno.EIO:  # Linux's word for a terminal whose other end is closed
                raise
            data = b""
        if self._plan["terminal"]:
            data = data.replace(b"\r\n", b"\n")
        if not data:
            with suppress(KeyError):  # the end may be seen twice
                self._poller.unregister(self._pipe)
            return False
        self._output.feed(data)
        return True

    def _reap(self) -> None:
        """Wait for every child that has ended, also those adopted; only the first one's end is the container's."""
        while True:
            try:
                pid, status, used = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._state["child"]:
                self._status = os.waitstatus_to_exitcode(status)
                self._largest = used.ru_maxrss * _MAXRSS_UNIT
            elif pid == self._probe_pid:
                self._probe_answered(os.waitstatus_to_exitcode(status) == 0)

    # Ending.

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        order = files.read(self._directory, files.STOP)
        grace = float(order["grace"]) if order else DEFAULT_GRACE_SECONDS
        self._kill_at = min(self._kill_at, time.monotonic() + grace)
        if not grace:
            self._signal(signal.SIGKILL)
        elif self._plan["init"] or tree.heeds(self._state["child"], self._plan["stop_signal"]):
            self._signal(self._plan["stop_signal"])

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):  # it ended meanwhile; the next reap tells
            if self._state["child"]:
                os.kill(self._state["child"], number)

    def _kill(self) -> None:
        self._kill_at = _NEVER
        self._kill_everything()

    def _kill_everything(self) -> None:
        """SIGKILL to every process of the container, until there is none: one may fork while it is being looked for."""
        for _ in range(100):
            if self._cgroup is not None:
                self._cgroup.kill()
            pids = tree.descendants(os.getpid())
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self._reap()
            if not pids and not (self._cgroup and self._cgroup.pids()):
                return
            time.sleep(0.002)

    def _finish(self, status: int) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self._kill_everything()
        while self._pump():
            pass
        self._output.close()
        limit = self._plan["memory"]
        if self._cgroup is not None:
            self._out_of_memory |= self._cgroup.oom_kills() > 0
            self._state["peak"] = self._cgroup.peak()
            self._cgroup.end()
        else:
            self._state["peak"] = max(self._state["peak"], self._largest)
            self._out_of_memory |= limit is not None and self._largest > limit  # it was over and gone between two looks
        self._state["exit_code"] = OUT_OF_MEMORY if self._out_of_memory else status if status >= 0 else 128 - status
        self._state["out_of_memory"] = self._out_of_memory
        self._state["health"] = "UNKNOWN"
        self._state["stopped_at"] = time.time()
        self._save(insist=True)

    # Memory.

    def _contain(self, pid: int) -> None:
        if self._cgroup is not None:
            try:
                self._cgroup.take(pid)
            except OSError:
                self._forgo_cgroup()

    def _forgo_cgroup(self) -> None:
        if self._cgroup is not None:
            self._cgroup.remove()
            self._cgroup = None

    def _on_memory_pressure(self, descriptor: int) -> None:
        try:
            os.pread(descriptor, 4096, 0)  # version 2: re-arms the notice
        except OSError as error:
            if error.errno != errno.ESPIPE:
                raise
            os.read(descriptor, 8)  # version 1: an eventfd
        self._kernel_look_at = time.monotonic()

    def _look_at_kernel(self, now: float) -> None:
        """End the container when the kernel has killed one of its processes at the memory limit."""
        self._kernel_look_at = _NEVER
        if self._cgroup is not None and self._cgroup.oom_kills():
            self._out_of_memory = True
            self._kill_everything()

    def _look_at_memory(self, now: float) -> None:
        limit = self._plan["memory"]
        held = tree.memory_of(tree.descendants(os.getpid()), limit)
        if held > self._state["peak"] * 1.05:
            self._state["peak"] = held
            self._save()
        if limit is not None and held > limit:
            self._out_of_memory = True
            self._kill_everything()
        close = limit is not None and held > limit / 2
        self._memory_look_at = now + (MEMORY_LOOK_SECONDS_WHEN_CLOSE if close else MEMORY_LOOK_SECONDS)

    # Ports.

    def _look_at_listeners(self, now: float) -> None:
        """Until it listens where it was told; one that insists on a port of its own is published there."""
        heard = self._heard()
        self._listen_looks += 1 if heard else 0
        ports = published(self._plan["ports"], heard, insists=self._listen_looks >= LISTEN_LOOKS_TO_BELIEVE)
        if ports != self._state["ports"]:
            self._state["ports"] = ports
            self._save()
        done = all(port["host_port"] in heard for port in self._plan["ports"]) or self._listen_looks >= LISTEN_LOOKS
        self._listen_look_at = _NEVER if done else now + LISTEN_LOOK_SECONDS

    def _heard(self) -> set[int]:
        """Return the ports of the instance's address on which its processes listen."""
        own = listeners.sockets_of(tree.descendants(os.getpid()))
        if not own:  # spares the look at all connections of this machine
            return set()
        address = self._plan["address"]
        return {each.port for each in listeners.listeners() if each.inode in own and listeners.reaches(each, address)}

    # Health.

    def _probe(self, now: float) -> None:
        probe = self._plan["probe"]
        if probe is None or self._health is None or self._status is not None:
            return
        if self._probe_pid:
            if now >= self._probe_ends_at:
                self._probe_ends_at = _NEVER
                self._kill_probe()
        elif now >= self._health.due_at:
            self._probe_ends_at = now + probe["timeout"]
            nowhere = os.open(os.devnull, os.O_WRONLY)
            try:
                argv = probe["argv"]
                streams = launch.Streams(output=nowhere)
                self._probe_pid = launch.spawn(self._plan, probe["executable"], argv, streams, self._contain)
            except launch.CannotExecute:
                self._probe_answered(False)
            finally:
                os.close(nowhere)

    def _kill_probe(self) -> None:
        with suppress(ProcessLookupError):  # it ended meanwhile; the next reap tells
            os.killpg(self._probe_pid, signal.SIGKILL)

    def _probe_answered(self, ok: bool) -> None:
        assert self._health is not None
        self._probe_pid = 0
        self._probe_ends_at = _NEVER
        self._health.answered(ok, time.monotonic())
        if self._health.status != self._state["health"]:
            self._state["health"] = self._health.status
            self._save()

    def _save(self, *, insist: bool = False) -> None:
        """Write the state. `insist`: an exit code must not be lost to a full disk, so wait until there is room."""
        while True:
            try:
                files.write(self._directory, files.STATE, self._state)
                return
            except OSError as error:
                if not insist or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    return
                time.sleep(1.0)
