"""Dockerfiles as data: the tables are of BuildKit's documentation and of what its parser answers."""

import dockerfile
import pytest

from culm.project.dockerfile import (
    DockerfileError,
    WordError,
    assignments,
    command_of,
    expand,
    exposed_ports,
    parse,
    resolved,
    stages,
    words,
)


def test_instructions_keep_the_line_where_they_begin() -> None:
    text = "# syntax=docker/dockerfile:1\nFROM base AS build\n\nRUN apt update && \\\n  # why\n  apt install x\nCMD a\n"
    assert [(i.line, i.keyword, i.rest) for i in parse(text)] == [
        (2, "FROM", "base AS build"),
        (4, "RUN", "apt update &&   apt install x"),
        (7, "CMD", "a"),
    ]


def test_flags_are_told_from_words() -> None:
    [_, copy] = parse("FROM base\ncopy --chown=app:app --from=build /a /b\n")
    assert (copy.keyword, copy.flag("from"), copy.rest) == ("COPY", "build", "/a /b")
    assert copy.flags == (("chown", "app:app"), ("from", "build"))


def test_another_escape_character_continues_lines() -> None:
    assert parse("# escape=`\nFROM base\nRUN a `\nb\n")[1].rest == "a b"


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


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffFROM a\nRUN b\n",
        "FROM\ta\nRUN\tb\n",
        "FROM a\r\nRUN b\r\n",
        "  FROM a\n\t RUN b",
        "# escape=`\nFROM a\nRUN `\nb\n",
        "# syntax=docker/dockerfile:1\n# Escape = `\nFROM a\nRUN`\n b\n",
        "FROM a\nRUN \\\n# why\n\n  # and why\nb\n",
        "FROM a\nRUN \\  \t\nb\n",
        "FROM a\nRUN b \\",
        "FROM a\n\\\nRUN b\n",
    ],
)
def test_marks_blanks_line_ends_and_directives_are_as_buildkit_reads_them(text: str) -> None:
    [begin, run] = parse(text)
    assert (begin.keyword, begin.rest, run.keyword, run.rest.strip()) == ("FROM", "a", "RUN", "b")


def test_a_directive_counts_only_before_anything_else() -> None:
    [_, run, _] = parse("# a comment\n# escape=`\nFROM a\nRUN b `\nRUN c\n")
    assert run.rest == "b `"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("# escape=x\nFROM a\n", 1, "the escape character"),
        ("# escape=`\n# escape=`\nFROM a\n", 2, "a second time"),
        ("FROM a\nRUN <<EOF\nb\n", 2, "the here-document EOF does not end"),
        ("ARG A\nRUN b\nFROM a\n", 2, "stands before the first FROM"),
    ],
)
def test_what_buildkit_refuses_is_refused_with_its_line(text: str, line: int, problem: str) -> None:
    with pytest.raises(DockerfileError, match=problem) as refusal:
        parse(text)
    assert refusal.value.line == line


@pytest.mark.parametrize(
    "command",
    ["echo $((1<<3))", "cat <<<word", "echo '<<EOF'", 'echo "<<EOF"', "echo \\<<EOF", "echo a<<EOF", "cat << EOF"],
)
def test_what_only_looks_like_a_here_document_is_none(command: str) -> None:
    [_, run, cmd] = parse(f"FROM a\nRUN {command}\nCMD c\n")
    assert (run.heredoc, run.rest, cmd.keyword) == (False, command, "CMD")


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("RUN <<EOF\nb\nEOF\n", ["b\n"]),
        ("RUN <<EOF\r\nb\r\nEOF\r\n", ["b\n"]),
        ("RUN python3 - <<EOF && echo\nb\n  EOF\nEOF\n", ["b\n  EOF\n"]),
        ("RUN <<-EOF\n\tb\n\tEOF\n", ["b\n"]),
        ("RUN 3<<EOF\nb\nEOF\n", ["b\n"]),
        ("RUN <<'E F'\nb\nE F\n", ["b\n"]),
        ("COPY <<a <<b /c/\n1\na\n2\nb\n", ["1\n", "2\n"]),
        ("ADD --chown=x <<a /c\n1\na\n", ["1\n"]),
        ("ONBUILD RUN <<a\n1\na\n", ["1\n"]),
        ("RUN <<a \\\n  && b\n1\na\n", ["1\n"]),
    ],
)
def test_here_documents_are_taken_out(text: str, contents: list[str]) -> None:
    [_, one, last] = parse(f"FROM a\n{text}CMD c\n")
    assert [document.content for document in one.documents] == contents
    assert last.keyword == "CMD"


def test_variables_in_a_here_document_count_unless_its_word_is_quoted() -> None:
    [_, plain, quoted] = parse('FROM a\nRUN <<E\nE\nRUN <<"E"\nE\n')
    assert [one.documents[0].expand for one in (plain, quoted)] == [True, False]


def test_bytes_that_are_no_utf_8_are_kept() -> None:
    [_, run] = parse(b"FROM a\n# caf\xe9\nRUN echo \xe9\n")
    assert run.rest.encode("utf-8", "surrogateescape") == b"echo \xe9"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("he'll'o", "hello"),
        ("he\\'llo", "he'llo"),
        ("abc\\tdef", "abctdef"),
        ('"abc\\tdef"', "abc\\tdef"),
        ('"abc\\\\tdef"', "abc\\tdef"),
        ("'hello\\\\there'", "hello\\\\there"),
        ("hello\\", "hello"),
        ("$.", "$."),
        ("he$1x", "hex"),
        ("he\\$PWD", "he$PWD"),
        ("he\\\\$PWD", "he\\/home"),
        ("'$PWD'", "$PWD"),
        ("\"he'$PWD'\"", "he'/home'"),
        ("he${XXX:-${PWD:-yyy}}xx", "he/homexx"),
        ("he${XXX:-${YYY:-yyy}}xx", "heyyyxx"),
        ("he${PWD:+${PWD}:}xx", "he/home:xx"),
        ("he${XXX:-\\${PWD}z}xx", "he${PWDz}xx"),
        ("${aaa:-bbb {foo}", "bbb {foo"),
        ("${aaa}}", "}"),
        ("he${NULL?}", "he"),
        ("${VERSION#v}", "1.2.3"),
        ("${VERSION%.*}", "v1.2"),
        ("${VERSION%%.*}", "v1"),
        ("${VERSION##*.}", "3"),
        ("${VERSION/./-}", "v1-2.3"),
        ("${VERSION//./-}", "v1-2-3"),
    ],
)
def test_a_word_is_resolved_as_a_shell_would(text: str, value: str) -> None:
    known = {"PWD": "/home", "NULL": "", "VERSION": "v1.2.3"}
    assert " ".join(resolved(text, known)) == value


@pytest.mark.parametrize(
    "text", ["he'llo", '"hello', "${}", "he${XXX:YYY}", "he${PWD:=000}xx", "${{aaa}", "${aaa", "${XXX?}", "${NULL:?}"]
)
def test_a_word_that_a_shell_refuses_is_refused(text: str) -> None:
    with pytest.raises(WordError):
        resolved(text, {"PWD": "/home", "NULL": ""})


def test_an_unquoted_value_is_split_into_words_and_a_quoted_one_is_not() -> None:
    assert resolved('a $AB "$AB"', {"AB": "x y"}) == ["a", "x", "y", "x y"]


def test_assignments_leave_single_quotes_and_escaped_dollars_alone() -> None:
    assert assignments("A='$X' B=\"$X\" C=\\$X D=$X", {"X": "1"}) == {"A": "$X", "B": "1", "C": "$X", "D": "1"}


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("FROM python AS base\nEXPOSE 9000\nFROM base AS prod\n", [9000]),
        ("FROM python AS Base\nEXPOSE 9000\nFROM base\nEXPOSE 9001\n", [9000, 9001]),
        ("FROM a AS x\nEXPOSE 1\nFROM b\n", []),
        ("FROM a\nEXPOSE 80/TCP 53/Udp 5/sctp\n", [80]),
        ("FROM a\nEXPOSE 8000-8002\n", [8000, 8001, 8002]),
        ("FROM a\nexpose\t80\n", [80]),
        ("ARG P=1\nFROM a\nEXPOSE $P\n", []),
        ("ARG P=1\nFROM a\nARG P\nEXPOSE $P\n", [1]),
        ("FROM a\nARG P=1\nENV P=2\nEXPOSE ${P}\n", [2]),
        ("FROM a AS x\nENV P=1\nFROM x\nEXPOSE $P\n", [1]),
        ("FROM a AS x\nARG P=1\nFROM x\nEXPOSE $P\n", [1]),
        ("FROM a AS x\nONBUILD EXPOSE 70\nFROM x\n", [70]),
        ("FROM a AS x\nONBUILD EXPOSE 70\n", []),
        ("FROM a\nEXPOSE ${A:?}\n", []),
        ("FROM a\nEXPOSE 80 80\n", [80]),
        ("ARG S=x\nFROM a AS x\nEXPOSE 5\nFROM $S\n", [5]),
    ],
)
def test_ports_are_those_of_the_stage_and_of_all_that_it_builds_on(text: str, ports: list[int]) -> None:
    assert exposed_ports(parse(text), {}) == ports


def test_a_stage_is_chosen_by_name_or_number() -> None:
    read = parse("FROM a AS one\nEXPOSE 1\nCMD b\nFROM one AS two\nEXPOSE 2\nFROM c\nCMD d\n")
    assert [exposed_ports(read, {}, target) for target in (None, "ONE", "two", "0", "1")] == [
        [],
        [1],
        [1, 2],
        [1],
        [1, 2],
    ]
    assert [one.rest for target in (None, "two") if (one := command_of(read, "CMD", target))] == ["d", "b"]
    assert [(stage.name, stage.base, stage.parent) for stage in stages(read, {})] == [
        ("one", "a", None),
        ("two", "one", 0),
        (None, "c", None),
    ]
    with pytest.raises(DockerfileError, match="there is no stage 'three'"):
        exposed_ports(read, {}, "three")


@pytest.mark.parametrize(
    ("rest", "form"),
    [('["a"] # more', ["a"]), ("[]", []), ('["a",42]', None), ("['a']", None), ('["a"', None), ('["\\u00e9"]', ["é"])],
)
def test_the_exec_form_is_the_first_list_and_holds_strings_alone(rest: str, form: list[str] | None) -> None:
    assert parse(f"FROM base\nCMD {rest}\n")[1].form == form


CORPUS = [
    *("FROM a\nRUN <<EOF\nb\nEOF\n", "\ufeffFROM a\r\nRUN b \\\r\n  c\r\n", "FROM a\nRUN b \\\\\nRUN c\n"),
    *("# escape=`\nFROM a\nRUN b `\n c\n", 'FROM a\nONBUILD COPY <<x /y\n1\nx\nCMD ["z"]\n', "FROM a\nRUN $((1<<3))\n"),
    *(
        "FROM a\nRUN a \\\n# b\n\n c\n\nCMD d\n",
        "FROM a\nCOPY --from=b --chown=c:d  e f\n",
        "FROM a\nRUN cat <<<b\nCMD c\n",
    ),
    *("FROM a\nRUN a <<B <<-'C'\n1\nB\n\t2\n\tC\nCMD d \\\n\n", "FROM a\n\\\nRUN b\n", "FROM a\nRUN 5<<B\nB\n"),
]


@pytest.mark.parametrize("text", CORPUS)
def test_dockers_own_parser_says_the_same(text: str) -> None:
    judged = [(one.cmd.upper(), one.start_line, one.end_line, one.json) for one in dockerfile.parse_string(text)]
    assert [(one.keyword, one.line, one.end, one.form is not None) for one in parse(text)] == judged
