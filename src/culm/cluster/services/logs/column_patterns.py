"""Filter patterns over messages in columns: `[ip, user, ..., status = 4* || status = 5*, size > 1000]`.

A message is cut at white space; what stands in double quotes or in square brackets is one column. `...` takes any
number of columns, here all but the four that are named. Columns without a name are called by their place, `$3`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from culm.cluster.services.logs.json_patterns import ORDER, InvalidPattern, number_in, regex, wildcards
from culm.core.model.record import record

Test = Callable[[str], bool]
"""Of a column's text."""

_COLUMN = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')
_TOKEN = re.compile(
    r"""\s*(?:(?P<dots>\.\.\.)
    |(?P<operator>&&|\|\||!=|<=|>=|[=<>(),])
    |"(?P<string>(?:[^"\\]|\\.)*)"
    |%(?P<regex>(?:[^%\\]|\\.)+)%
    |(?P<word>[^\s"%&|=<>(),!]+))""",
    re.VERBOSE,
)
Token = tuple[str, str]


@record
class Column:
    name: str = ""
    test: Test | None = None
    """None: any text will do."""
    many: bool = False
    """Whether it is `...`."""


def compile(pattern: str) -> Callable[[str], Mapping[str, str] | None]:
    """Return a function from a message to its columns by name (`$ip`).

    None if it does not match. Raises InvalidPattern.
    """
    columns = [_column(tokens) for tokens in _split(pattern)]
    if sum(column.many for column in columns) > 1:
        raise InvalidPattern("there is more than one ...")

    def read(message: str) -> Mapping[str, str] | None:
        texts = [next(part for part in each if part is not None) for each in _parts(message)]
        placed = _placed(columns, len(texts))
        if placed is None:
            return None
        if not all(column.test is None or column.test(text) for column, text in zip(placed, texts, strict=True)):
            return None
        return {
            f"${column.name or place}": text
            for place, (column, text) in enumerate(zip(placed, texts, strict=True), start=1)
        }

    return read


def _parts(message: str) -> Iterator[tuple[str | None, ...]]:
    return (part.groups() for part in _COLUMN.finditer(message))


def _placed(columns: Sequence[Column], count: int) -> Sequence[Column] | None:
    """Return the column that each of `count` texts stands in; None if they do not fit."""
    if not columns:
        return [Column()] * count
    open_at = next((place for place, column in enumerate(columns) if column.many), None)
    if open_at is None:
        return columns if len(columns) == count else None
    between = count - len(columns) + 1
    if between < 0:
        return None
    return [*columns[:open_at], *[Column()] * between, *columns[open_at + 1 :]]


def _split(pattern: str) -> list[list[Token]]:
    """Return the tokens between the commas of a pattern."""
    text = pattern.strip()
    if not text.endswith("]"):
        raise InvalidPattern("it ends too early; is a bracket missing?")
    tokens = list(_tokens(text[1:-1]))
    if not tokens:
        return []
    columns: list[list[Token]] = [[]]
    for token in tokens:
        if token == ("operator", ","):
            columns.append([])
        elif token[1] not in "()" or token[0] != "operator":  # && binds tighter anyway, and there is one column
            columns[-1].append(token)
    return columns


def _tokens(text: str) -> Iterator[Token]:
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None or token.lastgroup is None:
            raise InvalidPattern(f"cannot read {text[at:].strip()!r}")
        yield token.lastgroup, token[token.lastgroup]
        at = token.end()


def _column(tokens: list[Token]) -> Column:
    """`status = 4* || status = 5*` is the column `status` with a test."""
    if not tokens:
        return Column()
    if tokens == [("dots", "...")]:
        return Column(many=True)
    if tokens[0][0] != "word":
        raise InvalidPattern(f"expected the name of a column, not {tokens[0][1]!r}")
    name = tokens[0][1]
    if len(tokens) == 1:
        return Column(name=name)
    alternatives = [
        [_condition(name, condition) for condition in _cut(alternative, "&&")] for alternative in _cut(tokens, "||")
    ]
    return Column(
        name=name, test=lambda text: any(all(holds(text) for holds in conditions) for conditions in alternatives)
    )


def _cut(tokens: Sequence[Token], operator: str) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if token == ("operator", operator):
            parts.append([])
        else:
            parts[-1].append(token)
    return parts


def _condition(name: str, tokens: Sequence[Token]) -> Test:
    if len(tokens) != 3 or tokens[0] != ("word", name) or tokens[1][0] != "operator":
        raise InvalidPattern(f"cannot read the condition of the column {name}")
    operator, (kind, text) = tokens[1][1], tokens[2]
    if operator in ORDER:
        holds, bound = ORDER[operator], number_in(text)
        if bound is None:
            raise InvalidPattern(f"{operator} compares numbers, and {text!r} is none")
        return lambda column: (value := number_in(column)) is not None and holds(value, bound)
    if operator not in ("=", "!="):
        raise InvalidPattern(f"expected a comparison behind {name}, not {operator!r}")
    equals = _equality(kind, text)
    return equals if operator == "=" else lambda column: not equals(column)


def _equality(kind: str, text: str) -> Test:
    if kind == "regex":
        expression = regex(text)
        return lambda column: expression.search(column) is not None
    if kind not in ("word", "string"):
        raise InvalidPattern(f"expected a value, not {text!r}")
    if kind == "word" and (number := number_in(text)) is not None:
        return lambda column: number_in(column) == number
    whole = wildcards(text)
    return lambda column: whole.fullmatch(column) is not None
