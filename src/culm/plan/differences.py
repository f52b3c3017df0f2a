"""What is different between two descriptions, field by field."""

from collections.abc import Iterator, Mapping
from typing import Any

from culm.core.model.record import record
from culm.render import MIGRATION_LABEL

KNOWN_AS = {f"dockerLabels.{MIGRATION_LABEL}": "migration image"}
"""Fields whose own names say less than what they are for."""


@record
class Difference:
    field: str
    """`memory`, `environment.MYENV`: a path, without what every one of them begins with."""
    old: str | None
    """None: it was not there."""
    new: str | None
    """None: it goes."""


def differences(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Return what changes from one task definition (or none) to another, in the new one's order."""
    before, after = dict(_flat(old or {})), dict(_flat(new))
    fields = [*after, *(field for field in before if field not in after)]
    return tuple(
        Difference(field=field, old=before.get(field), new=after.get(field))
        for field in fields
        if before.get(field) != after.get(field)
    )


def _flat(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _flat(inner, (*path, str(key)))
        case list() | tuple() if value and all(isinstance(item, Mapping) and "name" in item for item in value):
            single = path == ("containerDefinitions",) and len(value) == 1
            for item in value:
                rest = {key: inner for key, inner in item.items() if key != "name"}
                yield from _flat(_plain(rest), () if single else (*path, str(item["name"])))
        case list() | tuple():
            for index, inner in enumerate(value):
                yield from _flat(inner, path if len(value) == 1 else (*path, str(index)))
        case _:
            yield KNOWN_AS.get(field := ".".join(path), field), str(value)


def _plain(rest: Mapping[str, Any]) -> Any:
    """Return the value of an item that has nothing but a `value` beside its name: `{name: MYENV, value: stg}`."""
    return rest["value"] if rest.keys() == {"value"} else rest
