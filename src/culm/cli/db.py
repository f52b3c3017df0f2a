"""`culm db`."""

import os
import sys

import click

from culm.cli.context import nearest, open_project, open_target, services_of, target_option
from culm.cli.vault import stdout
from culm.deploy.vault_files import vault_of
from culm.errors import CulmError, UsageError
from culm.operate import database_client
from culm.project.engines import TITLES
from culm.project.project import Project, Service
from culm.target import faults
from culm.vault.names import Name
from culm.vault.secret import Secret


@click.command()
@click.argument("service")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENT...]")
@click.option("--database", metavar="NAME", help="Which of its databases, by culm.yml. [default: its first]")
@click.option("--url", "only_url", is_flag=True, help="Print the URL, password included, and open nothing.")
@target_option
def db(service: str, words: tuple[str, ...], database: str | None, only_url: bool, target_name: str) -> None:
    """Open SERVICE's database in psql, mariadb, valkey-cli or redis-cli.

    It logs in as the service does, with the URL in the vault; the password is on no command line. ARGUMENTs are the
    client's own, and what is piped in is passed on. Where this machine has no client, the address is printed.

    \b
    culm db accounts
    culm db accounts -- -c 'select count(*) from account'
    culm db accounts < repair.sql
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service], jobs=True)
    name = database_of(project, chosen, database)
    target = open_target(project, target_name)
    if target.settings.provider == "aws" and not only_url:
        raise private(project, chosen, name, target_name)
    file = Name(env=target.settings.env, service=chosen.name, file=project.url_file(chosen, name))
    with faults.translated():
        kept = vault_of(target, project).read(file)
    if kept is None:
        raise CulmError(f"there is no {file} in the vault", f"culm up --target {target_name} makes it")
    if only_url:
        stdout().write(kept.data.reveal())
        return
    connect(project, chosen, name, kept.data, words)


def connect(project: Project, service: Service, name: str, url: Secret, words: tuple[str, ...]) -> None:
    """Become the client. Raises CulmError where the URL is none, or this machine has no client."""
    engine = project.databases[name]
    try:
        login = database_client.login(engine, url.text())
    except ValueError as error:
        file = project.url_file(service, name)
        raise CulmError(f"{file} of {service.name} is no URL: {error}", f"culm db {service.name} --url") from None
    program = database_client.program(engine)
    if program is None:
        for fact, value in database_client.facts(login).items():
            click.echo(f"{fact:<9} {value}")
        clients = " or ".join(database_client.PROGRAMS[engine])
        raise CulmError(
            f"this machine has no client of {TITLES[engine]}: {clients} is not on PATH",
            f"{database_client.GET_IT[engine]}; with another client: culm db {service.name} --url",
        )
    command, environment = database_client.command(program, login, words)
    sys.stdout.flush()
    os.execve(program, command, {**os.environ, **environment})


def database_of(project: Project, service: Service, wanted: str | None) -> str:
    """Return the service's database of that name, or its first. Raises UsageError where there is none."""
    if not service.databases:
        raise UsageError(f"{service.name} has no database", f"`database:` of {service.name} in culm.yml names one")
    if wanted is None:
        return service.databases[0]
    if wanted not in service.databases:
        raise UsageError(f"{service.name} has no database {wanted!r}", nearest(wanted, service.databases))
    return wanted


def private(project: Project, service: Service, name: str, target_name: str) -> CulmError:
    """Return why a database on AWS is not opened from here, and how it is reached."""
    client = database_client.PROGRAMS[project.databases[name]][0]
    enter = f"culm exec {service.name} --target {target_name}, and {client} there, if its image has it"
    return CulmError(
        f"database {name} on {target_name} is private: only tasks in its network reach it",
        f"{enter}; the URL: culm db {service.name} --target {target_name} --url",
    )
