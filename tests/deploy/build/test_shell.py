"""RUN lines read as the shell reads them."""

import pytest

from culm.deploy.build.pip import read_by
from culm.deploy.build.shell import commands, programs_named


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b && c; d", [("a", "b"), ("c",), ("d",)]),
        ("a || b; c", [("a",), ("c",)]),
        ("false || b", [("b",)]),
        ("A=1 B=2 a 'b c' \"d e\"", [("a", "b c", "d e")]),
        ("pip install $PACKAGES", [("pip", "install", "flask", "gunicorn")]),
        ('pip install "$PACKAGES"', [("pip", "install", "flask gunicorn")]),
        ("pip install 'flask>=3' \"uvicorn[standard]\"", [("pip", "install", "flask>=3", "uvicorn[standard]")]),
        ("a ${NONE} '' ${NONE:-b} ${PACKAGES:+c}", [("a", "", "b", "c")]),
        ("a >/dev/null 2>&1 && b", [("a",), ("b",)]),
        ("a > out.txt", [("a",)]),
        ("N=1; export M=2; a $N $M", [("a", "1", "2")]),
        ("a # b\n c \\\n d", [("a",), ("c", "d")]),
        ("(cd x && a); b", [("cd", "x"), ("a",), ("b",)]),
        ("for p in x y; do pip install $p; done", [("pip", "install", "x"), ("pip", "install", "y")]),
        ('if [ "$MODE" = dev ]; then a; elif true; then b; else c; fi', [("a",)]),
        ("if [ -z \"$MODE\" ] || [ ! -n '' ]; then a; fi", [("a",)]),
        ("if [ $MODE != dev ]; then a; else b; fi", [("b",)]),
        ("[ -f there ] && a; [ -f elsewhere ] || b", [("a",), ("b",)]),
        ("echo \"costs \\$5\" 'and $6'", [("echo", "costs $5", "and $6")]),
        ("cp ~/a .", [("cp", "/home/app/a", ".")]),
    ],
)
def test_a_line_is_split_as_the_shell_does(text: str, expected: list[tuple[str, ...]]) -> None:
    variables = {"HOME": "/home/app", "PACKAGES": "flask gunicorn", "MODE": "dev"}
    made = list(commands(text, variables, lambda letter, path: path == "there"))
    assert [command.argv for command in made] == expected
    assert all(command.plain for command in made)


@pytest.mark.parametrize(
    ("text", "failing", "taken"),
    [
        ("a || b; c", "a", "abc"),
        ("a || b; c", "", "ac"),
        ("a && b || c", "a", "ac"),
        ("a && b || c && d", "b", "abcd"),
        ("a || b || c", "ab", "abc"),
        ("(cd x && a || b) && c", "a", ["cd", "a", "b", "c"]),
        ("if true; then a || b; fi; c", "a", "abc"),
        ("a || exit 1; b", "", "ab"),
    ],
)
def test_what_stands_behind_two_bars_is_done_when_the_command_before_fails(
    text: str, failing: str, taken: list[str] | str
) -> None:
    listed = commands(text, {})
    made: list[str] = []
    succeeded: bool | None = None
    while True:
        try:
            command = listed.send(succeeded)
        except StopIteration:
            break
        made.append(command.argv[0])
        succeeded = not (command.may_fail and command.argv[0] in failing)
    assert made == list(taken)


@pytest.mark.parametrize(
    "text", ["a", "a && b", "a || exit 1", "a || { echo no; exit 1; }", "a || false", "a | b || c"]
)
def test_a_failure_that_nothing_makes_up_for_is_one(text: str) -> None:
    assert not next(commands(text, {})).may_fail


@pytest.mark.parametrize(
    "text",
    [
        "curl x | sh",
        "a $(b)",
        "a `b`",
        "a <b",
        "a 'b",
        "X=$(b); a $X",
        "if command -v x; then a; fi",
        "while a; do b; done",
        "a <<<word",
        "case $A in b) c;; esac",
    ],
)
def test_what_depends_on_more_than_its_words_is_not_plain(text: str) -> None:
    assert not all(command.plain for command in commands(text, {}))


def test_where_output_goes_and_what_is_assigned_in_front_is_kept() -> None:
    [one, other] = commands("A=1 a b > c 2>/dev/null && d >> e", {})
    assert (one.argv, dict(one.environment), one.output, one.append) == (("a", "b"), {"A": "1"}, "c", False)
    assert (other.output, other.append) == ("e", True)


def test_a_script_names_its_programs_on_whichever_way_through_it() -> None:
    script = (
        'set -e\nuntil nc -z "$HOST" 1; do sleep 1; done\nif [ x ]; then exec gosu app "$@"; fi\nA=1 psql -c x > y\n'
    )
    assert {"nc", "sleep", "gosu", "psql"} <= programs_named(script)
    assert not {"app", "y", "A=1", "x"} & programs_named(script)


@pytest.mark.parametrize("mark", ["<<END", "<< 'END'", '<<-"END"'])
def test_what_a_script_feeds_to_its_commands_names_no_program(mark: str) -> None:
    script = f"cat > a {mark} || exit\nb = c; d\n\tEND\n" if "-" in mark else f"cat > a {mark} || exit\nb = c; d\nEND\n"
    assert programs_named(script + "after $((1 << 3)) $((one<<two)); last\n") == {"cat", "exit", "after", "last"}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("-r requirements.txt -c constraints.txt", ["requirements.txt", "constraints.txt"]),
        ("--requirement=a.txt -rb.txt", ["a.txt", "b.txt"]),
        ("flask==3.0 -i https://example.org/simple ./lib .", ["./lib", "."]),
        ("-e .[dev] dist/a.whl", [".", "dist/a.whl"]),
        ("--python /opt/venv/bin/python flask", []),
        ("-e git+https://example.org/x#egg=x https://example.org/a.whl", []),
        ("a@file:///src/a.whl --find-links=wheels", ["wheels"]),
    ],
)
def test_the_files_that_an_install_reads_are_known(arguments: str, expected: list[str]) -> None:
    assert [path for _, path in read_by(arguments.split())] == expected


@pytest.mark.parametrize(
    ("text", "ran"),
    [
        ("if ! test -f here; then a; fi", []),
        ("if ! [ -f nowhere ]; then a; fi", [("a", True)]),
        ("! [ -f here ] && a", []),
        ("! [ -f here ] || a", [("a", True)]),
        ("if ! test -f here || ! uv lock --check; then a; fi", [("a", False)]),
    ],
)
def test_a_negated_test_holds_where_the_test_does_not(text: str, ran: list[tuple[str, bool]]) -> None:
    listed = commands(text, {}, lambda letter, path: path == "here", lambda pattern: [pattern])
    assert [(each.argv[0], each.plain) for each in listed] == ran
