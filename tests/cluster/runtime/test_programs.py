import platform
import sys
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.programs import HEAD_BYTES, file_named, why_not


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(11) + machine.to_bytes(2, "little") + bytes(40)


def test_windows_line_ends_are_told():
    assert "Windows line ends" in (why_not(b"#!/bin/sh\r\necho\r\n", "x86_64") or "")
    assert why_not(b"#!/bin/sh\necho\r\n", "x86_64") is None


@pytest.mark.parametrize(
    ("made_for", "machine", "told"),
    [
        (183, "x86_64", "a program for arm64, and this machine is amd64: build the image for linux/amd64"),
        (62, "aarch64", "a program for amd64, and this machine is arm64: build the image for linux/arm64"),
        (62, "x86_64", None),
        (3, "x86_64", None),
    ],
)
def test_a_program_for_another_processor_is_told(made_for: int, machine: str, told: str | None):
    answer = why_not(elf(made_for), machine)
    assert answer is None if told is None else told in (answer or "")


@pytest.mark.skipif(sys.platform != "linux", reason="programs are ELF on Linux")
def test_this_machines_own_programs_are_fine():
    with Path(sys.executable).open("rb") as program:
        assert why_not(program.read(HEAD_BYTES), platform.machine()) is None


def test_a_script_without_its_first_line_is_told():
    assert "a script begins with #!" in (why_not(b"echo hello\n", "x86_64") or "")


def test_the_file_is_found_in_an_engines_complaint():
    complaint = 'OCI runtime create failed: starting container process caused: exec: "/entry.sh": no such file'
    assert file_named(complaint) == "/entry.sh"
    assert file_named("exec /bin/app: exec format error") == "/bin/app"
    assert file_named('exec: "entry.sh": executable file not found in $PATH') is None
