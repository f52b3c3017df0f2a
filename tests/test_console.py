"""What a command says while it works."""

import io
import os

import pytest

from culm.console import Console, fitted


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
        assert said.endswith(b"\x1b[Jweb pushed\r\n")


def test_rows_below_the_lines_are_drawn_again_in_their_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    console = Console(stream)
    console.rows = lambda columns: ["one", "two"]
    console.redraw()
    console.say("a line")
    console.settle()
    console.say("after")
    assert stream.getvalue() == (
        "\r\x1b[Jone\ntwo\x1b[1A\r\x1b[Ja line\none\ntwo\x1b[1A\r\x1b[Jone\ntwo\n\r\x1b[Jafter\n"
    )


def test_a_row_is_cut_where_the_terminal_ends_and_moves_no_cursor() -> None:
    assert fitted("building \x1b[2J\rweb", 80) == "building [2Jweb"
    assert fitted("竹林 bamboo", 6) == "竹林 …"
    assert fitted("竹林 bamboo", 4) == "竹…"
    assert fitted("e\u0301te\u0301s", 3) == "e\u0301t…"
    assert [fitted(text, 4) for text in ("four", "fives", "")] == ["four", "fiv…", ""]
    assert [fitted("text", columns) for columns in (1, 0)] == ["…", ""]
