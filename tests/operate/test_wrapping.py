"""Exit statuses and bytes through a terminal: pure, and then through a real one."""

import base64
import os
import pty
import select
import shlex
import signal
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from culm.operate.exec.wrapping import END, LINE, Input, Output, wrapped

NONCE = "0a1b"


def sequence(word: str) -> bytes:
    return f"\x1b]777;culm-{NONCE};{word}\x07".encode()


@given(st.binary(max_size=60), st.binary(max_size=60), st.integers(0, 255), st.lists(st.integers(1, 20), max_size=40))
def test_a_status_is_found_and_cut_out_wherever_pieces_end(
    before: bytes, after: bytes, status: int, cuts: list[int]
) -> None:
    whole = before + sequence(str(status)) + after
    output, shown = Output(NONCE), b""
    for cut in [*cuts, len(whole)]:
        piece, whole = whole[:cut], whole[cut:]
        shown += output.feed(piece)
    assert shown + output.rest() == before + after
    assert output.status == status


def test_other_sequences_are_shown_at_once() -> None:
    output = Output(NONCE)
    assert output.feed(b"\x1b[1mbold\x1b[0m") == b"\x1b[1mbold\x1b[0m"
    assert output.feed(b"\x1b]777;culm-ffff;7\x07") == b"\x1b]777;culm-ffff;7\x07"
    assert (output.feed(b"a\x1b]77"), output.feed(b"7x")) == (b"a", b"\x1b]777x")
    assert output.status is None


def test_it_is_said_when_input_is_waited_for() -> None:
    output = Output(NONCE)
    assert not output.ready
    assert output.feed(sequence("ready")) == b""
    assert output.ready


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=10))
def test_input_is_lines_that_fit_a_terminal(pieces: list[bytes]) -> None:
    given_input = Input()
    typed = b"".join(given_input.feed(piece) for piece in pieces)
    held = given_input.feed(b"")
    assert held.endswith(END)
    lines = (typed + held.removesuffix(END)).splitlines()
    assert b"".join(base64.b64decode(line) for line in lines) == b"".join(pieces)
    assert all(len(line) <= LINE * 4 // 3 for line in lines)


class Terminal:
    """A real one, as the agent in a container opens it."""

    def __init__(self, command: str) -> None:
        words = shlex.split(command)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execvp(words[0], words)
        self.output = Output(NONCE)
        self.shown = b""

    def until_status(self, *, typed: bytes = b"", when: bytes | None = None, given_input: bytes | None = None) -> int:
        """What the command ended with; `typed` as soon as it shows `when`, a pipe's bytes when it is ready."""
        end = time.monotonic() + 20
        while self.output.status is None:
            assert time.monotonic() < end, self.shown
            if not select.select([self.master], [], [], 2.0)[0]:
                if typed and when is None:
                    os.write(self.master, typed)  # as people do, when nothing happens
                continue
            self.shown += self.output.feed(os.read(self.master, 4096))
            if when is not None and when in self.shown:
                os.write(self.master, typed)
                when = None
            if self.output.ready and given_input is not None:
                pipe = Input()
                os.write(self.master, pipe.feed(given_input) + pipe.feed(b""))
                given_input = None
        return self.output.status

    def close(self) -> None:
        os.close(self.master)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminals():
    made: list[Terminal] = []

    def make(words: list[str], *, terminal: bool) -> Terminal:
        made.append(Terminal(wrapped(words, NONCE, terminal=terminal)))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize("words", [["sh", "-c", "echo it\\'s; exit 7"], ["sh", "-c", 'echo "it\'s"; exit 7']])
def test_a_real_terminal_hands_the_exit_status_on(terminals, words: list[str]) -> None:
    terminal = terminals(words, terminal=True)
    assert (terminal.until_status(), terminal.shown) == (7, b"it's\r\n")


def test_ctrl_c_ends_the_command_and_not_its_report(terminals) -> None:
    terminal = terminals(["sh", "-c", "echo begun; sleep 60"], terminal=True)
    assert terminal.until_status(typed=b"\x03", when=b"begun") == 130


def test_bytes_go_through_a_pipe_unchanged_both_ways(terminals) -> None:
    everything = bytes(range(256)) * 8 + b"\r\n\n\x04\x03 end"
    terminal = terminals(["cat"], terminal=False)
    assert terminal.until_status(given_input=everything) == 0
    assert terminal.shown == everything


def test_a_command_that_reads_nothing_ends_before_its_input_does(terminals) -> None:
    terminal = terminals(["sh", "-c", "exit 3"], terminal=False)
    assert (terminal.until_status(), terminal.shown) == (3, b"")
