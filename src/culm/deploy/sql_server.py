"""An SQL server as its master reaches it: where, by which password, encrypted or not, and patiently after its start."""

import ssl
import time
from collections.abc import Callable
from typing import TypeVar

from culm.core.model.record import record
from culm.deploy import rds
from culm.errors import CulmError
from culm.target.polling import intervals

MASTER = "culm"
START_SECONDS = 120.0

T = TypeVar("T")


@record
class SqlServer:
    address: str
    port: int
    password: str
    """The master's."""


@record
class SqlUser:
    """A service's user of a server, and the database that its URL names: one of its own, or one that it shares."""

    user: str
    password: str
    database: str
    template: str = ""
    """The database that its own begins as a copy of, and whose owner is called alike; empty: it begins empty."""

    @property
    def shares(self) -> bool:
        """Whether the database is of several users: a database of one user is called as the user is."""
        return self.user != self.database


def connected(server: SqlServer, connect: Callable[[], T], wrong_password: Callable[[Exception], bool]) -> T:
    """Connect; a server that has just started may refuse the first attempts.

    Raises CulmError after `START_SECONDS`, and at once where the password is wrong.
    """
    started = time.monotonic()
    for pause in intervals(0.1, 1.0):
        try:
            return connect()
        except Exception as error:  # drivers have no common error
            if time.monotonic() - started > START_SECONDS or wrong_password(error):
                raise CulmError(
                    f"cannot connect to the database server at {server.address}:{server.port}: {error}",
                    "is it reachable from here? was its password changed?",
                ) from None
            time.sleep(pause)
    raise AssertionError("intervals do not end")


def encryption(address: str) -> ssl.SSLContext | None:
    """Return how a connection to an address is encrypted; None on this machine's own: nobody is in between."""
    if address.startswith(("127.", "169.254.")) or address == "localhost":
        return None
    return rds.trusted() if address.endswith(rds.DOMAIN) else ssl.create_default_context()
