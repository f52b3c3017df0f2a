"""From what requests name to parameters and their versions, or the Parameter Store's own errors.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html
"""

import re
from collections.abc import Mapping

from culm.cluster.store import parameters
from culm.cluster.store.parameters import Parameter, ParameterVersion
from culm.cluster.store.sealing import Corrupted
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn
from culm.core.model.task_definitions import Tag
from culm.errors import AwsError

LEVELS = 15
_NAME = re.compile(r"[A-Za-z0-9_.-]+|/?[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
_PATH = re.compile(r"/|(/[A-Za-z0-9_.-]+)+/?")
_SHAPE = (
    'Parameter name: can\'t be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of '
    "sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 "
    "symbols .-_"
)


def check_new_name(name: str) -> None:
    """Raise SSM's error for a name that a parameter cannot have."""
    first = name.removeprefix("/").lower()
    if first.startswith("aws"):
        raise AwsError("AccessDeniedException", f"No access to reserved parameter name: {name}.")
    if first.startswith("ssm") or not _NAME.fullmatch(name):
        raise AwsError("ValidationException", _SHAPE)
    if "/" in name and not name.startswith("/"):
        raise AwsError("ValidationException", "Parameter name must be a fully qualified name.")
    if name.count("/") > LEVELS:
        raise AwsError(
            "HierarchyLevelLimitExceededException",
            f"A parameter hierarchy can have at most {LEVELS} levels: {name}",
        )


def check_path(path: str) -> None:
    """Raise ValidationException for what is no path of parameters."""
    if not _PATH.fullmatch(path):
        raise AwsError(
            "ValidationException",
            "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward "
            'slash "/". It can\'t be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, '
            "numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not "
            'allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: '
            "/get/parameters2-/by1./path0_.",
        )


def known(call: Call, name: str) -> Parameter:
    """Return the parameter. Raises ParameterNotFound."""
    parameter = parameters.find(call.db, stored_name(call, name))
    if parameter is None:
        raise AwsError("ParameterNotFound", f"Parameter {name} not found.")
    return parameter


def stored_name(call: Call, reference: str) -> str:
    """Return the name of the parameter that is meant.

    An ARN does not tell whether it begins with a slash, nor need a name.
    """
    named = reference.split(":parameter", 1)[-1] if reference.startswith("arn:") else reference
    if not _NAME.fullmatch(named) or ("/" in named and not named.startswith("/")):
        raise AwsError("ValidationException", _SHAPE)
    other = named[1:] if named.startswith("/") else f"/{named}"
    return other if parameters.find(call.db, named) is None and parameters.find(call.db, other) else named


def selected(call: Call, reference: str, *, opened: bool) -> tuple[ParameterVersion, str | None] | None:
    """Return a parameter by name, `name:version`, `name:label` or ARN, and the selector; None if there is none."""
    body = reference.split(":parameter", 1)[-1] if reference.startswith("arn:") else reference
    named, colon, selector = body.partition(":")
    name = stored_name(call, named)
    if parameters.find(call.db, name) is None:
        return None
    try:
        if not colon:
            number = None
        elif selector.isdigit():
            number = int(selector)
        else:
            labelled = (v.version for v in parameters.versions(call.db, name) if selector in v.labels)
            number = next(labelled, 0)
        version = parameters.version(call.db, name, number, open=opened)
    except Corrupted as what:
        raise AwsError("InternalServerError", f"This is corrupted: {what}. Put it there again.", 500) from what
    if version is None:
        what_ = f"version {selector} of" if selector.isdigit() else f"label {selector} for parameter"
        how = "version" if selector.isdigit() else "label"
        raise AwsError(
            "ParameterVersionNotFound",
            f"Systems Manager could not find {what_} {named}. Verify the {how} and try again.",
        )
    return version, f":{selector}" if colon else None


def arn_of(call: Call, name: str) -> str:
    """Return a parameter's ARN; the slash that its name may begin with is not doubled."""
    return arn("ssm", call.region, call.account, f"parameter/{name.removeprefix('/')}")


def tags_of(given: tuple[Tag, ...]) -> dict[str, str]:
    return {tag.key: tag.value for tag in given}


def shown(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]
