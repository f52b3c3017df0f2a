"""Parameters. All of them are sealed where they are stored; SecureStrings are shown only on demand.

https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
"""

import base64
from typing import Any, Literal

from culm.errors import AwsError
from culm.model.arn import arn
from culm.model.record import Stored, record
from culm.model.task_definitions import Tag
from culm.store import parameters
from culm.store.parameters import Parameter, Version
from culm.store.sealing import Corrupted
from culm.wire.operations import Call, operation


@record
class PutParameterInput:
    name: str
    value: str
    type: Literal["String", "StringList", "SecureString"] | None = None
    overwrite: bool = False
    description: str | None = None
    key_id: Stored[str | None] = None
    tags: Stored[tuple[Tag, ...]] = ()
    tier: Stored[str | None] = None
    data_type: Stored[str | None] = None


@operation("ssm", "PutParameter")
def put_parameter(call: Call, req: PutParameterInput) -> dict[str, Any]:
    before = parameters.version(call.db, req.name, open=False)
    if before is not None and not req.overwrite:
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    kind = req.type or (before.type if before else None)
    if kind is None:
        raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
    number = before.version + 1 if before else 1
    known = parameters.find(call.db, req.name)
    description = req.description if req.description is not None else known.description if known else None
    parameters.save(call.db, Parameter(name=req.name, description=description))
    parameters.put(call.db, req.name, number, kind, req.value, call.now)
    return {"version": number, "tier": "Standard"}


@record
class GetParameterInput:
    name: str
    with_decryption: bool = False


@operation("ssm", "GetParameter")
def get_parameter(call: Call, req: GetParameterInput) -> dict[str, Any]:
    found = look(call, req.name, opened=req.with_decryption)
    if found is None:
        raise AwsError("ParameterNotFound", f"Parameter {req.name} not found.")
    return {"parameter": found}


@record
class GetParametersInput:
    names: tuple[str, ...]
    with_decryption: bool = False


@operation("ssm", "GetParameters")
def get_parameters(call: Call, req: GetParametersInput) -> dict[str, Any]:
    found = {name: look(call, name, opened=req.with_decryption) for name in req.names}
    return {
        "parameters": [each for each in found.values() if each is not None],
        "invalid_parameters": [name for name, each in found.items() if each is None],
    }


@record
class GetParametersByPathInput:
    path: str
    recursive: bool = False
    with_decryption: bool = False


@operation("ssm", "GetParametersByPath")
def get_parameters_by_path(call: Call, req: GetParametersByPathInput) -> dict[str, Any]:
    below = req.path.rstrip("/") + "/"
    names = [p.name for p in parameters.list(call.db, below) if req.recursive or "/" not in p.name[len(below) :]]
    return {"parameters": [look(call, name, opened=req.with_decryption) for name in names]}


@record
class DeleteParameterInput:
    name: str


@operation("ssm", "DeleteParameter")
def delete_parameter(call: Call, req: DeleteParameterInput) -> None:
    if not parameters.delete(call.db, req.name):
        raise AwsError("ParameterNotFound", f"Parameter {req.name} not found.")


@record
class DescribeParametersInput:
    pass


@operation("ssm", "DescribeParameters")
def describe_parameters(call: Call, req: DescribeParametersInput) -> dict[str, Any]:
    shown = []
    for parameter in parameters.list(call.db):
        newest = parameters.version(call.db, parameter.name, open=False)
        assert newest is not None, "a parameter has a version"
        shown.append(
            {
                "name": parameter.name,
                "arn": arn_of(call, parameter.name),
                "type": newest.type,
                "last_modified_date": newest.modified_at,
                "version": newest.version,
                "description": parameter.description,
                "tier": "Standard",
                "data_type": "text",
            }
        )
    return {"parameters": shown}


def look(call: Call, selector: str, *, opened: bool) -> dict[str, Any] | None:
    """A parameter by `name`, `name:version`, or ARN; a SecureString's value stays sealed unless `opened`."""
    named = selector.split(":parameter", 1)[1] if selector.startswith("arn:") else selector
    name, _, number = named.partition(":")
    wanted = int(number) if number.isdigit() else None
    name = name if parameters.find(call.db, name) else name.removeprefix("/")
    found = open_version(call, name, wanted)
    if found is None:
        return None
    hidden = found.type == "SecureString" and not opened
    return {
        "name": name,
        "type": found.type,
        "value": base64.b64encode(found.sealed).decode() if hidden else found.value,
        "version": found.version,
        "selector": f":{number}" if number else None,
        "last_modified_date": found.modified_at,
        "arn": arn_of(call, name),
        "data_type": "text",
    }


def open_version(call: Call, name: str, number: int | None) -> Version | None:
    try:
        return parameters.version(call.db, name, number)
    except Corrupted as what:
        raise AwsError("InternalServerError", f"This is corrupted: {what}. Put it there again.", 500) from what


def arn_of(call: Call, name: str) -> str:
    return arn("ssm", call.region, call.account, f"parameter/{name.removeprefix('/')}")
