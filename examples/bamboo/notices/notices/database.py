"""The database: one pool of connections, one transaction for each piece of work."""

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from sqlalchemy import URL, Connection, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError
from starlette.requests import Request

from .settings import Database as Limits
from .settings import Misconfigured

P = ParamSpec("P")
T = TypeVar("T")


def engine(url: str, limits: Limits) -> Engine:
    """Make the pool; nothing connects yet, so a service starts while its database is away."""
    seconds = limits.timeout_seconds
    return create_engine(
        address(url),
        pool_size=limits.connections,
        max_overflow=0,
        pool_timeout=seconds,
        pool_pre_ping=True,  # a database that was restarted costs no request
        connect_args={
            "connect_timeout": seconds,
            "tcp_user_timeout": seconds * 1000,
            "application_name": __package__,
            "options": f"-c statement_timeout={seconds}s",
        },
    )


def address(url: str) -> URL:
    """Take any PostgreSQL URL: which driver speaks to it is this service's business, not its configuration's."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise Misconfigured("database.url is not a database URL: postgresql://user:password@host:port/name") from None
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise Misconfigured(f"database.url must be a postgresql:// URL, not {parsed.drivername}://")
    return parsed.set(drivername="postgresql+psycopg")


class Database:
    """Runs work on threads, never more of them than there are connections, so none waits holding a thread."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self.engine = engine
        self.limiter = CapacityLimiter(limits.connections)

    async def run(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do `work` in one transaction: committed when it returns, rolled back when it raises."""

        def transaction() -> T:
            with self.engine.begin() as connection:
                return work(connection, *args, **kwargs)

        return await run_sync(transaction, limiter=self.limiter)


def answers(connection: Connection) -> None:
    """Raise unless the database answers."""
    connection.execute(text("SELECT 1"))


def database(request: Request) -> Database:
    """Find the application's database from one of its requests."""
    found: Database = request.app.state.database
    return found
