"""Secrets as parameters: `/aws/reference/secretsmanager/NAME` is read from Secrets Manager.

https://docs.aws.amazon.com/systems-manager/latest/userguide/integration-ps-secretsmanager.html
"""

import json
from typing import Any

from culm.cluster.services.secretsmanager.references import secret_named
from culm.cluster.services.secretsmanager.versions import GetSecretValueInput, get_secret_value
from culm.cluster.wire.actions import SECRETS
from culm.cluster.wire.operations import Call
from culm.core.model.arn import arn
from culm.errors import AwsError

PREFIX = SECRETS


def is_secret(name: str) -> bool:
    return name.startswith(PREFIX)


def parameter_of(call: Call, name: str, *, opened: bool) -> dict[str, Any]:
    """Return a secret as GetParameter shows it. `name`: `PREFIX`, the secret's name, `:` and a version's id or label.

    Raises ParameterNotFound, and ValidationException unless `opened`.
    """
    if not opened:
        message = "WithDecryption flag must be True for retrieving a Secret Manager secret."
        raise AwsError("ValidationException", message)
    secret, _, selector = name.removeprefix(PREFIX).partition(":")
    try:
        described = secret_named(call, secret)
        value = _value(call, secret, selector)
    except AwsError as problem:
        if problem.code not in ("ResourceNotFoundException", "InvalidRequestException", "ValidationException"):
            raise
        message = f"An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {name} not found."
        raise AwsError("ParameterNotFound", message) from None
    source = {
        "ARN": described.arn,
        "name": described.name,
        "versionId": value["version_id"],
        "versionStages": list(value["version_stages"]),
    }
    return {
        "name": name.partition(":")[0],
        "type": "SecureString",
        "value": value.get("secret_string"),
        "version": 0,
        "selector": f":{selector}" if selector else None,
        "source_result": json.dumps(source),
        "last_modified_date": value["created_date"],
        "arn": arn("ssm", call.region, call.account, f"parameter{name.partition(':')[0]}"),
        "data_type": "text",
    }


def _value(call: Call, secret: str, selector: str) -> dict[str, Any]:
    """Return a secret's value; a selector of 32 characters and more is a version's id, a shorter one a label."""
    by_id = len(selector) >= 32
    asked = GetSecretValueInput(
        secret_id=secret,
        version_id=selector if by_id else None,
        version_stage=selector if selector and not by_id else None,
    )
    return get_secret_value(call, asked)
