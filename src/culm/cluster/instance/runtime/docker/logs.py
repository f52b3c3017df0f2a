"""The engine's log stream as lines: demultiplexed, put together again, each with a cursor. Pure.

https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach (stream format)

A cursor is `<timestamp>/<n>`: behind the n-th frame that carries this timestamp.
"""

from collections import Counter
from datetime import datetime

from culm.cluster.instance.runtime.interface import Line
from culm.core.model.record import record

_HEADER = 8
_DISORDER_SECONDS = 0.1
"""Frames of the two outputs may be recorded a little out of the order of their timestamps."""


@record
class Frame:
    stream: int
    """1: standard output, 2: standard error."""
    stamp: str
    """`2026-11-23T12:00:00.123456789Z`"""
    data: bytes


def epoch(stamp: str) -> float:
    """Return epoch seconds of the engine's timestamps, which have nanoseconds."""
    return datetime.fromisoformat(stamp).timestamp()


def since(cursor: str) -> str:
    """Return where to begin reading in order to find the frame of the cursor."""
    return f"{epoch(cursor.partition('/')[0]) - _DISORDER_SECONDS:.6f}"


class Frames:
    """Bytes in, frames out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        self._rest += data
        frames: list[Frame] = []
        at = 0
        while len(self._rest) - at >= _HEADER:
            length = int.from_bytes(self._rest[at + 4 : at + _HEADER], "big")
            end = at + _HEADER + length
            if len(self._rest) < end:
                break
            stamp, _, text = self._rest[at + _HEADER : end].partition(b" ")
            frames.append(Frame(stream=self._rest[at], stamp=stamp.decode(), data=text))
            at = end
        self._rest = self._rest[at:]
        return frames


class TerminalFrames:
    """The same for a container with a terminal, whose stream has no frames: one for each line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        *whole, self._rest = (self._rest + data).split(b"\n")
        frames: list[Frame] = []
        for line in whole:
            stamp, _, text = line.partition(b" ")
            frames.append(Frame(stream=1, stamp=stamp.decode(), data=text.removesuffix(b"\r") + b"\n"))
        return frames


class Lines:
    """Frames in, the lines behind a cursor out.

    The engine cuts lines at 16 KiB; a frame that does not end with a newline goes on in its stream's next frame.
    """

    def __init__(self, after: str | None) -> None:
        self._after = after
        self._held: list[Line] = []
        self._count: Counter[str] = Counter()
        self._partial: dict[int, bytes] = {}
        self._last = 0.0
        self._end = ""

    def feed(self, frame: Frame) -> list[Line]:
        self._count[frame.stamp] += 1
        cursor = self._end = f"{frame.stamp}/{self._count[frame.stamp]}"
        whole = self._partial.pop(frame.stream, b"") + frame.data
        lines: list[Line] = []
        if whole.endswith(b"\n"):
            lines = [self._line(whole[:-1], frame.stamp, cursor)]
        else:
            self._partial[frame.stream] = whole
        return self._behind(lines, frame, cursor)

    def close(self, *, ended: bool) -> list[Line]:
        """Return what is left when the stream is over.

        These are lines whose cursor was not to be found any more, and, of a container that has `ended`, a last line
        that never did.
        """
        stamp = self._end.partition("/")[0]
        rest = [self._line(data, stamp, self._end) for data in self._partial.values() if ended]
        return [*self._held, *rest]

    def _line(self, text: bytes, stamp: str, cursor: str) -> Line:
        self._last = max(self._last, epoch(stamp))
        return Line(at=self._last, text=text.decode(errors="replace"), cursor=cursor)

    def _behind(self, lines: list[Line], frame: Frame, cursor: str) -> list[Line]:
        """Drop what was read before: everything up to the cursor, in the order in which it was recorded."""
        if self._after is None:
            return lines
        wanted = self._after.partition("/")[0]
        if cursor == self._after:
            self._after, self._held = None, []
            self._partial.pop(frame.stream, None)  # it was told as the last line of all
            return []
        if epoch(frame.stamp) > epoch(wanted) + _DISORDER_SECONDS:  # rotated away
            self._after, held, self._held = None, self._held, []
            return [*held, *lines]
        self._held += [line for line in lines if frame.stamp > wanted]
        return []
