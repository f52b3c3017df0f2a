from collections.abc import Sequence

from culm.cluster.instance.runtime.docker.logs import Frame, Frames, Lines
from culm.cluster.instance.runtime.interface import Line

STAMP = "2026-11-23T12:00:{:012.9f}Z"


def frame(second: float, data: bytes, stream: int = 1) -> Frame:
    return Frame(stream=stream, stamp=STAMP.format(second), data=data)


def packed(frame: Frame) -> bytes:
    payload = frame.stamp.encode() + b" " + frame.data
    return bytes([frame.stream, 0, 0, 0]) + len(payload).to_bytes(4, "big") + payload


def read(frames: Sequence[Frame], after: str | None = None, *, ended: bool = True) -> list[Line]:
    lines = Lines(after)
    return [*(line for frame in frames for line in lines.feed(frame)), *lines.close(ended=ended)]


def test_frames_come_out_whole_however_the_bytes_are_cut():
    frames = [frame(1, b"one\n"), frame(2, b"two\n", stream=2), frame(3, b"")]
    data = b"".join(packed(f) for f in frames)
    for size in (1, 7, len(data)):
        reader = Frames()
        assert [f for at in range(0, len(data), size) for f in reader.feed(data[at : at + size])] == frames


def test_a_line_that_the_engine_cut_is_one_line_again_even_between_other_lines():
    lines = read([frame(1, b"long "), frame(2, b"error\n", stream=2), frame(3, b"line\n")])
    assert [line.text for line in lines] == ["error", "long line"]


def test_a_last_line_that_never_ended_is_told_when_the_container_has_ended():
    frames = [frame(1, b"one\n"), frame(2, b"two")]
    assert [line.text for line in read(frames, ended=False)] == ["one"]
    assert [line.text for line in read(frames)] == ["one", "two"]


def test_reading_goes_on_behind_every_cursor():
    frames = [frame(1, b"a\n"), frame(1, b"b\n"), frame(1, b"c\n", stream=2), frame(2, b"d\n"), frame(3, b"e")]
    told = read(frames)
    for number, line in enumerate(told):
        assert read(frames, line.cursor) == told[number + 1 :]


def test_frames_a_little_out_of_order_are_neither_lost_nor_doubled():
    frames = [frame(1, b"a\n"), frame(2.002, b"b\n"), frame(2.001, b"c\n", stream=2), frame(2.003, b"d\n")]
    told = read(frames)
    assert [line.at for line in told] == sorted(line.at for line in told)
    for number, line in enumerate(told):
        assert [later.text for later in read(frames, line.cursor)] == [later.text for later in told[number + 1 :]]


def test_a_cursor_that_was_rotated_away_goes_on_with_the_oldest_line_there_is():
    gone = read([frame(1, b"gone\n")])[0].cursor
    assert [line.text for line in read([frame(1.05, b"b\n"), frame(9, b"c\n")], gone)] == ["b", "c"]
    assert [line.text for line in read([frame(1.05, b"b\n")], gone)] == ["b"]
