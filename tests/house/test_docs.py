"""What the documentation names is there: rooms, files, modules, commands, links."""

import importlib
import re
import tomllib
from pathlib import Path

import click
import pytest

from culm.cli import culm

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "culm"
DOCS = ROOT / "docs"
PAGES = [
    *sorted(page for page in DOCS.rglob("*.md") if page.parent.name != "decisions"),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
]
PAGE_NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
ARCHITECTURE = DOCS / "architecture.md"
CODE = re.compile(r"`([^`\n]+)`")
MODULES = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py")}


def rooms(folder: Path) -> set[str]:
    """The packages of a folder."""
    return {path.parent.name for path in folder.glob("*/__init__.py")}


def described(page: str, heading: str) -> set[str]:
    """The folders in the first column of the table that has this heading."""
    table = page.partition(f"| {heading} |")[2].partition("\n\n")[0]
    return {
        name.strip("`").rstrip("/")
        for row in table.splitlines()[2:]
        for name in re.findall(r"`[a-z_/]+/`", row.split("|")[1])
    }


def test_the_architecture_describes_every_room_and_no_other():
    page = ARCHITECTURE.read_text()
    base, client = described(page, "base"), described(page, "client half")
    assert {name.removeprefix("core/") for name in base if name.startswith("core/")} == rooms(SOURCE / "core")
    assert {name for name in base | client if "/" not in name} == rooms(SOURCE) - {"cluster", "core"}
    assert described(page, "cluster half, in `cluster/`") == rooms(SOURCE / "cluster")


def test_the_index_of_where_things_are_names_files_by_their_whole_path_and_every_half():
    rows = ARCHITECTURE.read_text().partition("| what | file |")[2].partition("\n\n")[0].splitlines()[2:]
    files = [CODE.findall(row.split("|")[2])[0] for row in rows]
    assert [file for file in files if file not in MODULES] == []
    assert len(files) == len(set(files)) >= 20
    assert {"cluster", "core", "plan", "deploy", "render", "operate"} <= {file.partition("/")[0] for file in files}


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md", "docs/dependencies.md"])
def test_every_file_of_the_source_that_a_page_names_exists(page):
    named = [
        code
        for code in CODE.findall((ROOT / page).read_text())
        if re.fullmatch(r"[a-z_]+(/[a-z_0-9]+)*\.py|[a-z_/]+/", code)
    ]
    folders = {path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*") if path.is_dir()}
    outside = ("tests/", "docs/", "tools/", "bench/", "examples/", "src/", ".ci/")
    missing = [
        name
        for name in named
        if not name.startswith(outside)
        and not any(f"/{module}".endswith(f"/{name}") for module in MODULES)
        and not any(f"/{folder}/".endswith(f"/{name}") for folder in folders)
    ]
    homes = {
        "registry/",
        "images/",
        "venvs/",
        "tasks/",
        "loadbalancer/",
        "postgres/",
        "valkey/",
        "build/",
        "conf/",
        "docker/",
        "utils.py",
    }
    assert set(missing) - homes == set()


@pytest.mark.parametrize("page", PAGE_NAMES)
def test_every_dotted_name_of_ours_can_be_imported(page):
    heads = rooms(SOURCE) | {"errors", "console"}
    for code in CODE.findall((ROOT / page).read_text()):
        name = code.removesuffix("()").removeprefix("culm.")
        if (
            re.fullmatch(r"[a-z_]+(\.[A-Za-z_]+)+", name)
            and name.partition(".")[0] in heads
            and not name.endswith((".py", ".yml", ".json", ".md", ".db", ".lock", ".log", ".id"))
        ):
            resolve(f"culm.{name}")


def resolve(dotted: str) -> object:
    """The module or the attribute with this name; raises ImportError or AttributeError where there is none."""
    module, _, attribute = dotted.rpartition(".")
    try:
        return importlib.import_module(dotted)
    except ModuleNotFoundError:
        return getattr(importlib.import_module(module), attribute)


def commands(group: click.Group, prefix: str = "culm") -> list[str]:
    """Every command by its full name, hidden ones left out."""
    names: list[str] = []
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        names += commands(command, f"{prefix} {name}") if isinstance(command, click.Group) else [f"{prefix} {name}"]
    return names


def test_every_command_is_in_the_reference_and_in_a_guide():
    reference = (DOCS / "reference" / "cli.md").read_text()
    guides = "\n".join(page.read_text() for page in [ROOT / "README.md", *(DOCS / "guide").glob("*.md")])
    names = commands(culm)
    assert [name for name in names if name not in reference] == []
    assert [name for name in names if not mentioned(name, guides)] == []


def mentioned(command: str, text: str) -> bool:
    """Whether a text has the command, by itself or in a list such as `culm aws plan|destroy`."""
    group, _, last = command.rpartition(" ")
    return bool(re.search(rf"{command}\b|{group} [a-z|-]*\b{last}\b|`{last}`", text))


def test_on_the_package_index_every_link_of_the_readme_is_absolute():
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]["hooks"]
    text = (ROOT / "README.md").read_text()
    for each in hook["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    assert all("raw.githubusercontent.com" in link for link in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text))
