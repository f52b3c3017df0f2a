"""The real cluster, broken at a chosen point of a chosen operation; and what must hold afterwards.

A trial is four steps, the same for every operation and fault:

1. The cluster is brought into the state from which the operation starts. The clients of `Wishes` begin to write and
   read parameters through the AWS API, and note what they were answered.
2. The fault is armed: the daemon, its client or a program that it started will be killed at its nth write, sync,
   rename or unlink, or the daemon will get an error there; the disk has so many bytes left; so many more files may be
   opened.
3. The operation is typed. Whatever it answers, the fault is taken away, and the same is typed again without it.
4. `Rig.check` asks whether anything was lost, done twice or left behind.

For example: `culm up` with a new migration, and the daemon is killed at the 17th `pwrite64` of one of its threads. The
first `up` fails. The second one starts the daemon, which adopts what runs; it finds the migration's task of the first
one and waits for it. The migration's own file then says that it ran once, `up` says that nothing changed, and what
clients saw of each parameter, to its value at the end, is what one value in memory could have done.

Calls are counted and broken by strace, a thread at a time. `profile` lists those of an operation with the places that
they change, so that a rare place (cluster.json, a socket of HAProxy) is hit as often as the store, which most calls
are about. What is written in the log of strace at the moment of the fault says which file it really was.
"""

import contextlib
import hashlib
import json
import os
import random
import re
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError
from tests import culm_command
from tests.acceptance.workshop import push
from tests.history import Event, linearizable
from tests.scenarios import misfits
from tests.scenarios.stand import CULM, Said, Stand, eventually
from tests.traffic import free_port

CHANGES = (
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir", "rmdir", "openat", "sendto",
    "sendmsg", "chmod", "symlink", "link", "fallocate",
)  # fmt: skip
"""The calls at which a process is killed: those that change a file or say something to somebody."""
ERRORS = {
    "EIO": ("write", "pwrite64", "pread64", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir", "openat"),
    "ENOSPC": ("write", "pwrite64", "ftruncate", "fallocate", "mkdir", "openat", "rename"),
    "EMFILE": ("openat", "socket", "accept4", "pipe2", "dup", "epoll_create1"),
}
"""The calls that fail, by the error that they fail with."""
CLIENT = ("sendto", "write", "rename", "unlink", "mkdir", "connect")
"""The calls at which a client is killed."""
PROGRAMS = {
    "execve": 1, "setsid": 1, "flock": 2, "bind": 2, "listen": 2, "rename": 6, "dup2": 3, "exit_group": 1, "kill": 2,
    "unlink": 4, "fsync": 12, "symlink": 1, "wait4": 3,
}  # fmt: skip
"""The calls at which programs are killed that the daemon has started, and how often they make them, about."""
KILLED = "killed by SIGKILL"
TRACED = tuple(sorted({*CHANGES, *(call for calls in ERRORS.values() for call in calls)}))
IN_A_ROW = {"EIO": 1, "ENOSPC": 20, "EMFILE": 20}
"""How many calls fail: a disk or a table of files stays full for a while."""
WHILE_SECONDS = 10.0
"""How long a disk stays full, or a table of files."""
PLACES = {
    "cluster.json": r"/home/\S*cluster\.json",
    "store": r"/home/state\.db",
    "registry": r"/home/registry",
    "HAProxy": r"/home/loadbalancer|/haproxy|master\.sock",
    "PostgreSQL": r"/home/postgres|\.s\.PGSQL|pg_",
    "output of a task": r"/home/tasks/[^>\"]*/output",
    "a task's files": r"/home/tasks",
    "images": r"/home/(images|venvs)",
    "keys": r"/a stand/keys",
    "other files of the home": r"/home/",
    "connections": r"<(TCP|UNIX|NETLINK)",
}
"""What a call is about, by the first pattern that strace's line has."""
ELSEWHERE = "other files"
ON_DISK = PLACES.keys() - {"connections"}
MIGRATION = """\
import os, time
with open({log!r}, "a") as log:
    print("begin {release}", file=log, flush=True)
    time.sleep(0.3)
    print("end {release}", file=log, flush=True)
"""
PAUSE_SECONDS = 0.2
"""Between two wishes of a client: the machine has other work to do, too."""
CLIENTS = 2
PARAMETERS = 5
MIGRATE = misfits.DOCKERFILE.replace("serve.py", "migrate.py").replace("EXPOSE 8080\n", "")
DAEMON = "-m culm.cluster.daemon"


@dataclass(frozen=True)
class Fault:
    """What breaks: see KINDS in bench/crash_points.py.

    `call`: of the system; `disk` for a disk with `number` KiB left, `files` for so many more open files. Else `number`
    is which of a thread's calls.
    """

    kind: str
    call: str
    number: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.call}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Fault":
        kind, call, number = text.split(":")
        return cls(kind, call, int(number))


def broken_blobs(home: Path) -> list[str]:
    """No upload is left half, and each blob is whole and known."""
    folder = home / "registry"
    with contextlib.closing(sqlite3.connect(home / "state.db")) as db:
        known = {row[0] for row in db.execute("SELECT digest FROM ecr_blob")}
    files = {f"{path.parent.parent.name}:{path.name}": path for path in (folder / "blobs").glob("*/*/*")}
    wrong = [f"half an upload: {path.name}" for path in (folder / "uploads").iterdir()]
    wrong += [f"no file of blob {digest}" for digest in known - files.keys()]
    wrong += [f"nobody's blob {digest}" for digest in files.keys() - known]
    for digest, path in files.items():
        if hashlib.sha256(path.read_bytes()).hexdigest() != digest.partition(":")[2]:
            wrong.append(f"blob {digest} has other bytes")
    return wrong


def client_of(home: Path, service: str) -> Any:
    """A client of the cluster that runs in a home. Raises OSError where none does."""
    given = json.loads((home / "cluster.json").read_text())["environment"]
    return boto3.client(
        service,
        endpoint_url=given["AWS_ENDPOINT_URL"],
        region_name=given["AWS_REGION"],
        aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=2, read_timeout=20),
    )


class Wishes:
    """Two clients that write and read parameters for as long as it is open, and the history of what they saw."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._over = threading.Event()
        self._folder = f"/wish/{time.time_ns()}"
        self._threads = [threading.Thread(target=self._go_on, args=(number,)) for number in range(CLIENTS)]
        self.events: dict[str, list[Event]] = {f"{self._folder}/{number}": [] for number in range(PARAMETERS)}

    def __enter__(self) -> "Wishes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _go_on(self, number: int) -> None:
        dice, client = random.Random(number), None
        while not self._over.wait(PAUSE_SECONDS):
            name = dice.choice(sorted(self.events))
            with contextlib.suppress(OSError, EndpointConnectionError):  # there is no cluster: nothing was asked
                client = client or client_of(self._stand.home, "ssm")
                if dice.random() < 0.5:
                    self.events[name].append(wrote(client, name, f"{number} at {time.monotonic()}"))
                elif (event := saw(client, name)) is not None:
                    self.events[name].append(event)

    def unbelievable(self) -> list[str]:
        """The parameters whose history no single value in memory could have had, with what is there now."""
        client = self._stand.client("ssm")
        histories = {name: [*events, saw(client, name)] for name, events in self.events.items()}
        return [
            f"{name}: {events}"
            for name, events in histories.items()
            if not linearizable([each for each in events if each is not None])
        ]


def wrote(client: Any, name: str, value: str) -> Event:
    """Write a parameter. Raises EndpointConnectionError where nobody listens."""
    begun = time.monotonic()
    try:
        client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
    except EndpointConnectionError:
        raise
    except (ClientError, BotoCoreError):
        return Event("write", value, begun)  # perhaps
    return Event("write", value, begun, time.monotonic())


def saw(client: Any, name: str) -> Event | None:
    """Read a parameter; None where there is no answer."""
    begun = time.monotonic()
    try:
        value = client.get_parameter(Name=name)["Parameter"]["Value"]
    except client.exceptions.ParameterNotFound:
        value = None
    except (ClientError, BotoCoreError):
        return None
    return Event("read", value, begun, time.monotonic())


class Rig:
    """One stand with a service, its migration and a database, on which trials are played one after the other."""

    def __init__(self, root: Path) -> None:
        self.stand = Stand(root, port=free_port())
        self.steady = False
        """Whether the last trial left the cluster up, with nothing to do."""
        self.reported = False
        """Whether the last migration was reported as done before the fault struck."""
        self.killed = False
        """Whether the fault kills programs, be it a migration's."""
        self.release = 0
        self.migration = 0
        self.prefix: tuple[str, ...] = ()
        """What commands are run by: strace, to break them."""
        self._runs = root / "migrations.log"
        self._runs.touch()
        self._mounted = os.geteuid() == 0 and not self._mount("256m").returncode
        """Whether the home is a small disk of its own."""
        self._write()
        misfits.project(self.stand, "rig", "shop", extra="databases:\n  main: {engine: postgres}\n")
        self.stand.edit("culm.yml", "{grace: 5}", "{grace: 5, database: main}")
        self.stand.edit("culm.yml", "services:", "defaults: {settle: 0}\nservices:")

    def _mount(self, size: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "none", self.stand.home])

    def close(self) -> None:
        self.stand.close()
        if self._mounted:
            subprocess.run(["umount", "--lazy", self.stand.home], check=True)

    # What people type.

    def _write(self) -> None:
        misfits.service(self.stand, "shop", said=f"release {self.release}")
        migrate = MIGRATION.format(log=str(self._runs), release=self.migration)
        self.stand.write("shop/migrate.py", migrate)
        self.stand.write("shop/Dockerfile.migrate", MIGRATE)

    def fresh(self) -> None:
        """Nothing is there: the home is empty."""
        self.stand.run([*CULM, "cluster", "stop"], cwd=self.stand.home)
        for path in self.stand.home.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def forget_migrations(self) -> None:
        """What ran until now does not count."""
        self._runs.write_text("")

    def type(self, *words: str) -> int:
        """Type a command. Returns its exit status."""
        if self.prefix:
            self.said = self.stand.run([*self.prefix, *CULM, *words])
        else:
            done = culm_command.run(words, cwd=self.stand.project, environment=self.stand.environment)
            self.said = Said(done.returncode, done.stdout, done.stderr)
        return self.said.status

    def next_release(self) -> None:
        self.release += 1
        self._write()

    def next_migration(self) -> None:
        self.migration += 1
        self.next_release()

    def put(self) -> int:
        self.stand.write("settings.toml", f"release = {self.release}\n")
        return self.type("vault", "put", "local/shop/settings.toml", "settings.toml")

    def push(self) -> int:
        """Push an image as `docker push` does, with a layer of its own that does not compress."""
        text = "#!/bin/sh\n" + "".join(hashlib.sha256(os.urandom(8)).hexdigest() + "\n" for _ in range(20_000))
        try:
            push(self.stand.client("ecr"), "pushed", "latest", text)
        except Exception:
            return 1
        return 0

    # What must hold.

    def heal(self, operation: "Operation") -> list[str]:
        """Start what was killed, and type it again without the fault. Returns what went wrong."""
        if self.type("cluster", "start", "--runtime", "process"):
            return [f"cluster start: {self.said.err[-700:]}"]
        if status := operation.act(self):
            return [f"typed again, {operation.name} ended with {status}: {self.said.err[-700:]}"]
        if operation.name == "stop":
            try:
                self.stand.gone()
            except AssertionError:
                return [f"left after the stop: {self.stand.processes()}"]
        if operation.name not in LEAVE_IT_UP and self.type("up", "--runtime", "process"):
            return [f"up: {self.said.err[-700:]}"]
        return []

    def check(self, operation: "Operation", wishes: Wishes) -> list[str]:
        """Every property that does not hold, in words."""
        status = self.type("up")
        idle = status == 0 and "nothing changed" in self.said.err
        wrong = [] if idle else [f"the next up ended with {status} and was not idle: {self.said.err[-700:]}"]
        for check in (
            self._answers,
            lambda: self._migrations(operation),
            self._processes,
            lambda: broken_blobs(self.stand.home),
            lambda: self._kept(wishes),
        ):
            wrong += check()
        return wrong

    def _answers(self) -> list[str]:
        answer = self.stand.get("/shop/")
        return [] if answer.body == f"release {self.release}" else [f"it answers {answer}, not {self.release}"]

    def _migrations(self, operation: "Operation") -> list[str]:
        """One at a time, each to its end; once when it was reported, and once more at most when nobody was told."""
        lines = self._runs.read_text().splitlines()
        ended = [before for before, line in pairwise(lines) if line.startswith("end") and before.startswith("begin")]
        apart = 2 * len(ended) == len(lines) or (
            self.killed and sum(line.startswith("end") for line in lines) == len(ended)
        )
        wrong = [] if apart else ["two at once"]
        least, most = (1, 1 if self.reported else 2) if operation.name in MIGRATING else (0, operation.name == "down")
        if not least <= len(ended) <= most:
            wrong.append(f"{len(ended)} migrations, not {least} to {int(most)}")
        return [f"{what}: {lines[-6:]}" for what in wrong]

    def _processes(self) -> list[str]:
        """One daemon, proxy and database; each task's program once, and nothing beside."""
        wanted = {DAEMON: 1, "postgres -D": 1, "python3 serve.py": 1, "python3 migrate.py": 0, "bin/haproxy ": 2}

        def strangers() -> list[str]:
            there = self.stand.processes().values()
            counted = {words: sum(words in line for line in there) for words in wanted}
            return [f"{n} of {words!r}, not {wanted[words]}" for words, n in counted.items() if n != wanted[words]]

        with contextlib.suppress(AssertionError):
            eventually(lambda: not strangers(), within=15)
        return strangers()

    def _kept(self, wishes: Wishes) -> list[str]:
        """Everything that was answered is there, and what clients saw meanwhile fits together."""
        return [f"no order explains {what}" for what in wishes.unbelievable()]


@dataclass(frozen=True)
class Operation:
    """`prepare` brings the cluster to where `act` begins; `act` returns the exit status."""

    name: str
    prepare: Callable[[Rig], object]
    act: Callable[[Rig], int]
    from_stopped: bool = False
    """Whether the daemon is started for it, under the fault."""


def _up(rig: Rig) -> None:
    if not rig.steady and rig.type("up", "--runtime", "process"):
        raise AssertionError(f"the cluster could not be brought up: {rig.said.err}\n{rig.stand.told()}")


def _stopped(rig: Rig) -> None:
    _up(rig)
    rig.stand.culm("cluster", "stop")


def _rolling(rig: Rig) -> None:
    _up(rig)
    rig.next_release()


def _migrating(rig: Rig) -> None:
    _up(rig)
    rig.next_migration()


OPERATIONS = {
    each.name: each
    for each in (
        Operation("up", Rig.fresh, lambda rig: rig.type("up", "--runtime", "process"), from_stopped=True),
        Operation("roll", _rolling, lambda rig: rig.type("up")),
        Operation("migration", _migrating, lambda rig: rig.type("up")),
        Operation("push", _up, Rig.push),
        Operation("vault put", _up, Rig.put),
        Operation("down", _up, lambda rig: rig.type("down")),
        Operation("start", _stopped, lambda rig: rig.type("cluster", "start"), from_stopped=True),
        Operation("stop", _up, lambda rig: rig.type("cluster", "stop")),
    )
}


LEAVE_IT_UP = ("up", "roll", "migration", "push", "start")
"""Operations after which the next `up` has nothing to do."""
MIGRATING = ("up", "migration")
"""Operations with a new migration."""


# Faults.


STRACE = ("strace", "-f", "-qq", "-yy", "-s", "0")
ITSELF = ("-b", "execve")
"""Lets go of every program that is started."""


class Traced:
    """strace at the daemon, which it starts where none runs."""

    def __init__(self, rig: Rig, options: Sequence[str], log: Path) -> None:
        self._stand = rig.stand
        command = [*STRACE, "-o", str(log), *options]
        if (rig.stand.home / "cluster.json").exists():
            command += ["-p", str(rig.stand.daemon())]
        else:
            command += [sys.executable, *DAEMON.split(), "--home", str(rig.stand.home), "--runtime", "process"]
        with (rig.stand.home.parent / "traced.log").open("ab") as out:
            self._strace = subprocess.Popen(
                command, env=rig.stand.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                start_new_session=True, cwd="/",
            )  # fmt: skip
        if "-p" in command:
            time.sleep(0.3)  # strace does not say when it has every thread; a later point is as good as an earlier one
        else:
            with contextlib.suppress(AssertionError):
                eventually(lambda: self.ended or (rig.stand.home / "cluster.json").exists(), within=60)

    @property
    def ended(self) -> bool:
        """Whether the daemon is dead: strace ends with the last of what it traces."""
        return self._strace.poll() is not None

    def close(self) -> None:
        if not self.ended:
            self._strace.send_signal(signal.SIGINT)  # it lets go of what it is attached to
        try:
            self._strace.wait(10)
        except subprocess.TimeoutExpired:
            self._strace.kill()
            self._strace.wait()


@dataclass(frozen=True)
class Call:
    """A call of the system that a thread made: its `number` among those of the same name, and what it was about."""

    name: str
    number: int
    place: str


def made(log: str) -> list[Call]:
    """The calls of a log of strace, in order."""
    numbers: Counter[tuple[str, str]] = Counter()
    calls = []
    for line in re.finditer(r"^(\d+) +(\w+)\(.*", log, re.MULTILINE):
        numbers[line[1], line[2]] += 1
        calls.append(Call(line[2], numbers[line[1], line[2]], place(line[0])))
    return calls


def place(line: str) -> str:
    """What a call is about, by strace's line."""
    return next((name for name, pattern in PLACES.items() if re.search(pattern, line)), ELSEWHERE)


def options(fault: Fault) -> tuple[str, ...]:
    """How strace brings a fault about."""
    how = "signal=SIGKILL" if fault.kind.startswith("kill") else f"error={fault.kind}"
    last = f"..{fault.number + IN_A_ROW[fault.kind] - 1}" if fault.kind in IN_A_ROW else ""
    followed = () if fault.kind == "kill-program" else ITSELF
    return (*followed, "-e", f"trace={fault.call}", "-e", f"inject={fault.call}:{how}:when={fault.number}{last}")


@contextlib.contextmanager
def broken(rig: Rig, fault: Fault, log: Path) -> Iterator[Callable[[], bool]]:
    """The fault is armed inside. Gives a function that says whether it has struck."""
    if fault.call == "disk":
        with filled(rig.stand.home, leaving=fault.number * 1024):
            yield lambda: True
    elif fault.call == "files":
        with few_files(rig.stand.daemon(), more=fault.number):
            yield lambda: True
    elif fault.kind == "kill-client":
        rig.prefix = (*STRACE, "-o", str(log), *options(fault))
        try:
            yield lambda: KILLED in log.read_text(errors="replace")
        finally:
            rig.prefix = ()
    else:
        traced = Traced(rig, options(fault), log)
        struck = "INJECTED" if fault.kind in ERRORS else KILLED
        try:
            yield lambda: struck in log.read_text(errors="replace")
        finally:
            traced.close()


@contextlib.contextmanager
def for_a_while(lift: Callable[[], object]) -> Iterator[None]:
    """Lift a fault at the end, or after `WHILE_SECONDS`: what waits for its end shall not wait for its own limit."""
    timer = threading.Timer(WHILE_SECONDS, lift)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        lift()


@contextlib.contextmanager
def filled(folder: Path, *, leaving: int) -> Iterator[None]:
    """The disk of `folder` is full but for so many bytes."""
    fill = folder / "fill"
    room = os.statvfs(folder)
    with fill.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - leaving, 1))
    with for_a_while(lambda: fill.unlink(missing_ok=True)):
        yield


@contextlib.contextmanager
def few_files(pid: int, *, more: int) -> Iterator[None]:
    """The process may open so many more files, and no more."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)

    def lift() -> None:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)

    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + more, before[1]))
    with for_a_while(lift):
        yield


@dataclass(frozen=True)
class Trial:
    operation: str
    fault: str
    struck: bool
    """Whether the fault fired: a point that is past the end of the operation does not."""
    place: str
    """What the broken call was about."""
    wrong: tuple[str, ...]
    seconds: float


def play(rig: Rig, operation: Operation, fault: Fault) -> Trial:
    """One trial; this module's docstring says how."""
    began = time.monotonic()
    operation.prepare(rig)
    rig.forget_migrations()
    rig.steady, rig.killed = False, fault.kind == "kill-program"
    log = rig.stand.home.parent / "strace.log"
    log.write_text("")
    with Wishes(rig.stand) as wishes:
        with broken(rig, fault, log) as struck:
            operation.act(rig)
            rig.reported = operation.name not in MIGRATING or "shop migrated" in rig.said.err
            fired = struck()
        wrong = rig.heal(operation)
    wrong = wrong or rig.check(operation, wishes)
    rig.steady = not wrong
    hit = [call.place for call in made(log.read_text(errors="replace")) if call.number == fault.number]
    where = hit[0] if hit else "the whole disk" if fault.call == "disk" else "any file"
    return Trial(operation.name, str(fault), fired, where, tuple(wrong), round(time.monotonic() - began, 1))


@dataclass(frozen=True)
class Profile:
    """The calls that an operation makes when nothing is broken."""

    daemon: tuple[Call, ...]
    client: tuple[Call, ...]


def profile(rig: Rig, operation: Operation) -> Profile:
    """The calls of an operation, by the daemon and by its client."""
    operation.prepare(rig)
    log, other = (rig.stand.home.parent / name for name in ("strace.log", "client.log"))
    other.write_text("")
    traced = Traced(rig, [*ITSELF, "-e", f"trace={','.join(TRACED)}"], log)
    rig.prefix = (*STRACE, *ITSELF, "-o", str(other), "-e", f"trace={','.join(CLIENT)}")
    try:
        if status := operation.act(rig):
            raise AssertionError(f"{operation.name} ended with {status}: {rig.said.err}")
    finally:
        rig.prefix = ()
        traced.close()
    rig.steady = operation.name in LEAVE_IT_UP
    daemon, client = (tuple(made(each.read_text(errors="replace"))) for each in (log, other))
    return Profile(daemon, client)
