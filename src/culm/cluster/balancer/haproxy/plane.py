"""Drives HAProxy, a process of its own that goes on when the daemon dies.

Nothing about it is remembered here that it cannot be asked: its description names the shape of the configuration that
it runs, its runtime socket lists its servers. So `apply` is the same whether this object started it, found it running,
or finds it dead. https://docs.haproxy.org/2.8/management.html#3
"""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from culm.cluster.balancer.haproxy import binary, console, listening, render
from culm.cluster.balancer.haproxy.console import Console, Running
from culm.cluster.balancer.haproxy.totals import Totals
from culm.cluster.balancer.interface import Group, Listener, Traffic
from culm.errors import PlaneFailure

RELOAD_SECONDS = 10.0
_POLL_SECONDS = 0.02
_DELETE_ATTEMPTS = 10
_LET_GO_ATTEMPTS = 50
_COMMANDS_AT_ONCE = 50
"""A line of commands must fit into HAProxy's buffer of 16 KiB."""


class HaproxyPlane:
    """`folder` holds its configuration, sockets and log; listeners are bound on every one of `addresses`.

    An address after the first may be missing for now: that of a container network that is not there yet. `reserved`
    are an address and a port of somebody else's, who passes on what is for the load balancer.
    """

    def __init__(
        self,
        folder: Path,
        addresses: Sequence[str] = ("127.0.0.1",),
        executable: Path | None = None,
        *,
        reserved: tuple[str, int] | None = None,
    ) -> None:
        self.folder = folder
        self._addresses = tuple(addresses)
        self._reserved = reserved
        self._executable = executable
        self._version = (0, 0)
        self._worker = Console(folder / render.STATS_SOCKET)
        self._master = Console(folder / "master.sock")
        self._configuration = folder / "haproxy.cfg"
        self._pid_file = folder / "haproxy.pid"
        self._totals = Totals()
        self._child: asyncio.subprocess.Process | None = None

    def addresses(self, port: int) -> Sequence[str]:
        """Where a listener on this port listens."""
        return [address for address in self._addresses if (address, port) != self._reserved]

    def render(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> str:
        return render.render(listeners, groups, addresses=self.addresses, version=self._version)

    async def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._executable = self._executable or binary.find()
        self._version = await asyncio.to_thread(binary.version, self._executable)

    async def apply(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> Mapping[int, str]:
        running = await self._running()
        held = await console.frontends(self._worker) if running else set()
        new = [listener.port for listener in listeners if render.frontend(listener) not in held]
        obstacles = self._obstacles(new)
        if running is None and self._pid_file.exists():
            obstacles = await self._after_crash(new)
        served = [listener for listener in listeners if listener.port not in obstacles]
        wished = self._description(served, groups)
        if running is None:
            await self._launch(served, groups)
        elif running.description != wished:
            await self._reload(served, groups, wished)
        else:
            await self._move_targets(running, groups)
            self._write(self.render(served, groups))
        return obstacles

    async def metrics(self) -> Sequence[Traffic]:
        try:
            rows = await console.counters(self._worker)
            _, finishing = await console.processes(self._master)
            old = [row for pid in finishing for row in await console.counters(self._master, prefix=f"@!{pid} ")]
        except PlaneFailure:
            return ()
        return self._totals.traffic(rows, old)

    async def stop(self) -> None:
        if self._child is not None:
            await self._child.wait()  # whoever began to launch it was cancelled
        if await self._running() is None:
            return
        master, _ = await console.processes(self._master)
        for end in signal.SIGTERM, signal.SIGKILL:
            with suppress(ProcessLookupError):
                os.kill(master, end)
            try:
                await self._until(lambda running: running is None, "NotAnswering", "HAProxy does not end")
                break
            except PlaneFailure:
                if end is signal.SIGKILL:
                    raise
        self._pid_file.unlink(missing_ok=True)

    def _obstacles(self, wanted: Sequence[int]) -> dict[int, str]:
        found = {port: listening.obstacle(self.addresses(port), port) for port in wanted}
        return {port: why for port, why in found.items() if why is not None}

    async def _after_crash(self, wanted: Sequence[int]) -> dict[int, str]:
        """What stands in the way when a worker that lost its master has had its time to let go of the ports."""
        for _ in range(_LET_GO_ATTEMPTS):
            if not self._obstacles(wanted):
                break
            await asyncio.sleep(_POLL_SECONDS)
        self._pid_file.unlink()
        return self._obstacles(wanted)

    def _description(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> str:
        digest = render.shape(listeners, groups, addresses=self.addresses, version=self._version)
        return f"culm-{digest}"

    async def _running(self) -> Running | None:
        """None where it does not run. Its halves come and go together, but not in the same instant."""
        with _deadline("NotAnswering", "only half of HAProxy answers"):
            async with asyncio.timeout(RELOAD_SECONDS):
                while True:
                    running, master = await self._worker_says(), await self._master_answers()
                    if (running is None) != master:
                        return running
                    await asyncio.sleep(_POLL_SECONDS)

    async def _worker_says(self) -> Running | None:
        try:
            return await console.look(self._worker)
        except PlaneFailure:
            return None

    async def _master_answers(self) -> bool:
        try:
            await console.processes(self._master)
        except PlaneFailure:
            return False
        return True

    async def _launch(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> None:
        self._totals.restarted()
        self._write(self.render(listeners, groups))
        arguments = f"-W -D -S unix@master.sock,mode,600 -p {self._pid_file.name} -f {self._configuration.name}".split()
        status, said = await self._run(*arguments)
        if status != 0:
            raise PlaneFailure("CannotStart", f"HAProxy did not start: {_last_words(said)}")
        await self._until_it_runs(self._description(listeners, groups), "CannotStart")

    async def _reload(self, listeners: Sequence[Listener], groups: Sequence[Group], wished: str) -> None:
        """Hand the listeners over to a new worker; the old one finishes what it has. A bad file changes nothing."""
        text = self.render(listeners, groups)
        candidate = self.folder / "candidate.cfg"
        candidate.write_text(text)
        status, said = await self._run("-c", "-f", candidate.name)
        if status != 0:
            raise PlaneFailure("ConfigurationRefused", f"HAProxy refuses its configuration: {_last_words(said)}")
        await self.metrics()  # counters begin at zero in the new worker
        before = self._configuration.read_text() if self._configuration.exists() else text
        candidate.replace(self._configuration)
        try:
            answer = await self._master.tell("reload")
            if "Success=0" in answer:
                raise PlaneFailure("ConfigurationRefused", f"HAProxy could not reload: {_last_words(answer)}")
            await self._until_it_runs(wished, "ConfigurationRefused")
        except PlaneFailure:
            self._write(before)
            raise
        self._totals.restarted()

    async def _until(self, done: Callable[[Running | None], bool], name: str, otherwise: str) -> None:
        """Ask until it is so: 2.6 reloads without telling when it has."""
        with _deadline(name, otherwise):
            async with asyncio.timeout(RELOAD_SECONDS):
                while True:
                    if done(await self._running()):
                        return
                    await asyncio.sleep(_POLL_SECONDS)

    async def _until_it_runs(self, description: str, name: str) -> None:
        await self._until(
            lambda running: running is not None and running.description == description,
            name,
            "HAProxy did not take its configuration",
        )

    async def _move_targets(self, running: Running, groups: Sequence[Group]) -> None:
        """Bring every backend's servers to what is wished, by commands that drop no request."""
        seen = {(server.backend, server.name): server.maintenance for server in running.servers}
        wished = {(render.backend(group), target.name): (group, target) for group in groups for target in group.targets}
        commands = []
        for key, (group, target) in wished.items():
            server = "/".join(key)
            if key not in seen and not target.draining:
                commands.append(f"add server {server} {target.name} {render.server_options(group)}")
                commands.append(f"enable server {server}")
            elif key in seen and seen[key] != target.draining:
                commands.append(f"set server {server} state {'maint' if target.draining else 'ready'}")
        for start in range(0, len(commands), _COMMANDS_AT_ONCE):
            for answer in await self._worker.ask(*commands[start : start + _COMMANDS_AT_ONCE]):
                if answer and answer != "New server registered.":
                    raise PlaneFailure("ConfigurationRefused", f"HAProxy refuses a target: {answer}")
        backends = {render.backend(group) for group in groups}
        for key in seen.keys() - wished.keys():
            if key[0] in backends:
                await self._delete("/".join(key))

    async def _delete(self, server: str) -> None:
        """End what still runs there. One with connections left is tried again, and by the next `apply`."""
        await self._worker.ask(f"set server {server} state maint", f"shutdown sessions server {server}")
        for _ in range(_DELETE_ATTEMPTS):
            [answer] = await self._worker.ask(f"del server {server}")
            if "deleted" in answer or "No such server" in answer:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _run(self, *arguments: str) -> tuple[int, str]:
        """Run the binary in its folder, out of the daemon's session; what it says goes to haproxy.log."""
        log = self.folder / "haproxy.log"
        with log.open("wb") as output:
            self._child = await asyncio.create_subprocess_exec(
                str(self._executable),
                *arguments,
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            status = await self._child.wait()
        return status, log.read_text(errors="replace")

    def _write(self, text: str) -> None:
        if not self._configuration.exists() or self._configuration.read_text() != text:
            fresh = self.folder / "fresh.cfg"
            fresh.write_text(text)
            fresh.replace(self._configuration)


@contextmanager
def _deadline(name: str, what: str) -> Iterator[None]:
    """Call running out of time by a name."""
    try:
        yield
    except TimeoutError:
        raise PlaneFailure(name, f"{what} for {RELOAD_SECONDS:g} s") from None


def _last_words(said: str) -> str:
    """The alerts, without their prefix; else the last line."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    alerts = [line.split(" : ", 1)[-1] for line in lines if line.startswith("[ALERT]")]
    return "; ".join(alerts[:3] or lines[-1:] or ["it did not say why"])
