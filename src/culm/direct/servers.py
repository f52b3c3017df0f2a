"""PostgreSQL servers for services that run by hand: the local cluster's, by RDS's API."""

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from culm.deploy import databases
from culm.deploy.build.port import Say
from culm.deploy.down import gone
from culm.errors import CulmError, UsageError
from culm.project.load import shown
from culm.target.clock import Clock
from culm.target.connection import Target
from culm.target.observe import or_none
from culm.vault import redaction

URL_FILE = "database.url"


def wanted_by(folder: Path) -> str | None:
    """Return the URL of `conf/database.url`; None: the service has no database."""
    path = folder / "conf" / URL_FILE
    if not path.is_file():
        return None
    url = path.read_text().strip()
    redaction.remember(URL_FILE, url)
    if not re.match(r"postgres(ql)?(\+\w+)?://", url) or urlsplit(url).hostname is None:
        raise UsageError(f"{shown(path)} is no PostgreSQL URL", "postgresql://user:password@127.0.0.1:5401/name")
    return url


def ensure(target: Target, identifier: str, url: str, progress: Say) -> str:
    """Return a server that the URL describes: its user, password and database. The URL where it really is."""
    parts = urlsplit(url)
    rds = target.client("rds")
    name = identifier.lower()
    if or_none(lambda: rds.describe_db_instances(DBInstanceIdentifier=name), *NOT_FOUND) is None:
        password = unquote(parts.password or "")
        if len(password) < 8:
            raise UsageError(f"the password in {URL_FILE} has less than 8 characters", "PostgreSQL by RDS wants 8")
        rds.create_db_instance(
            DBInstanceIdentifier=name,
            DBInstanceClass=databases.INSTANCE_CLASS,
            Engine="postgres",
            AllocatedStorage=databases.STORAGE_GIB,
            MasterUsername=parts.username or "postgres",
            MasterUserPassword=password,
            DBName=parts.path.lstrip("/") or "postgres",
            Port=parts.port or 5432,
        )
    _, port = databases.until_available(target, name, progress, Clock())
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))


NOT_FOUND = ("DBInstanceNotFound", "DBInstanceNotFoundFault")


def remove(target: Target, identifier: str) -> None:
    """Remove the server and its data; return when they are gone."""
    rds = target.client("rds")
    name = identifier.lower()
    if or_none(lambda: rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True), *NOT_FOUND):
        gone(lambda: rds.describe_db_instances(DBInstanceIdentifier=name), NOT_FOUND[0])


def at_home(url: str, instance: str) -> None:
    """Raise unless the server listens where the configuration says: somebody else has the port."""
    if urlsplit(url).port != urlsplit(instance).port:
        raise CulmError(
            f"port {urlsplit(url).port} is taken: PostgreSQL listens on {urlsplit(instance).port} instead",
            f"end what listens there (compose's own PostgreSQL?), or change the port in conf/{URL_FILE}",
        )
