"""A service's role and database in a PostgreSQL server."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from culm.deploy.sql_server import MASTER, SqlServer, connected, encryption


def make(server: SqlServer, name: str, password: str, extensions: Sequence[str] = ()) -> None:
    """Make a role and a database of its own, both called `name`, or give the role that is there this password."""
    connection = connect(server)
    import pg8000.native  # needed once in a project's life

    try:
        quoted = pg8000.native.identifier(name)
        secret = pg8000.native.literal(password)
        if connection.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=name):
            connection.run(f"ALTER ROLE {quoted} LOGIN PASSWORD {secret}")
        else:
            connection.run(f"CREATE ROLE {quoted} LOGIN PASSWORD {secret}")
        if not connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=name):
            connection.run(f"GRANT {quoted} TO CURRENT_USER")  # RDS's master is no superuser
            connection.run(f"CREATE DATABASE {quoted} OWNER {quoted}")
            connection.run(f"REVOKE ALL ON DATABASE {quoted} FROM PUBLIC")
    finally:
        connection.close()
    extend(server, name, extensions)


def extend(server: SqlServer, database: str, extensions: Sequence[str]) -> None:
    """Make extensions in a database: most need the master's rights."""
    if not extensions:
        return
    connection = connect(server, database)
    import pg8000.native

    try:
        for extension in extensions:
            connection.run(f"CREATE EXTENSION IF NOT EXISTS {pg8000.native.identifier(extension)}")
    finally:
        connection.close()


def connect(server: SqlServer, database: str = "postgres") -> Any:
    """A connection as the master."""
    import pg8000.native

    return connected(
        server,
        partial(
            pg8000.native.Connection,
            MASTER,
            host=server.address,
            port=server.port,
            database=database,
            password=server.password,
            ssl_context=encryption(server.address),
        ),
        wrong_password=lambda error: "28P01" in str(error),
    )
