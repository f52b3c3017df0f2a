"""Commands that wait until their database answers: what is left of them, since culm makes databases first. Pure.

And those that write their log into a file, where nobody would see it.

In a compose network the host is the database service's name, which means nothing here: the wait would never end.
"""

import re
from collections.abc import Sequence

ASKS = r"(?:\bnc\b|\bncat\b|/dev/tcp/|\bpg_isready\b|\bmysqladmin\b|\bredis-cli\b)"
LOOP = re.compile(
    rf"^\s*(?:while|until)\s+[^;\n]*{ASKS}[^;\n]*[;\n]\s*do\b.*?[;\n]\s*done\s*(?:[;\n]|&&)\s*", re.DOTALL
)
SCRIPT = re.compile(
    r"^\s*(?:(?:sh|bash)\s+)?\S*wait[-_]?for(?:[-_]?it)?(?:\.sh)?\s+[\w.-]+:\d+(?:\s+-{1,2}(?!-\s)[a-z]\S*(?:\s+\d+)?)*\s+(?:--|&&)\s+"
)
DOCKERIZE = re.compile(r"^\s*dockerize(?:\s+-(?:wait|timeout|wait-retry-interval)[\s=]\S+)+\s+")
SHELL = re.compile(r"(?:\S*/)?(?:ba|da|a)?sh")


def without_waiting(words: Sequence[str]) -> tuple[str, ...]:
    """Return the command without the part that waits; as it is where it has none."""
    if len(words) >= 3 and SHELL.fullmatch(words[0]) and words[1] in ("-c", "-ec", "-lc"):
        return (*words[:2], shortened(words[2]), *words[3:])
    line = " ".join(words)
    rest = SCRIPT.sub("", DOCKERIZE.sub("", line))
    count = len(rest.split())
    return tuple(words if rest == line else words[len(words) - count :])


def shortened(line: str) -> str:
    """Return a shell line without what waits at its beginning."""
    while (rest := DOCKERIZE.sub("", SCRIPT.sub("", LOOP.sub("", line)))) != line:
        line = rest
    return line


def to_output(words: Sequence[str]) -> tuple[str, ...]:
    """Return a celery command without the file that its log goes to: what a task prints is its log."""
    if not any(re.search(r"\bcelery\b", word) for word in words):
        return tuple(words)
    whole = [re.sub(r"\s--logfile[= ]\S+", "", word) if " " in word else word for word in words]
    return tuple(word for word in whole if not word.startswith("--logfile="))
