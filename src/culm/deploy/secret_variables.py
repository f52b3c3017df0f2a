"""Variables that are made from a database's URL: parameters of Parameter Store, which ECS reads when a task starts.

A value changes with its URL, in the vault, and is written when it has changed: `{main.url}` is the whole,
`{main.user}`, `{main.password}`, `{main.host}`, `{main.port}` and `{main.name}` are its parts.
"""

from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from culm import render
from culm.deploy import vault_files
from culm.deploy.job import Job
from culm.project import references
from culm.project.project import Project, Service
from culm.target.connection import Target

MOST_AT_ONCE = 10
"""Names that GetParameters and DeleteParameters take."""


def prepare(job: Job) -> None:
    """Write each parameter whose value is another one than the URLs in the vault give."""
    for service in job.project.everything.values():
        wished = values(job, service)
        if not wished:
            continue
        client = job.target.client("ssm")
        there = kept(job.target, sorted(wished))
        for name, value in wished.items():
            if there.get(name) != value:
                client.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
                job.say(f"wrote parameter {name}")


def values(job: Job, service: Service) -> dict[str, str]:
    """The wished values of a service's parameters, by name."""
    project, given = job.project, job.surroundings
    composed = {variable: each for variable, each in service.container.secrets.items() if each.composed}
    used = {name for each in composed.values() for name, _ in references.names(each.value_from)}
    urls = {name: url_of(job, owner(project, service, name), name) for name in sorted(used)}
    return {
        render.secret_parameter(project, service, variable, given.env): compose(each.value_from, urls)
        for variable, each in composed.items()
    }


def owner(project: Project, service: Service, database: str) -> Service:
    """Whose database it is: services of one folder are one program, so a worker uses that of the folder's first."""
    first = project.everything.get(service.shares)
    return first if first is not None and database in first.databases else service


def url_of(job: Job, service: Service, database: str) -> str:
    """The URL of a service's database, from the vault."""
    file = job.project.url_file(service, database)
    return (vault_files.get(job.target, job.surroundings, service.name, file) or "").strip()


def compose(text: str, urls: Mapping[str, str]) -> str:
    """The text with its references replaced by parts of the databases' URLs, by name."""
    return references.resolve(text, lambda name, what: part(urls[name], what))


def part(url: str, what: str) -> str:
    """A part of a URL: user, password, host, port or the database's name; or the whole of it."""
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
    """The values of the parameters that are there, by name."""
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
