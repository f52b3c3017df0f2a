"""The commands of a query: each takes rows and gives rows.

    stats count(*) as n, avg(ms) by bin(5m), path

groups rows by the values of what stands behind `by`, and makes one row of each group: its columns are named by their
`as`, or by their own text (`avg(ms)`, `bin(5m)`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from culm.cluster.services.logs.insights.aggregates import COUNTS
from culm.cluster.services.logs.insights.expressions import Expression, Reader, Summed, regex
from culm.cluster.services.logs.insights.rows import EventRow
from culm.cluster.services.logs.insights.tokens import Token
from culm.cluster.services.logs.insights.values import Value, number, sort_key, text, truth
from culm.core.model.record import record

Rows = Iterable[EventRow]
Step = Callable[[Rows], Rows]


@record
class QueryCommand:
    step: Step
    shows: tuple[str, ...] = ()
    """The fields that it adds to what is shown."""
    asks: bool = True
    """Whether it says what to show, so that time and message are not shown by themselves."""
    shows_only: bool = False
    """Whether those before it are not shown any more."""
    sums: bool = False
    """Whether its rows are no events any more."""
    matches: bool = False
    """Whether it leaves out rows, so that those that remain have matched."""


@record
class Named:
    name: str
    expression: Expression
    computed: bool
    """Whether it is more than a field that the row has under this name."""


def fields(reader: Reader) -> QueryCommand:
    """Read `fields`: columns that are computed, and shown unless a later command says what is."""
    columns = _columns(reader)
    return QueryCommand(step=_computing(columns), shows=tuple(column.name for column in columns))


def display(reader: Reader) -> QueryCommand:
    """Read `display`: the columns that are shown, and no others."""
    columns = _columns(reader)
    return QueryCommand(step=_computing(columns), shows=tuple(column.name for column in columns), shows_only=True)


def where(reader: Reader) -> QueryCommand:
    """Read `filter`: rows that a condition holds for go on."""
    condition = reader.expression()
    return QueryCommand(step=lambda rows: (row for row in rows if truth(condition(row))), asks=False, matches=True)


def limit(reader: Reader) -> QueryCommand:
    """Read `limit`. Raises Malformed for anything but a number from 1 to the most rows of an answer."""
    token = reader.next()
    count = number(token.text) if token.kind == "number" else None
    if not isinstance(count, int) or not 1 <= count <= MOST_ROWS:
        reader.fail(f"invalid limit, which is a number from 1 to {MOST_ROWS}", token)
    return QueryCommand(step=lambda rows: islice(rows, count), asks=False)


MOST_ROWS = 10_000


def sort(reader: Reader) -> QueryCommand:
    """Read `sort`: several keys, each upwards unless it says `desc`."""
    keys: list[tuple[Expression, bool]] = []
    while not keys or reader.skip(","):
        expression = reader.expression()
        descending = reader.skip_word("desc")
        if not descending:
            reader.skip_word("asc")
        keys.append((expression, descending))

    def step(rows: Rows) -> Rows:
        ordered = list(rows)
        for expression, descending in reversed(keys):
            ordered.sort(key=_key(expression), reverse=descending)
        return ordered

    return QueryCommand(step=step, asks=False)


def _key(expression: Expression) -> Callable[[EventRow], tuple[int, object]]:
    return lambda row: sort_key(expression(row))


def dedup(reader: Reader) -> QueryCommand:
    """Return the first row of each combination of values; rows that lack one of them stay."""
    names = [reader.name()]
    while reader.skip(","):
        names.append(reader.name())

    def step(rows: Rows) -> Iterator[EventRow]:
        known: set[tuple[str, ...]] = set()
        for row in rows:
            values = [row.get(name) for name in names]
            key = tuple(map(text, values))
            if None not in values:
                if key in known:
                    continue
                known.add(key)
            yield row

    return QueryCommand(step=step, asks=False, matches=True)


def parse(reader: Reader) -> QueryCommand:
    """Read fields out of text: by a pattern with `*` and their names, or by a regular expression with named groups."""
    source = (lambda row: row.get("@message")) if reader.token.kind in ("string", "regex") else reader.expression()
    token = reader.next()
    if token.kind == "string":
        names, pattern = _glob(reader, token)
    elif token.kind == "regex":
        pattern = regex(token)
        names = list(pattern.groupindex)
    else:
        reader.fail(token=token)

    def step(rows: Rows) -> Iterator[EventRow]:
        for row in rows:
            value = source(row)
            match = None if value is None else pattern.search(text(value))
            if match:
                row.values.update({name: match[group] for name, group in groups if match[group] is not None})
            yield row

    groups = [(name, pattern.groupindex.get(name, place)) for place, name in enumerate(names, start=1)]
    return QueryCommand(step=step, shows=tuple(names), asks=False)


def _glob(reader: Reader, token: Token) -> tuple[list[str], re.Pattern[str]]:
    """`"user=*, ms=*" as user, ms`."""
    if not reader.skip_word("as"):
        reader.fail()
    names = [reader.name()]
    while reader.skip(","):
        names.append(reader.name())
    parts = token.text.split("*")
    if len(parts) - 1 != len(names):
        reader.fail(f"the pattern has {len(parts) - 1} wildcards for {len(names)} fields", token)
    groups = ["(.*?)"] * len(names)
    if not parts[-1]:
        groups[-1] = "(.*)"
    pattern = "".join(re.escape(part) + group for part, group in zip(parts, [*groups, ""], strict=True))
    return names, re.compile(pattern, re.DOTALL)


def stats(reader: Reader) -> QueryCommand:
    """Read `stats ... by ...`: aggregates of each group of rows, or of all rows without `by`."""
    reader.aggregates = []
    columns = _columns(reader)
    summed, reader.aggregates = reader.aggregates, None
    groups = _columns(reader) if reader.skip_word("by") else []
    return QueryCommand(
        step=lambda rows: _sum_up(rows, summed, columns, groups),
        shows=tuple(column.name for column in (*groups, *columns)),
        shows_only=True,
        sums=True,
    )


def _sum_up(
    rows: Rows, summed: Sequence[Summed], columns: Sequence[Named], groups: Sequence[Named]
) -> Iterator[EventRow]:
    tables: dict[tuple[Value, ...], list[list[Value]]] = {}
    if all(each.argument is None for each in summed):  # only rows are counted, which is several times as fast
        counts = Counter(_keys(rows, [group.expression for group in groups]))
        tables = {key: [[True] * count for _ in summed] for key, count in counts.items() if count}
        rows = ()
    for row in rows:
        key = tuple(group.expression(row) for group in groups)
        table = tables.get(key)
        if table is None:
            table = tables[key] = [[] for _ in summed]
        for each, values in zip(summed, table, strict=True):
            value = True if each.argument is None else each.argument(row)
            if value is not None and (not each.aggregate.numeric or number(value) is not None):
                values.append(value)
    if not groups and not tables:
        tables[()] = [[] for _ in summed]
    for key, table in tables.items():
        row = EventRow({group.name: value for group, value in zip(groups, key, strict=True)})
        row.values.update({each.name: _summary(each, values) for each, values in zip(summed, table, strict=True)})
        row.values.update({column.name: column.expression(row) for column in columns})
        yield row


def _keys(rows: Rows, expressions: Sequence[Expression]) -> Iterator[tuple[Value, ...]]:
    if len(expressions) == 1:
        only = expressions[0]
        return ((only(row),) for row in rows)
    return (tuple(expression(row) for expression in expressions) for row in rows)


def _summary(each: Summed, values: Sequence[Value]) -> Value:
    if not values and each.function not in COUNTS:
        return None
    return each.aggregate.summarize(values)


def _columns(reader: Reader) -> list[Named]:
    columns = [_column(reader)]
    while reader.skip(","):
        columns.append(_column(reader))
    return columns


def _column(reader: Reader) -> Named:
    first = reader.token
    expression = reader.expression()
    written = reader.since(first.start)
    plain = first.kind in ("word", "field") and first.end - first.start == len(written)
    name = first.text if plain else written
    if reader.skip_word("as"):
        return Named(name=reader.name(), expression=expression, computed=True)
    return Named(name=name, expression=expression, computed=not plain)


def _computing(columns: Sequence[Named]) -> Step:
    computed = [column for column in columns if column.computed]
    if not computed:
        return lambda rows: rows

    def step(rows: Rows) -> Iterator[EventRow]:
        for row in rows:
            for column in computed:
                value = column.expression(row)
                if value is not None:
                    row.values[column.name] = value
            yield row

    return step


COMMANDS: dict[str, Callable[[Reader], QueryCommand]] = {
    "fields": fields,
    "display": display,
    "filter": where,
    "limit": limit,
    "sort": sort,
    "dedup": dedup,
    "parse": parse,
    "stats": stats,
}
UNSERVED = ("anomaly", "diff", "filterindex", "lookup", "pattern", "source", "unmask", "unnest")
"""Commands of AWS that are refused by name."""
