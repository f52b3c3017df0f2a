"""`culm task`: a command as a one-time task, through pipes and before a terminal."""

import subprocess

from tests.scenarios.stand import CULM, Stand
from tests.scenarios.test_exec import desk


def run(stand: Stand, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*CULM, "task", *words], cwd=stand.project, env=stand.environment, input=given, capture_output=True, check=False
    )


def test_its_lines_and_its_exit_status_come_back_and_its_configuration_is_there(bamboo: Stand) -> None:
    done = run(bamboo, "accounts", "--", "sh", "-c", "echo $MYENV; ls conf; exit 7")
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines()[0] == b"local"
    assert b"database.url" in done.stdout


def test_what_is_piped_in_is_passed_on_byte_by_byte(bamboo: Stand) -> None:
    everything = bytes(range(256)) * 40
    done = run(bamboo, "-i", "accounts", "--", "sh", "-c", "cat; exit 3", given=everything)
    assert (done.returncode, done.stdout) == (3, everything), done.stderr


def test_a_terminal_is_as_if_one_sat_before_it(bamboo: Stand) -> None:
    with desk(bamboo, "task", "accounts", "--", "env", "PS1=ready>", "sh") as terminal:
        terminal.sees(b"ready>")
        terminal.types(b"ls conf\r")
        terminal.sees(b"database.url")
        terminal.types(b"exit 5\r")
        assert terminal.leaves() == 5


def test_its_task_is_gone_when_it_has_ended(bamboo: Stand) -> None:
    run(bamboo, "accounts", "--", "true")
    listed = bamboo.client("ecs").list_tasks(cluster="bamboo", startedBy="culm task", desiredStatus="RUNNING")
    assert listed["taskArns"] == []


def test_a_command_that_is_not_there_says_so(bamboo: Stand) -> None:
    done = run(bamboo, "accounts", "--", "no-such-program")
    assert done.returncode != 0
    assert b"no-such-program" in done.stdout + done.stderr


def test_a_service_that_is_not_deployed_is_told_how_to(bamboo: Stand) -> None:
    bamboo.client("ecs").delete_service(cluster="bamboo", service="notices", force=True)
    done = run(bamboo, "notices", "--", "true")
    assert done.returncode == 1
    assert b"notices is not deployed" in done.stderr
