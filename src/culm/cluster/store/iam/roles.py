"""Roles, the policies that are part of them, and the managed ones that they have."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from sqlite3 import Connection

import msgspec

from culm.cluster.store.iam import policies
from culm.core.model.record import record


@record
class Role:
    name: str
    arn: str
    path: str
    id: str
    """`AROA...`: a role that is made again is another one."""
    created_at: float
    """Epoch seconds."""
    trust: str
    """The policy document that says who may assume it."""
    description: str | None = None
    max_session_duration: int = 3600
    tags: Mapping[str, str] = field(default_factory=dict)
    boundary: str | None = None
    """The ARN of the managed policy that limits it."""


_decode = msgspec.json.Decoder(Role).decode


def find(db: Connection, name: str) -> Role | None:
    row = db.execute("SELECT body FROM iam_role WHERE name = ?", (name,)).fetchone()
    return _decode(row[0]) if row else None


def find_arn(db: Connection, arn: str) -> Role | None:
    row = db.execute("SELECT body FROM iam_role WHERE arn = ?", (arn,)).fetchone()
    return _decode(row[0]) if row else None


def below(db: Connection, path: str) -> Sequence[Role]:
    rows = db.execute("SELECT body FROM iam_role WHERE substr(path, 1, ?) = ? ORDER BY name", (len(path), path))
    return [_decode(row[0]) for row in rows]


def save(db: Connection, role: Role) -> None:
    db.execute(
        "INSERT INTO iam_role VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET body = excluded.body",
        (role.name, role.arn, role.path, msgspec.json.encode(role).decode()),
    )


def delete(db: Connection, name: str) -> None:
    db.execute("DELETE FROM iam_role WHERE name = ?", (name,))


def inline(db: Connection, role: str) -> dict[str, str]:
    """Return a role's inline policies, name to document."""
    rows = db.execute("SELECT name, document FROM iam_role_policy WHERE role = ? ORDER BY name", (role,))
    return {row["name"]: row["document"] for row in rows}


def put_inline(db: Connection, role: str, name: str, document: str) -> None:
    db.execute(
        "INSERT INTO iam_role_policy VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET document = excluded.document",
        (role, name, document),
    )


def delete_inline(db: Connection, role: str, name: str) -> bool:
    """Delete an inline policy; return whether there was one."""
    return db.execute("DELETE FROM iam_role_policy WHERE role = ? AND name = ?", (role, name)).rowcount > 0


def attached(db: Connection, role: str) -> Sequence[str]:
    """Return the ARNs of a role's managed policies."""
    return [r[0] for r in db.execute("SELECT policy_arn FROM iam_attachment WHERE role = ? ORDER BY 1", (role,))]


def attach(db: Connection, role: str, policy_arn: str) -> None:
    db.execute("INSERT OR IGNORE INTO iam_attachment VALUES (?, ?)", (role, policy_arn))


def detach(db: Connection, role: str, policy_arn: str) -> bool:
    """Detach a policy; return whether the role had it."""
    return db.execute("DELETE FROM iam_attachment WHERE role = ? AND policy_arn = ?", (role, policy_arn)).rowcount > 0


def documents(db: Connection, role_arn: str) -> Sequence[str]:
    """Return all that says what a role may do; nothing for an unknown role."""
    role = find_arn(db, role_arn)
    if role is None:
        return []
    managed = (policies.find(db, arn) for arn in attached(db, role.name))
    return [*inline(db, role.name).values(), *(policy.document for policy in managed if policy is not None)]


NOTHING = '{"Version": "2012-10-17", "Statement": []}'


def boundary(db: Connection, role_arn: str) -> str | None:
    """Return the document that limits a role, which allows nothing once its policy has gone; None without one."""
    role = find_arn(db, role_arn)
    if role is None or role.boundary is None:
        return None
    policy = policies.find(db, role.boundary)
    return NOTHING if policy is None else policy.document


def bounded_by(db: Connection, policy_arn: str) -> int:
    """Return how many roles a managed policy limits."""
    query = "SELECT count(*) FROM iam_role WHERE json_extract(body, '$.boundary') = ?"
    return int(db.execute(query, (policy_arn,)).fetchone()[0])
