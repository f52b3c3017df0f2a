"""A service's user and its database in a MySQL or MariaDB server."""

from functools import partial
from typing import Any

from culm.deploy.sql_server import MASTER, SqlServer, SqlUser, connected, encryption

ACCESS_DENIED = 1045
"""https://mariadb.com/docs/server/reference/error-codes"""


def make(server: SqlServer, sql_user: SqlUser) -> None:
    """Make a user and its database, or give the user that is there this password; what is in the database stays."""
    connection = connect(server)
    try:
        with connection.cursor() as cursor:
            user = f"'{sql_user.user}'@'%'"
            cursor.execute(f"CREATE USER IF NOT EXISTS {user}")
            cursor.execute(f"ALTER USER {user} IDENTIFIED BY {connection.escape(sql_user.password)}")
            cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{sql_user.database}` CHARACTER SET utf8mb4")
            cursor.execute(f"GRANT ALL PRIVILEGES ON `{escaped(sql_user.database)}`.* TO {user}")
    finally:
        connection.close()


def drop(server: SqlServer, begin: str) -> list[str]:
    """Delete the databases and the users whose names begin with `begin`. Returns the databases' names."""
    connection = connect(server)
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, %s) = %s ORDER BY 1",
                (len(begin), begin),
            )
            databases = [str(name) for [name] in cursor.fetchall()]
            for name in databases:
                cursor.execute(f"DROP DATABASE IF EXISTS `{name}`")
            cursor.execute("SELECT User, Host FROM mysql.user WHERE LEFT(User, %s) = %s", (len(begin), begin))
            for user, host in cursor.fetchall():
                cursor.execute(f"DROP USER IF EXISTS '{user}'@'{host}'")
        return databases
    finally:
        connection.close()


def escaped(name: str) -> str:
    """Return a database's name in GRANT, where `_` stands for any letter: `shop_api` would open `shopxapi`, too."""
    return name.replace("_", r"\_")


def connect(server: SqlServer) -> Any:
    """Return a connection as the master."""
    import pymysql  # needed once in a project's life

    return connected(
        server,
        partial(
            pymysql.connect,
            host=server.address,
            port=server.port,
            user=MASTER,
            password=server.password,
            ssl=encryption(server.address),
            connect_timeout=10,
        ),
        wrong_password=lambda error: bool(error.args) and error.args[0] == ACCESS_DENIED,
    )
