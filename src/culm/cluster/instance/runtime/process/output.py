"""Reading what a shim recorded of a container's output (`culm.cluster.instance.runtime.process.shim.output` writes it).

A cursor is `<segment>:<offset>`: where the next record begins.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from culm.cluster.instance.runtime.interface import Line

_CHUNK = 1 << 20
_SHORTEST_WAIT = 0.03
_LONGEST_WAIT = 0.4
"""Seconds between looks at a quiet container."""


async def read(folder: Path, after: str | None, *, follow: bool, ended: Callable[[], bool]) -> AsyncIterator[Line]:
    """Yield the lines behind the cursor. `ended` says whether the container will write no more."""
    segment, offset = (int(part) for part in after.split(":")) if after else (0, 0)
    wait = _SHORTEST_WAIT
    looked_at: tuple[int, bool] | None = None
    while True:
        last = ended()  # before the look: what was written before the end is then seen
        now = _state(folder, segment)
        if last or now is None or now != looked_at:
            looked_at = now
            lines, segment, offset = await asyncio.to_thread(_look, folder, segment, offset)
            for line in lines:
                yield line
            if lines:
                wait, looked_at = _SHORTEST_WAIT, None
                continue
        if last or not follow:
            return
        await asyncio.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)


def _state(folder: Path, segment: int) -> tuple[int, bool] | None:
    """Return the size of a segment and whether there is another behind it; None: it is not there (any more).

    While that stays the same nothing was written, and the container is spared a look, which takes a change of thread.
    """
    try:
        size = os.stat(folder / f"{segment:08d}").st_size
    except FileNotFoundError:
        return None
    return size, os.path.exists(folder / f"{segment + 1:08d}")


def _look(folder: Path, segment: int, offset: int) -> tuple[list[Line], int, int]:
    """Return the next records and where they end; no records when there are none now."""
    later = sorted(int(path.name) for path in folder.glob("[0-9]*") if int(path.name) >= segment)
    for number in later:
        if number != segment:
            segment, offset = number, 0
        with (folder / f"{number:08d}").open("rb") as file:
            file.seek(offset)
            data = file.read(_CHUNK)
        whole = data[: data.rfind(b"\n") + 1]
        if whole:
            return _lines(whole, segment, offset), segment, offset + len(whole)
    return [], segment, offset


def _lines(data: bytes, segment: int, offset: int) -> list[Line]:
    lines: list[Line] = []
    for record in data[:-1].split(b"\n"):
        offset += len(record) + 1
        stamp, _, text = record.partition(b" ")
        lines.append(Line(at=float(stamp), text=text.decode(errors="replace"), cursor=f"{segment}:{offset}"))
    return lines
