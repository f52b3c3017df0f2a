"""The versions of a parameter, and the labels that point to them.

https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-labels.html
"""

import re
from collections.abc import Sequence
from typing import Any

from culm.cluster.services.ssm.parameters import value_of
from culm.cluster.services.ssm.references import known
from culm.cluster.store import parameters
from culm.cluster.store.parameters import Parameter, ParameterVersion
from culm.cluster.store.sealing import Corrupted
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import record
from culm.errors import AwsError

LABELS_PER_VERSION = 10
_LABEL = re.compile(r"(?!\d|aws|ssm)[A-Za-z0-9_.-]{1,100}", re.IGNORECASE)


@record
class GetParameterHistoryInput:
    name: str
    with_decryption: bool = False


@operation("ssm", "GetParameterHistory")
def get_parameter_history(call: Call, req: GetParameterHistoryInput) -> dict[str, Any]:
    """Return all versions of a parameter, the oldest first.

    Raises ParameterNotFound, and InternalServerError for a value that cannot be read from the disk.
    """
    parameter = known(call, req.name)
    try:
        there = parameters.versions(call.db, parameter.name, open=True)
    except Corrupted as what:
        raise AwsError("InternalServerError", f"This is corrupted: {what}. Put it there again.", 500) from what
    opened = req.with_decryption
    return {"parameters": [_described(version, version.about or parameter, opened) for version in there]}


def _described(version: ParameterVersion, about: Parameter, opened: bool) -> dict[str, Any]:
    return {
        "name": about.name,
        "type": version.type,
        "key_id": about.key_id,
        "last_modified_date": version.modified_at,
        "last_modified_user": about.modified_by,
        "description": about.description,
        "value": value_of(version, opened=opened),
        "allowed_pattern": about.allowed_pattern,
        "version": version.version,
        "labels": version.labels,
        "tier": about.tier,
        "policies": [],
        "data_type": about.data_type,
    }


@record
class LabelParameterVersionInput:
    name: str
    labels: tuple[str, ...]
    parameter_version: int | None = None
    """None: the newest."""


@operation("ssm", "LabelParameterVersion")
def label_parameter_version(call: Call, req: LabelParameterVersionInput) -> dict[str, Any]:
    """Label a version; a label is on one version, so it moves.

    Those that no label may be are told, and do not hold back the others.
    """
    name = known(call, req.name).name
    there = parameters.versions(call.db, name)
    target = _version(there, req.parameter_version, name)
    valid = [label for label in dict.fromkeys(req.labels) if _LABEL.fullmatch(label)]
    wished = tuple(dict.fromkeys((*target.labels, *valid)))
    if len(wished) > LABELS_PER_VERSION:
        raise AwsError(
            "ParameterVersionLabelLimitExceeded",
            "An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: "
            f"A parameter version can have maximum {LABELS_PER_VERSION} labels."
            "Move one or more labels to another version and try again.",
        )
    for version in there:
        left = [label for label in version.labels if label not in valid]
        if len(left) < len(version.labels):
            parameters.set_labels(call.db, name, version.version, left)
    parameters.set_labels(call.db, name, target.version, wished)
    invalid = [label for label in req.labels if label not in valid]
    return {"invalid_labels": invalid, "parameter_version": target.version}


@record
class UnlabelParameterVersionInput:
    name: str
    parameter_version: int
    labels: tuple[str, ...]


@operation("ssm", "UnlabelParameterVersion")
def unlabel_parameter_version(call: Call, req: UnlabelParameterVersionInput) -> dict[str, Any]:
    """Take labels from a version; those that it does not have are in `invalid_labels`. Raises ParameterNotFound."""
    name = known(call, req.name).name
    target = _version(parameters.versions(call.db, name), req.parameter_version, name)
    removed = [label for label in req.labels if label in target.labels]
    parameters.set_labels(call.db, name, target.version, [each for each in target.labels if each not in removed])
    return {"removed_labels": removed, "invalid_labels": [each for each in req.labels if each not in removed]}


def _version(there: Sequence[ParameterVersion], number: int | None, name: str) -> ParameterVersion:
    for version in reversed(there):
        if number in (None, version.version):
            return version
    raise AwsError(
        "ParameterVersionNotFound",
        f"Systems Manager could not find version {number} of {name}. Verify the version and try again.",
    )
