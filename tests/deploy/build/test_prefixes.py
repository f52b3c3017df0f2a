"""Which Python a prefix is made with, and what that Python brings."""

from pathlib import Path

from culm.prefixes.make import brings_setuptools, interpreters, nearest


def test_pythons_of_version_managers_are_taken_newest_first(tmp_path: Path) -> None:
    for version in ("3.9.2", "3.9.18", "3.10.1"):
        program = tmp_path / "versions" / version / "bin/python"
        program.parent.mkdir(parents=True)
        program.touch()
    environment = {"PYENV_ROOT": str(tmp_path), "ASDF_DATA_DIR": "/nowhere", "MISE_DATA_DIR": "/nowhere"}
    newest, older = interpreters("3.9", environment)
    assert "/3.9.18/" in newest and "/3.9.2/" in older
    assert interpreters("3.12", environment) == []


def test_setuptools_come_with_pythons_until_3_11() -> None:
    assert [brings_setuptools(python) for python in ("3.6", "3.11", "3.12", "")] == [True, True, False, False]


def test_the_nearest_python_is_taken_where_the_images_own_is_not_there(tmp_path: Path) -> None:
    for version in ("3.7.16", "3.12.1", "3.13.0"):
        program = tmp_path / "versions" / version / "bin/python"
        program.parent.mkdir(parents=True)
        program.touch()
    environment = {"PYENV_ROOT": str(tmp_path), "ASDF_DATA_DIR": "/nowhere", "MISE_DATA_DIR": "/nowhere"}
    versions = [path.split("/")[-3] for path in nearest("3.14", environment, 11)]
    assert versions == ["3.13.0", "3.12.1"]
    assert nearest("3.11", environment, 11) == []
    assert nearest("", environment, 11) == []
