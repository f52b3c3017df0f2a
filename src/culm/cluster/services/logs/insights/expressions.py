"""What can be computed from a row, as functions of it, read from tokens.

`or` binds weakest, then `and`, `not`, comparisons, `+ -`, `* / %`, `^`, signs; parentheses group. In `stats` the
functions of many rows are allowed: they are noted in `aggregates`, and the expression reads what they will have given.

    not (status = 404 or path like /^.health/) and ms / 1000 > 2
"""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from culm.cluster.services.logs.insights.aggregates import AGGREGATES, PERCENTILES, Aggregate, percentile
from culm.cluster.services.logs.insights.functions import FUNCTIONS
from culm.cluster.services.logs.insights.rows import EventRow
from culm.cluster.services.logs.insights.tokens import Malformed, Token
from culm.cluster.services.logs.insights.values import Time, Value, compare, number, text, truth
from culm.core.model.record import record

Expression = Callable[[EventRow], Value]

_COMPARISONS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}
_ARITHMETIC: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": math.fmod,
    "^": operator.pow,
}
_PERIODS = {
    "ms": 1,
    "msec": 1,
    "s": 1000,
    "sec": 1000,
    "m": 60_000,
    "min": 60_000,
    "h": 3_600_000,
    "hr": 3_600_000,
    "d": 86_400_000,
    "day": 86_400_000,
    "w": 604_800_000,
    "week": 604_800_000,
}
"""Milliseconds, by what stands behind the number; a plural's s, too, is taken."""
_WORDS = {"true": True, "false": False}


@record
class Summed:
    """A function of many rows in a `stats` command."""

    name: str
    """Under which the expression around it reads the result."""
    function: str
    """`avg`, in lower case."""
    argument: Expression | None
    """None: `count(*)`, which counts rows."""
    aggregate: Aggregate


class Reader:
    """Reads tokens one after the other. Raises Malformed at the first that does not fit."""

    def __init__(self, source: str, read: Sequence[Token]) -> None:
        self.source = source
        self._tokens = read
        self._at = 0
        self.aggregates: list[Summed] | None = None
        """Those of the `stats` command that is being read; None elsewhere: there they are not allowed."""

    @property
    def token(self) -> Token:
        """The token that is read next; a token of kind "end" when there is no more."""
        return self._tokens[self._at]

    def next(self) -> Token:
        """Return the next token and go past it, except past the end."""
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def skip(self, *operators: str) -> bool:
        """Take an operator if it is next."""
        there = self.token.is_operator(*operators)
        self._at += there
        return there

    def skip_word(self, *words: str) -> bool:
        """Go past the next token if it is one of these words; returns whether it was."""
        there = self.token.is_word(*words)
        self._at += there
        return there

    def expect(self, sign: str) -> None:
        """Go past this sign. Raises Malformed when something else comes."""
        if not self.skip(sign):
            self.fail()

    def fail(self, message: str | None = None, token: Token | None = None) -> NoReturn:
        """Raise Malformed with where in the query it is; by default about the token that comes next."""
        wrong = token or self.token
        what = wrong.text if wrong.kind != "end" else "<EOF>"
        raise Malformed(message or f"unexpected symbol found {what}", wrong.start, wrong.end)

    def name(self) -> str:
        """Read the name of a field."""
        if self.token.kind not in ("word", "field"):
            self.fail()
        return self.next().text

    def since(self, start: int) -> str:
        """Return the text from `start` to the end of the last token that was taken."""
        return self.source[start : self._tokens[self._at - 1].end]

    def expression(self) -> Expression:
        """Read as much as is one expression."""
        left = self._all()
        while self.skip_word("or"):
            left = _either(left, self._all())
        return left

    def _all(self) -> Expression:
        left = self._not()
        while self.skip_word("and"):
            left = _both(left, self._not())
        return left

    def _not(self) -> Expression:
        if self.skip_word("not"):
            inner = self._not()
            return lambda row: not truth(inner(row))
        return self._comparison()

    def _comparison(self) -> Expression:
        left = self._sum()
        if self.token.is_operator(*_COMPARISONS):
            holds, right = _COMPARISONS[self.next().text], self._sum()
            return lambda row: (order := compare(left(row), right(row))) is not None and holds(order)
        if self.skip("=~"):
            return self._like(left)
        negated = self.skip_word("not")
        if self.skip_word("like"):
            test = self._like(left)
        elif self.skip_word("in"):
            test = self._in(left)
        elif negated:
            self.fail()
        else:
            return left
        return (lambda row: not test(row)) if negated else test

    def _like(self, left: Expression) -> Expression:
        """Return what holds where `left` contains text or fits a regular expression."""
        token = self.next()
        if token.kind == "regex":
            expression = regex(token)
            return lambda row: (value := left(row)) is not None and expression.search(text(value)) is not None
        if token.kind != "string":
            self.fail(token=token)
        return lambda row: (value := left(row)) is not None and token.text in text(value)

    def _in(self, left: Expression) -> Expression:
        self.expect("[")
        choices = [self._sum()]
        while self.skip(","):
            choices.append(self._sum())
        self.expect("]")
        return lambda row: any(compare(value, choice(row)) == 0 for value in (left(row),) for choice in choices)

    def _sum(self) -> Expression:
        left = self._product()
        while self.token.is_operator("+", "-"):
            left = _arithmetic(self.next().text, left, self._product())
        return left

    def _product(self) -> Expression:
        left = self._power()
        while self.token.is_operator("*", "/", "%"):
            left = _arithmetic(self.next().text, left, self._power())
        return left

    def _power(self) -> Expression:
        left = self._signed()
        return _arithmetic("^", left, self._power()) if self.skip("^") else left

    def _signed(self) -> Expression:
        if self.skip("-"):
            return _arithmetic("-", lambda row: 0, self._signed())
        return self._term()

    def _term(self) -> Expression:
        if self.skip("("):
            inner = self.expression()
            self.expect(")")
            return inner
        token = self.next()
        if token.kind == "string":
            return lambda row: token.text
        if token.kind == "number":
            constant = number(token.text)
            return lambda row: constant
        if token.kind == "word" and self.token.is_operator("("):
            return self._call(token)
        if token.kind == "word" and token.text.lower() in _WORDS:
            return lambda row: _WORDS[token.text.lower()]
        if token.kind in ("word", "field"):
            return lambda row: row.get(token.text)
        self.fail(token=token)

    def _call(self, name: Token) -> Expression:
        self.expect("(")
        function = name.text.lower()
        if function == "bin":
            period = self._period()
            self.expect(")")
            return _bin(period)
        if function in AGGREGATES or function in PERCENTILES:
            return self._aggregate(name, function)
        if function not in FUNCTIONS:
            self.fail(f"unknown function {name.text}", name)
        if function in ("datefloor", "dateceil"):
            moment = self.expression()
            self.expect(",")
            period = self._period()
            arguments: list[Expression] = [moment, lambda row: period]
        else:
            arguments = self._arguments()
        self.expect(")")
        known = FUNCTIONS[function]
        if not known.least <= len(arguments) <= known.most:
            self.fail(f"invalid number of arguments for {name.text}: {len(arguments)}", name)
        return lambda row: known.compute(*[argument(row) for argument in arguments])

    def _arguments(self) -> list[Expression]:
        if self.token.is_operator(")"):
            return []
        arguments = [self.expression()]
        while self.skip(","):
            arguments.append(self.expression())
        return arguments

    def _period(self) -> int:
        """Read `5m` as milliseconds."""
        count = self.next()
        unit = self.next() if self.token.kind == "word" else None
        plain = unit.text.lower() if unit else ""
        factor = _PERIODS.get(plain, _PERIODS.get(plain.removesuffix("s")))
        amount = number(count.text) if count.kind == "number" else None
        if not amount or factor is None:
            self.fail("invalid period, which is a number and one of ms, s, m, h, d, w", count)
        return int(amount * factor)

    def _aggregate(self, name: Token, function: str) -> Expression:
        if self.aggregates is None:
            self.fail(f"unknown function {name.text}", name)
        if function in PERCENTILES:
            argument: Expression | None = self.expression()
            self.expect(",")
            aggregate = _percentile(self._percent())
        else:
            aggregate = AGGREGATES[function]
            rows_alone = function == "count" and (self.skip("*") or self.token.is_operator(")"))
            argument = None if rows_alone else self.expression()
        self.expect(")")
        summed = Summed(name=f"\0{len(self.aggregates)}", function=function, argument=argument, aggregate=aggregate)
        self.aggregates.append(summed)
        return lambda row: row.get(summed.name)

    def _percent(self) -> float:
        token = self.next()
        percent = number(token.text) if token.kind == "number" else None
        if percent is None or percent > 100:
            self.fail(token=token)
        return percent


def regex(token: Token) -> re.Pattern[str]:
    """Return the expression between two slashes. Raises Malformed."""
    try:
        return re.compile(re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", token.text.replace(r"\/", "/")))
    except re.error as wrong:
        raise Malformed(f"invalid regular expression: {wrong}", token.start, token.end) from None


def _either(left: Expression, right: Expression) -> Expression:
    return lambda row: truth(left(row)) or truth(right(row))


def _both(left: Expression, right: Expression) -> Expression:
    return lambda row: truth(left(row)) and truth(right(row))


def _arithmetic(sign: str, left: Expression, right: Expression) -> Expression:
    operate = _ARITHMETIC[sign]

    def compute(row: EventRow) -> Value:
        first, second = number(left(row)), number(right(row))
        if first is None or second is None:
            return None
        try:
            result = operate(first, second)
        except (ArithmeticError, ValueError):
            return None
        return result if isinstance(result, int) or math.isfinite(result) else None

    return compute


def _bin(period: int) -> Expression:
    def compute(row: EventRow) -> Value:
        at = row.get("@timestamp")
        return Time(at // period * period) if isinstance(at, int) else None

    return compute


def _percentile(percent: float) -> Aggregate:
    def summarize(values: Sequence[Value]) -> Value:
        return percentile([each for value in values if (each := number(value)) is not None], percent)

    return Aggregate(summarize=summarize)
