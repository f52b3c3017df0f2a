"""A command as ECS Exec takes it, so that its exit status comes back, and through pipes also its bytes. Pure.

ECS Exec has one mode: a terminal, without an exit status at the end. A shell around the command prints one, in a
control sequence that is cut out of the output again. Where there is no terminal on our side, the shell turns off what
terminals do to bytes, and what is read from the pipe goes over as lines of base64.
"""

import base64
import re
import shlex
from collections.abc import Sequence

LINE = 57
"""Bytes in a line of base64: a terminal's line may not be longer than 4,095 characters."""
END = b"\x04"
"""Typed at the beginning of a line, the end of the input."""
INTERRUPT = b"\x03"


def wrapped(words: Sequence[str], nonce: str, *, terminal: bool) -> str:
    """Return the command line; `nonce` tells this session's control sequences from whatever the command prints."""
    sequence = f"\\033]777;culm-{nonce};%s\\007"
    ended = f'"$@"; printf \'{sequence}\' "$?"'
    script = f"trap : INT QUIT; {ended}"
    if not terminal:
        ready = sequence.replace("%s", "ready")
        script = f"stty -echo -opost && printf '{ready}' && base64 -d | {{ {script}; }}"
    return shlex.join(["sh", "-c", script, "culm", *words])


class Output:
    """Cuts the control sequences out of what comes, however it is cut into pieces."""

    def __init__(self, nonce: str) -> None:
        self._begin = f"\x1b]777;culm-{nonce};".encode()
        self._sequence = re.compile(re.escape(self._begin) + rb"(\w{1,9})\x07")
        self._held = b""
        self.ready = False
        """Whether the other side waits for input."""
        self.status: int | None = None
        """The command's exit status, when it has ended."""

    def feed(self, data: bytes) -> bytes:
        """Return what the command itself has printed."""
        self._held += data
        shown = b""
        while (match := self._sequence.search(self._held)) is not None:
            shown += self._held[: match.start()]
            self._held = self._held[match.end() :]
            if match[1] == b"ready":
                self.ready = True
            else:
                self.status = int(match[1])
        kept = self._kept()
        shown += self._held[: len(self._held) - kept]
        self._held = self._held[len(self._held) - kept :]
        return shown

    def rest(self) -> bytes:
        """Return what was held back, when nothing comes any more."""
        held, self._held = self._held, b""
        return held

    def _kept(self) -> int:
        """Return how many bytes at the end may be the beginning of a sequence."""
        at = self._held.rfind(b"\x1b")
        if at < 0:
            return 0
        tail = self._held[at:]
        begun = self._begin.startswith(tail) or (
            tail.startswith(self._begin) and re.fullmatch(rb"\w{0,9}", tail[len(self._begin) :])
        )
        return len(tail) if begun else 0


class Input:
    """What is read from a pipe, as lines that a terminal passes on unchanged."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return whole lines, as far as there are; the end of the input for nothing."""
        self._held += data
        whole = len(self._held) if not data else len(self._held) // LINE * LINE
        some, self._held = self._held[:whole], self._held[whole:]
        lines = [base64.b64encode(some[at : at + LINE]) + b"\n" for at in range(0, len(some), LINE)]
        return b"".join(lines) + (b"" if data else END)
