"""Bring every table back to what it held when the database was new.

What a new database holds is what the migrations put into it, such as the default VPC. Kept are the cluster's own
settings and which migrations were applied; servers of databases and caches are asked to go, and their rows go with
them, since a row that goes at once would leave a server that nothing stops any more.
"""

import contextlib
import functools
import sqlite3
from collections.abc import Sequence

from culm.cluster.store.db import connect

KEPT = frozenset({"migration", "cluster_setting"})
SERVERS = ("db_instance", "replication_group")

Rows = Sequence[tuple[object, ...]]


def reset(db: sqlite3.Connection) -> None:
    """Delete every row but those of `KEPT` and `SERVERS`, and insert what a new database has."""
    db.execute("PRAGMA defer_foreign_keys = ON")  # until this transaction is committed: tables are in no order
    for table in SERVERS:
        db.execute(f"UPDATE {table} SET deleting = 1")
    new = initial_rows()
    for _ in range(2):  # triggers on a table may write into one that was emptied before
        for table in new:
            db.execute(f"DELETE FROM {table}")
    for table, rows in new.items():
        if rows:
            places = ", ".join("?" * len(rows[0]))
            db.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


@functools.cache
def initial_rows() -> dict[str, Rows]:
    """Return the rows of a new database, table by table, without those tables that `reset` leaves alone."""
    with contextlib.closing(connect(":memory:")) as db:
        names = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        tables = [name for name in names if name not in KEPT | set(SERVERS) and not name.startswith("sqlite_")]
        return {table: [tuple(row) for row in db.execute(f"SELECT * FROM {table}")] for table in tables}
