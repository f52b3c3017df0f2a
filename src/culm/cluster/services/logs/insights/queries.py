"""A query as a whole: read from its text, run over rows of events."""

from collections.abc import Iterator, Sequence
from itertools import islice

from culm.cluster.services.logs.insights.commands import COMMANDS, MOST_ROWS, UNSERVED, QueryCommand, Rows
from culm.cluster.services.logs.insights.expressions import Reader
from culm.cluster.services.logs.insights.rows import EventRow
from culm.cluster.services.logs.insights.tokens import tokens
from culm.cluster.services.logs.insights.values import text
from culm.core.model.record import record

ShownRow = list[tuple[str, str]]
"""(Field, value) pairs, in the order in which the query names them."""


@record
class InsightsQuery:
    commands: tuple[QueryCommand, ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The fields of the result, without the pointer that rows of events have besides."""
        asking = [command for command in self.commands if command.asks]
        names = [] if asking else ["@timestamp", "@message"]
        for command in asking or self.commands:
            names = [*([] if command.shows_only else names), *command.shows]
        return tuple(dict.fromkeys(names))

    @property
    def of_events(self) -> bool:
        """Whether the result's rows are events."""
        return not any(command.sums for command in self.commands)


def read(source: str) -> InsightsQuery:
    """Return the query that a text is. Raises Malformed."""
    reader = Reader(source, tokens(source))
    commands: list[QueryCommand] = []
    while True:
        commands.append(_command(reader))
        if reader.token.kind == "end":
            return InsightsQuery(commands=tuple(commands))
        reader.expect("|")


def _command(reader: Reader) -> QueryCommand:
    name = reader.token
    word = name.text.lower()
    if name.kind == "word" and word in UNSERVED:
        reader.fail(f"culm does not support the command {name.text}")
    if name.kind != "word" or word not in COMMANDS:
        reader.fail()
    reader.next()
    return COMMANDS[word](reader)


def run(query: InsightsQuery, events: Rows, most: int = MOST_ROWS) -> tuple[list[ShownRow], int]:
    """Return at most `most` rows of the result, and how many events matched the filters before the rest."""
    matched = 0

    def counted(rows: Rows) -> Iterator[EventRow]:
        nonlocal matched
        for row in rows:
            matched += 1
            yield row

    last = max((place for place, command in enumerate(query.commands) if command.matches), default=-1)
    rows = events if last >= 0 else counted(events)
    for place, command in enumerate(query.commands):
        rows = command.step(rows)
        if place == last:
            rows = counted(rows)
    names = [*query.shown, *(["@ptr"] if query.of_events else [])]
    return [_show(row, names) for row in islice(rows, most)], matched


def _show(row: EventRow, names: Sequence[str]) -> ShownRow:
    values = [(name, row.get(name)) for name in dict.fromkeys(names)]
    return [(name, text(value)) for name, value in values if value is not None]
