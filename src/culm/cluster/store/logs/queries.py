"""Insights' queries with their results, and the definitions of queries that are kept."""

import sqlite3

import msgspec

from culm.core.model.logs import QueryDefinition, QueryRun

Results = list[list[tuple[str, str]]]
"""Rows of (field, value) pairs."""
_encode = msgspec.json.Encoder().encode
_run = msgspec.json.Decoder(QueryRun).decode
_definition = msgspec.json.Decoder(QueryDefinition).decode
_results = msgspec.json.Decoder(Results).decode


def add(db: sqlite3.Connection, run: QueryRun, results: Results) -> None:
    """Keep a query and what it gave."""
    db.execute(
        "INSERT INTO log_query (id, created_ms, status, body, results) VALUES (?, ?, ?, ?, ?)",
        (run.query_id, run.create_time, run.status, _encode(run).decode(), _encode(results).decode()),
    )


def find(db: sqlite3.Connection, id: str) -> QueryRun | None:
    row = db.execute("SELECT body FROM log_query WHERE id = ?", (id,)).fetchone()
    return _run(row["body"]) if row else None


def results(db: sqlite3.Connection, id: str) -> Results:
    """Return the rows of a query that there is."""
    return _results(db.execute("SELECT results FROM log_query WHERE id = ?", (id,)).fetchone()["results"])


def list_all(db: sqlite3.Connection) -> tuple[QueryRun, ...]:
    """Return the queries, the newest first."""
    return tuple(
        _run(row["body"]) for row in db.execute("SELECT body FROM log_query ORDER BY created_ms DESC, id DESC")
    )


def forget(db: sqlite3.Connection, before_ms: int) -> None:
    """Remove the queries that were started before a time."""
    db.execute("DELETE FROM log_query WHERE created_ms < ?", (before_ms,))


def define(db: sqlite3.Connection, definition: QueryDefinition) -> None:
    """Add a definition, or replace the one of its id."""
    db.execute(
        "INSERT OR REPLACE INTO log_query_definition (id, name, modified_ms, body) VALUES (?, ?, ?, ?)",
        (
            definition.query_definition_id,
            definition.name,
            definition.last_modified,
            _encode(definition).decode(),
        ),
    )


def definitions(db: sqlite3.Connection) -> tuple[QueryDefinition, ...]:
    """Return the definitions in the order of their names."""
    return tuple(
        _definition(row["body"]) for row in db.execute("SELECT body FROM log_query_definition ORDER BY name, id")
    )


def undefine(db: sqlite3.Connection, id: str) -> bool:
    """Remove a definition; false if there is none of this id."""
    return db.execute("DELETE FROM log_query_definition WHERE id = ?", (id,)).rowcount > 0
