"""RunTask's client tokens, each with its request and the tasks that answered it."""

from sqlite3 import Connection

import msgspec

from culm.core.model.record import record


@record
class Answer:
    request: str
    """The whole request, as text to compare."""
    task_arns: tuple[str, ...]


def find(db: Connection, cluster: str, token: str) -> Answer | None:
    row = db.execute(
        "SELECT request, answer FROM ecs_client_token WHERE cluster = ? AND token = ?", (cluster, token)
    ).fetchone()
    return Answer(request=row[0], task_arns=msgspec.json.decode(row[1], type=tuple[str, ...])) if row else None


def insert(db: Connection, cluster: str, token: str, answer: Answer, now: float) -> None:
    arns = msgspec.json.encode(answer.task_arns).decode()
    db.execute("INSERT INTO ecs_client_token VALUES (?, ?, ?, ?, ?)", (cluster, token, now, answer.request, arns))


def expire(db: Connection, before: float) -> None:
    db.execute("DELETE FROM ecs_client_token WHERE created_at < ?", (before,))
