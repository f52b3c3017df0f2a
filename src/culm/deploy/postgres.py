"""A service's role and its database in a PostgreSQL server.

A database that services share belongs to a role that nobody logs in as. Their own roles are members of it and act as it
as soon as they are connected, so that a table which one of them makes belongs to all.
https://www.postgresql.org/docs/current/role-membership.html
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from culm.deploy.sql_server import MASTER, SqlServer, SqlUser, connected, encryption


def make(server: SqlServer, sql_user: SqlUser, extensions: Sequence[str] = ()) -> None:
    """Make a role and its database, or give the role that is there this password; what is in the database stays."""
    connection = connect(server)
    import pg8000.native  # needed once in a project's life

    try:
        user, owner = pg8000.native.identifier(sql_user.user), pg8000.native.identifier(sql_user.database)
        secret = pg8000.native.literal(sql_user.password)
        change = "ALTER" if exists(connection, sql_user.user) else "CREATE"
        connection.run(f"{change} ROLE {user} LOGIN PASSWORD {secret}")
        if sql_user.shares and not exists(connection, sql_user.database):
            connection.run(f"CREATE ROLE {owner}")
        if not connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=sql_user.database):
            connection.run(f"GRANT {owner} TO CURRENT_USER")  # RDS's master is no superuser
            connection.run(f"CREATE DATABASE {owner} OWNER {owner}")
            connection.run(f"REVOKE ALL ON DATABASE {owner} FROM PUBLIC")
        if sql_user.shares:
            connection.run(f"GRANT {owner} TO {user}")
            connection.run(f"ALTER ROLE {user} IN DATABASE {owner} SET role TO {owner}")
    finally:
        connection.close()
    extend(server, sql_user.database, extensions)


def exists(connection: Any, role: str) -> bool:
    return bool(connection.run("SELECT 1 FROM pg_roles WHERE rolname = :name", name=role))


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
    """Return a connection as the master."""
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
