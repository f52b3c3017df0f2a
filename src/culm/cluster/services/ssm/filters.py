"""Which parameters are meant.

https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html
"""

from collections.abc import Sequence

from culm.cluster.store import parameters
from culm.cluster.store.parameters import Parameter
from culm.cluster.wire.operations import Call
from culm.core.model.record import record
from culm.errors import AwsError

KEYS = ("Path", "Name", "Type", "KeyId", "Label", "Tier", "DataType")


@record
class StringFilter:
    key: str
    option: str | None = None
    """`Equals` without; `BeginsWith`; `Contains` for names; `Recursive` or `OneLevel` for paths."""
    values: tuple[str, ...] = ()


def chosen(call: Call, there: Sequence[Parameter], filters: Sequence[StringFilter]) -> list[Parameter]:
    """Return those that satisfy every filter, each by any of its values.

    Without values a tag's filter asks for its key.
    """
    for wanted in filters:
        if wanted.key not in KEYS and not wanted.key.startswith("tag:"):
            message = (
                f"The following filter key is not valid: {wanted.key}. Valid filter keys include: [{', '.join(KEYS)}]"
            )
            raise AwsError("InvalidFilterKey", message)
        options = ("Recursive", "OneLevel") if wanted.key == "Path" else ("Equals", "BeginsWith", "Contains")
        if wanted.option is not None and wanted.option not in options:
            listed = ", ".join(options)
            message = f"The following filter option is not valid: {wanted.option}. Valid options include: [{listed}]"
            raise AwsError("InvalidFilterOption", message)
    return [parameter for parameter in there if all(_satisfies(call, parameter, wanted) for wanted in filters)]


def _satisfies(call: Call, parameter: Parameter, wanted: StringFilter) -> bool:
    if wanted.key == "Path":
        return any(_is_below(parameter.name, path, wanted.option) for path in wanted.values)
    have = _values(call, parameter, wanted.key)
    if not wanted.values:
        return bool(have)
    return any(_compare(value, text, wanted.option) for value in have for text in wanted.values)


def _values(call: Call, parameter: Parameter, key: str) -> Sequence[str]:
    match key:
        case "Name":
            return [parameter.name]
        case "Type":
            newest = parameters.version(call.db, parameter.name, open=False)
            return [newest.type] if newest else []
        case "KeyId":
            return [parameter.key_id] if parameter.key_id else []
        case "Label":
            return [label for version in parameters.versions(call.db, parameter.name) for label in version.labels]
        case "Tier":
            return [parameter.tier]
        case "DataType":
            return [parameter.data_type]
        case _:
            value = parameter.tags.get(key.removeprefix("tag:"))
            return [] if value is None else [value]


def _compare(value: str, text: str, option: str | None) -> bool:
    """Return whether a value is as an option of a filter has it; by default equal, with or without a slash in front."""
    match option:
        case "BeginsWith":
            return value.startswith(text)
        case "Contains":
            return text in value
        case _:
            return value == text or value == f"/{text}"


def _is_below(name: str, path: str, option: str | None) -> bool:
    below = path.rstrip("/") + "/"
    if not name.startswith(below):
        return False
    return option == "Recursive" or "/" not in name[len(below) :]
