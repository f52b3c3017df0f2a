"""What is decided about a lock without asking S3: when it is dead, and what people read. S3's part: tests/amazon."""

import getpass
import io
import json
import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from culm.deploy import lock
from culm.deploy.lock import Holder


def a_holder(**changed: Any) -> Holder:
    fields = {
        "by": "ada@laptop",
        "machine": "laptop 1",
        "does": "culm deploy web",
        "since": 0.0,
        "pid": 1,
        "age_seconds": 0.0,
        "etag": "a1",
    }
    return Holder(**{**fields, **changed})


def ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_is_held_until_its_expiry_and_dead_after_it() -> None:
    assert not a_holder(age_seconds=lock.EXPIRY_SECONDS).dead
    assert a_holder(age_seconds=lock.EXPIRY_SECONDS + 0.1).dead


def test_a_lock_of_a_process_of_this_boot_is_dead_as_soon_as_the_process_has_ended() -> None:
    assert not a_holder(machine=lock.machine(), pid=os.getpid()).dead
    assert a_holder(machine=lock.machine(), pid=ended_process()).dead


def test_a_process_of_another_machine_is_believed_until_the_expiry() -> None:
    assert not a_holder(machine="other 1", pid=ended_process()).dead


def test_four_renewals_may_get_no_answer_before_the_lock_expires() -> None:
    assert 4 * lock.RENEW_SECONDS < lock.EXPIRY_SECONDS


def test_a_process_that_belongs_to_somebody_else_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", refuse)
    assert lock.alive(os.getpid())


class AnswersOf:
    """S3 as `holder` reads it: one object, with the times of S3's own clock."""

    def __init__(self, *, date: str, modified: datetime) -> None:
        self.date = date
        self.modified = modified

    def get_object(self, **_: str) -> dict[str, Any]:
        content = {"by": "ada@laptop", "machine": "laptop 1", "does": "culm up", "since": 0.0, "pid": 1}
        return {
            "Body": io.BytesIO(json.dumps(content).encode()),
            "ETag": "a1",
            "LastModified": self.modified,
            "ResponseMetadata": {"HTTPHeaders": {"date": self.date}},
        }


def test_the_age_of_a_lock_is_the_time_of_s3s_answer_less_its_last_modification_and_never_negative() -> None:
    date = "Sun, 01 Feb 2026 14:01:55 GMT"
    for modified, age in (
        (datetime(2026, 2, 1, 14, 0, 20, tzinfo=UTC), 95.0),
        (datetime(2026, 2, 1, 15, tzinfo=UTC), 0.0),
    ):
        read = lock.holder(AnswersOf(date=date, modified=modified), "bucket")
        assert read is not None
        assert read.age_seconds == age


def test_a_process_that_is_only_asked_after_does_not_notice() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert lock.alive(process.pid)
    process.communicate(b"\n")
    assert process.returncode == 0
    assert lock.alive(process.pid) is False


def test_a_command_is_shown_as_it_was_typed_without_the_folder_it_lies_in() -> None:
    assert lock.doing(["/opt/venv/bin/culm", "deploy", "web"]) == "culm deploy web"


def test_a_time_is_shown_in_hours_minutes_and_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC-1")  # an hour east of Greenwich
    time.tzset()
    try:
        assert lock.clock(3600 + 23 * 60 + 45) == "02:23:45"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_user_without_a_name_is_shown_as_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert lock.me() == f"{os.getuid()}@{socket.gethostname()}"


def test_two_processes_of_one_boot_agree_on_the_name_of_their_machine() -> None:
    assert re.fullmatch(rf"{re.escape(socket.gethostname())} \S+", lock.machine())
    command = [sys.executable, "-c", "from culm.deploy.lock import machine; print(machine())"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == lock.machine()
