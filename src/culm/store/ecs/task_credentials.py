"""The keys that tasks sign their requests with."""

from collections.abc import Sequence
from sqlite3 import Connection

import msgspec

from culm.model.agent import RoleCredentials

_decoder = msgspec.json.Decoder(RoleCredentials)


def find(db: Connection, task_arn: str) -> RoleCredentials | None:
    row = db.execute("SELECT body FROM ecs_task_credentials WHERE task_arn = ?", (task_arn,)).fetchone()
    return _decoder.decode(row[0]) if row else None


def list(db: Connection) -> Sequence[tuple[str, RoleCredentials]]:
    rows = db.execute("SELECT task_arn, body FROM ecs_task_credentials")
    return [(row[0], _decoder.decode(row[1])) for row in rows]


def save(db: Connection, task_arn: str, credentials: RoleCredentials) -> None:
    db.execute(
        "INSERT INTO ecs_task_credentials VALUES (?, ?) ON CONFLICT (task_arn) DO UPDATE SET body = excluded.body",
        (task_arn, msgspec.json.encode(credentials).decode()),
    )


def delete(db: Connection, task_arn: str) -> None:
    db.execute("DELETE FROM ecs_task_credentials WHERE task_arn = ?", (task_arn,))
