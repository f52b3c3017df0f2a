"""ElastiCache's replication groups, users and user groups: what callers wish, and what the cache loop reports."""

import sqlite3
from collections.abc import Iterable, Sequence

import msgspec

from culm.cluster.store.servers import ServerRow, Servers, shared
from culm.core.model.record import record


@record
class GroupWish:
    """What CreateReplicationGroup said."""

    engine: str
    engine_version: str
    description: str
    node_type: str
    user_groups: tuple[str, ...] = ()


@record
class ReplicationGroup(ServerRow):
    wish: GroupWish


@record
class User:
    identifier: str
    name: str
    engine: str
    access_string: str
    digests: tuple[str, ...]
    """SHA-256 of each password, in hexadecimal; the passwords are nowhere kept."""


@record
class UserGroup:
    identifier: str
    engine: str
    users: tuple[str, ...] = ()


def insert(db: sqlite3.Connection, group: ReplicationGroup) -> None:
    db.execute(
        "INSERT INTO replication_group (identifier, body, port, created_at) VALUES (?, ?, ?, ?)",
        (group.identifier, msgspec.json.encode(group.wish).decode(), group.port, group.created_at),
    )


def save_user(db: sqlite3.Connection, user: User) -> None:
    db.execute(
        "INSERT INTO cache_user (identifier, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
        (user.identifier, msgspec.json.encode(user).decode()),
    )


def users(db: sqlite3.Connection) -> list[User]:
    rows = db.execute("SELECT body FROM cache_user ORDER BY identifier")
    return [msgspec.json.decode(row[0], type=User) for row in rows]


def find_user(db: sqlite3.Connection, identifier: str) -> User | None:
    row = db.execute("SELECT body FROM cache_user WHERE identifier = ?", (identifier,)).fetchone()
    return msgspec.json.decode(row[0], type=User) if row else None


def delete_user(db: sqlite3.Connection, identifier: str) -> None:
    """Delete a user, also from its groups."""
    db.execute("DELETE FROM cache_user WHERE identifier = ?", (identifier,))


def users_of(db: sqlite3.Connection, groups: Sequence[str]) -> list[User]:
    """Return the members of any of these user groups."""
    marks = ", ".join("?" * len(groups))
    rows = db.execute(
        "SELECT DISTINCT u.body, u.identifier FROM cache_user u JOIN cache_user_group_member m"
        f" ON m.user_id = u.identifier WHERE m.user_group IN ({marks}) ORDER BY u.identifier",
        tuple(groups),
    )
    return [msgspec.json.decode(row[0], type=User) for row in rows]


def save_user_group(db: sqlite3.Connection, group: UserGroup) -> None:
    """Write a group of users; its members are replaced."""
    db.execute(
        "INSERT INTO cache_user_group (identifier, engine) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (group.identifier, group.engine),
    )
    db.execute("DELETE FROM cache_user_group_member WHERE user_group = ?", (group.identifier,))
    members: Iterable[tuple[str, str]] = ((group.identifier, user) for user in group.users)
    db.executemany("INSERT INTO cache_user_group_member (user_group, user_id) VALUES (?, ?)", members)


def user_groups(db: sqlite3.Connection) -> list[UserGroup]:
    rows = db.execute("SELECT identifier, engine FROM cache_user_group ORDER BY identifier").fetchall()
    return [UserGroup(identifier=row[0], engine=row[1], users=_members(db, row[0])) for row in rows]


def find_user_group(db: sqlite3.Connection, identifier: str) -> UserGroup | None:
    return next((group for group in user_groups(db) if group.identifier == identifier), None)


def delete_user_group(db: sqlite3.Connection, identifier: str) -> None:
    db.execute("DELETE FROM cache_user_group WHERE identifier = ?", (identifier,))


def _members(db: sqlite3.Connection, group: str) -> tuple[str, ...]:
    query = "SELECT user_id FROM cache_user_group_member WHERE user_group = ? ORDER BY user_id"
    return tuple(row[0] for row in db.execute(query, (group,)))


def _read(row: sqlite3.Row) -> ReplicationGroup:
    return ReplicationGroup(**shared(row), wish=msgspec.json.decode(row["body"], type=GroupWish))


groups = Servers("replication_group", _read)
