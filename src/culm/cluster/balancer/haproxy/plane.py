"""Drives HAProxy, a process of its own that goes on when the daemon dies.

HAProxy is in one of three states, and `apply` asks it which: nothing it could be asked is remembered here, so `apply`
is the same whether this object started it, found it running, or finds it dead.

    state                              how it is known                          what `apply` does
    dead                               neither of its sockets answers           launch
    runs another shape                 its description names another digest     reload
    runs the shape that is wished      its description names that digest        move targets

A *shape* is all that only a reload can change: listeners, rules, groups. Targets are not of it: they come and go by
commands on the worker's socket, which drop no request. A reload hands the listening sockets to a new worker, while the
old one finishes what it has; it may last as long as the longest request, so targets are moved without one.

The order within `apply`, and why:

1. Ports first: a listener whose port somebody else has is left out and told, as HAProxy would refuse to start at all.
2. The new file is checked (`haproxy -c`) beside the old one. A file that is refused never replaces one that works;
   the parts that make it refused are found by halving (`culprits`), left out, and told. They are remembered, as asking
   again at every look would cost a second of processor time, and forgotten when nobody wishes them any more.
3. Where HAProxy's TLS library is out of support, ports with TLS are the relay's (`tls`), which decrypts and hands over
   to HAProxy. It lets go of ports before HAProxy is told to take them, and takes them after HAProxy let go.
4. Counters are read before a reload: they begin at zero in the new worker.
5. The file is written even when only targets moved: a machine that restarts begins from it.
6. The master is watched from then on (`ending`): who asked for that is called when it dies, as requests are refused
   until the next `apply`. The configuration that it ran with last was accepted and is not checked again.

Example. Rules 10 and 20 run; rule 30, with a header name that HAProxy cannot read, is added, and target B registers.
The digest differs, so the file is checked: refused. Checks of {10, 20} and {30} name rule 30. The file of 10 and 20,
with B, is accepted, and its digest is the one that runs: no reload, `add server` brings B in, and the outcome says that
rule 30 is left out. https://docs.haproxy.org/2.8/management.html#3
"""

import asyncio
import os
import signal
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from culm.cluster.balancer.haproxy import binary, console, listening, render
from culm.cluster.balancer.haproxy.console import Console, Running
from culm.cluster.balancer.haproxy.culprits import culprits
from culm.cluster.balancer.haproxy.ending import Ending
from culm.cluster.balancer.haproxy.totals import Totals
from culm.cluster.balancer.interface import Attention, Group, Listener, Outcome, Target, Tls, Traffic
from culm.cluster.balancer.tls import library
from culm.cluster.balancer.tls.front import TlsFront
from culm.core.model.load_balancers import Rule
from culm.core.model.record import record
from culm.errors import PlaneFailure

RELOAD_SECONDS = 10.0
_POLL_SECONDS = 0.02
_DELETE_ATTEMPTS = 10
_LET_GO_ATTEMPTS = 50
_COMMANDS_AT_ONCE = 50
"""A line of commands must fit into HAProxy's buffer of 16 KiB."""
_CANDIDATE = "candidate.cfg"


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
        self._front: TlsFront | None = None
        """Terminates TLS; None: HAProxy does."""
        self._tls_problem: str | None = None
        """Why listeners with TLS are left out; None: they are served."""
        self._worker = Console(folder / render.STATS_SOCKET)
        self._master = Console(folder / "master.sock")
        self._configuration = folder / "haproxy.cfg"
        self._pid_file = folder / "haproxy.pid"
        self._totals = Totals()
        self._child: asyncio.subprocess.Process | None = None
        self._refused: dict[_Part, str] = {}
        """What of the wish HAProxy refuses, and its words."""
        self._ran_with = ""
        """The configuration with which it was seen to run last; empty: with none yet."""
        self._ending = Ending()
        self._on_end: Callable[[], None] | None = None
        self._relayed = False
        """Whether listeners with TLS are the relay's, whose end nobody tells."""

    def watch(self, ended: Callable[[], None]) -> None:
        """Call `ended` whenever HAProxy dies, as soon as the kernel says so; see `interface`."""
        self._on_end = ended

    @property
    def watched(self) -> bool:
        """Whether nothing that carries requests can die untold; see `interface`."""
        return self._ending.awaited and not self._relayed

    def addresses(self, port: int) -> Sequence[str]:
        """Return where a listener on this port listens."""
        return [address for address in self._addresses if (address, port) != self._reserved]

    def render(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> str:
        """Return the configuration of this wish, without asking HAProxy whether it takes it."""
        return render.render(listeners, groups, addresses=self.addresses, version=self._version)

    async def start(self) -> None:
        """Find the executable and its version. Raises PlaneFailure when there is none."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / render.CLASSES).write_text(render.classes())
        self._executable = self._executable or binary.find()
        self._version = await asyncio.to_thread(binary.version, self._executable)
        self._tls_problem = await asyncio.to_thread(binary.tls_problem, self._executable)
        if self._tls_problem is not None and (pythons := library.pythons_problem()) is None:
            self._front = TlsFront(self.folder, self.addresses, render.handover_socket)
            self._tls_problem = None
        elif self._tls_problem is not None:
            self._tls_problem += f"; and {pythons}"

    async def apply(self, listeners: Sequence[Listener], groups: Sequence[Group]) -> Outcome:
        """Bring HAProxy to this wish, in the order that stands at the head of this file.

        Returns what is left out and why. Raises PlaneFailure when it cannot be brought to any of it.
        """
        running = await self._running()
        held = await console.frontends(self._worker) if running else set()
        if self._front is not None:
            kept = await self._front.keep(_with_tls(listeners))
            held |= {render.frontend(each) for each in listeners if each.port in kept}
        new = [listener.port for listener in listeners if render.frontend(listener) not in held]
        obstacles = self._obstacles(new)
        if running is None and self._pid_file.exists():
            obstacles = await self._after_crash(new)
        if self._tls_problem is not None:
            obstacles |= {listener.port: self._tls_problem for listener in listeners if listener.tls is not None}
        wish = _Wish(
            listeners=tuple(listener for listener in listeners if listener.port not in obstacles),
            groups=tuple(groups),
        )
        self._write_certificates(wish.listeners)
        secure, wish = _with_tls(wish.listeners), wish if self._front is None else wish.decrypted()
        wish = await self._acceptable(wish, running)
        refused_targets: Mapping[tuple[str, str], str] = {}
        if running is None:
            await self._launch(wish)
        elif running.description != self._description(wish):
            await self._reload(wish)
        else:
            refused_targets = await self._move_targets(running, wish.groups)
            self._write(self.render(wish.listeners, wish.groups))
        if self._front is not None:
            obstacles |= await self._front.serve(secure)
        self._forget_certificates(secure)
        self._ran_with = self.render(wish.listeners, wish.groups)
        self._relayed = self._front is not None and bool(secure)
        self._watch_master()
        return self._outcome(obstacles, refused_targets)

    async def _acceptable(self, wish: "_Wish", running: Running | None) -> "_Wish":
        """Return the wish without what HAProxy refuses of it.

        Raises `PlaneFailure` where it would refuse an empty one.
        """
        if self._refused:
            wished = frozenset(wish.parts())
            self._refused = {part: why for part, why in self._refused.items() if part in wished}
        kept = wish.without(self._refused)
        if running is not None and running.description == self._description(kept):
            return kept
        if running is None and self._ran_with and self._ran_with == self._text(kept):
            return kept
        if await self._refusal(kept) is None:
            return kept
        if (why := await self._refusal(wish.only(()))) is not None:
            raise PlaneFailure("ConfigurationRefused", f"HAProxy refuses its configuration: {why}")
        self._refused |= await culprits(kept.parts(), lambda parts: self._refusal(wish.only(parts)))
        return wish.without(self._refused)

    def _text(self, wish: "_Wish") -> str:
        """Return the configuration of a wish; empty where it cannot be written down."""
        with suppress(ValueError):
            return self.render(wish.listeners, wish.groups)
        return ""

    async def _refusal(self, wish: "_Wish") -> str | None:
        """Return what HAProxy has against a configuration; None if it accepts it, which is then `candidate.cfg`."""
        try:
            text = self.render(wish.listeners, wish.groups)
        except ValueError as error:
            return f"it cannot be written down: {error}"
        candidate = self.folder / _CANDIDATE
        candidate.write_text(text)
        status, output = await self._run("-c", "-f", candidate.name)
        return None if status == 0 else _last_words(output)

    def _outcome(self, obstacles: Mapping[int, str], targets: Mapping[tuple[str, str], str]) -> Outcome:
        by_kind: tuple[dict[str, str], dict[str, str], dict[tuple[str, str], str]] = ({}, {}, dict(targets))
        for part, why in self._refused.items():
            match part:
                case Rule():
                    by_kind[0][part.rule_arn] = why
                case Group():
                    by_kind[1][part.arn] = why
                case group_arn, target:
                    by_kind[2][group_arn, target.name] = why
        return Outcome(ports=obstacles, rules=by_kind[0], groups=by_kind[1], targets=by_kind[2])

    async def metrics(self) -> Sequence[Traffic]:
        """Return what each target has answered, summed over all workers. Nothing while HAProxy does not run.

        Raises `PlaneFailure` while it runs and does not answer: it may have requests under way.
        """
        try:
            rows = await console.counters(self._worker)
            times = await console.response_times(self._worker)
            old = await console.finishing(self._master)
        except PlaneFailure:
            if self._process_exists():
                raise
            return ()
        return self._totals.traffic(rows, old, times)

    def failures(self) -> Mapping[str, int]:
        """Return the answers with status 5xx of each group, HAProxy's own among them, as of the last `metrics`."""
        return self._totals.failures()

    async def attended(self) -> Mapping[str, Attention]:
        """Return the requests that count of groups that are watched. Nothing while HAProxy does not answer."""
        try:
            return await console.attention(self._worker)
        except PlaneFailure:
            return {}

    async def stop(self) -> None:
        """End HAProxy with what it still carries; by SIGKILL, if it takes no notice of SIGTERM."""
        self._ending.forget()
        if self._child is not None:
            await self._child.wait()  # whoever began to launch it was cancelled
        if self._front is not None:
            await self._front.stop()
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

    def _watch_master(self) -> None:
        if self._on_end is not None:
            with suppress(OSError, ValueError):
                self._ending.watch(int(self._pid_file.read_text()), self._on_end)

    def _process_exists(self) -> bool:
        """Return whether the master that was launched last, maybe by an earlier daemon, is still a process."""
        with suppress(OSError, ValueError):
            os.kill(int(self._pid_file.read_text()), 0)
            return True
        return False

    def _obstacles(self, wanted: Sequence[int]) -> dict[int, str]:
        obstacles = {port: listening.obstacle(self.addresses(port), port) for port in wanted}
        return {port: why for port, why in obstacles.items() if why is not None}

    async def _after_crash(self, wanted: Sequence[int]) -> dict[int, str]:
        """Return what stands in the way when a worker that lost its master has had its time to let go of the ports."""
        for _ in range(_LET_GO_ATTEMPTS):
            if not self._obstacles(wanted):
                break
            await asyncio.sleep(_POLL_SECONDS)
        self._pid_file.unlink()
        return self._obstacles(wanted)

    def _description(self, wish: "_Wish") -> str:
        digest = render.shape(wish.listeners, wish.groups, addresses=self.addresses, version=self._version)
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

    async def _launch(self, wish: "_Wish") -> None:
        self._totals.restarted()
        self._ran_with = ""  # where it does not start, its configuration is checked
        self._write(self.render(wish.listeners, wish.groups))
        arguments = f"-W -D -S unix@master.sock,mode,600 -p {self._pid_file.name} -f {self._configuration.name}".split()
        status, output = await self._run(*arguments)
        if status != 0:
            raise PlaneFailure("CannotStart", f"HAProxy did not start: {_last_words(output)}")
        await self._until_it_runs(self._description(wish), "CannotStart")

    async def _reload(self, wish: "_Wish") -> None:
        """Hand the listeners over to a new worker; the old one finishes what it has. A failure changes nothing."""
        text = self.render(wish.listeners, wish.groups)
        with suppress(PlaneFailure):  # a worker that is silent now may answer the reload
            await self.metrics()  # counters begin at zero in the new worker
        before = self._configuration.read_text() if self._configuration.exists() else text
        self._write(text)
        try:
            answer = await self._master.tell("reload")
            if "Success=0" in answer:
                raise PlaneFailure("ConfigurationRefused", f"HAProxy could not reload: {_last_words(answer)}")
            await self._until_it_runs(self._description(wish), "ConfigurationRefused")
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

    async def _move_targets(self, running: Running, groups: Sequence[Group]) -> dict[tuple[str, str], str]:
        """Bring every backend's servers to what is wished, by commands that drop no request.

        Returns the targets that HAProxy refuses, by group and name; the next look tries them again.
        """
        maintenance = {(server.backend, server.name): server.maintenance for server in running.servers}
        wished = {(render.backend(group), target.name): (group, target) for group in groups for target in group.targets}
        commands: list[tuple[str, tuple[str, str]]] = []
        for key, (group, target) in wished.items():
            server, which = "/".join(key), (group.arn, target.name)
            if key not in maintenance and not target.draining:
                commands.append((f"add server {server} {target.where} {render.server_options(group, target)}", which))
                commands.append((f"enable server {server}", which))
            elif key in maintenance and maintenance[key] != target.draining:
                commands.append((f"set server {server} state {'maint' if target.draining else 'ready'}", which))
        refused: dict[tuple[str, str], str] = {}
        for start in range(0, len(commands), _COMMANDS_AT_ONCE):
            batch = commands[start : start + _COMMANDS_AT_ONCE]
            answers = await self._worker.ask(*(command for command, _ in batch))
            for answer, (_, which) in zip(answers, batch, strict=True):
                if answer and answer != "New server registered.":
                    refused.setdefault(which, f"HAProxy refuses it: {answer}")
        backends = {render.backend(group) for group in groups}
        for key in maintenance.keys() - wished.keys():
            if key[0] in backends:
                await self._delete("/".join(key))
        return refused

    async def _delete(self, server: str) -> None:
        """End what still runs there. One with connections left is tried again, and by the next `apply`."""
        await self._worker.ask(f"set server {server} state maint", f"shutdown sessions server {server}")
        for _ in range(_DELETE_ATTEMPTS):
            [answer] = await self._worker.ask(f"del server {server}")
            if "deleted" in answer or "No such server" in answer:
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _run(self, *arguments: str) -> tuple[int, str]:
        """Run the binary in its folder, out of the daemon's session: its status, and what it says in haproxy.log."""
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

    def _write_certificates(self, listeners: Sequence[Listener]) -> None:
        """Write what the configuration names, for the owner alone: the files have private keys."""
        for name, text in _files(listeners).items():
            path = self.folder / name
            if not path.exists():
                draft = self.folder / f"{name}.new"
                draft.unlink(missing_ok=True)
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    file.write(text)
                draft.replace(path)

    def _forget_certificates(self, listeners: Sequence[Listener]) -> None:
        """Remove what the configuration names no more. A worker that still finishes has read its own long ago."""
        named = _files(listeners)
        for path in (*self.folder.glob("certificate-*.pem*"), *self.folder.glob("certificates-*.list*")):
            if path.name not in named:
                path.unlink(missing_ok=True)

    def _write(self, text: str) -> None:
        if not self._configuration.exists() or self._configuration.read_text() != text:
            fresh = self.folder / "fresh.cfg"
            fresh.write_text(text)
            fresh.replace(self._configuration)


def _with_tls(listeners: Sequence[Listener]) -> list[Listener]:
    return [listener for listener in listeners if listener.tls is not None]


def _files(listeners: Sequence[Listener]) -> dict[str, str]:
    """Return the files that listeners with TLS need, by name."""
    files: dict[str, str] = {}
    for listener in listeners:
        if listener.tls is not None and (listed := render.certificate_list(listener)) is not None:
            files |= {listed[0]: listed[1], **{each.name: each.pem for each in listener.tls.certificates}}
    return files


_Part = Rule | Group | tuple[str, Target]
"""What can be left out alone: a rule, a group (without its targets), and a target with its group's ARN."""


@record
class _Wish:
    """A configuration to be."""

    listeners: tuple[Listener, ...]
    groups: tuple[Group, ...]

    def parts(self) -> list[_Part]:
        """Groups and targets first: a rule that is refused because of its group is the group's fault."""
        groups: list[_Part] = [replace(group, targets=()) for group in self.groups]
        targets: list[_Part] = [(group.arn, target) for group in self.groups for target in group.targets]
        rules: list[_Part] = [rule for listener in self.listeners for rule in listener.rules]
        return [*groups, *targets, *rules]

    def decrypted(self) -> "_Wish":
        """Return the same, with listeners whose TLS somebody else terminates."""
        return replace(
            self, listeners=tuple(replace(each, tls=each.tls and Tls(certificates=())) for each in self.listeners)
        )

    def without(self, parts: Collection[_Part]) -> "_Wish":
        """Return the wish without these parts."""
        return self.only(set(self.parts()).difference(parts)) if parts else self

    def only(self, parts: Collection[_Part]) -> "_Wish":
        """Return the same listeners with these parts and no others, in the order that they have."""
        kept = frozenset(parts)
        return _Wish(
            listeners=tuple(
                replace(each, rules=tuple(rule for rule in each.rules if rule in kept)) for each in self.listeners
            ),
            groups=tuple(
                replace(group, targets=tuple(t for t in group.targets if (group.arn, t) in kept))
                for group in self.groups
                if replace(group, targets=()) in kept
            ),
        )


@contextmanager
def _deadline(name: str, what: str) -> Iterator[None]:
    """Call running out of time by a name."""
    try:
        yield
    except TimeoutError:
        raise PlaneFailure(name, f"{what} for {RELOAD_SECONDS:g} s") from None


def _last_words(output: str) -> str:
    """Return the alerts, without their prefix; else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    alerts = [line.split(" : ", 1)[-1] for line in lines if line.startswith("[ALERT]")]
    return "; ".join(alerts[:3] or lines[-1:] or ["it did not say why"])
