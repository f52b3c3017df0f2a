"""`Filters` of Describe operations. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Filtering.html"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from culm.core.model.record import record
from culm.errors import AwsError


@record
class Filter:
    name: str
    values: tuple[str, ...] = ()


Seen = Mapping[str, Any]
Property = Callable[[Seen], Iterable[str]]
"""The values of an item that a filter compares: none, one or several."""


def member(name: str) -> Property:
    """Compare a member as it is described; booleans are `true` and `false`."""

    def values(item: Seen) -> Iterable[str]:
        value = item.get(name)
        return () if value is None else (str(value).lower() if isinstance(value, bool) else str(value),)

    return values


def of_each(parts: str, name: str) -> Property:
    """Compare a member of each of an item's parts, such as each association's `subnet_id`."""
    value = member(name)
    return lambda item: [text for part in item[parts] for text in value(part)]


OF_TAGS = {"tag-key": "key", "tag-value": "value"}


def chosen(items: Sequence[Seen], filters: Sequence[Filter], known: Mapping[str, Property]) -> list[Seen]:
    """Return the items that satisfy every filter.

    A filter is satisfied by any of its values, `*` and `?` being wildcards.
    """
    for wanted in filters:
        if wanted.name not in known and wanted.name not in OF_TAGS and not wanted.name.startswith("tag:"):
            served = ", ".join(sorted({*known, *OF_TAGS, "tag:<key>"}))
            problem = f"The filter '{wanted.name}' is invalid here: culm serves {served}"
            raise AwsError("InvalidParameterValue", problem)
    return [item for item in items if all(satisfies(item, wanted, known) for wanted in filters)]


def satisfies(item: Seen, wanted: Filter, known: Mapping[str, Property]) -> bool:
    """Return whether a described item has one of the filter's values, which may have `*` and `?` in them.

    `known` has the properties that this operation can filter by.
    """
    if wanted.name.startswith("tag:"):
        name = wanted.name.removeprefix("tag:")
        have: Iterable[str] = [tag["value"] for tag in item.get("tags", ()) if tag["key"] == name]
    elif wanted.name in OF_TAGS:
        have = [tag[OF_TAGS[wanted.name]] for tag in item.get("tags", ())]
    else:
        have = known[wanted.name](item)
    return any(fnmatchcase(value, pattern) for value in have for pattern in wanted.values)


def named(items: Sequence[Seen], key: str, ids: Collection[str], code: str, noun: str) -> list[Seen]:
    """Return the items with these ids, all if none are given; an id that there is not is an error."""
    missing = sorted(set(ids) - {item[key] for item in items})
    if missing:
        raise AwsError(code, f"The {noun} '{missing[0]}' does not exist")
    return [item for item in items if not ids or item[key] in ids]
