"""Sessions of ECS Exec that have been asked for and not yet opened. Of a token only its digest is kept."""

import hashlib
import hmac
from sqlite3 import Connection

from culm.core.model.record import record


@record
class ExecSession:
    id: str
    task_arn: str
    container: str
    command: str
    expires_at: float
    """Epoch seconds."""


def save(db: Connection, session: ExecSession, token: str, now: float) -> None:
    """Save a session; those that have expired go."""
    db.execute("DELETE FROM ecs_exec_session WHERE expires_at <= ?", (now,))
    db.execute(
        "INSERT INTO ecs_exec_session VALUES (?, ?, ?, ?, ?, ?)",
        (session.id, digest(token), session.task_arn, session.container, session.command, session.expires_at),
    )


def redeem(db: Connection, id: str, token: str, now: float) -> ExecSession | None:
    """Return the session, once; None: there is none, its time is over, or the token is another's."""
    row = db.execute("SELECT * FROM ecs_exec_session WHERE id = ? AND expires_at > ?", (id, now)).fetchone()
    if row is None or not hmac.compare_digest(row["token_digest"], digest(token)):
        return None
    db.execute("DELETE FROM ecs_exec_session WHERE id = ?", (id,))
    return ExecSession(
        id=row["id"],
        task_arn=row["task_arn"],
        container=row["container"],
        command=row["command"],
        expires_at=row["expires_at"],
    )


def digest(token: str) -> str:
    """Return what a session's token is kept by: it is nowhere in plain text."""
    return hashlib.sha256(token.encode()).hexdigest()
