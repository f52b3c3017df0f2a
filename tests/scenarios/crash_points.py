"""The real cluster, broken at a chosen point of a chosen operation; and what must hold afterwards.

A trial is four steps, the same for every operation and fault:

1. The cluster is brought into the state from which the operation starts. `Wishes` begins to write parameters through
   the AWS API, and notes each that was answered.
2. The fault is armed: the daemon will be killed at its nth write, sync, rename or unlink, or will get an error there;
   the disk has so many bytes left; so many more files may be opened.
3. The operation is typed. Whatever it answers, the fault is taken away, and the same is typed again without it.
4. `Rig.check` asks whether anything was lost, done twice or left behind.

For example: `culm up` with a new migration, and the daemon is killed at the 17th `pwrite64` of one of its threads. The
first `up` fails. The second one starts the daemon, which adopts what runs; it finds the migration's task of the first
one and waits for it. The migration's own file then says that it ran once, `up` says that nothing changed, and every
parameter that was answered is there.

Calls of the daemon are counted and broken by strace, a thread at a time, and not those of the programs it starts.
"""

import contextlib
import hashlib
import json
import os
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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from tests.acceptance.workshop import push
from tests.scenarios import misfits
from tests.scenarios.stand import CULM, Stand, eventually
from tests.traffic import free_port

CHANGES = (
    "write", "pwrite64", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "mkdir", "rmdir", "openat", "sendto",
)  # fmt: skip
"""The calls at which a process is killed: those that change a file or say something to somebody."""
ERRORS = {"EIO": ("pwrite64", "pread64", "fsync", "fdatasync", "rename", "unlink", "mkdir", "openat")}
"""The calls that fail, by the error that they fail with."""
MIGRATION = """\
import os, time
with open({log!r}, "a") as log:
    print("begin {release}", file=log, flush=True)
    time.sleep(0.3)
    print("end {release}", file=log, flush=True)
"""
MIGRATE = misfits.DOCKERFILE.replace("serve.py", "migrate.py").replace("EXPOSE 8080\n", "")
DAEMON = "-m culm.cluster.daemon"


@dataclass(frozen=True)
class Fault:
    """`kind`: kill, kill-client, EIO, ENOSPC or EMFILE. `call`: of the system, where it matters; `number` is which."""

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
    """Writes numbered parameters through the API for as long as it is open; `answered`: what it said yes to."""

    def __init__(self, stand: Stand) -> None:
        self._stand = stand
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._ssm: Any = None
        self.answered: dict[str, str] = {}

    def __enter__(self) -> "Wishes":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._over.wait(0.03):
            number += 1
            name, value = f"/wish/{number % 50}", f"{time.time_ns()}"
            try:
                self._client().put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
            except (ClientError, BotoCoreError):
                self.answered.pop(name, None)  # either value may be there
            except OSError:
                continue  # there is no cluster yet, or not any more
            else:
                self.answered[name] = value

    def _client(self) -> Any:
        if self._ssm is None:
            self._ssm = client_of(self._stand.home, "ssm")
        return self._ssm


class Rig:
    """One stand with a service, its migration and a database, on which trials are played one after the other."""

    def __init__(self, root: Path) -> None:
        self.stand = Stand(root, port=free_port())
        self.steady = False
        """Whether the last trial left the cluster up, with nothing to do."""
        self.reported = False
        """Whether the last migration was reported as done before the fault struck."""
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
        self.said = self.stand.run([*self.prefix, *CULM, *words])
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
        if operation.name not in ("up", "roll", "migration") and self.type("up", "--runtime", "process"):
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
        wrong = [] if lines[::2] == [line.replace("end", "begin") for line in lines[1::2]] else ["two at once"]
        least, most = (1, 1 if self.reported else 2) if operation.name in MIGRATING else (0, operation.name == "down")
        if not least <= len(lines) // 2 <= most:
            wrong.append(f"{len(lines) // 2} migrations, not {least} to {int(most)}")
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
        """Everything that was answered is there."""
        client = self.stand.client("ssm")
        there = {}
        for page in client.get_paginator("get_parameters_by_path").paginate(Path="/wish"):
            there |= {parameter["Name"]: parameter["Value"] for parameter in page["Parameters"]}
        lost = {name: value for name, value in wishes.answered.items() if there.get(name) != value}
        return [f"lost of {len(wishes.answered)} wishes: {lost}"] if lost else []


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


MIGRATING = ("up", "migration")
"""Operations with a new migration."""


# Faults.


class Traced:
    """strace at the daemon, which it starts where none runs. `count` takes the calls instead of breaking one."""

    def __init__(self, rig: Rig, options: list[str], log: Path) -> None:
        self._stand = rig.stand
        command = ["strace", "-f", "-b", "execve", "-qq", "-o", str(log), *options]
        if (rig.stand.home / "cluster.json").exists():
            command += ["-p", str(rig.stand.daemon())]
        else:
            daemon = [sys.executable, *DAEMON.split(), "--home", str(rig.stand.home), "--runtime", "process"]
            command += daemon
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


@contextlib.contextmanager
def broken(rig: Rig, fault: Fault, log: Path) -> Iterator[Callable[[], bool]]:
    """The fault is armed inside. Gives a function that says whether it has struck."""
    match fault.kind:
        case "kill" | "EIO":
            how = "signal=SIGKILL" if fault.kind == "kill" else f"error={fault.kind}"
            inject = f"inject={fault.call}:{how}:when={fault.number}"
            traced = Traced(rig, ["-e", f"trace={fault.call}", "-e", inject], log)
            try:
                yield lambda: (fault.kind == "kill" and traced.ended) or "INJECTED" in log.read_text(errors="replace")
            finally:
                traced.close()
        case "kill-client":
            inject = f"inject={fault.call}:signal=SIGKILL:when={fault.number}"
            rig.prefix = (
                "strace",
                "-f",
                "-b",
                "execve",
                "-qq",
                "-o",
                str(log),
                "-e",
                f"trace={fault.call}",
                "-e",
                inject,
            )
            try:
                yield lambda: "killed by SIGKILL" in log.read_text(errors="replace")
            finally:
                rig.prefix = ()
        case "ENOSPC":
            with filled(rig.stand.home, leaving=fault.number * 1024):
                yield lambda: True
        case "EMFILE":
            with few_files(rig.stand.daemon(), more=fault.number):
                yield lambda: True
        case _:
            raise ValueError(fault.kind)


@contextlib.contextmanager
def filled(folder: Path, *, leaving: int) -> Iterator[None]:
    """The disk of `folder` is full but for so many bytes."""
    fill = folder / "fill"
    room = os.statvfs(folder)
    with fill.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(room.f_bavail * room.f_frsize - leaving, 1))
    try:
        yield
    finally:
        fill.unlink()


@contextlib.contextmanager
def few_files(pid: int, *, more: int) -> Iterator[None]:
    """The process may open so many more files, and no more."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (len(os.listdir(f"/proc/{pid}/fd")) + more, before[1]))
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@dataclass(frozen=True)
class Trial:
    operation: str
    fault: str
    struck: bool
    """Whether the fault fired: a point that is past the end of the operation does not."""
    wrong: tuple[str, ...]
    seconds: float


def play(rig: Rig, operation: Operation, fault: Fault) -> Trial:
    """One trial; this module's docstring says how."""
    began = time.monotonic()
    operation.prepare(rig)
    rig.forget_migrations()
    rig.steady = False
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
    return Trial(operation.name, str(fault), fired, tuple(wrong), round(time.monotonic() - began, 1))


def calls(rig: Rig, operation: Operation) -> dict[str, int]:
    """By call, how often the busiest thread of the daemon makes it during the operation."""
    operation.prepare(rig)
    log = rig.stand.home.parent / "strace.log"
    traced = Traced(rig, ["-e", f"trace={','.join(CHANGES)}"], log)
    try:
        if status := operation.act(rig):
            raise AssertionError(f"{operation.name} ended with {status}: {rig.said.err}")
    finally:
        traced.close()
    counted = Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(errors="replace"), re.MULTILINE))
    most: dict[str, int] = {}
    for (_, call), count in counted.items():
        most[call] = max(most.get(call, 0), count)
    return most
