"""The credentials of tasks, as their SDKs fetch them: `GET /v2/credentials/<id>`, an id that cannot be guessed.

https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
"""

from datetime import UTC, datetime

from culm.cluster.instance.http import Receive, Scope, Send, answer
from culm.core.model.agent import RoleCredentials

PATH = "/v2/credentials/"


class Credentials:
    """What the agents of this process were given for their tasks; also the ASGI application that hands them out."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}
        self._by_id: dict[str, RoleCredentials] = {}

    def put(self, task_arn: str, credentials: RoleCredentials) -> None:
        self._ids[task_arn] = credentials.credentials_id
        self._by_id[credentials.credentials_id] = credentials

    def path_of(self, task_arn: str) -> str:
        """Return where the task finds its own; empty if it has none."""
        id = self._ids.get(task_arn)
        return f"{PATH}{id}" if id else ""

    def forget(self, task_arn: str) -> None:
        self._by_id.pop(self._ids.pop(task_arn, ""), None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        credentials = self._by_id.get(scope["path"].removeprefix(PATH))
        if credentials is None:
            body = {"code": "NoIdInRequest", "message": "CredentialsV2Request: no task has this credentials id"}
        else:
            body = {
                "RoleArn": credentials.role_arn,
                "AccessKeyId": credentials.access_key_id,
                "SecretAccessKey": credentials.secret_access_key,
                "Token": credentials.session_token,
                "Expiration": datetime.fromtimestamp(credentials.expiration, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        await answer(send, 200 if credentials else 404, body)
