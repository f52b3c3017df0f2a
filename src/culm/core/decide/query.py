"""The cluster query language: expressions that select container instances.

https://docs.aws.amazon.com/AmazonECS/latest/developerguide/cluster-query-language.html
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from culm.core.decide.ledger import Node
from culm.core.model.record import record

Test = Callable[[Node], bool]


class QueryError(ValueError):
    """The expression does not follow the language; the text is for an InvalidParameterException."""


@record
class Query:
    test: Test
    counts_tasks: bool
    """Whether the answer may change when a task is placed."""


def matches(expression: str, node: Node) -> bool:
    """Return whether the expression selects the instance. Raises QueryError."""
    return parse(expression).test(node)


def counts_tasks(expression: str) -> bool:
    return parse(expression).counts_tasks


@lru_cache(maxsize=1024)
def parse(expression: str) -> Query:
    """Compile an expression to a test of an instance; kept for the next call. Raises QueryError."""
    if not expression.strip():
        raise QueryError("The cluster query is empty: it needs a subject, an operator and, mostly, an argument.")
    parser = _Parser(expression)
    test = parser.either()
    if parser.rest():
        raise parser.error("expected && or || or the end")
    return Query(test=test, counts_tasks=parser.counts_tasks)


ORDER = {"==", "!=", ">", ">=", "<", "<="}
CHOICE = {"==", "!=", "in", "!in", "=~", "!~"}
OPERATORS = {
    "agentConnected": CHOICE,
    "agentVersion": ORDER,
    "ec2InstanceId": CHOICE,
    "registeredAt": ORDER,
    "runningTasksCount": ORDER,
    "task:group": CHOICE,
    "attribute:": CHOICE | ORDER | {"exists", "!exists"},
}
"""The operators that AWS documents for each subject."""
WORDS = {
    "equals": "==", "not_equals": "!=", "greater_than": ">", "greater_than_equal": ">=", "less_than": "<",
    "less_than_equal": "<=", "in": "in", "not_in": "!in", "!in": "!in", "matches": "=~", "not_matches": "!~",
    "exists": "exists", "not_exists": "!exists", "!exists": "!exists",
}  # fmt: skip
"""The operators' other spellings."""


WORD = r"(?:\[[^\]]*\]|(?!&&|\|\|)[^\s()])+"
LISTED_WORD = r"(?:\[[^\]]*\]|(?!&&|\|\|)[^\s()\],])+"


class _Parser:
    """Recursive descent: or -> and -> not -> (query) or `subject operator [argument]`."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.counts_tasks = False

    def either(self) -> Test:
        """Read alternatives, `||`. Raises QueryError."""
        tests = [self.both()]
        while self.accept(r"\|\||or\b"):
            tests.append(self.both())
        return tests[0] if len(tests) == 1 else lambda node: any(t(node) for t in tests)

    def both(self) -> Test:
        """Read terms that all must hold, `&&`. Raises QueryError."""
        tests = [self.negated()]
        while self.accept(r"&&|and\b"):
            tests.append(self.negated())
        return tests[0] if len(tests) == 1 else lambda node: all(t(node) for t in tests)

    def negated(self) -> Test:
        """Read a term, `!` before it or parentheses around it. Raises QueryError."""
        if self.accept(r"!|not\b"):
            test = self.negated()
            return lambda node: not test(node)
        if self.accept(r"\("):
            test = self.either()
            if not self.accept(r"\)"):
                raise self.error("expected )")
            return test
        return self.comparison()

    def comparison(self) -> Test:
        """Read a subject, an operator and what it is compared with. Raises QueryError."""
        subject = self.accept(r"[A-Za-z0-9_][A-Za-z0-9_.:/\\-]*")
        if not subject:
            raise self.error("expected a subject")
        kind = "attribute:" if subject.startswith("attribute:") else subject
        if kind not in OPERATORS or subject == "attribute:":
            known = ", ".join(name + ("NAME" if name.endswith(":") else "") for name in OPERATORS)
            raise QueryError(f"Unknown subject {subject} in the cluster query {self.text!r}: it can be {known}.")
        spelt = self.accept(r"==|!=|>=|<=|>|<|=~|!~|!?\w+")
        operator = WORDS.get(spelt, spelt)
        if operator not in OPERATORS[kind]:
            allowed = " ".join(sorted(OPERATORS[kind]))
            raise QueryError(
                f"Operator {spelt or 'missing'} after {subject} in the cluster query {self.text!r}: "
                f"it can be one of {allowed}."
            )
        self.counts_tasks |= subject in ("runningTasksCount", "task:group")
        return comparison(subject, operator, self.argument(operator))

    def argument(self, operator: str) -> Any:
        """Read what the operator compares with: nothing, a list, a regular expression or a word. Raises QueryError."""
        match operator:
            case "exists" | "!exists":
                return None
            case "in" | "!in":
                if not self.accept(r"\["):
                    raise self.error("expected a list in [ ]")
                values = [self.value(in_list=True)]
                while self.accept(","):
                    values.append(self.value(in_list=True))
                if not self.accept(r"\]"):
                    raise self.error("expected , or ]")
                return values
            case "=~" | "!~":
                text = self.value()
                try:
                    return re.compile(text)
                except re.error as wrong:
                    raise QueryError(f"Pattern {text!r} in the cluster query {self.text!r}: {wrong}.") from None
            case _:
                return self.value()

    def value(self, in_list: bool = False) -> str:
        """Return a quoted text, or a word; a pattern's [ ] belong to the word, parentheses only to quoted ones."""
        if quoted := self.accept(r"\"[^\"]*\"|'[^']*'"):
            return quoted[1:-1]
        word = self.accept(LISTED_WORD if in_list else WORD)
        if not word:
            raise self.error("expected an argument")
        return word

    def accept(self, pattern: str) -> str:
        """Take text that matches, past white space, and return it; empty if the next text is another."""
        match = re.compile(rf"\s*({pattern})").match(self.text, self.at)
        if not match:
            return ""
        self.at = match.end()
        return match[1]

    def rest(self) -> str:
        return self.text[self.at :].strip()

    def error(self, expected: str) -> QueryError:
        """Return the error with the place and what stands there."""
        return QueryError(
            f"Cluster query {self.text!r}: {expected} at character {self.at + 1}, found {self.rest() or 'the end'!r}."
        )


def comparison(subject: str, operator: str, argument: Any) -> Test:
    """Return a test of an instance for one `subject operator argument`."""
    positive = {"!=": "==", "!in": "in", "!~": "=~", "!exists": "exists"}.get(operator)
    if positive:  # what an instance lacks is not equal to anything
        test = comparison(subject, positive, argument)
        return lambda node: not test(node)
    if subject == "task:group":
        return lambda node: any(compare(operator, g, argument) for g, n in node.groups.items() if n)
    read = reader(subject)
    parse_as = {"runningTasksCount": number, "registeredAt": moment, "agentVersion": version}.get(subject)
    if parse_as:
        wanted = parse_as(argument)
        return lambda node: ordered(operator, read(node), wanted)
    return lambda node: (value := read(node)) is not None and compare(operator, value, argument)


def reader(subject: str) -> Callable[[Node], Any]:
    """Return the function that reads a subject from an instance; it returns None where the instance lacks it."""
    match subject:
        case "agentConnected":
            return lambda node: str(node.instance.agent_connected).lower()
        case "agentVersion":
            return lambda node: version(node.instance.agent_version)
        case "ec2InstanceId":
            return lambda node: node.instance.ec2_instance_id
        case "registeredAt":
            return lambda node: node.instance.registered_at
        case "runningTasksCount":
            return lambda node: node.running
        case _:
            name = subject.removeprefix("attribute:")
            return lambda node: node.attributes[name] or "" if name in node.attributes else None


def compare(operator: str, value: str, argument: Any) -> bool:
    """Compare two texts; as numbers where both are numbers."""
    match operator:
        case "exists":
            return True
        case "==":
            return bool(value == argument)
        case "in":
            return value in argument
        case "=~":
            return argument.fullmatch(value) is not None
        case _:
            try:
                return ordered(operator, float(value), float(argument))
            except ValueError:
                return ordered(operator, value, argument)


def ordered(operator: str, left: Any, right: Any) -> bool:
    """Compare two values that can be ordered."""
    match operator:
        case "==":
            return bool(left == right)
        case ">":
            return bool(left > right)
        case ">=":
            return bool(left >= right)
        case "<":
            return bool(left < right)
        case _:
            return bool(left <= right)


def number(text: str) -> int:
    """Return the number that runningTasksCount is compared with. Raises QueryError."""
    try:
        return int(text)
    except ValueError:
        raise QueryError(f"{text!r} is not a number; runningTasksCount is compared with one.") from None


def moment(text: str) -> float:
    """Return epoch seconds of 2018-06-18T22:28:28+00:00, ...28Z, ...28 or 2018-06-18 (UTC without a zone)."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise QueryError(
            f"{text!r} is not a date; registeredAt is compared with one like 2018-06-18T22:28:28Z."
        ) from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def version(text: str) -> tuple[int, ...]:
    """Return (1, 15, 2) for `1.15.2` or `v1.15.2-beta`."""
    return tuple(int(part) for part in re.findall(r"\d+", text.partition("-")[0]))
