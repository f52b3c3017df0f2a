"""One difference, and how values are written. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from culm.core.model.record import record
from culm.plan.differences import differences

Wins = Literal["culm.yml", "culm.yml at the next roll", "live"]
"""Which of the two is so after the next `culm up`."""
THERE = "there"


@record
class Row:
    what: str
    """`service accounts`, `rule of accounts`, `role bamboo-accounts`."""
    field: str
    """A path in the words of the AWS API; empty: the thing as a whole."""
    wanted: str | None
    """None: it should not be there."""
    live: str | None
    """None: it is not there."""
    wins: Wins


def missing(what: str) -> Row:
    """Return the row of something that culm.yml wants and that is not there."""
    return Row(what=what, field="", wanted=THERE, live=None, wins="culm.yml")


def leftover(what: str, live: str = THERE) -> Row:
    """Return the row of a thing that culm.yml does not mention; `up` does not touch it."""
    return Row(what=what, field="", wanted=None, live=live, wins="live")


def fields(what: str, wanted: Mapping[str, Any], live: Mapping[str, Any], wins: Wins) -> list[Row]:
    """Return a row for each field that differs, also for fields that only one of the two has."""
    changed = differences(plain(live), plain(wanted))
    return [
        Row(what=what, field=difference.field, wanted=difference.new, live=difference.old, wins=wins)
        for difference in changed
    ]


def members(what: str, wanted: Mapping[str, Any], live: Mapping[str, Any], wins: Wins) -> list[Row]:
    """Return what `fields` does, without fields that only the target has."""
    rows: list[Row] = []
    for key, value in wanted.items():
        inner = [row for row in fields(what, {key: value}, {key: live.get(key)}, wins) if row.wanted is not None]
        same_shape = isinstance(value, Mapping) or (isinstance(value, list) and len(value) == len(live.get(key) or ()))
        if not isinstance(value, Mapping | list) or same_shape:
            rows += inner
        else:
            rows.append(Row(what=what, field=key, wanted=text(value), live=text(live.get(key)), wins=wins))
    return rows


def plain(value: Any) -> Any:
    """Return a value with booleans as the JSON texts `true` and `false`, and without None."""
    match value:
        case bool():
            return text(value)
        case Mapping():
            return {key: plain(inner) for key, inner in value.items() if inner is not None}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case _:
            return value


def text(value: Any) -> str | None:
    """Return a value as text for a cell."""
    match value:
        case None | str():
            return value
        case [] | {}:
            return "none"
        case _:
            return json.dumps(value, default=str)
