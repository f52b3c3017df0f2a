"""The keys of tasks, as their SDKs fetch them."""

import json
from typing import Any

from culm.cluster.instance.credentials import PATH, Credentials
from culm.core.model.agent import RoleCredentials

KEYS = RoleCredentials(
    credentials_id="0f0e",
    role_arn="arn:aws:iam::000000000000:role/web",
    access_key_id="ASIAWEB",
    secret_access_key="secret",
    session_token="token",
    expiration=1767225600.0,
)


async def fetched(credentials: Credentials, path: str) -> tuple[int, dict[str, Any]]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await credentials({"type": "http", "method": "GET", "path": path, "headers": []}, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"])


async def test_a_task_fetches_its_keys_by_an_id_until_it_is_forgotten() -> None:
    credentials = Credentials()
    credentials.put("task/1", KEYS)
    path = credentials.path_of("task/1")
    assert path == f"{PATH}0f0e"
    assert await fetched(credentials, path) == (
        200,
        {
            "RoleArn": "arn:aws:iam::000000000000:role/web",
            "AccessKeyId": "ASIAWEB",
            "SecretAccessKey": "secret",
            "Token": "token",
            "Expiration": "2026-01-01T00:00:00Z",
        },
    )
    credentials.forget("task/1")
    status, body = await fetched(credentials, path)
    assert (status, body["code"]) == (404, "NoIdInRequest")
    assert credentials.path_of("task/1") == ""


async def test_a_task_without_a_role_has_no_place_for_keys_and_is_forgotten_all_the_same() -> None:
    credentials = Credentials()
    assert credentials.path_of("task/2") == ""
    credentials.forget("task/2")
