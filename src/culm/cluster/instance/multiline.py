"""What the awslogs driver makes of its options: which lines of a container's output are one log event; pure.

With `awslogs-multiline-pattern` an event is a line that matches the pattern, with the lines after it that do not;
`awslogs-datetime-format` is the same with a pattern made of a date's format. Each line of such an event ends with a
newline, as the driver has it, and its time is that of its first line. An event that grew for FLUSH_SECONDS, or to its
greatest size, goes as it is.

    pattern ^ERR    "ERR one"  "  at a"  "  at b"  "ERR two"    ->    "ERR one\\n  at a\\n  at b\\n"  "ERR two\\n"

https://docs.docker.com/engine/logging/drivers/awslogs/
"""

import re
from collections.abc import Mapping

from culm.cluster.instance.runtime.interface import Line
from culm.errors import RuntimeFailure

FLUSH_SECONDS = 5.0
EVENT_BYTES = 262_118
"""CloudWatch's 256 KiB less the 26 bytes that it counts for each event."""
PATTERN, DATETIME = "awslogs-multiline-pattern", "awslogs-datetime-format"
OPTIONS = frozenset(
    {
        *(PATTERN, DATETIME),
        *("awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group"),
        *("awslogs-endpoint", "awslogs-credentials-endpoint", "mode", "max-buffer-size"),
    }
)
"""The options that are honoured, or that change nothing here: a local group has one region, and no buffer overflows."""
CONVERSIONS: Mapping[str, str] = {
    "a": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)",
    "A": r"(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)",
    "b": r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)",
    "B": r"(?:January|February|March|April|May|June|July|August|September|October|November|December)",
    "d": r"(?:0[1-9]|[12]\d|3[01])",
    "f": r"\d{6}",
    "H": r"(?:[01]\d|2[0-3])",
    "I": r"(?:0[1-9]|1[0-2])",
    "j": r"(?:[0-2]\d\d|3[0-5]\d|36[0-6])",
    "L": r"\.\d{3}",
    "m": r"(?:0[1-9]|1[0-2])",
    "M": r"[0-5]\d",
    "p": r"[AP]M",
    "S": r"[0-5]\d",
    "w": r"[0-6]",
    "y": r"\d{2}",
    "Y": r"\d{4}",
    "z": r"[+-]\d{4}",
    "Z": r"[A-Z]{1,4}T",
}
"""What `%` and a letter match. The rest of a format is a regular expression: its author escapes the brackets."""


def beginning(options: Mapping[str, str]) -> re.Pattern[str] | None:
    """Return how an event begins.

    None: each line is one. Raises RuntimeFailure for options that the driver would refuse.
    """
    if unknown := sorted(options.keys() - OPTIONS):
        raise _refusal(f"unknown log opt '{unknown[0]}' for awslogs log driver")
    if PATTERN in options and DATETIME in options:
        raise _refusal(f"you cannot configure log opt '{DATETIME}' and '{PATTERN}' at the same time")
    name = PATTERN if PATTERN in options else DATETIME
    if name not in options:
        return None
    expression = options[name] if name == PATTERN else of_datetime(options[name])
    try:
        return re.compile(expression)
    except re.error as error:
        raise _refusal(f"awslogs could not parse {name} {options[name]!r}: {error}") from None


def of_datetime(layout: str) -> str:
    """Return a layout such as `\\[%Y-%m-%d` as a regular expression; a letter that means nothing stays as it is."""
    return re.sub(r"%(.)", lambda match: CONVERSIONS.get(match[1], match[0]), layout)


class Events:
    """Lines in, log events out."""

    def __init__(self, begins: re.Pattern[str] | None) -> None:
        self._begins = begins
        self._lines: list[Line] = []
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether an event has begun that may yet grow."""
        return bool(self._lines)

    def feed(self, line: Line) -> list[Line]:
        if self._begins is None:
            return [line]
        size = len(line.text.encode()) + 1
        complete = self._begins.search(line.text) is not None or self._size + size > EVENT_BYTES
        events = self.flush() if complete else []
        self._lines.append(line)
        self._size += size
        return events

    def flush(self) -> list[Line]:
        """Return the event that has begun, as far as it has come. Its cursor is its last line's."""
        lines, self._lines, self._size = self._lines, [], 0
        if not lines:
            return []
        text = "".join(f"{line.text}\n" for line in lines)
        return [Line(at=lines[0].at, text=text, cursor=lines[-1].cursor)]


def _refusal(why: str) -> RuntimeFailure:
    return RuntimeFailure("CannotStartContainerError", f"failed to initialize logging driver: {why}")
