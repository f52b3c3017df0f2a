"""The reference is the schema's."""

from pathlib import Path

from culm.project.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "culm-yml.md"


def test_the_reference_is_fresh() -> None:
    assert PAGE.read_text() == reference(), "print it: python -m culm.project.reference > docs/reference/culm-yml.md"
