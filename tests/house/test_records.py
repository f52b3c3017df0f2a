"""The threat model and the track record: each line names the tests that hold it, and they are there."""

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@functools.cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text())
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions)


def lines(page: str) -> list[str]:
    """The rows of its tables, without heads."""
    rows = [line for line in (ROOT / page).read_text().splitlines() if line.startswith("| ")]
    return [row for row in rows if not row.endswith("| test |") and not row.endswith("| replay |")]


@pytest.mark.parametrize("page", ["docs/threat-model.md", "docs/reliability.md"])
def test_each_line_names_the_tests_that_hold_it(page):
    assert len(lines(page)) > 15
    assert [line for line in lines(page) if not TEST.search(line)] == []
    named = TEST.findall((ROOT / page).read_text())
    assert [f"{file}::{name}" for file, name in named if name not in names_in(file)] == []


def test_the_threat_model_has_a_table_for_each_who_is_not_the_daemon():
    page = (ROOT / "docs/threat-model.md").read_text()
    heads = re.findall(r"^## (.+)\n\n[^|]+\n\n\| promise", page, re.MULTILINE)
    assert heads == [
        "The operator",
        "A task",
        "A neighbour on the machine",
        "A page in the browser",
        "An image",
        "A pull request's build",
    ]
