"""How hard a text is to read: the grade of Flesch and Kincaid, from the lengths of sentences and of words.

grade = 0.39 * words / sentences + 11.8 * syllables / words - 15.59: the years of school that a reader has had.
J. P. Kincaid, R. P. Fishburne, R. L. Rogers, B. S. Chissom: Derivation of New Readability Formulas for Navy Enlisted
Personnel, 1975, Research Branch Report 8-75.

Worked example. "The cat sat. It was happy." has 6 words in 2 sentences and 7 syllables: 0.39 * 3 + 11.8 * 7/6 - 15.59,
which is -0.7: anybody reads it.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
VOWELS = re.compile(r"[aeiouy]+")
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
ENDS = re.compile(r"(?<=[.!?])[\"')]*\s+(?=[A-Z\"(])")
ECHOES = {"CulmError", "UsageError", "Differs", "TimedOut", "echo", "secho", "say", "confirm", "prompt", "doing"}
"""Functions and classes whose texts are printed."""


def sentences(text: str) -> list[str]:
    """The sentences of prose; code counts as one word, of a link its text alone."""
    text = LINK.sub(r"\1", text)
    text = re.sub(r"`[^`]*`", "Code", text)
    text = re.sub(r"[*_#>]", "", text)
    return [sentence for part in ENDS.split(" ".join(text.split())) if (sentence := part.strip())]


def syllables(word: str) -> int:
    """Roughly: groups of vowels, without a silent e at the end."""
    groups = len(VOWELS.findall(word.lower()))
    return max(1, groups - (word.lower().endswith("e") and not word.lower().endswith("le") and groups > 1))


def grade(prose: list[str]) -> float:
    """The grade of some sentences together."""
    words = [word for sentence in prose for word in WORD.findall(sentence)]
    if not words:
        return 0.0
    return 0.39 * len(words) / len(prose) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def paragraphs(page: str) -> Iterator[str]:
    """The paragraphs and items of a Markdown page, without headings, tables and fenced blocks."""
    fenced, kept = False, list[str]()
    for line in [*page.splitlines(), ""]:
        if re.match(r" *```", line):
            fenced = not fenced
            continue
        begins = re.match(r"\s*([-*]|\d+\.) ", line)
        if not fenced and line.strip() and not line.lstrip().startswith(("#", "|", "![")) and not begins:
            kept.append(line.strip())
            continue
        if kept:
            yield " ".join(kept)
        kept = [line[begins.end() :].strip()] if begins and not fenced else []


def messages(file: Path) -> Iterator[tuple[int, str]]:
    """The line and text of what a module prints: errors, hints, lines on the screen, helps; values as `...`."""
    for node in ast.walk(ast.parse(file.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        texts = node.args if name in ECHOES else []
        texts = [*texts, *(each.value for each in node.keywords if each.arg in ("help", "hint"))]
        for text in texts:
            if spoken := literal(text):
                yield text.lineno, spoken


def literal(node: ast.expr) -> str:
    """The text of a string or an f-string; empty for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "..." for part in node.values)
    if isinstance(node, ast.BinOp):
        return literal(node.left) + literal(node.right)
    return ""
