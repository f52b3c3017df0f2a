"""What a command says while it works."""

import io
import os

import pytest

from culm.console import Console


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_plain_where_nobody_watches() -> None:
    stream = io.StringIO()
    console = Console(stream, width=8)
    console.doing("web", "building")
    console.say("one\ntwo", "web")
    console.say("three")
    assert stream.getvalue() == "web      one\nweb      two\nthree\n"


def test_a_terminal_has_colours_unless_it_wants_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    Console(stream).say("one", "web")
    assert "\x1b[36mweb \x1b[0mone\n" in stream.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Terminal()
    Console(plain).say("one", "web")
    assert "web one\n" in plain.getvalue()
    assert "\x1b[36m" not in plain.getvalue()


def test_what_is_said_of_a_service_ends_what_it_was_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    seen, shown = os.openpty()
    with open(seen, "rb", buffering=0) as screen, open(shown, "w") as stream:
        console = Console(stream)
        console.doing("web", "pushing")
        console.say("pushed", "web")
        said = b""
        while not said.endswith(b"\r\n"):  # a terminal hands over what it has, in pieces
            said += screen.read(4096)
        assert said.endswith(b"\x1b[Kweb pushed\r\n")
