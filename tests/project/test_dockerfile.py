"""Dockerfiles as data."""

import pytest

from culm.project.dockerfile import DockerfileError, assignments, expand, exposed_ports, parse, words


def test_instructions_keep_the_line_where_they_begin() -> None:
    text = "# syntax=docker/dockerfile:1\nFROM base AS build\n\nRUN apt update && \\\n  # why\n  apt install x\nCMD a\n"
    assert [(i.line, i.keyword, i.rest) for i in parse(text)] == [
        (2, "FROM", "base AS build"),
        (4, "RUN", "apt update && apt install x"),
        (7, "CMD", "a"),
    ]


def test_flags_are_told_from_words() -> None:
    [_, copy] = parse("FROM base\ncopy --chown=app:app --from=build /a /b\n")
    assert (copy.keyword, copy.flag("from"), copy.rest) == ("COPY", "build", "/a /b")
    assert copy.flags == (("chown", "app:app"), ("from", "build"))


def test_another_escape_character_continues_lines() -> None:
    assert parse("# escape=`\nFROM base\nRUN a `\n  b\n")[1].rest == "a b"


def test_heredocs_are_one_instruction() -> None:
    [_, run, cmd] = parse("FROM base\nRUN <<EOF\nFROM nowhere\nEOF\nCMD a\n")
    assert (run.heredoc, cmd.keyword) == (True, "CMD")


@pytest.mark.parametrize(("rest", "form"), [('["a", "b c"]', ["a", "b c"]), ("a b", None), ("[a]", None)])
def test_the_exec_form_is_json(rest: str, form: list[str] | None) -> None:
    assert parse(f"FROM base\nCMD {rest}\n")[1].form == form


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A/x", "1/x"),
        ("${A}x", "1x"),
        ("${B:-two}", "two"),
        ("${E:-two}", "two"),
        ("${E-two}", ""),
        ("${A:+yes}", "yes"),
        ("${B:+yes}", ""),
        ("${B:-$A}", "1"),
        (r"\$A", "$A"),
        ("$B", ""),
    ],
)
def test_variables_are_dockers(text: str, value: str) -> None:
    assert expand(text, {"A": "1", "E": ""}) == value


def test_words_and_assignments_know_quotes() -> None:
    assert words("a 'b c' d\"e f\"") == ["a", "b c", "de f"]
    assert assignments("A=1 B=\"two words\" C=''") == {"A": "1", "B": "two words", "C": ""}
    assert assignments("A two words") == {"A": "two words"}


def test_the_last_stages_tcp_ports_are_exposed() -> None:
    text = "ARG P=1\nFROM a\nEXPOSE 9\nFROM b\nARG PORT=80\nENV Q=81\nEXPOSE $PORT/tcp $Q 53/udp 80\n"
    assert exposed_ports(parse(text), {}) == [80, 81]
    assert exposed_ports(parse(text), {"PORT": "90"}) == [90, 81, 80]


@pytest.mark.parametrize(("text", "line"), [("RUN x\n", 1), ("FROM a\nBREW tea\n", 2)])
def test_what_is_no_dockerfile_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(DockerfileError) as refusal:
        parse(text)
    assert refusal.value.line == line
