"""What the pages tell readers to type or to write is accepted: commands, options, links, anchors, files, culm.yml."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from tests.docs.markdown import PAGES, ROOT, blocks, prose, shown

from culm.cli import culm
from culm.errors import UsageError
from culm.project import yamls
from culm.project.nodes import Source, convert
from culm.project.schema import ManifestBlock

NOW = [page for page in PAGES if page.parent.name != "decisions"]
"""Those that speak of what is there now: a decision speaks of its own time."""
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+?)\s*$")
OPERATORS = {"|", "||", "&&", ";", "&", "<", ">", ">>", "<<"}
PARTS = re.compile(r"(targets|defaults|databases|services): [{\[]")
"""How a part of culm.yml begins in a sentence."""


def commands_of(text: str) -> Iterator[list[str]]:
    """The words of each `culm ...` in a line of shell, without the name; a prompt and paths of the name are taken."""
    lexer = shlex.shlex(text.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in OPERATORS:
            words.append(word)
            continue
        if words and words[0].rpartition("/")[2] == "culm":
            yield words[1:]
        words = []


def typed(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Where and what: each culm command in the blocks of a page that a shell would read, and in its screens."""
    for block in blocks(page):
        if block.language not in ("sh", "console", ""):
            continue
        lines = block.text.replace("\\\n", "  ").splitlines()
        for number, line in enumerate(lines, block.line):
            if block.language == "sh" or line.startswith(("$ culm ", "culm ")):
                for nested in re.findall(r"\$\((culm [^)]+)\)", line):
                    yield f"{block.page}:{number}", shlex.split(nested)[1:]
                yield from ((f"{block.page}:{number}", words) for words in commands_of(line))


def problem(words: list[str]) -> str:
    """Why click would refuse these words, which are not run; empty: it would not."""
    command: click.Command = culm
    context = click.Context(culm, info_name="culm")
    try:
        while True:
            rest = command.make_parser(context).parse_args(list(words))[1]
            if not isinstance(command, click.Group) or not rest:
                break
            _, inner, words = command.resolve_command(context, rest)
            assert inner is not None
            command, context = inner, click.Context(inner, context, info_name=inner.name)
    except click.UsageError as error:
        return error.format_message()
    return f"takes no {rest[0]!r}" if rest and not isinstance(command, click.Group) else ""


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_command_that_a_page_says_to_type_exists_with_its_options(page: Path) -> None:
    wrong = [f"{where}: culm {' '.join(words)}: {problem(words)}" for where, words in typed(page) if problem(words)]
    assert wrong == []


def inline(text: str) -> list[str]:
    """What `culm group command ... --option` in a sentence names and culm does not have."""
    words = [word.strip("[]().,") for word in text.split()]
    if words[:1] != ["culm"] or len(words) < 2 or not re.match(r"[a-z-]", words[1]):
        return []
    command: click.Command = culm
    known = options(command)
    for word in words[1:]:
        if not isinstance(command, click.Group):
            break
        if re.fullmatch(r"[a-z][a-z-]*", word):
            inner = command.get_command(click.Context(command), word)
            if inner is None:
                return [word]
            command, known = inner, known | options(inner)
    before = words[: words.index("--")] if "--" in words else words
    named = [word.partition("=")[0] for word in before if word.startswith("--")]
    return [name for name in named if name not in known]


def options(command: click.Command) -> set[str]:
    """The long and short names of a command's options."""
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own | {"--help", "-h"}


@pytest.mark.parametrize("page", NOW, ids=shown)
def test_every_command_that_a_sentence_names_exists_with_its_options(page: Path) -> None:
    wrong = []
    for number, line in prose(page):
        for code in CODE.findall(line):
            if unknown := inline(code):
                wrong.append(f"{shown(page)}:{number}: {code}: no {', '.join(unknown)}")
    assert wrong == []


def anchor(heading: str) -> str:
    """What GitHub makes of a heading: lower case, no punctuation, blanks as hyphens."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings; the second of two equal ones ends with -1, as GitHub has it."""
    names: list[str] = []
    for _, line in prose(page):
        if heading := HEADING.match(line):
            name = anchor(heading[1])
            names.append(f"{name}-{names.count(name)}" if name in names else name)
    return set(names)


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    wrong = []
    for number, line in prose(page):
        for link in LINK.findall(CODE.sub("", line)):
            if re.match(r"[a-z]+:", link):
                continue
            name, _, fragment = link.partition("#")
            aim = (page.parent / name).resolve() if name else page
            missing = not aim.exists() or (fragment and aim.suffix == ".md" and fragment not in anchors(aim))
            wrong += [f"{shown(page)}:{number}: {link}"] if missing else []
    assert wrong == []


@pytest.mark.parametrize("page", [page for page in NOW if page.parent.name not in ("bamboo", "shop")], ids=shown)
def test_every_path_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    named = re.compile(r"(docs|examples|src|tests|tools|bench)/[\w./-]+")
    wrong = [
        f"{shown(page)}:{number}: {code}"
        for number, line in prose(page)
        for code in CODE.findall(line)
        if named.fullmatch(code) and not (ROOT / code).exists() and not (ROOT / "src" / "culm" / code).exists()
    ]
    assert wrong == []


def parts_of(page: Path) -> Iterator[tuple[str, str]]:
    """Where and what: each YAML of a page that is a culm.yml, or one of its parts."""
    for block in blocks(page):
        if block.language in ("yaml", "yml"):
            yield f"{block.page}:{block.line}", block.text
    for number, line in prose(page):
        for code in CODE.findall(line):
            if PARTS.match(code) and "…" not in code and "..." not in code:
                yield f"{shown(page)}:{number}", code


@pytest.mark.parametrize("page", NOW, ids=shown)
def test_every_culm_yml_that_a_page_shows_is_accepted_by_the_schema(page: Path) -> None:
    wrong = []
    for where, text in parts_of(page):
        keys = set(yaml.safe_load(text) or {})
        whole = (
            text + ("" if "name" in keys else "\nname: shop") + ("" if "services" in keys else "\nservices: {web: }")
        )
        try:
            node = yamls.compose(whole, where)
            assert node is not None
            convert(Source(file=where), node, ManifestBlock)
        except UsageError as error:
            wrong.append(f"{where}: {error.what}")
    assert wrong == []


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("culm up --target stg", ""),
        ("$ culm vault put stg/web/a.toml < a.toml", ""),
        ("culm task web -- psql --anything", ""),
        ("cd x && ../culm logs -f orders", ""),
        ("culm pu", "No such command 'pu'"),
        ("culm aws destory", "No such command 'destory'"),
        ("culm up --trget stg", "No such option"),
        ("culm unlock web", "takes no 'web'"),
    ],
)
def test_the_check_of_commands_notices_what_click_would_refuse(line: str, why: str) -> None:
    [words] = commands_of(line)
    assert problem(words).startswith(why)
    assert bool(problem(words)) == bool(why)
