"""Why a task is no more, by what ECS says of it and by its exit code."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from culm.deploy import causes, exits, scripts
from culm.deploy.diagnoses import LikelyCause
from culm.project.project import Project


def a_task(code: int | None = None, reason: str = "") -> dict[str, Any]:
    container: dict[str, Any] = {"name": "web", "memory": "256"}
    container |= {"exitCode": code} if code is not None else {}
    container |= {"reason": reason} if reason else {}
    return {
        "stopCode": "TaskFailedToStart" if code is None else "EssentialContainerExited",
        "containers": [container],
    }


@pytest.mark.parametrize(
    ("reason", "cause", "hint"),
    [
        ('CannotStartContainerError: exec: "./start.sh": permission denied', "./start.sh may not be", "chmod +x"),
        (
            "CannotStartContainerError: Error response from daemon: failed to create shim task: OCI runtime create "
            'failed: runc create failed: unable to start container process: exec: "./start.sh": permission denied: '
            "unknown",
            "./start.sh may not be",
            "chmod +x",
        ),
        (
            'CannotStartContainerError: exec: "./start.sh": its interpreter /bin/bassh is not on this machine',
            "./start.sh is started by /bin/bassh",
            "#!",
        ),
        (
            'CannotStartContainerError: exec: "pyhton": executable file not found in $PATH: unknown',
            "pyhton is not in",
            "spelled",
        ),
        (
            'CannotStartContainerError: exec: "./app": stat ./app: no such file or directory: unknown',
            "./app is not in",
            "spelled",
        ),
    ],
)
def test_a_program_that_could_not_be_started_is_named_with_what_to_do(reason: str, cause: str, hint: str) -> None:
    answer = exits.cause(a_task(reason=reason), [])
    assert answer is not None
    assert cause in answer.line
    assert hint in answer.hint


def test_too_little_memory_is_the_cause_whatever_its_lines_say() -> None:
    reason = "OutOfMemoryError: Container killed due to memory usage"
    answer = exits.cause(a_task(137, reason), ["ValueError: of before"])
    assert answer is not None
    assert answer.line == "it needed more than its 256 MiB of memory, and was killed for it"


@pytest.mark.parametrize(
    ("code", "cause"),
    [(0, "ended by itself"), (127, "a program that is not in the image"), (132, "SIGILL"), (139, "SIGSEGV")],
)
def test_an_exit_code_that_means_something_is_the_cause_where_no_line_is(code: int, cause: str) -> None:
    answer = exits.cause(a_task(code), ["ready"])
    assert answer is not None and cause in answer.line
    words = exits.cause(a_task(code), ["ValueError: no coffee"])
    assert words is not None and words.line == "ValueError: no coffee"


def test_a_programs_own_exit_code_means_nothing_by_itself() -> None:
    assert exits.cause(a_task(3), ["bye"]) is None


def test_the_script_with_windows_line_ends_is_named_where_the_engine_says_that_it_is_not_there(
    project: Project, tmp_path: Path
) -> None:
    service = replace(project.services["web"], folder=tmp_path)
    cause = LikelyCause(line="the program is there: exec /start.sh: no such file or directory", hint="x")
    assert scripts.located(service, cause) == cause
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker" / "start.sh").write_bytes(b"#!/bin/sh\necho hello\r\n")
    assert scripts.located(service, cause) == cause
    (tmp_path / "docker" / "start.sh").write_bytes(b"#!/bin/sh\r\necho hello\r\n")
    named = scripts.located(service, cause)
    assert named is not None
    assert named.line == "docker/start.sh, which it starts, has Windows line ends"
    assert scripts.located(service, None) is None


def test_paths_are_told_as_they_are_in_the_image() -> None:
    line = (
        "Cannot find module '/h/tasks/ecs-shop-web-1-web-01/rootfs/app/x.js' imported from /h/tasks/ecs-a/rootfs/app/y"
    )
    assert causes.as_in_the_image(line) == "Cannot find module '/app/x.js' imported from /app/y"
    assert causes.as_in_the_image("/srv/tasks/rootfs/x") == "/srv/tasks/rootfs/x"
