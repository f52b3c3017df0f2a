"""Rotation: a Lambda function does it on Amazon, and there are none here, so nothing can be rotated.

https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
"""

from typing import Any

from culm.cluster.services.secretsmanager.references import secret_named
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record
from culm.errors import AwsError


@record
class RotateSecretInput:
    secret_id: str
    client_request_token: str | None = None
    rotation_lambda_arn: str | None = None
    rotation_rules: Stored[dict[str, Any] | None] = None
    rotate_immediately: Stored[bool] = True


@operation("secretsmanager", "RotateSecret")
def rotate_secret(call: Call, req: RotateSecretInput) -> dict[str, Any]:
    """Answer as AWS does where no function can be invoked: InvalidRequestException without one, else AccessDenied.

    Raises ResourceNotFoundException for a secret, and InvalidParameterException without a token, which SDKs send.
    """
    if req.client_request_token is None:
        raise AwsError(
            "InvalidParameterException", "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
    secret_named(call, req.secret_id)
    if req.rotation_lambda_arn is None:
        raise AwsError("InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
    raise AwsError(
        "AccessDeniedException",
        "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to "
        "the principal secretsmanager.amazonaws.com.",
    )
