"""The guides and all that is printed are plain English: how hard they are to read is measured, puzzling words are none.

The measure is the grade of Flesch and Kincaid (`reading.py`), for a page as a whole; besides, no sentence is longer
than 42 words, and no printed message than 45. 10 is what newspapers have; English standards for the public ask for 9.
"""

import re
from functools import cache
from pathlib import Path

import pytest
from tests.docs.markdown import GUIDES, ROOT, shown
from tests.house.reading import WORD, grade, messages, paragraphs, sentences

HARDEST = 9.0
LONGEST_SENTENCE, LONGEST_MESSAGE = 42, 45
"""Words."""
PUZZLING = {
    r"\bmend(s|ed|ing)?\b": "fix",
    r"\blends?\b|\blent\b": "is down while its migration runs",
    r"\bas it is on #": "unchanged",
    r"\bwants \d+ tasks?\b|\bnow wants\b": "scaling web to 0 tasks",
    r"\botherwise than\b": "differences between ... and ...",
    r"\bwho wins\b": "which the next `culm up` overwrites",
    r"\bfound here\b|\bplayed out\b": "culm plan reports",
    r"\bby turns\b": "alternate",
    r"\bis worth its line\b": "what it does",
    r"\bAway with\b": "Remove",
    r"\bno place's\b|\btakes no task's place\b": "numbers",
    r"\bnobody to ask\b": "stdin is not a terminal",
    r"\bwherewithal\b|\bheretofore\b|\bthereof\b|\bthereby\b|\bhitherto\b": "a plain word",
    r"\butiliz\w+|\bleverag\w+|\bseamless\w*|\bsimply\b|\bblazing\w*|\brobust\w*": "nothing, or a figure",
    r"other people's AWS": "emulators",
    r"\bTake the project off\b": "Remove the project's services",
    r"\bWhose prices\b": "Region",
}
"""What has puzzled readers, and what to say instead."""


@cache
def printed() -> list[tuple[str, str]]:
    """Where and what: every message in the source."""
    return [
        (f"{file.relative_to(ROOT)}:{line}", text)
        for file in sorted((ROOT / "src" / "culm").rglob("*.py"))
        for line, text in messages(file)
    ]


@pytest.mark.parametrize("page", GUIDES, ids=shown)
def test_a_guide_is_read_with_nine_years_of_school(page: Path) -> None:
    prose = [sentence for paragraph in paragraphs(page.read_text()) for sentence in sentences(paragraph)]
    assert grade(prose) <= HARDEST
    assert [each for each in prose if len(WORD.findall(each)) > LONGEST_SENTENCE] == []


def test_messages_are_short_and_easier_than_the_guides() -> None:
    assert len(printed()) > 500
    assert [(where, text) for where, text in printed() if len(WORD.findall(text)) > LONGEST_MESSAGE] == []
    assert grade([text for _, text in printed()]) <= HARDEST / 2


def test_nothing_that_is_printed_and_no_guide_has_a_puzzling_word() -> None:
    texts = [*printed(), *((shown(page), page.read_text()) for page in GUIDES)]
    puzzling = [
        f"{where}: {match[0]!r}; better: {better}"
        for where, text in texts
        for pattern, better in PUZZLING.items()
        if (match := re.search(pattern, text))
    ]
    assert puzzling == []


@pytest.mark.parametrize("text", ["culm up mends 2", "unchanged: as it is on #2", "shop now wants 0 tasks"])
def test_the_puzzling_words_are_noticed(text: str) -> None:
    assert any(re.search(pattern, text) for pattern in PUZZLING)


def test_prices_in_the_guides_have_a_currency() -> None:
    bare = re.compile(r"(?<![$\d.])\b\d+\.\d\d\b(?! ?(?:GB|LCU|MiB|%|s\b|ms))")
    lines = [
        f"{shown(page)}:{number}: {line}"
        for page in GUIDES
        for number, line in enumerate(page.read_text().splitlines(), 1)
        if re.search(r"a month|price", line) and bare.search(line)
    ]
    assert lines == []
