"""Names that AWS takes, made of those that people gave. Pure.

A name has lower-case letters, digits and single hyphens, a letter first; a project's and a service's with a hyphen
between them are a target group's, which has 32 characters at most.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from culm.project import sizes
from culm.project.targets import LONGEST_TARGET_GROUP

LONGEST_PROJECT, SHORTEST_PROJECT = 16, 8
WITHOUT_A_LETTER = "svc"
"""Goes before a name that begins with a digit, or that AWS keeps for itself."""


def plain(text: str) -> str:
    """Return the nearest valid name of any length: `Café_2` is `cafe-2`; empty when it has no letter and no digit."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text) if not text.isupper() else text
    ascii_ = unicodedata.normalize("NFKD", spaced).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "-", ascii_.lower()).strip("-")
    if name and (not name[0].isalpha() or name.startswith("internal-")):
        return f"{WITHOUT_A_LETTER}-{name}"
    return name


def shortened(name: str, longest: int) -> str:
    """Return the name in at most `longest` characters, whole words where that can be."""
    if len(name) <= longest:
        return name
    cut = name[:longest]
    whole = cut if name[longest] == "-" else cut.rpartition("-")[0]
    return (whole if len(whole) * 2 > longest else cut).strip("-")


def ending_of(name: str, longest: int) -> str:
    """Return its last words, as many as fit: what tells names apart that begin alike."""
    words = name.split("-")
    kept: list[str] = []
    while words and len("-".join([words[-1], *kept])) <= longest:
        kept.insert(0, words.pop())
    return plain("-".join(kept))[:longest].strip("-") or shortened(name, longest)


def project_name(text: str) -> str:
    """Return a project's name, short enough to leave its services' room."""
    return shortened(plain(text), LONGEST_PROJECT) or "project"


def project_for(given: Iterable[str], project: str) -> str:
    """Return the project's name, shorter where its services' names need the room."""
    longest = max((len(plain(text)) for text in given), default=0)
    room = LONGEST_TARGET_GROUP - 1 - longest
    return shortened(project, max(room, SHORTEST_PROJECT)) or project


def service_names(given: Iterable[str], project: str) -> dict[str, str]:
    """Return a valid name for each, no two the same, each short enough for the project's target groups."""
    longest = LONGEST_TARGET_GROUP - len(project) - 1
    result: dict[str, str] = {}
    taken: set[str] = set()
    bases = {
        text: plain(text) or f"{WITHOUT_A_LETTER}-{hashlib.sha256(text.encode()).hexdigest()[:6]}" for text in given
    }
    beginnings = Counter(shortened(base, longest) for base in set(bases.values()))
    for text, base in bases.items():
        name = shortened(base, longest)
        if beginnings[name] > 1 and len(base) > longest:
            name = ending_of(base, longest)
        number = 2
        while name in taken:
            ending = f"-{number}"
            name = shortened(base, longest - len(ending)) + ending
            number += 1
        taken.add(sizes.name(name))
        result[text] = name
    return result
