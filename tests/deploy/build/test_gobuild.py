"""Go programs compiled by this host's Go."""

import shutil
import subprocess
from pathlib import Path

import pytest

from culm.deploy.build.context import ImageFile
from culm.deploy.build.gobuild import GoBuild, compiled, version
from culm.errors import CulmError

with_go = pytest.mark.skipif(shutil.which("go") is None, reason="go is not on the PATH")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def a_build(folder: Path, source: str, *argv: str) -> GoBuild:
    folder.mkdir()
    (folder / "main.go").write_text(source)
    (folder / "go.mod").write_text("module hello\n\ngo 1.21\n")
    tree = {"/src": ImageFile(kind="folder"), "/src/link": ImageFile(kind="link", link="main.go")}
    tree |= {f"/src/{name}": ImageFile(kind="file", source=folder / name) for name in ("main.go", "go.mod")}
    return GoBuild(
        where="Dockerfile:3: RUN go build",
        argv=("go", "build", *argv),
        environment={"CGO_ENABLED": "0"},
        folder="/src",
        tree=tree,
    )


@with_go
@pytest.mark.parametrize("argv", [("-o", "/out/hello", "."), ("-o=hello", "main.go"), ("-o", "hello", "/src/main.go")])
def test_the_program_is_what_the_folder_says(tmp_path: Path, scratch: Path, argv: tuple[str, ...]) -> None:
    source = 'package main\n\nfunc main() { println("hello") }\n'
    program = compiled(a_build(tmp_path / "own", source, *argv), scratch)
    assert program is not None and program.source is not None
    assert program.mode == 0o755
    assert subprocess.run([program.source], capture_output=True, text=True).stderr == "hello\n"


@with_go
def test_what_the_compiler_says_is_shown_with_the_line(tmp_path: Path, scratch: Path) -> None:
    build = a_build(tmp_path / "own", "package main\n\nfunc main() { nothing() }\n", "-o", "/x", ".")
    with pytest.raises(CulmError, match=r"(?s)Dockerfile:3: RUN go build: .* status 1.*undefined: nothing"):
        compiled(build, scratch)


@with_go
def test_the_compiler_is_named() -> None:
    assert version().startswith("go1.")


@pytest.mark.parametrize(
    ("argv", "output"),
    [(("-o", "/out/", "."), None), ((".",), None), (("-o=x",), "x"), (("-v", "-o", "y", "./cmd"), "y")],
)
def test_where_the_program_goes(tmp_path: Path, argv: tuple[str, ...], output: str | None) -> None:
    assert a_build(tmp_path / "own", "", *argv).output == output
