"""The files of a folder that tell what a service is: its code and what names its dependencies."""

import os
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from culm.project import texts

NOT_OURS = frozenset(
    {
        "node_modules",
        "vendor",
        "venv",
        "env",
        "dist",
        "build",
        "target",
        "out",
        "bin",
        "obj",
        "coverage",
        "site-packages",
    }
    | {"__pycache__", "bower_components", "third_party", "fixtures", "testdata", "htmlcov"}
)
"""Folders of other people's code, or of what was made."""
TESTS = frozenset(
    {"test", "tests", "spec", "specs", "e2e", "__tests__", "docs", "doc", "examples", "example", "cypress"}
)
CODE = frozenset(
    {
        ".py",
        ".js",
        ".mjs",
        ".cjs",
        ".ts",
        ".tsx",
        ".jsx",
        ".go",
        ".rb",
        ".java",
        ".kt",
        ".cs",
        ".php",
        ".rs",
        ".ex",
        ".exs",
    }
    | {".scala", ".yml", ".yaml", ".properties", ".toml", ".json", ".conf", ".ini", ".cfg", ".sh", ".groovy"}
)
MOST_FILES = 400
MOST_BYTES = 200_000
DEEPEST = 8


PROGRAMS = CODE - {".yml", ".yaml", ".properties", ".toml", ".json", ".conf", ".ini", ".cfg", ".sh", ".groovy"}


def code_folder(dockerfile: Path, context: Path) -> Path:
    """Return where a service's own code is: its Dockerfile's folder inside of the context, unless there is none in it.

    `services/web/Dockerfile` built from the repository is web's; `.docker/app/Dockerfile` is only kept apart.
    """
    inner = dockerfile.parent
    if inner == context or context not in inner.parents:
        return context
    return inner if any(Path(name).suffix in PROGRAMS for name in Sources(inner).code) else context


def folders(root: Path, deepest: int, skipped: frozenset[str] = NOT_OURS) -> Iterator[Path]:
    """Yield the folder and those below it, the shallow ones first.

    Hidden ones and those of other people's code are left out.
    """
    level = [root]
    for _ in range(deepest + 1):
        following: list[Path] = []
        for folder in level:
            yield folder
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            following += [
                Path(entry.path)
                for entry in entries
                if not entry.name.startswith(".")
                and entry.name.lower() not in skipped
                and entry.is_dir(follow_symlinks=False)
            ]
        level = following


class Sources:
    """One service's folder; files are read once, when they are asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def code(self) -> dict[str, str]:
        """Texts by path, seen from the folder; the shallow ones, up to a limit."""
        result: dict[str, str] = {}
        for folder in folders(self.folder, DEEPEST, NOT_OURS | TESTS):
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if len(result) >= MOST_FILES:
                    return result
                path = Path(entry.path)
                if path.suffix.lower() not in CODE and entry.name not in NAMED:
                    continue
                try:
                    if entry.is_file() and entry.stat().st_size <= MOST_BYTES:
                        result[str(path.relative_to(self.folder))] = texts.read(path)
                except OSError:
                    continue
        return result

    def text(self, name: str) -> str:
        """Return the text of a file by its path; empty where there is none."""
        try:
            return texts.read(self.folder / name)
        except OSError:
            return ""

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    @cached_property
    def dependencies(self) -> dict[str, str]:
        """The texts of the files that name what the service stands on, lower case, by their names."""
        result = {}
        for path, text in self.code.items():
            name = Path(path).name
            if name in NAMED or name.endswith((".csproj", ".gradle.kts")) or name.startswith("requirements"):
                result[path] = without_comments(name, text.lower())
        for file in [*self.folder.glob("requirements*.txt"), *self.folder.glob("requirements/*.txt")]:
            name = str(file.relative_to(self.folder))
            result[name] = without_comments(name, self.text(name).lower())
        return result


def without_comments(name: str, text: str) -> str:
    """Return what names dependencies without its comments, and go.mod without what others need, `// indirect`.

    What a library's own tests need is no database of the service's.
    """
    if name == "go.mod":
        return re.sub(r"^.*// indirect.*\n?", "", text, flags=re.MULTILINE)
    if name.endswith((".json", ".xml", ".gradle", ".kts", ".csproj", ".prisma")):
        return text
    return re.sub(r"^\s*#.*\n?", "", text, flags=re.MULTILINE)


NAMED = frozenset(
    {"package.json", "pyproject.toml", "Pipfile", "setup.py", "go.mod", "Gemfile", "pom.xml", "build.gradle"}
    | {"composer.json", "Cargo.toml", "mix.exs", "Procfile", "requirements.txt", "schema.prisma"}
)
