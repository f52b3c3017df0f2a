"""Parameters. All of them are sealed where they are stored; SecureStrings are shown only on demand.

https://docs.aws.amazon.com/systems-manager/latest/userguide/systems-manager-parameter-store.html
"""

import base64
import re
from typing import Any, Literal

from culm.cluster.services.ssm.filters import StringFilter, chosen
from culm.cluster.services.ssm.public_parameters import is_public, public_parameter
from culm.cluster.services.ssm.references import arn_of, check_new_name, check_path, selected, stored_name, tags_of
from culm.cluster.services.ssm.secret_references import is_secret, parameter_of
from culm.cluster.store import parameters
from culm.cluster.store.parameters import Parameter, ParameterVersion
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

LONGEST = {"Standard": 4096, "Advanced": 8192}
"""Bytes of a value, by tier."""
VERSIONS = 100
ENCRYPTED_WITH = "alias/aws/ssm"


@record
class PutParameterInput:
    name: str
    value: str
    type: Literal["String", "StringList", "SecureString"] | None = None
    overwrite: bool = False
    description: str | None = None
    key_id: Stored[str | None] = None
    tags: Stored[tuple[Tag, ...]] = ()
    tier: Literal["Standard", "Advanced", "Intelligent-Tiering"] | None = None
    data_type: Stored[str | None] = None
    allowed_pattern: str | None = None


@operation("ssm", "PutParameter")
def put_parameter(call: Call, req: PutParameterInput) -> dict[str, Any]:
    """Create a parameter, or add a version to one.

    Raises ParameterAlreadyExists without `overwrite`, and ValidationException for a name, type, tier, pattern or value
    that cannot be.
    """
    check_new_name(req.name)
    name = stored_name(call, req.name)
    before = parameters.version(call.db, name, open=False)
    if before is not None and not req.overwrite:
        raise AwsError(
            "ParameterAlreadyExists",
            "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.",
        )
    if req.overwrite and req.tags:
        raise AwsError(
            "ValidationException",
            "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please "
            "remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or "
            "RemoveTagsFromResource.",
        )
    kind = req.type or (before.type if before else None)
    if kind is None:
        raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
    was = parameters.find(call.db, name) or Parameter(name=req.name, tags=tags_of(req.tags))
    pattern = req.allowed_pattern if req.allowed_pattern is not None else was.allowed_pattern
    _check_pattern(pattern, req.value)
    number = before.version + 1 if before else 1
    wished = Parameter(
        name=was.name,
        description=req.description if req.description is not None else was.description,
        key_id=(req.key_id or was.key_id or ENCRYPTED_WITH) if kind == "SecureString" else None,
        tier=_tier(req, was),
        data_type=req.data_type or was.data_type,
        allowed_pattern=pattern,
        modified_by=call.principal.arn,
        tags=was.tags,
    )
    parameters.save(call.db, wished)
    new = parameters.NewVersion(about=wished, version=number, type=kind, value=req.value)
    parameters.put(call.db, new, call.now)
    _forget_the_oldest(call, wished.name)
    return {"version": number, "tier": wished.tier}


def _tier(req: PutParameterInput, was: Parameter) -> str:
    """Return the tier of a parameter's new version: an advanced one stays advanced."""
    size = len(req.value.encode())
    tier = req.tier or was.tier
    if tier == "Intelligent-Tiering":
        tier = "Advanced" if size > LONGEST["Standard"] else "Standard"
    if was.tier == "Advanced":
        tier = "Advanced"
    if size > LONGEST[tier]:
        more = " To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier."
        raise AwsError(
            "ValidationException",
            f"{tier} tier parameters support a maximum parameter value of {LONGEST[tier]} characters."
            f"{more if tier == 'Standard' else ''}",
        )
    return tier


def _check_pattern(pattern: str | None, value: str) -> None:
    if not pattern:
        return
    try:
        fits = re.search(pattern, value)
    except re.error:
        raise AwsError("InvalidAllowedPatternException", f"{pattern} is no regular expression.") from None
    if not fits:
        message = f"Parameter value, cannot be validated against allowedPattern: {pattern}"
        raise AwsError("ParameterPatternMismatchException", message)


def _forget_the_oldest(call: Call, name: str) -> None:
    """https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-versions.html"""
    there = parameters.versions(call.db, name)
    if len(there) > VERSIONS:
        if there[0].labels:
            raise AwsError(
                "ParameterMaxVersionLimitExceeded",
                f"You attempted to create a new version of {name} by calling the PutParameter API with the overwrite "
                f"flag. Version {there[0].version}, the oldest version, can't be deleted because it has a label "
                "associated with it. Move the label to another version of the parameter, and try again.",
            )
        parameters.delete_version(call.db, name, there[0].version)


@record
class GetParameterInput:
    name: str
    with_decryption: bool = False


@operation("ssm", "GetParameter")
def get_parameter(call: Call, req: GetParameterInput) -> dict[str, Any]:
    """Return a parameter's value; sealed unless its decryption is asked for. Raises ParameterNotFound."""
    parameter = look(call, req.name, opened=req.with_decryption)
    if parameter is None:
        raise AwsError("ParameterNotFound", f"Parameter {req.name} not found.")
    return {"parameter": parameter}


@record
class GetParametersInput:
    names: tuple[str, ...]
    with_decryption: bool = False


@operation("ssm", "GetParameters")
def get_parameters(call: Call, req: GetParametersInput) -> dict[str, Any]:
    """Return parameters; a version that is not there makes its name invalid, no error."""

    def find(name: str) -> dict[str, Any] | None:
        try:
            return look(call, name, opened=req.with_decryption)
        except AwsError as problem:
            if problem.code not in ("ParameterVersionNotFound", "ParameterNotFound"):
                raise
            return None

    by_name = {name: find(name) for name in req.names}
    return {
        "parameters": [each for each in by_name.values() if each is not None],
        "invalid_parameters": [name for name, each in by_name.items() if each is None],
    }


@record
class GetParametersByPathInput:
    path: str
    recursive: bool = False
    with_decryption: bool = False
    parameter_filters: tuple[StringFilter, ...] = ()
    """Type, KeyId and Label; that of a label finds the version that has it."""


@operation("ssm", "GetParametersByPath")
def get_parameters_by_path(call: Call, req: GetParametersByPathInput) -> dict[str, Any]:
    """Return the parameters below a path, at any depth if `recursive`. Raises InvalidFilterKey."""
    check_path(req.path)
    below = req.path.rstrip("/") + "/"
    there = [p for p in parameters.below(call.db, below) if req.recursive or "/" not in p.name[len(below) :]]
    for each in req.parameter_filters:
        if each.key not in ("Type", "KeyId", "Label"):
            message = (
                f"The following filter key is not valid: {each.key}. Valid filter keys include: [Type, KeyId, Label]"
            )
            raise AwsError("InvalidFilterKey", message)
    labels = [label for each in req.parameter_filters if each.key == "Label" for label in each.values]
    selected = chosen(call, there, req.parameter_filters)
    return {"parameters": [look(call, _labelled(call, p.name, labels), opened=req.with_decryption) for p in selected]}


def _labelled(call: Call, name: str, labels: list[str]) -> str:
    has = {label for version in parameters.versions(call.db, name) for label in version.labels}
    return next((f"{name}:{label}" for label in labels if label in has), name)


@record
class DeleteParameterInput:
    name: str


@operation("ssm", "DeleteParameter")
def delete_parameter(call: Call, req: DeleteParameterInput) -> None:
    """Delete a parameter with its versions. Raises ParameterNotFound."""
    if not parameters.delete(call.db, stored_name(call, req.name)):
        raise AwsError("ParameterNotFound", f"Parameter {req.name} not found.")


@record
class DeleteParametersInput:
    names: tuple[str, ...]


@operation("ssm", "DeleteParameters")
def delete_parameters(call: Call, req: DeleteParametersInput) -> dict[str, Any]:
    """Delete parameters; names that there are not are in `invalid_parameters`."""
    gone = {name: parameters.delete(call.db, stored_name(call, name)) for name in req.names}
    return {
        "deleted_parameters": [name for name, was_there in gone.items() if was_there],
        "invalid_parameters": [name for name, was_there in gone.items() if not was_there],
    }


def look(call: Call, reference: str, *, opened: bool) -> dict[str, Any] | None:
    """Return a parameter as it is read; a SecureString's value stays sealed unless `opened`. A secret may be meant."""
    if is_secret(reference):
        return parameter_of(call, reference, opened=opened)
    if is_public(reference):
        return public_parameter(call, reference)
    choice = selected(call, reference, opened=True)
    if choice is None:
        return None
    version, selector = choice
    asked = reference.partition(":")[0]
    return {
        "name": version.name if reference.startswith("arn:") else asked,
        "type": version.type,
        "value": value_of(version, opened=opened),
        "version": version.version,
        "selector": selector,
        "last_modified_date": version.modified_at,
        "arn": arn_of(call, version.name),
        "data_type": _data_type(call, version),
    }


def _data_type(call: Call, version: ParameterVersion) -> str:
    known = parameters.find(call.db, version.name)
    return known.data_type if known else "text"


def value_of(version: ParameterVersion, *, opened: bool) -> str | None:
    """Return a version's value; of a SecureString what is stored, in base64, unless it is to be opened."""
    hidden = version.type == "SecureString" and not opened
    return base64.b64encode(version.sealed).decode() if hidden else version.value
