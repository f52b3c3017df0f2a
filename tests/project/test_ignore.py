"""`.dockerignore` by Docker's rules."""

from pathlib import Path

import pytest

from culm.errors import UsageError
from culm.project.dockerfile.ignore import ignored, patterns


@pytest.mark.parametrize(
    ("lines", "path", "hidden"),
    [
        (["*.pyc"], "a.pyc", True),
        (["*.pyc"], "a/b.pyc", False),
        (["**/*.pyc"], "a/b/c.pyc", True),
        (["**/*.pyc"], "c.pyc", True),
        (["tests"], "tests/unit/test_a.py", True),
        (["tests"], "src/tests/test_a.py", False),
        (["/tests/"], "tests/a", True),
        (["./tests"], "tests/a", True),
        (["a/**"], "a/b", True),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[ab].txt"], "b.txt", True),
        (["[ab].txt"], "c.txt", False),
        (["a.txt"], "axtxt", False),
        (["# a", "", "b"], "# a", False),
        (["*", "!src"], "src/a.py", False),
        (["*", "!src"], "other", True),
        (["!src", "*"], "src/a.py", True),
        (["*.md", "!README.md"], "README.md", False),
        ([r"a\*"], "a*", True),
        ([r"a\*"], "ab", False),
        (["."], "a", False),
        (["../a"], "a", False),
    ],
)
def test_the_last_pattern_that_matches_decides(lines: list[str], path: str, hidden: bool) -> None:
    assert ignored(lines)(path) is hidden


def test_a_byte_order_mark_is_no_part_of_the_first_pattern(tmp_path: Path) -> None:
    (tmp_path / ".dockerignore").write_bytes(b"\xef\xbb\xbfsecret\r\nb\r\n")
    skip = ignored(patterns(tmp_path, tmp_path / "Dockerfile"))
    assert [skip(path) for path in ("secret", "b", "c")] == [True, True, False]
    (tmp_path / "Dockerfile.dockerignore").write_text("c\n")
    assert patterns(tmp_path, tmp_path / "Dockerfile") == ["c"]


@pytest.mark.parametrize("line", ["[z-a]", "!x/[b-a]/*"])
def test_a_range_that_ends_before_it_begins_is_refused_by_its_line(line: str) -> None:
    with pytest.raises(UsageError, match=r"\.dockerignore: .*is not a pattern"):
        ignored(["*.pyc", line])
