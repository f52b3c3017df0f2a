"""A service's role and its database in a PostgreSQL server.

A database that services share belongs to a role that nobody logs in as. Their own roles are members of it and act as it
as soon as they are connected, so that a table which one of them makes belongs to all.
https://www.postgresql.org/docs/current/role-membership.html
"""

import threading
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
        copies = bool(sql_user.template) and has_database(connection, sql_user.template)
        if not has_database(connection, sql_user.database):
            connection.run(f"GRANT {owner} TO CURRENT_USER")  # RDS's master is no superuser
            if copies:
                copy(server, connection, sql_user.template, sql_user.database)
            else:
                connection.run(f"CREATE DATABASE {owner} OWNER {owner}")
            connection.run(f"REVOKE ALL ON DATABASE {owner} FROM PUBLIC")
        if copies:
            hand_over(server, sql_user.database, sql_user.template)
        if sql_user.shares:
            connection.run(f"GRANT {owner} TO {user}")
            connection.run(f"ALTER ROLE {user} IN DATABASE {owner} SET role TO {owner}")
    finally:
        connection.close()
    extend(server, sql_user.database, extensions)


def has_database(connection: Any, name: str) -> bool:
    return bool(connection.run("SELECT 1 FROM pg_database WHERE datname = :name", name=name))


def copy(server: SqlServer, connection: Any, template: str, database: str) -> None:
    """Make `database` as a copy of another one in the same server, and let its role own it.

    PostgreSQL copies a database that nobody is connected to. It first locks the one that it copies, so that nobody can
    connect anew, then waits up to 5 s for those who are connected; a second connection ends theirs meanwhile. Clients
    of the shared environment lose their connections once, and get new ones when the copy is there.
    https://www.postgresql.org/docs/current/manage-ag-templatedbs.html
    """
    import pg8000.native

    own, source = pg8000.native.identifier(database), pg8000.native.identifier(template)
    done = threading.Event()
    other = connect(server)

    def end_connections() -> None:
        try:
            while not done.wait(0.05):
                other.run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name", name=template)
        finally:
            other.close()

    ending = threading.Thread(target=end_connections, daemon=True)
    ending.start()
    try:
        connection.run(f"GRANT {source} TO CURRENT_USER")
        connection.run(f"CREATE DATABASE {own} OWNER {own} TEMPLATE {source}")
    finally:
        done.set()
        ending.join()


OBJECTS = """
SELECT format('ALTER SCHEMA %I OWNER TO', nspname) FROM pg_namespace WHERE nspowner = :old ::regrole
UNION ALL
SELECT format('ALTER TABLE %s OWNER TO', c.oid::regclass) FROM pg_class c
WHERE c.relowner = :old ::regrole AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (
  SELECT FROM pg_depend d
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i') AND c.relkind = 'S')
UNION ALL
SELECT format('ALTER ROUTINE %s OWNER TO', oid::regprocedure) FROM pg_proc WHERE proowner = :old ::regrole
UNION ALL
SELECT format('ALTER TYPE %s OWNER TO', t.oid::regtype) FROM pg_type t
WHERE t.typowner = :old ::regrole AND (
  t.typtype IN ('e', 'd') OR (t.typtype = 'r') OR
  (t.typtype = 'c' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c')))
"""
"""What a role owns in a database, as the beginning of the statement that gives it to another one.

Sequences of columns, array types and row types go with what they belong to. REASSIGN OWNED would give away the role's
databases as well, the one that was copied among them.
"""


def hand_over(server: SqlServer, database: str, old: str) -> None:
    """Let the role that is called as the database own what the role `old` owns in it; again and again does no harm."""
    import pg8000.native

    connection = connect(server, database)
    try:
        owner = pg8000.native.identifier(database)
        quoted = pg8000.native.identifier(old)
        connection.run("BEGIN")
        for [begin] in connection.run(OBJECTS, old=quoted):
            connection.run(f"{begin} {owner}")
        connection.run("COMMIT")
    finally:
        connection.close()


def drop(server: SqlServer, begin: str) -> list[str]:
    """Delete the databases, and then the roles, whose names begin with `begin`. Returns the databases' names."""
    import pg8000.native

    connection = connect(server)
    length = len(begin)
    try:
        query = "SELECT datname FROM pg_database WHERE left(datname, :length) = :begin ORDER BY 1"
        databases = [str(name) for [name] in connection.run(query, length=length, begin=begin)]
        for name in databases:
            connection.run(f"DROP DATABASE IF EXISTS {pg8000.native.identifier(name)} WITH (FORCE)")
        query = "SELECT rolname FROM pg_roles WHERE left(rolname, :length) = :begin"
        for [name] in connection.run(query, length=length, begin=begin):
            connection.run(f"DROP ROLE IF EXISTS {pg8000.native.identifier(str(name))}")
        return databases
    finally:
        connection.close()


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
