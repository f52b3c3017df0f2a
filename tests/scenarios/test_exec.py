"""`culm exec`: before a terminal, through pipes, and by AWS's own API."""

import contextlib
import json
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError
from tests.scenarios.stand import CULM, Stand


class Desk:
    """Somebody who sits before a terminal and types."""

    def __init__(self, stand: Stand, *words: str) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(stand.project)
            os.execvpe(CULM[0], [*CULM, *words], stand.environment)
        self.screen = b""

    def sees(self, what: bytes) -> None:
        """Wait until the screen shows it, after what it showed before."""
        end = time.monotonic() + 60
        while what not in self.screen:
            assert time.monotonic() < end, self.screen
            if select.select([self.master], [], [], 0.5)[0]:
                with contextlib.suppress(OSError):
                    self.screen += os.read(self.master, 4096)
        self.screen = self.screen.partition(what)[2]

    def types(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def resizes(self, columns: int, rows: int) -> None:
        termios.tcsetwinsize(self.master, (rows, columns))

    def leaves(self) -> int:
        """The exit status, when it ends by itself."""
        with contextlib.suppress(OSError):
            while os.read(self.master, 4096):
                continue
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)


@contextlib.contextmanager
def desk(stand: Stand, *words: str) -> Iterator[Desk]:
    yield Desk(stand, *words)


def test_a_shell_is_as_if_one_sat_before_it(bamboo: Stand) -> None:
    with desk(bamboo, "exec", "accounts", "--", "env", "PS1=ready>", "sh") as one:
        one.resizes(100, 30)
        one.sees(b"ready>")
        one.types(b"stty size; echo $MYENV\r")
        one.sees(b"30 100\r\nlocal\r\n")
        one.resizes(77, 22)
        one.types(b"echo now; sleep 0.5; stty size\r")
        one.sees(b"22 77\r\n")
        one.types(b"sh -c 'echo begun; exec sleep 600'\r")  # the child says so: Ctrl-C reaches it, not its fork
        one.sees(b"begun\r\n")
        one.types(b"\x03")
        one.types(b"echo code $?\r")
        one.sees(b"code 130\r\n")
        one.types(b"exit 7\r")
        assert one.leaves() == 7


def test_pipes_are_passed_on_byte_by_byte(bamboo: Stand) -> None:
    everything = bytes(range(256)) * 400
    command = [*CULM, "exec", "accounts", "--", "sh", "-c", "cat; echo end >&2; exit 3"]
    done = subprocess.run(
        command, input=everything, cwd=bamboo.project, env=bamboo.environment, capture_output=True, timeout=120
    )
    assert done.stdout == everything + b"end\n"
    assert (done.returncode, done.stderr) == (3, b"")


def test_a_command_runs_where_its_service_runs(bamboo: Stand) -> None:
    told = "import json, os; print(json.dumps([os.getcwd(), sorted(os.listdir()), os.environ['MYENV']]))"
    folder, files, env = json.loads(bamboo.culm("exec", "accounts", "--", "python", "-c", told).out)
    assert folder.endswith("/app") and env == "local"
    assert "accounts" in files


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["exec", "accounts", "--", "no-such-program"], 127, "no-such-program"),
        (["exec", "acounts"], 2, "did you mean accounts?"),
        (["exec", "accounts", "--task", "ffff"], 1, "accounts has no task ffff"),
    ],
)
def test_what_cannot_be_run_is_told(bamboo: Stand, words: list[str], status: int, told: str) -> None:
    words = words if "--task" not in words else ["exec", "--task", "ffff", "accounts"]
    assert told in bamboo.culm(*words, status=status).screen


def test_exec_needs_its_own_right_and_a_task_that_was_started_for_it(bamboo: Stand) -> None:
    ecs = bamboo.client("ecs")
    task = next(arn for arn, task in bamboo.tasks().items() if task["group"] == "service:accounts")
    described = bamboo.tasks()[task]
    assert described["containers"][0]["managedAgents"][0]["lastStatus"] == "RUNNING"
    with pytest.raises(ClientError, match="Interactive is the only mode"):
        ecs.execute_command(cluster="bamboo", task=task, command="sh", interactive=False)
    definition = described["taskDefinitionArn"]
    [closed] = ecs.run_task(cluster="bamboo", taskDefinition=definition)["tasks"]
    with pytest.raises(ClientError, match="execute command was not enabled"):
        ecs.execute_command(cluster="bamboo", task=closed["taskArn"], command="sh", interactive=True)
    ecs.stop_task(cluster="bamboo", task=closed["taskArn"])
