"""The command reference is the commands'."""

from pathlib import Path

from culm.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_reference_is_fresh():
    assert PAGE.read_text() == reference(), "print it: python -m culm.cli.reference > docs/reference/cli.md"
