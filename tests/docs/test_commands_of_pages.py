"""Every command that a page shows is one that the tests type, or has a reason why not."""

import pytest
from tests.docs import table
from tests.docs.markdown import GUIDES, blocks, commands
from tests.docs.shell import missing

COMMANDS = [command for page in GUIDES for command in commands(page)]


@pytest.mark.parametrize("kept", [table.ELSEWHERE, table.BEFORE, table.INSTEAD], ids=["elsewhere", "before", "instead"])
def test_every_line_of_a_table_is_of_a_command_that_a_page_shows(kept: dict[tuple[str, str], str]) -> None:
    used = {
        (page, begins)
        for page, begins in kept
        for command in COMMANDS
        if command.page.endswith(page) and command.text.startswith(begins)
    }
    assert set(kept) - used == set()


def test_what_is_typed_in_a_page_is_marked_as_such() -> None:
    plain = [
        f"{block.page}:{block.line}"
        for page in GUIDES
        for block in blocks(page)
        if block.language == "" and block.text.startswith(("$ ", "culm ", "make "))
    ]
    assert plain == [], "a block of commands is `sh`, one with their answers `console`"


def test_most_commands_of_the_pages_are_typed() -> None:
    nowhere = [command for command in COMMANDS if table.place(command) == "nowhere"]
    assert len(COMMANDS) > 100
    assert len(nowhere) / len(COMMANDS) < 0.15


@pytest.mark.parametrize(
    ("page", "screen", "wrong"),
    [
        (["a 12 s", "b"], "a   3.5 s\nb\n", ""),
        (["...", "b"], "x\ny\nb\n", ""),
        (["a", "..."], "a\nx\n", ""),
        (["a ..."], "a and more\n", ""),
        (["a"], "b\n", "'a', but 'b'"),
        (["a", "c"], "a\n", "'c'"),
        (["a"], "a\nb\n", "nothing more, but 'b'"),
        (["task 81a0279a of web:7"], "task 0f0f0f0f11 of web:12", ""),
    ],
)
def test_an_answer_is_compared_line_by_line_but_for_numbers_ids_and_widths(
    page: list[str], screen: str, wrong: str
) -> None:
    assert missing(page, screen) == wrong
