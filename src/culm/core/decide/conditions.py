"""Evaluate the conditions of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import functools
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from culm.core.decide.patterns import filled, like, plain
from culm.core.model.policies import Condition

Match = Callable[[str, str], bool]
"""(the policy's value, the request's)"""


def holds(condition: Condition, context: Mapping[str, tuple[str, ...]]) -> bool:
    """Return whether the context satisfies a condition; a missing key, only a negated or IfExists one."""
    given = context.get(condition.key)
    if condition.operator == "Null":
        return ("true" in condition.values) == (given is None)
    negated, match = OPERATORS[condition.operator]
    if given is None:
        return condition.if_exists or negated or condition.quantifier == "ForAllValues"

    patterned = match in (like, _arn_like)
    wanted = [filled(each, context) if patterned else plain(filled(each, context)) for each in condition.values]

    def fits(value: str) -> bool:
        return any(match(each, value) for each in wanted) != negated

    return any(map(fits, given)) if condition.quantifier == "ForAnyValue" else all(map(fits, given))


def _arn_like(wanted: str, given: str) -> bool:
    """Match an ARN part by part: a wildcard does not cross one of the first five colons."""
    ours, theirs = wanted.split(":", 5), given.split(":", 5)
    return len(ours) == len(theirs) and all(map(like, ours, theirs))


def _number(compare: Callable[[float, float], bool]) -> Match:
    def match(wanted: str, given: str) -> bool:
        try:
            return compare(float(given), float(wanted))
        except ValueError:
            return False

    return match


def _date(compare: Callable[[float, float], bool]) -> Match:
    def match(wanted: str, given: str) -> bool:
        try:
            return compare(_epoch(given), _epoch(wanted))
        except ValueError:
            return False

    return match


def _epoch(text: str) -> float:
    """Return epoch seconds of a date in ISO 8601 or in seconds."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _in_network(wanted: str, given: str) -> bool:
    try:
        return ipaddress.ip_address(given) in _network(wanted)
    except ValueError:
        return False


@functools.lru_cache(maxsize=256)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    return ipaddress.ip_network(text, strict=False)


def _same(wanted: str, given: str) -> bool:
    return wanted == given


def _same_word(wanted: str, given: str) -> bool:
    return wanted.lower() == given.lower()


_POSITIVE: dict[str, tuple[str, Match]] = {
    "StringEquals": ("StringNotEquals", _same),
    "StringEqualsIgnoreCase": ("StringNotEqualsIgnoreCase", _same_word),
    "StringLike": ("StringNotLike", like),
    "ArnEquals": ("ArnNotEquals", _arn_like),
    "ArnLike": ("ArnNotLike", _arn_like),
    "NumericEquals": ("NumericNotEquals", _number(operator.eq)),
    "DateEquals": ("DateNotEquals", _date(operator.eq)),
    "IpAddress": ("NotIpAddress", _in_network),
}
_ORDERS = {
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}

OPERATORS: dict[str, tuple[bool, Match]] = {
    "Bool": (False, _same_word),
    "BinaryEquals": (False, _same),
    **{name: (False, match) for name, (_, match) in _POSITIVE.items()},
    **{opposite: (True, match) for opposite, match in _POSITIVE.values()},
    **{f"Numeric{name}": (False, _number(compare)) for name, compare in _ORDERS.items()},
    **{f"Date{name}": (False, _date(compare)) for name, compare in _ORDERS.items()},
}
"""(whether it is a negation, how two values are compared)"""
