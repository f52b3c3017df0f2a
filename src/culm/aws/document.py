"""CloudFormation's own words as Python values, and the template printed as a document. Pure."""

import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from culm.core.model.record import record

ACCOUNT, REGION = "${AWS::AccountId}", "${AWS::Region}"
"""Stand for whatever they are where the stack stands."""

Resources = dict[str, dict[str, Any]]
"""By logical id, in the order in which they are read."""


class Ref(str):
    """`!Ref`"""

    __slots__ = ()


class Att(str):
    """`!GetAtt`, such as `Vault.Arn`."""

    __slots__ = ()


class Sub(str):
    """`!Sub`"""

    __slots__ = ()


class Base64(str):
    """`Fn::Base64` of a `!Sub`: a script with stand-ins."""

    __slots__ = ()


@record
class Section:
    """Resources that belong together."""

    title: str
    """What a reader should know about them; lines."""
    resources: Resources


@record
class Template:
    description: str
    parameters: Resources
    sections: tuple[Section, ...]
    outputs: Resources

    @property
    def resources(self) -> Resources:
        return {name: body for section in self.sections for name, body in section.resources.items()}


def resource(kind: str, properties: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """Return a resource of the template: `resource("EC2::Subnet", {...}, DependsOn="Gateway")`."""
    return {"Type": f"AWS::{kind}", **attributes, "Properties": dict(properties)}


def kept(kind: str, properties: Mapping[str, Any], **attributes: Any) -> dict[str, Any]:
    """Render a resource that outlives its stack, as it holds data. A stack that finds one of its name adopts it.

    One that was made by a creation that failed is empty, and goes with it.
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html
    """
    return resource(kind, properties, DeletionPolicy="RetainExceptOnCreate", UpdateReplacePolicy="Retain", **attributes)


def substituted(value: Any) -> Any:
    """Return the value with its texts that have `${...}` in them as `!Sub`."""
    match value:
        case Mapping():
            return {key: substituted(inner) for key, inner in value.items()}
        case list() | tuple():
            return [substituted(inner) for inner in value]
        case str() if type(value) is str and "${" in value:
            # without a stand-in there is nothing to fill in, and nothing to keep from it
            return Sub(value) if re.search(r"\$\{[^!]", value) else value.replace("${!", "${")
        case _:
            return value


def logical(name: str) -> str:
    """Return a service's name as part of a logical id, which is letters and digits: `order-items` is `OrderItems`."""
    parts = name.split("-")
    return "".join(part.capitalize() if part[0].isalpha() else f"Dash{part}" for part in parts)


def tags(**more: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in more.items()]


class _Writer(yaml.SafeDumper):
    """Block style, wide lines, no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _text(writer: yaml.SafeDumper, value: str) -> yaml.Node:
    style = "|" if "\n" in value else None
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text)
_Writer.add_representer(Ref, lambda writer, value: writer.represent_scalar("!Ref", str(value)))
_Writer.add_representer(Att, lambda writer, value: writer.represent_scalar("!GetAtt", str(value)))
_Writer.add_representer(Sub, lambda writer, value: writer.represent_scalar("!Sub", str(value), style="'"))
_Writer.add_representer(Base64, lambda writer, value: writer.represent_dict({"Fn::Base64": Script(value)}))


class Lines(dict[str, Any]):
    """A mapping with a line for each key, however short."""


_Writer.add_representer(
    Lines, lambda writer, value: writer.represent_mapping("tag:yaml.org,2002:map", value.items(), flow_style=False)
)


class Script(str):
    """A `!Sub` over lines."""

    __slots__ = ()


_Writer.add_representer(Script, lambda writer, value: writer.represent_scalar("!Sub", str(value), style="|"))


def written(template: Template) -> str:
    """Return the template as YAML that people read: in order, with a comment above each section."""
    described = textwrap.fill(template.description, width=110, initial_indent="  ", subsequent_indent="  ")
    parts = [f'AWSTemplateFormatVersion: "2010-09-09"\nDescription: >-\n{described}\n']
    if template.parameters:
        parts.append("Parameters:\n" + _entries(template.parameters))
    resources = "Resources:\n"
    for section in template.sections:
        comment = "".join(f"  # {line}\n" for line in section.title.splitlines())
        gap = "" if resources == "Resources:\n" else "\n"
        resources += f"{gap}{comment}\n{_entries(section.resources)}"
    parts.append(resources)
    if template.outputs:
        parts.append("Outputs:\n" + _entries(template.outputs))
    return "\n".join(parts)


def _long(value: Any) -> Any:
    """Functions by their long names, which JSON has to use."""
    match value:
        case Mapping():
            return {key: _long(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_long(inner) for inner in value]
        case Ref():
            return {"Ref": str(value)}
        case Att():
            return {"Fn::GetAtt": str(value).split(".", 1)}
        case Sub():
            return {"Fn::Sub": str(value)}
        case Base64():
            return {"Fn::Base64": {"Fn::Sub": str(value)}}
        case _:
            return value


def _entries(entries: Resources) -> str:
    return "\n".join(_inside({name: body}) for name, body in entries.items())


def _inside(entry: Resources) -> str:
    """Return one entry of a section, its own keys and its properties a line each."""
    block = {
        name: Lines({k: Lines(v) if k == "Properties" else v for k, v in body.items()}) for name, body in entry.items()
    }
    return "".join(f"  {line}\n" if line else "\n" for line in _yaml(Lines(block)).splitlines())


def _yaml(value: Any) -> str:
    """Leaves on one line, all else in blocks. PyYAML quotes whatever has a tag; names need no quotes."""
    dumped = yaml.dump(value, Dumper=_Writer, sort_keys=False, width=110, allow_unicode=True, default_flow_style=None)
    return re.sub(r"(!Ref|!GetAtt) '([A-Za-z0-9.]+)'", r"\1 \2", dumped)


class _Reader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's, where it is there
    """Reads what `written` writes, and JSON, which is YAML."""


def _read_as(kind: type[str]) -> Callable[[yaml.SafeLoader, yaml.Node], str]:
    return lambda reader, node: kind(node.value)


_Reader.add_constructor("!Ref", _read_as(Ref))
_Reader.add_constructor("!GetAtt", _read_as(Att))
_Reader.add_constructor("!Sub", _read_as(Sub))


def read(text: str | Mapping[str, Any]) -> dict[str, Any]:
    """Return a template as plain values, functions by their long names, however it was written.

    boto3 hands out a template that was written as JSON already parsed, and one that was written as YAML as text:
    https://boto3.amazonaws.com/v1/documentation/api/latest/reference/services/cloudformation/client/get_template.html
    """
    parsed = text if isinstance(text, Mapping) else yaml.load(text, _Reader)
    document: dict[str, Any] = _long(parsed)
    return document
