"""Build contexts."""

from pathlib import Path

import pytest

from culm.deploy.build.context import read
from culm.errors import CulmError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("a")
    (tmp_path / "src" / "b.pyc").write_text("b")
    (tmp_path / "link").symlink_to("src")
    (tmp_path / "Dockerfile").write_text("FROM x\n")
    return tmp_path


def test_folders_files_and_links_are_told_apart(folder: Path) -> None:
    files = read(folder, folder / "Dockerfile").files
    assert {path: file.kind for path, file in files.items()} == {
        "Dockerfile": "file",
        "link": "link",
        "src": "folder",
        "src/a.py": "file",
        "src/b.pyc": "file",
    }


def test_what_dockerignore_hides_is_not_there(folder: Path) -> None:
    (folder / ".dockerignore").write_text("**/*.pyc\nDockerfile\n.dockerignore\n")
    assert list(read(folder, folder / "Dockerfile").files) == ["link", "src", "src/a.py"]


def test_a_file_can_be_taken_back_from_a_hidden_folder(folder: Path) -> None:
    (folder / ".dockerignore").write_text("*\n!src/a.py\n")
    assert list(read(folder, folder / "Dockerfile").files) == ["src/a.py"]


def test_an_ignore_file_of_the_dockerfiles_own_comes_first(folder: Path) -> None:
    (folder / ".dockerignore").write_text("src\n")
    (folder / "Dockerfile.dockerignore").write_text("*\n!link\n")
    assert list(read(folder, folder / "Dockerfile").files) == ["link"]


def test_the_digest_changes_with_bytes_modes_and_names_only(folder: Path) -> None:
    def digest() -> str:
        return read(folder, folder / "Dockerfile").digest()

    first = digest()
    (folder / "src" / "a.py").touch()
    assert digest() == first
    (folder / "src" / "a.py").chmod(0o755)
    second = digest()
    (folder / "src" / "a.py").write_text("A")
    assert len({first, second, digest()}) == 3


def test_what_is_no_file_is_refused_by_name(folder: Path) -> None:
    import os

    os.mkfifo(folder / "pipe")
    with pytest.raises(CulmError, match="pipe is neither a file nor a folder"):
        read(folder, folder / "Dockerfile")
