"""A stranger's machine: a home of its own, a project, the `culm` command, and all that it starts."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from tests import culm_command

T = TypeVar("T")

BAMBOO = Path(__file__).parents[2] / "examples" / "bamboo"
CULM = (sys.executable, "-m", "culm")
COMMAND_SECONDS = 600.0
LISTENING = "0A"
"""As /proc/net/tcp says it: https://www.kernel.org/doc/Documentation/networking/proc_net_tcp.txt"""


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str

    @property
    def screen(self) -> str:
        return f"{self.out}{self.err}"


@dataclass(frozen=True)
class Answer:
    """What a service answered."""

    status: int
    body: Any


class Stand:
    """`home` is CULM_HOME, `project` the folder that commands are typed in; both have a space in their path."""

    def __init__(self, root: Path, *, port: int, venvs: Path | None = None) -> None:
        self.home = root / "a stand" / "home"
        self.project = root / "a stand" / "project"
        self.keys = root / "a stand" / "keys"
        self.port = port
        self.environment = {
            **os.environ,
            "CULM_HOME": str(self.home),
            "CULM_KEYS": str(self.keys),
            "PYTHONWARNINGS": "ignore",
        }
        self.home.mkdir(parents=True, mode=0o700)
        self.project.mkdir()
        if venvs is not None:
            (self.home / "venvs").symlink_to(venvs)
            direct = venvs.with_name(f"{venvs.name} of direct runs")
            direct.mkdir(exist_ok=True)
            (self.home / "direct").mkdir(mode=0o700)
            (self.home / "direct" / "venvs").symlink_to(direct)

    def copy(self, folder: Path) -> None:
        """Make the project a copy of `folder`, its load balancer on this stand's port."""
        shutil.copytree(
            folder, self.project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache")
        )
        self.edit("culm.yml", "local: {instances: 2 x t2.micro}", f"local: {{port: {self.port}}}")
        self.edit("culm.yml", "services:", "defaults: {settle: 0}\nservices:")  # that it settles is tested by itself

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.project / file
        text = path.read_text()
        assert old in text, f"{file} does not say {old!r}"
        path.write_text(text.replace(old, new, 1))

    def write(self, file: str, text: str) -> None:
        path = self.project / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    # Commands.

    def culm(self, *words: str, status: int = 0, cwd: Path | None = None) -> Said:
        """Type a command; it must end with this exit status."""
        done = culm_command.run(words, cwd=cwd or self.project, environment=self.environment, seconds=COMMAND_SECONDS)
        said = Said(done.returncode, done.stdout, done.stderr)
        assert said.status == status, f"culm {' '.join(words)} ended with {said.status}:\n{said.screen}\n{self.told()}"
        return said

    def run(
        self, command: Sequence[str], *, cwd: Path | None = None, environment: dict[str, str] | None = None
    ) -> Said:
        done = subprocess.run(
            command,
            cwd=cwd or self.project,
            env=environment or self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    def interrupted(self, *words: str, at: str) -> Said:
        """Type a command, and Ctrl-C as soon as its talk has `at` in it."""
        with subprocess.Popen(
            [*CULM, *words],
            cwd=self.project,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            process_group=0,  # as a terminal's foreground job has one, which Ctrl-C goes to
        ) as process:
            assert process.stderr is not None
            told = ""
            for line in process.stderr:
                told += line
                if at in line:
                    os.killpg(process.pid, signal.SIGINT)
                    break
            else:
                raise AssertionError(f"it never said {at!r}:\n{told}")
            out, rest = process.communicate(timeout=COMMAND_SECONDS)
            return Said(process.returncode, out, told + rest)

    def told(self) -> str:
        """The daemon's own last words."""
        log = self.home / "daemon.log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-20:]) if log.exists() else ""

    # The AWS API.

    @property
    def aws(self) -> dict[str, str]:
        """The environment that `eval "$(culm cluster env)"` makes."""
        lines = self.culm("cluster", "env").out.splitlines()
        exports = dict(shlex.split(line)[1].split("=", 1) for line in lines)
        return {**self.environment, **exports}

    def client(self, service: str) -> Any:
        exports = self.aws
        return boto3.client(
            service,
            endpoint_url=exports["AWS_ENDPOINT_URL"],
            region_name=exports["AWS_REGION"],
            aws_access_key_id=exports["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=exports["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"total_max_attempts": 1}),
        )

    def tasks(self, cluster: str = "bamboo") -> dict[str, dict[str, Any]]:
        """Running tasks by ARN."""
        ecs = self.client("ecs")
        arns = ecs.list_tasks(cluster=cluster)["taskArns"]
        described = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
        return {task["taskArn"]: task for task in described}

    def daemon(self) -> int:
        """Its process id."""
        return int(json.loads((self.home / "cluster.json").read_text())["pid"])

    # The services.

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path: str) -> Answer:
        return self._ask(urllib.request.Request(self.url(path)))

    def post(self, path: str, body: Any) -> Answer:
        headers = {"Content-Type": "application/json"}
        return self._ask(urllib.request.Request(self.url(path), json.dumps(body).encode(), headers))

    def _ask(self, request: urllib.request.Request) -> Answer:
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                return Answer(response.status, read(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, read(error.read()))

    # The end.

    @cached_property
    def _mark(self) -> bytes:
        return str(self.home).encode()

    def processes(self) -> dict[int, str]:
        """Everything that lives because of this stand: who was told of its home, or sits in it."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                seen = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                seen += os.fsencode(os.readlink(folder / "cwd"))
            except OSError:
                continue
            if self._mark in seen and int(folder.name) != os.getpid():
                found[int(folder.name)] = seen.split(b"\0\0")[0].replace(b"\0", b" ").decode(errors="replace")[:200]
        return found

    def listening(self) -> set[tuple[str, int]]:
        """The IPv4 addresses and ports that its processes listen on."""
        sockets = set()
        for pid in self.processes():
            for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
                try:
                    sockets.add(os.readlink(descriptor))
                except OSError:
                    continue
        found = set()
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == LISTENING and f"socket:[{inode}]" in sockets:
                address, port = local.split(":")
                found.add((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
        return found

    def gone(self) -> None:
        """Wait for the last of them to leave: a process outlives the news of its end by a moment."""
        eventually(lambda: not self.processes(), within=30)

    def close(self) -> None:
        """Whatever happened: nothing of it stays."""
        try:
            self.run([*CULM, "cluster", "stop"])
        finally:
            for pid in self.processes():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue


def read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


def eventually(check: Callable[[], T], within: float = 60.0) -> T:
    """The first truthy answer of `check`, seconds at most; an answer that cannot be had yet is none."""
    deadline = time.monotonic() + within
    while True:
        try:
            answer: Any = check()
        except OSError as error:
            answer = None
            why: Any = error
        else:
            why = answer
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {why!r} after {within:g} s"
        time.sleep(0.05)
