"""What the pages say to type is typed, in their order, in a fresh home on one local cluster; the answers are theirs.

They run with CULM_DOCS=all, as in `make docs-run`.
"""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs import table
from tests.docs.markdown import GUIDES, ROOT, commands, shown
from tests.docs.reader import Reader
from tests.docs.shell import Shell
from tests.scenarios.stand import BAMBOO, Stand
from tests.traffic import free_port

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]

LAST = "background.md"
"""It ends with the removal of all."""


def order(page: Path) -> tuple[bool, int]:
    """Where a page stands: those of the first hour come first."""
    first = list(table.FIRST)
    return page.name == LAST, first.index(page.name) if page.name in first else len(first)


LOCAL = {
    page: here
    for page in sorted(GUIDES, key=order)
    if os.environ.get("CULM_DOCS") == "all"
    and (here := [each for each in commands(page) if table.place(each) == "local"])
}
"""The commands of each page that run on the local cluster."""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Clone"]:
    stand = Stand(tmp_path_factory.mktemp("reader"), port=free_port())
    yield Clone(stand)
    stand.close()


class Clone:
    """A clone of the repository, whose `make` installs the reader's own `culm`; its cluster is at a free port."""

    def __init__(self, stand: Stand) -> None:
        port = free_port()
        self.folder = stand.project / "culm"
        self.bamboo = self.folder / "examples" / "bamboo"
        cache = Path.home() / ".cache"
        self.shell = Shell(
            stand.project / "shell",
            {
                **stand.environment,
                **{"HOME": str(stand.project), "DOCKER_HOST": f"unix://{stand.home}/no-engine.sock"},
                **{"EDITOR": "true", "BROWSER": "true"},
                **{"PIP_CACHE_DIR": str(cache / "pip"), "UV_CACHE_DIR": str(cache / "uv")},
            },
        )
        self.reader = Reader(self.shell, {"127.0.0.1:8080": f"127.0.0.1:{port}"})
        shutil.copytree(BAMBOO, self.bamboo, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(ROOT / name, self.folder)
        local = f"local: {{port: {port}, instances: 3 x t2.micro}}"
        text = (self.bamboo / "culm.yml").read_text().replace("local: {instances: 2 x t2.micro}", local)
        self._manifest = text.replace("services:", "defaults: {settle: 0}\nservices:", 1)
        programs = self.folder / ".venv" / "bin"
        programs.mkdir(parents=True)
        (programs / "python").symlink_to(sys.executable)
        (programs / "culm").symlink_to(self.shell.bin / "culm")
        for name in (".uv", ".installed"):
            (programs.parent / name).touch()
        self._variables = dict(self.shell.environment)

    def opens(self, page: Path) -> None:
        """Begin a page: the examples are as in a clone, and run unless the page brings them up itself."""
        (self.bamboo / "culm.yml").write_text(self._manifest)
        self.shell.environment = dict(self._variables)
        self.shell.folder = self.folder
        if page.name != "README.md":
            self.shell.folder = self.bamboo
            done = self.shell.type("culm up")
            assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("page", LOCAL, ids=shown)
def test_what_a_page_says_to_type_works_in_its_order(clone: Clone, page: Path) -> None:
    clone.opens(page)
    wrong = [problem for command in LOCAL[page] for problem in clone.reader.types(command)]
    assert not wrong, "\n".join(wrong)
