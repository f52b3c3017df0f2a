"""The password that `docker login` takes.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
"""

import base64
from typing import Any

from culm.cluster.store.ecr import tokens
from culm.cluster.wire.operations import Call, operation
from culm.core.model.record import Stored, record


@record
class GetAuthorizationTokenInput:
    registry_ids: Stored[tuple[str, ...]] = ()
    """One token opens every registry of the account: https://docs.aws.amazon.com/cli/latest/reference/ecr/"""


@operation("ecr", "GetAuthorizationToken")
def get_authorization_token(call: Call, req: GetAuthorizationTokenInput) -> dict[str, Any]:
    """Mint a password for the registry, good for 12 hours, as `user:password` in base64."""
    password, expires_at = tokens.mint(call.db, call.new_id, call.now)
    return {
        "authorization_data": [
            {
                "authorization_token": base64.b64encode(f"AWS:{password}".encode()).decode(),
                "expires_at": expires_at,
                "proxy_endpoint": call.endpoint,
            }
        ]
    }
