"""A user for each service that names a database, and of SQL a database, made once; the URL goes into the vault alone.

Each engine's own part is in `postgres`, `mysql` and `caches`; this is what they have in common.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from culm import render
from culm.deploy import caches, inside, mysql, postgres, rds, vault_files
from culm.deploy.job import Job, Say
from culm.deploy.sql_server import MASTER, START_SECONDS, SqlServer, SqlUser
from culm.errors import CulmError, TimedOut
from culm.plan.observed import Described
from culm.project import engines
from culm.project.project import Project, Service
from culm.render.database_task import PrivateServer, SqlLogin
from culm.target.clock import Clock
from culm.target.connection import Target
from culm.target.observe import primary_endpoint
from culm.target.polling import intervals

FILE = engines.FILE
INSTANCE_CLASS = "db.t4g.micro"
STORAGE_GIB = 20


def instance_name(project: Project, database: str) -> str:
    """Return the identifier of a database's RDS instance."""
    return f"{project.name}-{database}"


def prepare(job: Job) -> None:
    """Make what is missing: servers, then users and databases, then their URLs. What is there is kept.

    A server that was just made has neither users nor databases, whatever URLs an earlier one has left in the vault.
    """
    target, project = job.target, job.project
    for database in project.databases:
        users = project.users(database)
        if not users:
            continue
        if target.settings.provider == "aws" and not project.made_on_aws(database):
            brought(target, project, job.surroundings, database)
        elif database in project.caches:
            of_cache(job, database, users)
        else:
            of_base(job, database, users)
    for service in project.everything.values():
        if engines.CERTIFICATES in service.container.files.values():
            certified(job, service)


def certified(job: Job, service: Service) -> None:
    """Write Amazon's certificates for RDS, which a service's `files:` name, unless they are there.

    Locally they are a line that says so. Raises CulmError where they cannot be fetched.
    """
    target, given, file = job.target, job.surroundings, engines.CERTIFICATES
    if not any(name in job.project.rds for name in service.databases):
        return  # the file is the team's own
    if vault_files.get(target, given, service.original, file) is not None:
        return
    text, problem = rds.certificates(target.region) if target.settings.provider == "aws" else (rds.NONE_HERE, "")
    if problem:
        raise CulmError(
            f"Amazon's certificates for RDS cannot be fetched ({problem}), and `files:` of {service.name} names them",
            f"culm vault put {vault_files.name(given, service.original, file)} FILE --target {target.settings.name}, "
            f"with those of {rds.REGIONAL_BUNDLE.format(region=target.region)}",
        )
    vault_files.put(target, given, service.original, file, text)


def of_base(job: Job, database: str, users: Sequence[Service]) -> None:
    """Make an SQL server, and a role and a database in it for each of its users."""
    target, project, given = job.target, job.project, job.surroundings
    name = instance_name(project, database)
    new = name not in job.survey.observed.databases
    if new:
        refuse_missing(target, name)
        job.say(f"creating database server {name}")
        create(target, project, database, master_password(target, project, database, given))
    address, port = until_available(target, name, partial(job.doing, project.name), job.clock)
    before = {
        service.name: vault_files.get(target, given, service.original, project.url_file(service, database))
        for service in users
    }
    lacking = [
        service
        for service in users
        if (known := before[service.name]) is None or new or uses_another(known, project, database, service)
    ]
    inside_urls = made_inside(job, database, (address, port), lacking)
    for service in users:
        known = before[service.name]
        if service not in lacking:
            wanted = moved((known or "").strip(), address, port)
        else:
            wanted = inside_urls.get(service.name) or made_from_here(job, database, (address, port), service)
            job.say(made(project, database, service, None if new else known))
        if wanted != (known or "").strip():
            vault_files.put(target, given, service.original, project.url_file(service, database), wanted + "\n")


def made_from_here(job: Job, database: str, place: tuple[str, int], service: Service) -> str:
    """Make a service's user and database by a connection from this machine. Returns the URL to them."""
    target, project, name = job.target, job.project, instance_name(job.project, database)
    if target.settings.provider == "aws":
        password = rds.master_password(target, job.survey.observed.databases[name])
    else:
        password = master_password(target, project, database, job.surroundings)
    return make(SqlServer(address=place[0], port=place[1], password=password), project, database, service)


def made_inside(job: Job, database: str, place: tuple[str, int], services: Sequence[Service]) -> dict[str, str]:
    """Make services' users and databases by a task inside the server's network, where it is not reached from here.

    Returns the URLs by service; none where it is reached. Raises CulmError for a preview: what its databases begin with
    is copied by a connection.
    """
    target, project = job.target, job.project
    if target.settings.provider != "aws" or not services or (why := rds.unreachable(*place)) is None:
        return {}
    name, engine = instance_name(project, database), project.databases[database]
    if project.preview is not None:
        file = project.url_file(services[0], database)
        raise rds.private(name, place, why, vault_files.name(job.surroundings, services[0].original, file))
    certificates, problem = rds.certificates(target.region)
    listed = ", ".join(service.name for service in services)
    job.say(f"{name} is private: a task inside its network makes the databases of {listed}")
    if problem:
        job.say(
            f"Amazon's certificates cannot be fetched ({problem}): that task's connection is encrypted, not verified"
        )
    server = PrivateServer(
        engine=engine,
        address=place[0],
        port=place[1],
        master=MASTER,
        secret=rds.master_secret(job.survey.observed.databases[name]),
        certificates=certificates,
    )
    users = {service.name: sql_user(project, database, service) for service in services}
    extensions = project.extensions.get(database, ())
    logins = {
        name: SqlLogin(user=each.user, password=each.password, database=each.database, extensions=extensions)
        for name, each in users.items()
    }
    inside.make(job, server, logins)
    return {name: url(engine, place, each) for name, each in users.items()}


def of_cache(job: Job, database: str, users: Sequence[Service]) -> None:
    """Make a Valkey or Redis server, and a user in it for each of the services that use it."""
    target, project, given = job.target, job.project, job.surroundings
    name = instance_name(project, database)
    new = name not in job.survey.observed.caches
    if new:
        refuse_missing(target, name)
        job.say(f"creating {engines.TITLES[project.databases[database]]} server {name}")
        caches.create(target, project, database)
    address, port = until_cache_available(target, name, partial(job.doing, project.name), job.clock)
    members = caches.members(target, name)
    for service in users:
        file = project.url_file(service, database)
        known = vault_files.get(target, given, service.original, file)
        if known is None or caches.user(project, database, service) not in members:
            password = caches.admit(target, project, database, service, members)
            url = caches.url(target, project, database, service, password)
            url = moved(url, address, port)
            job.say(f"created user {caches.user(project, database, service)}")
        else:
            url = moved(known.strip(), address, port)
        if url != (known or "").strip():
            vault_files.put(target, given, service.original, file, url + "\n")


def refuse_missing(target: Target, name: str) -> None:
    """Raise CulmError on aws: there the base stack makes servers."""
    if target.settings.provider == "aws":
        raise CulmError(f"there is no database server {name}", "culm aws bootstrap makes it")


def brought(target: Target, project: Project, given: render.Surroundings, database: str) -> None:
    """Raise CulmError unless each of its users has a URL that somebody put into the vault."""
    files = [
        vault_files.name(given, service.original, project.url_file(service, database))
        for service in project.users(database)
    ]
    lacking = [file for file in files if vault_files.get(target, given, file.service, file.file) is None]
    if lacking:
        engine = project.databases[database]
        made = "elasticache" if engine in engines.CACHES else "rds"
        raise CulmError(
            f"database {database} is not on AWS, and the vault has no URL of one: {', '.join(map(str, lacking))}",
            f"culm vault put {lacking[0]} FILE --target {target.settings.name}, with "
            f"{engines.SCHEMES[engine]}://...; or `{made}: {{}}` for {database} in culm.yml",
        )


def moved(url: str, address: str, port: int) -> str:
    """Return the same database and role, where the server is now."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@{address}:{port}"))


def create(target: Target, project: Project, database: str, password: str) -> None:
    """Make a small database instance; it is awaited elsewhere."""
    target.client("rds").create_db_instance(
        DBInstanceIdentifier=instance_name(project, database),
        DBInstanceClass=INSTANCE_CLASS,
        Engine=project.databases[database],
        AllocatedStorage=STORAGE_GIB,
        MasterUsername=MASTER,
        MasterUserPassword=password,
    )


def master_password(target: Target, project: Project, database: str, surroundings: render.Surroundings) -> str:
    """Return the password of a server's operator.

    It is kept in the vault, where no service may read it: roles are added when services are.
    """
    file = f"{instance_name(project, database)}.password"
    if project.preview is not None:  # of the server that it shares
        surroundings = replace(surroundings, env=project.preview.env)
    known = vault_files.get(target, surroundings, vault_files.OPERATOR, file)
    if known is None:
        known = secrets.token_urlsafe(24)
        vault_files.put(target, surroundings, vault_files.OPERATOR, file, known)
    return known


FAILED = ("failed", "incompatible-parameters", "storage-full", "create-failed")
FAILED_SECONDS = {"local": 10.0, "aws": 0.0}
"""How long a server may be failed: the local cluster starts one again every second, and its disk may have room now."""


def until_available(target: Target, name: str, progress: Say, clock: Clock) -> tuple[str, int]:
    """Return a DB instance's address and port, once it has them."""

    def look() -> tuple[str, Described | None]:
        [instance] = target.client("rds").describe_db_instances(DBInstanceIdentifier=name)["DBInstances"]
        return instance["DBInstanceStatus"], instance.get("Endpoint")

    return until(look, name, progress, clock, FAILED_SECONDS[target.settings.provider])


def until_cache_available(target: Target, name: str, progress: Say, clock: Clock) -> tuple[str, int]:
    """Return a replication group's address and port, once it has them."""

    def look() -> tuple[str, Described | None]:
        client = target.client("elasticache")
        [group] = client.describe_replication_groups(ReplicationGroupId=name)["ReplicationGroups"]
        return group["Status"], primary_endpoint(group)

    return until(look, name, progress, clock, FAILED_SECONDS[target.settings.provider])


def until(
    look: Callable[[], tuple[str, Described | None]],
    name: str,
    progress: Say,
    clock: Clock,
    failed_seconds: float = 0.0,
) -> tuple[str, int]:
    """Look at a server's status and endpoint until it is available.

    Raises CulmError when it is failed after `failed_seconds`, and TimedOut after `START_SECONDS`.
    """
    started = clock.seconds()
    for pause in intervals(0.1, 1.0):
        status, endpoint = look()
        if status == "available" and endpoint:
            progress("")
            return str(endpoint["Address"]), int(endpoint["Port"])
        if status in FAILED and clock.seconds() - started >= failed_seconds:
            raise CulmError(f"the database server {name} is {status}", "see the cluster's daemon.log")
        if clock.seconds() - started > START_SECONDS:
            raise TimedOut(f"the database server {name} is still {status}", "try again")
        progress(f"database server {name}: {status}")
        clock.wait((), pause)
    raise AssertionError("intervals do not end")


def make(server: SqlServer, project: Project, database: str, service: Service) -> str:
    """Make the service's role and its database where there is none, and return the URL to them."""
    engine, login = project.databases[database], sql_user(project, database, service)
    if engine == "postgres":
        postgres.make(server, login, project.extensions.get(database, ()))
    else:
        mysql.make(server, login)
    return url(engine, (server.address, server.port), login)


def sql_user(project: Project, database: str, service: Service) -> SqlUser:
    """Return a service's user with a new password, and its database."""
    return SqlUser(
        user=user(project, service),
        password=secrets.token_urlsafe(24),
        database=database_name(project, database, service),
        template=template(project, database, service),
    )


def url(engine: str, place: tuple[str, int], login: SqlUser) -> str:
    """Return the URL by which a service reaches its database."""
    scheme, (address, port) = engines.SCHEMES[engine], place
    return f"{scheme}://{login.user}:{login.password}@{address}:{port}/{login.database}"


def template(project: Project, database: str, service: Service) -> str:
    """Return the shared environment's database that a preview's begins as a copy of; empty: it begins empty."""
    if project.preview is None or not project.preview.copies:
        return ""
    return database_name(replace(project, preview=None), database, replace(service, name=service.original))


def made(project: Project, database: str, service: Service, known: str | None) -> str:
    """Return the line about a service's new login; `known` is the URL that it had, None without one."""
    name = database_name(project, database, service)
    line = f"created user {user(project, service)} of database {name}" if database in project.shared else ""
    line = line or f"created database {name}"
    before = urlsplit((known or "").strip()).path.lstrip("/")
    return f"{line}; what is in {before} stays there" if before and before != name else line


def uses_another(url: str, project: Project, database: str, service: Service) -> bool:
    """Return whether a URL of culm's own names another database than culm.yml gives it now: `shared:` has changed."""
    parts = urlsplit(url.strip())
    return parts.username == user(project, service) and parts.path.lstrip("/") != database_name(
        project, database, service
    )


def user(project: Project, service: Service) -> str:
    """Return the name of a service's role: `bamboo_accounts`."""
    return f"{project.name}_{service.name}".replace("-", "_")


def database_name(project: Project, database: str, service: Service) -> str:
    """Return the name of a service's database.

    It is its role's, or `bamboo_main` of the server `main` whose services share one.
    """
    begin = project.name if project.preview is None else f"{project.name}_{project.preview.name}_"
    return f"{begin}_{database}".replace("-", "_") if database in project.shared else user(project, service)
