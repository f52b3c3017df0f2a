"""Servers that a loop keeps running, of databases and of caches: what is kept of each, and its table's queries."""

import sqlite3
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from culm.core.model.record import record


@record
class ServerFacts:
    """What the loop over servers reports of one; the loop alone writes it."""

    status: str
    reason: str
    """Why it cannot be made; empty: it can."""
    address: str | None
    port: int | None


@record
class ServerRow:
    """What every server has; its kind adds the caller's wish."""

    identifier: str
    port: int
    """The port asked for; `endpoint_port` is the one got."""
    created_at: float
    deleting: bool = False
    status: str = "creating"
    status_reason: str = ""
    endpoint_address: str | None = None
    endpoint_port: int | None = None


S = TypeVar("S", bound=ServerRow)

_SHARED = tuple(ServerRow.__dataclass_fields__)


def shared(row: sqlite3.Row) -> dict[str, Any]:
    """Return the fields of `ServerRow` in a row, by name."""
    return {name: row[name] for name in _SHARED} | {"deleting": bool(row["deleting"])}


class Servers(Generic[S]):
    """The table of one kind of server. `read` makes the record of a row."""

    def __init__(self, table: str, read: Callable[[sqlite3.Row], S]) -> None:
        self._table = table
        self._read = read

    def find(self, db: sqlite3.Connection, identifier: str) -> S | None:
        row = db.execute(f"SELECT * FROM {self._table} WHERE identifier = ?", (identifier,)).fetchone()
        return self._read(row) if row else None

    def every(self, db: sqlite3.Connection) -> list[S]:
        """Return all of them, ordered by identifier."""
        return [self._read(row) for row in db.execute(f"SELECT * FROM {self._table} ORDER BY identifier")]

    def identifiers(self, db: sqlite3.Connection) -> list[str]:
        """Return the identifiers alone, in their order: reads no row that might be damaged."""
        return [row[0] for row in db.execute(f"SELECT identifier FROM {self._table} ORDER BY identifier")]

    def wish_deleted(self, db: sqlite3.Connection, identifier: str) -> None:
        """Ask the loop to stop the server and remove its data; the row goes when that is done."""
        db.execute(f"UPDATE {self._table} SET deleting = 1 WHERE identifier = ?", (identifier,))

    def write_facts(self, db: sqlite3.Connection, identifier: str, facts: ServerFacts) -> None:
        """Write the loop's columns; nobody else writes them."""
        db.execute(
            f"UPDATE {self._table} SET status = ?, status_reason = ?, endpoint_address = ?, endpoint_port = ?"
            " WHERE identifier = ?",
            (facts.status, facts.reason, facts.address, facts.port, identifier),
        )

    def delete(self, db: sqlite3.Connection, identifier: str) -> None:
        db.execute(f"DELETE FROM {self._table} WHERE identifier = ?", (identifier,))
