"""A database and a role for each service that names one, made once; the URL goes into the vault and nowhere else."""

import secrets
import ssl
import time
from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from culm import render
from culm.deploy import rds, vault_files
from culm.deploy.job import Job, Say
from culm.errors import CulmError, TimedOut
from culm.project.project import Project, Service
from culm.target.clock import Clock
from culm.target.connection import Target
from culm.target.polling import intervals

FILE = "database.url"
MASTER = "culm"
START_SECONDS = 120.0
INSTANCE_CLASS = "db.t4g.micro"
STORAGE_GIB = 20


def instance_name(project: Project, database: str) -> str:
    return f"{project.name}-{database}"


def prepare(job: Job) -> None:
    """Make what is missing: servers, then roles and databases, then their URLs. What is there is kept.

    A server that was just made has neither roles nor databases, whatever URLs an earlier one has left in the vault.
    """
    target, project, given = job.target, job.project, job.surroundings
    observed = job.survey.observed
    for database in project.databases:
        users = [service for service in project.everything.values() if service.database == database]
        if not users:
            continue
        if target.settings.provider == "aws" and database not in project.rds:
            brought(target, given, database, users)
            continue
        name = instance_name(project, database)
        new = name not in observed.databases
        if new:
            if target.settings.provider == "aws":
                raise CulmError(f"there is no database server {name}", "culm aws bootstrap makes it")
            job.say(f"creating database server {name}")
            create(target, project, database, master_password(target, project, database, given))
        progress = partial(job.doing, project.name)
        address, port = until_available(target, name, progress, job.clock)
        for service in users:
            known = vault_files.get(target, given, service.name, FILE)
            if known is None or new:
                if target.settings.provider == "aws":
                    rds.check_reachable(name, address, port, vault_files.name(given, service.name, FILE))
                    password = rds.master_password(target, observed.databases[name])
                else:
                    password = master_password(target, project, database, given)
                url = make(address, port, password, project, service)
                job.say(f"created database {identifier(project, service)}")
            else:
                url = moved(known.strip(), address, port)
            if url != (known or "").strip():
                vault_files.put(target, given, service.name, FILE, url + "\n")


def brought(target: Target, around: render.Surroundings, database: str, users: Sequence[Service]) -> None:
    """Whether each of them has a URL that somebody put into the vault."""
    lacking = [one.name for one in users if vault_files.get(target, around, one.name, FILE) is None]
    if lacking:
        files = ", ".join(str(vault_files.name(around, one, FILE)) for one in lacking)
        raise CulmError(
            f"database {database} is not on AWS, and the vault has no URL of one: {files}",
            f"culm vault put {vault_files.name(around, lacking[0], FILE)} FILE --target {target.settings.name}, with "
            f"postgresql://...; or `rds: {{}}` for {database} in culm.yml",
        )


def moved(url: str, address: str, port: int) -> str:
    """The same database and role, where the server is now."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{address}:{port}"))


def create(target: Target, project: Project, database: str, password: str) -> None:
    target.client("rds").create_db_instance(
        DBInstanceIdentifier=instance_name(project, database),
        DBInstanceClass=INSTANCE_CLASS,
        Engine=project.databases[database],
        AllocatedStorage=STORAGE_GIB,
        MasterUsername=MASTER,
        MasterUserPassword=password,
    )


def master_password(target: Target, project: Project, database: str, around: render.Surroundings) -> str:
    """Kept in the vault, where no service may read it: roles are added when services are."""
    file = f"{instance_name(project, database)}.password"
    known = vault_files.get(target, around, vault_files.OPERATOR, file)
    if known is None:
        known = secrets.token_urlsafe(24)
        vault_files.put(target, around, vault_files.OPERATOR, file, known)
    return known


def until_available(target: Target, name: str, progress: Say, clock: Clock) -> tuple[str, int]:
    """Its address and port, once it has them."""
    started = clock.seconds()
    for pause in intervals(0.1, 1.0):
        [instance] = target.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        endpoint = instance.get("Endpoint")
        if instance["DBInstanceStatus"] == "available" and endpoint:
            return str(endpoint["Address"]), int(endpoint["Port"])
        if instance["DBInstanceStatus"] in ("failed", "incompatible-parameters", "storage-full"):
            raise CulmError(
                f"the database server {name} is {instance['DBInstanceStatus']}", "see the cluster's daemon.log"
            )
        if clock.seconds() - started > START_SECONDS:
            raise TimedOut(f"the database server {name} is still {instance['DBInstanceStatus']}", "try again")
        progress(f"database server {name}: {instance['DBInstanceStatus']}")
        clock.wait((), pause)
    raise AssertionError("intervals do not end")


def make(address: str, port: int, password: str, project: Project, service: Service) -> str:
    """The service's role and database, and the URL to them."""
    import pg8000.native  # needed once in a project's life

    name = identifier(project, service)
    own = secrets.token_urlsafe(24)
    connection = connect(pg8000.native, address, port, password)
    try:
        quoted = pg8000.native.identifier(name)
        secret = pg8000.native.literal(own)
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
    return f"postgresql://{name}:{own}@{address}:{port}/{name}"


def connect(native: Any, address: str, port: int, password: str) -> Any:
    """A connection as the master; a server that has just started may refuse the first ones."""
    started = time.monotonic()
    for pause in intervals(0.1, 1.0):
        try:
            return native.Connection(
                MASTER, host=address, port=port, database="postgres", password=password, ssl_context=encryption(address)
            )
        except (native.InterfaceError, native.DatabaseError, OSError) as error:
            if time.monotonic() - started > START_SECONDS or "28P01" in str(error):
                raise CulmError(
                    f"cannot connect to the database server at {address}:{port}: {error}",
                    "is it reachable from here? was its password changed?",
                ) from None
            time.sleep(pause)
    raise AssertionError("intervals do not end")


def encryption(address: str) -> ssl.SSLContext | None:
    """None on this machine's own addresses: nobody is in between."""
    if address.startswith(("127.", "169.254.")) or address == "localhost":
        return None
    return rds.trusted() if address.endswith(rds.DOMAIN) else ssl.create_default_context()


def identifier(project: Project, service: Service) -> str:
    """Of role and database: `bamboo_accounts`."""
    return f"{project.name}_{service.name}".replace("-", "_")
