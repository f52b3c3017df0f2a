"""Templates as files by path, with names filled in. Pure but for reading the package's own files."""

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable

from culm.core.model.record import record

SUFFIX = ".tmpl"
"""Keeps a template's files from being taken for the package's own by Python, linters and git."""

EXECUTABLE = frozenset({"dkr-run.sh", "dkr-push.sh", "docker/entrypoint.sh", "docker/migrate.sh"})


WITH_COMMON = frozenset({"python", "go"})
"""Templates whose services read files that the image's entrypoint fetches, and share what that takes."""


@record
class TemplateFile:
    text: str
    executable: bool


def rendered(template: str, names: Mapping[str, str]) -> dict[str, TemplateFile]:
    """Return every file of a template by its path; `@service@` and the like are filled in, in paths and in texts."""

    def fill(text: str) -> str:
        for name, value in names.items():
            text = text.replace(f"@{name}@", value)
        return text

    rendered_files = {}
    for folder in ("common", template) if template in WITH_COMMON else (template,):
        for path, file in walk(resources.files("culm.scaffold") / "templates" / folder):
            path = fill(path.removesuffix(SUFFIX))
            rendered_files[path] = TemplateFile(
                text=fill(file.read_text(encoding="utf-8")), executable=path in EXECUTABLE
            )
    return rendered_files


def walk(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            yield from walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            yield f"{prefix}{entry.name}", entry
