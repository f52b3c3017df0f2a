"""A preview: some of a project's services once more, beside the shared ones, for one branch or pull request. Pure.

A preview is a `Project` derived from culm.yml, so that render, plan and deploy know nothing new:

    shared                  preview pr-42 of accounts           where it comes from
    service accounts        service pr-42--accounts             SEPARATOR, which no other name may have in it
    target group            bamboo-pr-42-P-accounts             ELB takes no two hyphens in a row
    role bamboo-accounts    role bamboo-pr-42--accounts         its policy reads pr-42/accounts/ alone
    /culm/bamboo/accounts   /culm/bamboo/pr-42--accounts        logs
    bamboo_accounts         bamboo_pr_42__accounts              role and database, in the same server
    stg/accounts/           pr-42/accounts/                     `MYENV` is the preview's name
    server bamboo-cache     server bamboo-cache-pr-42           of Valkey and Redis: users of one see the same keys
    rule /accounts/*        /accounts/* and (host | header | cookie)
    image bamboo/accounts   the same repository

The cluster, its instances, the load balancer, the vault's bucket, SQL servers and the image repositories are the shared
ones; a preview changes none of them. A name with SEPARATOR tells by itself which preview a thing is of, so what an
interrupted command has left is recognised without any record of it.

A service's count is 1 and it does not scale, volumes are each task's own and empty, and jobs are left out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from culm.errors import UsageError
from culm.project import engines, references, sizes
from culm.project.infer_service import MOST_VALUES
from culm.project.project import (
    Container,
    Preview,
    Project,
    Routing,
    Service,
    Sidecar,
    Sleep,
    TargetSettings,
    Volume,
)
from culm.project.targets import LONGEST_TARGET_GROUP

SEPARATOR = "--"
GROUP_SEPARATOR = "-P-"
"""In names of target groups, which have no two hyphens in a row. No other name has a capital letter."""
MARK = "culm-preview"
"""The header and the cookie whose value is a preview's name."""
COMMON = "preview"
"""The environment in the vault whose files every preview gets, secrets too: it is filled for previews alone."""
LONGEST_NAME = 20
LONGEST_ROLE = 64
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html"""
LONGEST_USER = {"postgres": 63, "mysql": 32, "mariadb": 80}
"""Of a database and its user. https://dev.mysql.com/doc/refman/8.4/en/user-names.html"""
LONGEST_CACHE_USER = 40
LONGEST_BUCKET = 63
ACCOUNT_AND_REGION = len("-123456789012-ap-southeast-1")
FIRST_SHARED_PRIORITY = 1000
"""Previews' rules have smaller numbers, so they are tried before those of the shared services."""


def preview(project: Project, target: str, name: str, services: Iterable[str], *, copies: bool = False) -> Project:
    """Return the preview `name` of these services of `project`, for one of its targets.

    Services that are built from one folder and share its configuration come together. `project` is called as on that
    target, see `project.named`. With `copies` its databases begin as copies of the shared ones. Raises UsageError for a
    name or a service that cannot have a preview, and says why.
    """
    settings = project.targets[target]
    check_name(project, name)
    chosen = together(project, services)
    names = {each: own_name(name, each) for each in chosen}
    host = host_of(settings, name)
    for each in chosen:
        check_service(project, settings, project.services[each], name)
    if copies:
        check_copies(project, chosen)
    calls = {each: tuple(names.get(other, other) for other in project.services[each].calls) for each in chosen}
    called = {other for others in calls.values() for other in others}
    buckets = {each: own_name(name, each) for each in project.buckets}
    caches = {each: f"{each}-{name}" for each in project.caches}
    renamed = {**names, **buckets, **caches}
    made = {}
    for each, own in names.items():
        service = of_service(project.services[each], name, renamed, host, by_cookie=settings.domain is None)
        idle = sleep(settings, project.services[each])
        made[own] = replace(service, sleep=idle, calls=calls[each], called=own in called)
    databases = {caches.get(each, each): engine for each, engine in project.databases.items()}
    used = {database for service in made.values() for database in service.databases}
    mounted = {volume for each in made.values() for volume in volumes_of(each)}
    return replace(
        project,
        targets={**project.targets, target: replace(settings, env=name, port=None, domain=domain_of(settings, name))},
        databases={each: engine for each, engine in databases.items() if each in used},
        services=made,
        jobs={},
        volumes={each: Volume(scratch=True) for each in sorted(mounted)},
        buckets=tuple(own for each, own in buckets.items() if any(own in service.buckets for service in made.values())),
        preview=Preview(
            name=name,
            env=settings.env,
            host=host,
            copies=copies,
            beside={each: service for each, service in project.services.items() if each not in names},
        ),
    )


def own_name(name: str, service: str) -> str:
    """Return what a service of a preview is called in the cluster: `pr-42--accounts`."""
    return f"{name}{SEPARATOR}{service}"


def preview_of(service: str) -> str | None:
    """Return the preview that a service of the cluster belongs to, by its name; None: it is a shared one.

    A target group's name does as well.
    """
    name, separator, _ = service.replace(GROUP_SEPARATOR, SEPARATOR).partition(SEPARATOR)
    return name if separator else None


def host_of(settings: TargetSettings, name: str) -> str | None:
    """Return the host whose requests a preview answers; None where the target has no domain for it."""
    if settings.provider == "local":
        return f"{name}.localhost"
    return f"{name}.{settings.domain}" if settings.domain is not None else None


def domain_of(settings: TargetSettings, name: str) -> str | None:
    """Return the target's domain as the preview's services see it."""
    return None if settings.domain is None else f"{name}.{settings.domain}"


def together(project: Project, services: Iterable[str]) -> list[str]:
    """Return the chosen services, in culm.yml's order, with those that share a folder's configuration with one.

    Raises UsageError for a name that is no service, and where none is chosen.
    """
    wanted = set(services)
    for each in sorted(wanted):
        if each in project.jobs:
            hint = "run-now runs a job of the shared environment"
            raise UsageError(f"{each} is a job, and a preview has no jobs", hint)
        if each not in project.services:
            raise UsageError(f"culm.yml has no service {each!r}", f"there are: {', '.join(project.services)}")
    if not wanted:
        raise UsageError("a preview of no service", f"--services {','.join(list(project.services)[:2])}")
    folders = {project.services[each].shares or each for each in wanted}
    return [each for each, service in project.services.items() if each in wanted or (service.shares or each) in folders]


def check_name(project: Project, name: str) -> None:
    """Raise UsageError for a preview's name that AWS would not take, or that is taken otherwise."""
    hint = "such as pr-42: lower-case letters, digits and single hyphens, a letter first"
    try:
        sizes.name(name)
    except ValueError as error:
        raise UsageError(f"{name!r} cannot be a preview's name: {error}", hint) from None
    if len(name) > LONGEST_NAME:
        raise UsageError(f"{name!r} has {len(name)} characters; a preview's name has at most {LONGEST_NAME}", hint)
    for target in project.targets.values():
        if name in (target.env, target.name):
            what = f"{name!r} is target {target.name}'s own environment, which a preview would write into"
            raise UsageError(what, "another name")
    if name == COMMON:
        raise UsageError(f"{name!r} is where the vault keeps what every preview gets", "another name")


def check_service(project: Project, settings: TargetSettings, service: Service, name: str) -> None:
    """Raise UsageError where a service of culm.yml cannot have a preview of this name."""
    key = f"services.{service.name}"
    check_lengths(project, service, name)
    for variable, secret in service.container.secrets.items():
        if not secret.composed:
            what = f"{key}.secrets.{variable} comes from {secret.value_from}, a secret of {settings.env}"
            file = f"{service.name}/{variable.lower().replace('_', '-')}"
            hint = f"`vault: {file}` in culm.yml, and a value for all previews: culm vault put {COMMON}/{file}"
            raise UsageError(f"{what}: a preview gets none of those", hint)
    for database in service.databases:
        if database.endswith(f"-{name}"):
            raise UsageError(f"databases.{database} ends with the preview's name", "another name for the preview")
        if database in project.caches and settings.provider == "aws":
            what = f"{key}.database: on aws the stack makes {database}, and a preview would see what {settings.env} has"
            raise UsageError(what, "a preview of other services")
    if service.buckets and settings.provider == "aws":
        what = f"{key}.buckets: on aws the stack makes buckets, and a preview would write into those of {settings.env}"
        raise UsageError(what, "a preview of other services")
    for other in project.services.values():
        if (number := other.routing.priority) is not None and number < FIRST_SHARED_PRIORITY:
            what = f"services.{other.name}.priority: {number} is among the numbers of previews' rules"
            raise UsageError(what, f"a number from {FIRST_SHARED_PRIORITY} on, in the same order")
    values = len(service.patterns) + len(service.routing.headers) + len(service.routing.hosts)
    if service.balanced and values == MOST_VALUES:
        what = f"{key}.path: its rule has {values} values, and a preview's has one more"
        raise UsageError(f"{what}; a listener rule takes {MOST_VALUES}", "fewer paths, hosts or headers")


def check_copies(project: Project, services: Iterable[str]) -> None:
    """Raise UsageError where a database cannot be copied within its server."""
    for service in (project.services[each] for each in services):
        for database in service.databases:
            if (engine := project.databases[database]) in engines.SQL and engine != "postgres":
                what = f"databases.{database} is {engines.TITLES[engine]}, which does not copy a database by itself"
                raise UsageError(what, "without --data copy: its migrations fill an empty one")


def check_lengths(project: Project, service: Service, name: str) -> None:
    """Raise UsageError where a name made from the preview's is longer than AWS or the database's engine takes."""
    own = own_name(name, service.name)
    group = f"{project.name}-{name}{GROUP_SEPARATOR}{service.name}"
    lengths = [(group, LONGEST_TARGET_GROUP, "a target group")] if service.balanced else []
    lengths.append((f"{project.name}-{own}", LONGEST_ROLE, "a role"))
    for database in service.databases:
        engine = project.databases[database]
        if engine in engines.CACHES:
            user = f"{project.name}-{database}-{name}-{service.name}"
            lengths.append((user, LONGEST_CACHE_USER, "a user of a cache"))
        else:
            lengths.append((f"{project.name}_{own}", LONGEST_USER[engine], "a database"))
    for bucket in service.buckets:
        full = f"{project.name}-{own_name(name, bucket)}"
        lengths.append((full, LONGEST_BUCKET - ACCOUNT_AND_REGION, "a bucket, less its account and region,"))
    for made, longest, what in lengths:
        if len(made) > longest:
            problem = f"the preview's {made} would have {len(made)} characters, and {what} has at most {longest}"
            raise UsageError(problem, f"a shorter name: {name[: max(1, len(name) - len(made) + longest)]}")


def sleep(settings: TargetSettings, service: Service) -> Sleep | None:
    """Return when a preview's service sleeps by itself: as the shared one, or else when nobody asks it for an hour.

    On aws nothing counts requests, and the stack's schedules know no previews.
    """
    if settings.provider != "local":
        return None
    if settings.sleep is not None:
        return service.sleep
    return Sleep(after=IDLE_SECONDS)


def of_service(service: Service, name: str, names: Mapping[str, str], host: str | None, *, by_cookie: bool) -> Service:
    """Return a service as the preview has it; `names` are those that change, of services and buckets."""
    routing, *entries = routes(service, name, host, by_cookie=by_cookie)
    return replace(
        service,
        name=names[service.name],
        preview_of=service.name,
        count=1,
        scaling=None,
        after=tuple(names[each] for each in service.after if each in names),
        routing=routing,
        entries=tuple(entries) if service.balanced else (),
        databases=tuple(names.get(each, each) for each in service.databases),
        container=of_container(service.container, names),
        sidecars={each: of_sidecar(sidecar, names) for each, sidecar in service.sidecars.items()},
        buckets=tuple(names[each] for each in service.buckets),
    )


def routes(service: Service, name: str, host: str | None, *, by_cookie: bool) -> list[Routing]:
    """Return the rules that lead to a service of the preview: by host, by header, and where asked for by cookie."""
    given = replace(service.routing, priority=None)
    by_host = [replace(given, hosts=(host,))] if host is not None else []
    by_header = replace(given, headers={**given.headers, MARK: name})
    if not by_cookie:
        return [*by_host, by_header]
    cookies = (f"*{MARK}={name}", f"*{MARK}={name};*")  # the last cookie of the header, or before another one
    values = len(service.patterns) + len(given.headers) + len(given.hosts)
    groups = [cookies] if values + len(cookies) <= MOST_VALUES else [(each,) for each in cookies]
    return [*by_host, by_header, *(replace(given, headers={**given.headers, "cookie": each}) for each in groups)]


def of_container(container: Container, names: Mapping[str, str]) -> Container:
    secrets = {
        variable: replace(secret, value_from=references.renamed(secret.value_from, names))
        for variable, secret in container.secrets.items()
    }
    return replace(container, environment=environment(container.environment, names), secrets=secrets)


def of_sidecar(sidecar: Sidecar, names: Mapping[str, str]) -> Sidecar:
    return replace(sidecar, environment=environment(sidecar.environment, names))


def environment(variables: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Return variables whose references lead to the preview's services and buckets where it has them."""
    return {variable: references.renamed(text, names) for variable, text in variables.items()}


def volumes_of(service: Service) -> set[str]:
    return {*service.container.volumes, *(name for each in service.sidecars.values() for name in each.volumes)}


TTL = re.compile(r"(\d{1,4})([mhd])")
IDLE_SECONDS = 3600
"""Without a request, until a preview sleeps on the local target."""
UNITS = {"m": 60, "h": 3600, "d": 86_400}


def seconds(text: str) -> int | None:
    """Return a preview's life in seconds, from `90m`, `12h` or `2d`; None for `never`. Raises UsageError."""
    if text == "never":
        return None
    match = TTL.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise UsageError(f"--ttl {text} is not a time", "90m, 12h, 2d, or never")
    return int(match[1]) * UNITS[match[2]]
