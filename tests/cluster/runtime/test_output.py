import asyncio
from pathlib import Path

import pytest

from culm.cluster.instance.runtime.interface import Line
from culm.cluster.instance.runtime.process.output import read
from culm.cluster.instance.runtime.process.shim import output
from culm.cluster.instance.runtime.process.shim.output import Output


async def lines(folder: Path, after: str | None = None) -> list[Line]:
    return [line async for line in read(folder, after, follow=False, ended=lambda: True)]


async def test_nothing_written_is_nothing_read(tmp_path: Path):
    assert await lines(tmp_path / "none") == []


async def test_a_line_appears_when_it_is_whole_or_the_end_came(tmp_path: Path):
    writer = Output(str(tmp_path))
    writer.feed(b"one\ntw")
    assert [line.text for line in await lines(tmp_path)] == ["one"]
    writer.feed(b"o")
    writer.close()
    assert [line.text for line in await lines(tmp_path)] == ["one", "two"]


async def test_old_segments_go_and_a_cursor_into_them_goes_on_with_the_oldest_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(output, "SEGMENT_BYTES", 200)
    writer = Output(str(tmp_path))
    writer.feed(b"first\n")
    (first,) = await lines(tmp_path)
    for number in range(100):
        writer.feed(b"line %d\n" % number)
    assert len(list(tmp_path.iterdir())) == output.SEGMENTS
    left = await lines(tmp_path, first.cursor)
    assert left[-1].text == "line 99" and "first" not in [line.text for line in left]
    assert left == await lines(tmp_path)


async def test_a_cursor_at_a_segments_end_goes_on_in_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(output, "SEGMENT_BYTES", 60)
    writer = Output(str(tmp_path))
    for number in range(6):
        writer.feed(b"line %d\n" % number)
    told = await lines(tmp_path)
    for number, line in enumerate(told):
        assert await lines(tmp_path, line.cursor) == told[number + 1 :]


async def test_an_endless_line_is_cut(tmp_path: Path):
    writer = Output(str(tmp_path))
    writer.feed(b"x" * (output.LINE_BYTES * 2 + 5))
    writer.feed(b"\n\n")
    assert [len(line.text) for line in await lines(tmp_path)] == [output.LINE_BYTES, output.LINE_BYTES, 5, 0]


async def test_lines_are_followed_through_pauses_half_records_and_segments_until_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(output, "SEGMENT_BYTES", 60)
    writer, over = Output(str(tmp_path)), False
    followed = read(tmp_path, None, follow=True, ended=lambda: over)
    coming = asyncio.ensure_future(anext(followed))
    for number in range(12):
        await asyncio.sleep(0)  # it has begun to wait
        text = f"line {number}"
        writer.feed(f"{text}\n".encode())
        assert (await coming).text == text
        coming = asyncio.ensure_future(anext(followed))
    [*_, newest] = sorted(tmp_path.iterdir())
    with newest.open("ab") as file:
        file.write(b"1.5 ha")
        file.flush()
        await asyncio.sleep(0)
        file.write(b"lf\n")
    assert (await coming).text == "half"
    over = True
    assert [line async for line in followed] == []
