"""RunTask's client tokens: asked again with the same token, it answers with the tasks that it started then.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from typing import Any

import msgspec

from culm.errors import AwsError
from culm.model.record import record
from culm.wire.operations import Call

LIFETIME = 24 * 3600.0
"""Seconds that a token is remembered."""


@record
class Token:
    text: str
    cluster: str
    request: str

    @classmethod
    def of(cls, text: str | None, cluster: str, request: Any) -> "Token | None":
        if text is None:
            return None
        return cls(text=text, cluster=cluster, request=msgspec.json.encode(request).decode())


def answered(call: Call, token: Token | None) -> list[str] | None:
    """The tasks that this token's first request started; None if it is new."""
    if token is None:
        return None
    call.db.execute("DELETE FROM ecs_client_token WHERE created_at < ?", (call.now - LIFETIME,))
    row = call.db.execute(
        "SELECT request, answer FROM ecs_client_token WHERE cluster = ? AND token = ?", (token.cluster, token.text)
    ).fetchone()
    if row is None:
        return None
    if row["request"] != token.request:
        raise AwsError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use"
            " with different parameters.",
        )
    arns: list[str] = msgspec.json.decode(row["answer"])
    return arns


def remember(call: Call, token: Token | None, arns: list[str]) -> None:
    if token is not None:
        call.db.execute(
            "INSERT INTO ecs_client_token VALUES (?, ?, ?, ?, ?)",
            (token.cluster, token.text, call.now, token.request, msgspec.json.encode(arns).decode()),
        )
