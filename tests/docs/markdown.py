"""The pages that people read, and what is fenced in them."""

import re
from collections.abc import Iterator
from pathlib import Path

from culm.core.model.record import record

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "SECURITY.md",
    *sorted(ROOT.glob("examples/*/README.md")),
    *sorted(DOCS.rglob("*.md")),
]
GUIDES = [ROOT / "README.md", *sorted((DOCS / "guide").glob("*.md"))]
"""What a user of culm reads from the beginning to the end."""
FENCE = re.compile(r"^( *)```(\S*)")


@record
class Block:
    """A fenced block of a page."""

    page: str
    line: int
    """Of its first line of content, from 1."""
    language: str
    text: str


@record
class Command:
    """What a page says to type, and the lines that it shows as the answer."""

    page: str
    line: int
    """Of its first line, from 1."""
    text: str
    """Without a prompt and without a comment at its end; lines that go on are joined."""
    answer: tuple[str, ...] = ()


def shown(page: Path) -> str:
    """The name of a page as people of the repository have it: docs/guide/ci.md."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[Block]:
    """The fenced blocks of a page, in order."""
    language, begins, inside = "", 0, list[str]()
    for number, line in enumerate(page.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if fence and not begins:
            language, begins, inside = fence[2], number + 1, []
        elif fence:
            yield Block(page=shown(page), line=begins, language=language, text="\n".join(inside))
            begins = 0
        elif begins:
            inside.append(line)


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page outside of its fenced blocks, with their numbers from 1."""
    fenced = False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            yield number, line


def commands(page: Path) -> Iterator[Command]:
    """The commands of a page in order: each line of a `sh` block, each line after `$ ` of a `console` block."""
    for block in blocks(page):
        if block.language not in ("sh", "console"):
            continue
        for number, text, answer in entries(block):
            text = re.sub(r"\s+# .*|^# .*", "", text).strip()
            if text:
                yield Command(page=block.page, line=number, text=text, answer=tuple(answer))


def entries(block: Block) -> Iterator[tuple[int, str, list[str]]]:
    """The number, command and answer of each command in a block."""
    lines = list(enumerate(block.text.splitlines(), block.line))
    while lines:
        number, text = lines.pop(0)
        while text.endswith("\\") and lines:
            text = text[:-1].rstrip() + " " + lines.pop(0)[1].strip()
        answer: list[str] = []
        if block.language == "console":
            assert text.startswith("$ "), f"{block.page}:{number}: a console block begins with a command"
            text = text.removeprefix("$ ")
            while lines and not lines[0][1].startswith("$ "):
                answer.append(lines.pop(0)[1])
        yield number, text, answer
