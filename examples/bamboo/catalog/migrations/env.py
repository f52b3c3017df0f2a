"""Migrates the database that `conf/database.url` names: `alembic upgrade head`."""

import logging
import signal
import sys
from time import monotonic, sleep

from alembic import context
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from catalog import logs, settings
from catalog.database import address
from catalog.http import reason
from catalog.tables import metadata

WAIT_SECONDS = 30
"""A database that was started together with its migration gets this long to answer."""

log = logging.getLogger("migrations")


def connect(url: str) -> Connection:
    engine = create_engine(address(url), poolclass=NullPool, connect_args={"connect_timeout": 5})
    give_up = monotonic() + WAIT_SECONDS
    said = None
    while True:
        try:
            return engine.connect()
        except OperationalError as away:
            if monotonic() > give_up:
                raise
            if reason(away) != said:
                said = reason(away)
                log.warning("waiting for the database: %s", said)
            sleep(0.5)


def migrate(connection: Connection) -> None:
    """Take every missing step in one transaction, or none.

    Two migrations at once take turns, and the second finds nothing to do. A step that cannot have its table within
    5 s gives up rather than hold back the requests that queue behind it.
    """
    context.configure(connection=connection, target_metadata=metadata)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('alembic'))"))
        connection.execute(text("SET LOCAL lock_timeout = '5s'"))
        context.run_migrations()


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("cannot migrate: told to stop"))
    try:
        logs.configure(settings.load().log_level)
        url = settings.url("database")
        if context.is_offline_mode():
            context.configure(url=address(url), target_metadata=metadata, literal_binds=True)
            with context.begin_transaction():
                context.run_migrations()
            return
        with connect(url) as connection:
            migrate(connection)
    except settings.Misconfigured as wrong:
        sys.exit(f"cannot migrate: {wrong}")
    except DBAPIError as error:
        log.exception("the migration failed and changed nothing")
        sys.exit(f"cannot migrate: {reason(error)}")


main()
