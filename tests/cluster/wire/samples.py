"""Sample values of botocore's shapes: each shape once with every member, and once with as little as it allows."""

import contextlib
import datetime
import re
from typing import Any

from botocore.model import Shape

MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7, tzinfo=datetime.UTC)


def sample(shape: Shape, *, full: bool, above: tuple[str, ...] = ()) -> Any:
    """A valid value. `full`: with every member; what contains itself ends at its second level."""
    full = full and above.count(shape.name) < 1
    above = (*above, shape.name)
    match shape.type_name:
        case "structure":
            return structure(shape, full=full, above=above)
        case "list":
            size = max(shape.metadata.get("min", 0), min(shape.metadata.get("max", 2), 2 if full else 1))
            return [sample(shape.member, full=full, above=above) for _ in range(size)]
        case "map":
            size = max(shape.metadata.get("min", 0), 1)
            return {
                f"{sample(shape.key, full=full, above=above)}"[: shape.key.metadata.get("max", 999) - 1]
                + ("" if shape.key.enum else str(number)): sample(shape.value, full=full, above=above)
                for number in range(size)
            }
        case "string" | "character":
            return shape.enum[0] if getattr(shape, "enum", None) else text(shape)
        case "integer" | "long":
            return max(shape.metadata.get("min", 0), min(7, shape.metadata.get("max", 7)))
        case "float" | "double":
            return max(float(shape.metadata.get("min", 0)), min(1.5, float(shape.metadata.get("max", 1.5))))
        case "boolean":
            return True
        case "timestamp":
            return MOMENT
        case "blob":
            return b"\x00<&>\xff".ljust(shape.metadata.get("min", 0), b"x")
    raise AssertionError(shape.type_name)


def structure(shape: Shape, *, full: bool, above: tuple[str, ...]) -> dict[str, Any]:
    if shape.is_document_type:
        return {"a": [1, "b"]}
    if shape.is_tagged_union:
        name = next((n for n in shape.members if shape.members[n].name not in above), next(iter(shape.members)))
        return {name: sample(shape.members[name], full=full, above=above)}
    names = (
        list(shape.members) if full else shape.required_members or list(shape.members)[: above.count(shape.name) < 2]
    )
    return {name: sample(shape.members[name], full=full, above=above) for name in names}


PECULIAR = (
    "1" * 12,
    "v1",
    "1.0",
    "/",
    "//",
    "http://a",
    "https://a.com",
    "s3://bucket",
    "o-0123456789",
    "o-0123456789/r-0123",
    "p-01234567",
    "vpce-0",
    "arn:aws:kms:us-east-1:0:key/a",
)
"""Texts for patterns that no plain text fits."""


def text(shape: Shape) -> str:
    low, high = shape.metadata.get("min", 0), shape.metadata.get("max", 99)
    plain = shape.serialization.get("location") in ("header", "headers")  # headers are ASCII
    pattern = shape._shape_model.get("pattern", ".*")
    difficult = ("plain" if plain else 'a<&> "ü')[: max(high, 1)].ljust(low, "x")
    for fitting in (difficult, "plain".ljust(low, "x"), "1".ljust(low, "1"), *PECULIAR):
        with contextlib.suppress(re.error):
            if re.fullmatch(pattern, fitting, re.ASCII | re.DOTALL):
                return fitting
    return difficult
