"""RunTask's client tokens: asked again with the same token, it answers with the tasks that it started then.

https://docs.aws.amazon.com/AmazonECS/latest/APIReference/ECS_Idempotency.html
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from culm.cluster.store.ecs import client_tokens
from culm.cluster.wire.operations import Call
from culm.core.model.record import record
from culm.errors import AwsError

LIFETIME = 24 * 3600.0
"""Seconds that a token is remembered."""


@record
class Token:
    text: str
    cluster: str
    request: str

    @classmethod
    def of(cls, text: str | None, cluster: str, request: Any) -> "Token | None":
        """Return the token of a request in a cluster; None when it has none."""
        if text is None:
            return None
        return cls(text=text, cluster=cluster, request=msgspec.json.encode(request).decode())


def answered(call: Call, token: Token | None) -> Sequence[str] | None:
    """Return the tasks that this token's first request started; None if it is new."""
    if token is None:
        return None
    client_tokens.expire(call.db, call.now - LIFETIME)
    answer = client_tokens.find(call.db, token.cluster, token.text)
    if answer is None:
        return None
    if answer.request != token.request:
        raise AwsError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use"
            " with different parameters.",
        )
    return answer.task_arns


def remember(call: Call, token: Token | None, arns: Sequence[str]) -> None:
    """Keep what a request with a token has started, so that the same request again starts nothing."""
    if token is not None:
        answer = client_tokens.Answer(request=token.request, task_arns=tuple(arns))
        client_tokens.insert(call.db, token.cluster, token.text, answer, call.now)
