"""Where a service says what it requires."""

from pathlib import Path

import pytest

from culm.direct.environments import INTERPRETER, installs
from culm.errors import UsageError

PROJECT = """\
[project]
name = "pets"
version = "1"
dependencies = ["flask"]
[project.optional-dependencies]
test = ["pytest"]
docs = ["sphinx"]
[dependency-groups]
dev = ["ruff"]
"""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        (
            {"requirements.txt": "", "requirements-dev.txt": "", "uv.lock": "", "pyproject.toml": PROJECT},
            "requirements-dev.txt",
        ),
        ({"requirements.txt": "", "pyproject.toml": PROJECT}, "requirements.txt"),
        ({"pyproject.toml": PROJECT}, "pyproject.toml --extra test --group dev"),
        ({"pyproject.toml": '[project]\nname = "a"\nversion = "1"\ndependencies = ["flask"]\n'}, "pyproject.toml"),
        ({"pyproject.toml": "[tool.ruff]\nline-length = 120\n"}, None),
    ],
)
def test_the_most_exact_way_to_say_it_counts(tmp_path: Path, files: dict[str, str], expected: str | None) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert installs(tmp_path) == (None if expected is None else ("pip", "install", "-r", *expected.split()))


def test_a_lock_is_followed_with_all_that_tests_need(tmp_path: Path) -> None:
    for name, text in {"pyproject.toml": PROJECT, "uv.lock": ""}.items():
        (tmp_path / name).write_text(text)
    words = ("sync", "--frozen", "--no-install-project", "--all-groups", "--all-extras")
    assert installs(tmp_path) == (*words, *INTERPRETER)


@pytest.mark.parametrize(
    ("text", "why"), [("[tool.poetry.dependencies]\nflask = '*'\n", "Poetry's own table"), ("[project", "is no TOML")]
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(UsageError, match=why):
        installs(tmp_path)
