"""Calls of the AWS API as values: what is asked of whom, before anybody asks it."""

from collections.abc import Mapping
from typing import Any

from culm.core.model.record import record


@record
class Call:
    """One call of the AWS API."""

    what: str
    """For people: `create repository bamboo/accounts`."""
    client: str
    operation: str
    input: Mapping[str, Any]
    """May hold a `ResultOf` in place of any value."""


@record
class ResultOf:
    """A part of what an earlier step returns, where its value is not known before: the ARN of a new revision."""

    step: str
    """That step's key."""
    path: tuple[str, ...] = ()
    """Members to follow into its result; empty: the result as a whole."""

    def __str__(self) -> str:
        return f"<{'.'.join((self.step, *self.path))}>"


def resolved(value: Any, results: Mapping[str, Any]) -> Any:
    """Return `value` with every `ResultOf` in it replaced by what that step has returned.

    Raises KeyError for a step without a result: a list of steps in which one comes before what it stands on.
    """
    match value:
        case ResultOf(step=step, path=path):
            result = results[step]
            for member in path:
                result = result[member]
            return result
        case Mapping():
            return {key: resolved(inner, results) for key, inner in value.items()}
        case list() | tuple():
            return [resolved(inner, results) for inner in value]
        case _:
            return value
