"""Lines of output become log events as the awslogs driver makes them."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from culm.cluster.instance import forwarder, multiline
from culm.cluster.instance.forwarder import Forwarder
from culm.cluster.instance.multiline import EVENT_BYTES, Events, beginning, of_datetime
from culm.cluster.instance.runtime.fake import FakeRuntime
from culm.cluster.instance.runtime.interface import Line
from culm.errors import RuntimeFailure


def events_of(options: dict[str, str], *texts: str) -> list[tuple[str, float, str]]:
    """Text, time and cursor of each event; the n-th line has time n and cursor `n`."""
    events = Events(beginning(options))
    made = [each for n, text in enumerate(texts) for each in events.feed(Line(at=n, text=text, cursor=str(n)))]
    return [(each.text, each.at, each.cursor) for each in [*made, *events.flush()]]


def test_without_an_option_each_line_is_an_event():
    assert events_of({"awslogs-group": "g"}, "a", " b") == [("a", 0, "0"), (" b", 1, "1")]


def test_an_event_begins_with_a_line_that_matches_the_pattern():
    made = events_of({"awslogs-multiline-pattern": "^ERR"}, "before", "ERR one", "  at a", "  at b", "ERR two")
    assert made == [("before\n", 0, "0"), ("ERR one\n  at a\n  at b\n", 1, "3"), ("ERR two\n", 4, "4")]


def test_an_event_begins_with_a_date_of_the_format():
    layout = r"\[%b %d, %Y %H:%M:%S\]"
    made = events_of(
        {"awslogs-datetime-format": layout}, "[May 01, 2026 19:00:01] A", "more", "[May 01, 2026 19:00:02] B"
    )
    assert [text for text, _, _ in made] == ["[May 01, 2026 19:00:01] A\nmore\n", "[May 01, 2026 19:00:02] B\n"]


@pytest.mark.parametrize(
    ("layout", "text"),
    [
        ("%Y-%m-%d", "2026-12-31"),
        ("%d/%b/%y", "31/Dec/26"),
        ("%A, %B %d %I:%M %p", "Monday, January 05 09:30 AM"),
        ("%a %j %w", "Mon 365 1"),
        ("%H:%M:%S%L", "23:59:59.123"),
        ("%S.%f %z", "59.123456 +0100"),
        ("%H:%M %Z", "10:00 CEST"),
    ],
)
def test_conversions_are_those_of_the_driver(layout: str, text: str):
    import re

    assert re.fullmatch(of_datetime(layout), text)


def test_an_event_does_not_outgrow_what_the_service_takes():
    half = "x" * (EVENT_BYTES // 2 + 1)
    made = events_of({"awslogs-multiline-pattern": "^begin"}, "begin", half, half)
    assert [len(text) for text, _, _ in made] == [len(half) + 7, len(half) + 1]


def test_an_event_may_fill_what_the_service_takes_to_the_last_byte():
    options = {"awslogs-multiline-pattern": "^begin"}
    rest = "x" * (EVENT_BYTES - len("begin\n") - 1)
    made = events_of(options, "begin", rest, "begin", rest)
    assert [len(text) for text, _, _ in made] == [EVENT_BYTES, EVENT_BYTES]
    made = events_of(options, "other", rest)
    assert [len(text) for text, _, _ in made] == [EVENT_BYTES], "the first event may begin without a match"
    made = events_of(options, "begin", rest + "x")
    assert [len(text) for text, _, _ in made] == [len("begin\n"), EVENT_BYTES - len("begin\n") + 1]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"awslogs-multiline-pattern": "("}, "could not parse awslogs-multiline-pattern '\\('"),
        ({"awslogs-multiline-pattern": "a", "awslogs-datetime-format": "%Y"}, "at the same time"),
        ({"awslogs-colour": "red"}, "unknown log opt 'awslogs-colour' for awslogs log driver"),
    ],
)
def test_what_the_driver_refuses_is_refused(options: dict[str, str], why: str):
    with pytest.raises(
        RuntimeFailure, match=f"CannotStartContainerError: failed to initialize logging driver: .*{why}"
    ):
        beginning(options)


class Kept:
    """A log stream: what was kept, and up to where."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.at: str | None = None
        self.changed = asyncio.Event()

    async def open(self, group: str, stream: str, *, create_group: bool) -> None: ...

    async def append(self, group: str, stream: str, container: str, lines: Sequence[Line]) -> None:
        self.events += [line.text for line in lines]
        self.at = lines[-1].cursor
        self.changed.set()

    async def cursor(self, container: str) -> str | None:
        return self.at


class Speaking(FakeRuntime):
    """A container that says these lines, then nothing until it is told to end."""

    def __init__(self, *texts: str) -> None:
        super().__init__(now=lambda: 0.0)
        self.texts = texts
        self.over = asyncio.Event()

    async def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
        for number, text in enumerate(self.texts):
            if after is None or number > int(after):
                yield Line(at=float(number), text=text, cursor=str(number))
        await self.over.wait()


async def test_an_event_that_nothing_follows_is_kept_after_a_while(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(forwarder, "FLUSH_SECONDS", 0.05)
    runtime, kept = Speaking("ERR one", "  at a"), Kept()
    begins = beginning({multiline.PATTERN: "^ERR"})
    running = asyncio.ensure_future(Forwarder(runtime, kept, "c", ("g", "s"), begins).run())
    async with asyncio.timeout(5):
        await kept.changed.wait()
        runtime.over.set()
        await running
    assert (kept.events, kept.at) == (["ERR one\n  at a\n"], "1")


async def test_what_was_not_kept_is_read_again():
    """A forwarder that ends with an event half read has moved no cursor."""
    runtime, kept = Speaking("ERR one", "ERR two", "  at a"), Kept()
    begins = beginning({multiline.PATTERN: "^ERR"})
    first = asyncio.ensure_future(Forwarder(runtime, kept, "c", ("g", "s"), begins).run())
    async with asyncio.timeout(5):
        await kept.changed.wait()
        first.cancel()
        await asyncio.wait([first])
        assert (kept.events, kept.at) == (["ERR one\n"], "0")
        runtime.over.set()
        await Forwarder(runtime, kept, "c", ("g", "s"), begins).run()
    assert kept.events == ["ERR one\n", "ERR two\n  at a\n"]


async def test_a_forwarder_that_is_told_to_end_ends_though_its_runtime_fails_at_that_moment():
    class Failing(Speaking):
        async def logs(self, name: str, after: str | None, *, follow: bool) -> AsyncIterator[Line]:
            try:
                yield Line(at=0.0, text="a", cursor="0")
                await self.over.wait()
            finally:
                raise OSError("too many open files")

    kept = Kept()
    running = asyncio.ensure_future(Forwarder(Failing(), kept, "c", ("g", "s"), None).run())
    await kept.changed.wait()
    running.cancel()
    await asyncio.wait([running], timeout=5)
    assert running.cancelled()
