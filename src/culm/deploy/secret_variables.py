"""Variables whose values are in the vault: parameters of Parameter Store, which ECS reads when a task starts.

Some are made from a database's URL: `{main.url}` is the whole, `{main.user}`, `{main.password}`, `{main.host}`,
`{main.port}` and `{main.name}` are its parts. Others are files that somebody has put there: `vault: secret-key`. A
value changes with its file, and is written when it has changed.
"""

import os
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from culm import render
from culm.core.model.record import record
from culm.deploy import vault_files
from culm.deploy.job import Job
from culm.errors import CulmError
from culm.lint import rules
from culm.plan.vault_files import PARTS
from culm.project import references
from culm.project.project import Project, Service
from culm.project.targets import LOCAL
from culm.target.connection import Target
from culm.vault.names import Name

MOST_AT_ONCE = 10
"""Names that GetParameters and DeleteParameters take."""
LONGEST = 4096
"""Bytes of a standard parameter.
https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html
"""


@record
class WantedFile:
    """A file of the vault that a variable's value comes from."""

    name: Name
    service: str
    """Whose variable it is."""
    variable: str


def demand(target: Target, project: Project, names: Iterable[str]) -> None:
    """Raise CulmError where the vault lacks a file that a variable of these services comes from."""
    wanted = [
        WantedFile(name=vault_name(target.settings.env, each.vault), service=service, variable=variable)
        for service in names
        for variable, each in project.everything[service].container.secrets.items()
        if each.vault
    ]
    if not wanted:
        return
    vault = vault_files.vault_of(target, project)
    texts = {name: file.data.text() if (file := vault.read(name)) else "" for name in {each.name for each in wanted}}
    embedded = target.settings.name == LOCAL
    option = "" if embedded else f" --target {target.settings.name}"
    check(wanted, texts, option, sources(project.root / ".env") if embedded else {})


PLAIN = re.compile(r"^(\w+)=[^\s'\"\\#$]+$", re.MULTILINE)
"""A line of an `.env` whose value is the text as it stands."""


def sources(file: Path) -> dict[str, str]:
    """Return variables of an `.env`, each with the command that prints its value; empty where there is no such file."""
    if not file.is_file():
        return {}
    names: list[str] = PLAIN.findall(file.read_text(errors="replace"))
    place = shlex.quote(os.path.relpath(file))
    return {name: f"sed -n 's/^{name}=//p' {place}" for name in names if names.count(name) == 1}


def check(
    wanted: list[WantedFile], texts: Mapping[Name, str], option: str, printed_by: Mapping[str, str] | None = None
) -> None:
    """Raise CulmError where a file has no value, or one that is too long. `texts` are the files', empty without one.

    `option` is what culm's commands need to find the target, with a blank before it; empty for the local one.
    `printed_by` has commands that print the value of a variable.
    """
    for each in wanted:
        if len(value_of(texts[each.name]).encode()) > LONGEST:
            what = f"{each.name} is longer than the {LONGEST:,} bytes that a variable may have"
            raise CulmError(what, f"let {each.service} read it as a file: `files:` in culm.yml, or its entrypoint")
    if missing := [each for each in wanted if not value_of(texts[each.name])]:
        raise refusal(missing, option, printed_by or {})


def refusal(missing: list[WantedFile], option: str, printed_by: Mapping[str, str]) -> CulmError:
    """Return the error that names each file that is missing, and the commands that put it there.

    Those that wait for something to be typed are the last: what is pasted behind them would be taken for it.
    """
    readers: dict[Name, dict[str, list[str]]] = {}
    for each in missing:
        readers.setdefault(each.name, {}).setdefault(each.variable, []).append(each.service)
    listed = ", ".join(
        f"{name} ({'; '.join(f'{variable} of {listing(who)}' for variable, who in variables.items())})"
        for name, variables in readers.items()
    )
    piped, typed = [], []
    for name, variables in readers.items():
        put = f"culm vault put {name}{option}"
        if known := next((printed_by[variable] for variable in variables if variable in printed_by), None):
            piped.append(f"{known} | {put}")
        elif any(map(rules.takes_any_text, variables)):
            piped.append(f"openssl rand -hex 32 | {put}")
        else:
            typed.append(f"{put}   # then type the value, Enter and Ctrl-D")
    what = f"the vault lacks {'a secret' if len(readers) == 1 else f'{len(readers)} secrets'}: {listed}"
    return CulmError(what, "\n     ".join([*piped, *typed]))


def listing(services: list[str]) -> str:
    """Return names as a sentence lists them: `api, worker and beat`."""
    return " and ".join([", ".join(services[:-1]), services[-1]] if len(services) > 1 else services)


def vault_name(env: str, place: str) -> Name:
    """Return the name in the vault of SERVICE/FILE."""
    service, _, file = place.partition("/")
    return Name(env=env, service=service, file=file)


def value_of(text: str) -> str:
    """Return a file's text as a variable's value: without the ends of lines that editors and `echo` add."""
    return text.rstrip("\r\n")


def prepare(job: Job) -> None:
    """Write each parameter and file whose value is another one than the vault gives."""
    for service in job.project.everything.values():
        write_parts(job, service)
        wished = values(job, service)
        if not wished:
            continue
        client = job.target.client("ssm")
        there = kept(job.target, sorted(wished))
        for name, value in wished.items():
            if there.get(name) != value:
                client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
                job.say(f"wrote parameter {name}")


def write_parts(job: Job, service: Service) -> None:
    """Put the parts of databases' URLs into the vault that `files:` of a service names: `main.password`."""
    for file in set(service.container.files.values()):
        database, _, what = file.rpartition(".")
        if what not in PARTS or database not in service.databases:
            continue
        url = url_of(job, owner(job.project, service, database), database)
        text = part(url, what) if url else ""
        if text and vault_files.get(job.target, job.surroundings, service.name, file) != text:
            vault_files.put(job.target, job.surroundings, service.name, file, text)
            job.say(f"wrote {file} of {service.name}")


def values(job: Job, service: Service) -> dict[str, str]:
    """Return the wished values of a service's parameters, by name."""
    project, given = job.project, job.surroundings
    given_files = {variable: each.vault for variable, each in service.container.secrets.items() if each.vault}
    composed = {
        variable: each
        for variable, each in service.container.secrets.items()
        if each.composed and variable not in given_files
    }
    used = {name for each in composed.values() for name, _ in references.names(each.value_from)}
    urls = {name: url_of(job, owner(project, service, name), name) for name in sorted(used)}
    texts = {variable: compose(each.value_from, urls) for variable, each in composed.items()}
    for variable, place in given_files.items():
        name = vault_name(given.env, place)
        # one that is missing was refused, unless it is of a service that is not deployed now
        if value := value_of(vault_files.get(job.target, given, name.service, name.file) or ""):
            texts[variable] = value
    return {render.secret_parameter(project, service, variable, given.env): text for variable, text in texts.items()}


def owner(project: Project, service: Service, database: str) -> Service:
    """Return the service whose database it is.

    Services of one folder are one program, so a worker uses that of the folder's first.
    """
    folders = {each.original: each for each in project.everything.values()}
    first = folders.get(service.shares)
    return first if first is not None and database in first.databases else service


def url_of(job: Job, service: Service, database: str) -> str:
    """Return the URL of a service's database, from the vault."""
    file = job.project.url_file(service, database)
    return (vault_files.get(job.target, job.surroundings, service.original, file) or "").strip()


def compose(text: str, urls: Mapping[str, str]) -> str:
    """Return the text with its references replaced by parts of the databases' URLs, by name."""
    return references.resolve(text, lambda name, what: part(urls[name], what))


def part(url: str, what: str) -> str:
    """Return a part of a URL: user, password, host, port or the database's name; or the whole of it."""
    parts = urlsplit(url)
    match what:
        case "user":
            return unquote(parts.username or "")
        case "password":
            return unquote(parts.password or "")
        case "host":
            return parts.hostname or ""
        case "port":
            return str(parts.port or "")
        case "name":
            return parts.path.lstrip("/")
    return url


def kept(target: Target, names: list[str]) -> dict[str, str]:
    """Return the values of the parameters that are there, by name."""
    client = target.client("ssm")
    result: dict[str, str] = {}
    for begin in range(0, len(names), MOST_AT_ONCE):
        answer = client.get_parameters(Names=names[begin : begin + MOST_AT_ONCE], WithDecryption=True)
        result |= {each["Name"]: each["Value"] for each in answer["Parameters"]}
    return result


def delete(target: Target, project: str, env: str) -> list[str]:
    """Delete all parameters of the project on this target, and return their names."""
    client = target.client("ssm")
    pages = client.get_paginator("get_parameters_by_path").paginate(Path=f"/culm/{project}/{env}", Recursive=True)
    names = [each["Name"] for page in pages for each in page["Parameters"]]
    for begin in range(0, len(names), MOST_AT_ONCE):
        client.delete_parameters(Names=names[begin : begin + MOST_AT_ONCE])
    return names
