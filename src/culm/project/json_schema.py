"""The JSON Schema of culm.yml, printed from the records that read it, so that editors complete and check the file.

It says what a key's type can say; what only the file as a whole tells is still for `culm plan`.
https://json-schema.org/draft-07/schema
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal

from culm.project.keys import Key
from culm.project.nodes import alternatives, spelled, unwrap, written_fields
from culm.project.schema import ManifestBlock
from culm.project.service_schema import SecretBlock

DRAFT = "http://json-schema.org/draft-07/schema#"
SCALAR = {"type": ["string", "number", "boolean"]}
TEXT = {"type": ["string", "number"]}
Schema = dict[str, Any]
CHOICES: Mapping[type, list[Schema]] = {
    SecretBlock: [{"required": ["vault"], "not": {"required": ["from"]}}, {"required": ["from", "reason"]}],
}
"""Blocks of which one form or another has to be there."""


def json_schema() -> Schema:
    """Return the JSON schema of the whole file."""
    blocks: dict[str, Schema] = {}
    top = block(ManifestBlock, blocks)
    return {
        "$schema": DRAFT,
        "title": "culm.yml",
        **top,
        "patternProperties": {"^x-": {}},
        "definitions": dict(sorted(blocks.items())),
    }


def block(record_type: type, blocks: dict[str, Schema]) -> Schema:
    """Return a record as an object; `blocks` collects the records that it names."""
    properties: dict[str, Schema] = {}
    required = []
    for name, (field, hint) in written_fields(record_type).items():
        key, bare = unwrap(hint)
        assert key is not None, f"{name} has no Key"
        if key.not_yet:
            continue
        properties[name] = {"description": key.doc.replace("`", ""), **value(bare, key, blocks)}
        if field.default is field.default_factory is dataclasses.MISSING:
            required.append(name)
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if record_type in CHOICES:
        schema["anyOf"] = CHOICES[record_type]
    return {**schema, "required": required} if required else schema


def value(wanted: Any, key: Key | None, blocks: dict[str, Schema]) -> Schema:
    """Return what a value of this type may look like."""
    options: list[Schema] = []
    for option in alternatives(wanted):
        if option is not types.NoneType:
            options += [each for each in of_option(option, key, blocks) if each not in options]
    return options[0] if len(options) == 1 else {"anyOf": options}


def of_option(option: Any, key: Key | None, blocks: dict[str, Schema]) -> list[Schema]:
    """Return the schemas of one type that a key takes, alternatives of each other."""
    origin = typing.get_origin(option)
    parsed = key is not None and key.parse is not None
    if isinstance(origin, type) and issubclass(origin, Mapping):
        inner = value(typing.get_args(option)[1], key if key and key.each else None, blocks)
        return [{"type": "object", "additionalProperties": inner}]
    if origin is tuple and not (parsed and key and not key.each and not key.words):
        item = typing.get_args(option)[0]
        of = SCALAR if key and (key.words or key.each) else value(item, None, blocks)
        lone = [] if dataclasses.is_dataclass(item) and not parsed else [SCALAR]
        return [*lone, {"type": "array", "items": of}]
    if parsed and key and key.pattern:
        return [{"type": ["string", "integer"], "pattern": key.pattern}]
    if parsed:
        return [SCALAR]
    if dataclasses.is_dataclass(option):
        assert isinstance(option, type)
        return [{"$ref": f"#/definitions/{defined(option, blocks)}"}, *empty(option)]
    if origin is Literal:
        choices = typing.get_args(option)
        return [{"enum": [choice if isinstance(choice, bool) else spelled(choice) for choice in choices]}]
    return [{"type": "integer"}] if option is int else [TEXT]


def defined(record_type: type, blocks: dict[str, Schema]) -> str:
    """Add the schema of a block to `blocks`, unless it is there, and return its name."""
    name = record_type.__name__.removesuffix("Block").lower()
    if name not in blocks:
        blocks[name] = {}
        blocks[name] = block(record_type, blocks)
    return name


def empty(record_type: type) -> list[Schema]:
    """Return the schema of a key with no value, such as `catalog:` alone, for a block that needs none."""
    fields = dataclasses.fields(record_type)
    needed = any(field.default is field.default_factory is dataclasses.MISSING for field in fields)
    return [] if needed or record_type in CHOICES else [{"type": "null"}]
