"""What several services of culm.yml mean together: shared images, paths, order, references."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from culm.project import engines, references
from culm.project.infer_service import MOST_VALUES
from culm.project.nodes import Source
from culm.project.project import Service
from culm.project.service_schema import ServiceBlock

Services = dict[str, Service]


def shared(services: Services, written: Mapping[str, ServiceBlock]) -> Services:
    """Return services, those of one folder merged: the first has the configuration and the migration, and goes first.

    Those that are built alike share its image as well. Where one of them says `migrate:` itself, that counts.
    """
    merged: Services = {}
    for name, service in sorted(services.items(), key=lambda item: item[1].schedule is not None):
        if service.image is not None:
            merged[name] = service
            continue
        siblings = [other for other in merged.values() if other.image is None and other.folder == service.folder]
        first = next(iter(siblings), None)
        alike = next((other for other in siblings if recipe(other) == recipe(service)), None)
        if first is not None:
            own_migration = written[name].migrate not in (None, False)
            service = replace(
                service,
                shares=first.shares or first.name,
                built_by=(alike.built_by or alike.name) if alike else "",
                migration=service.migration if own_migration else None,
                migration_command=service.migration_command if own_migration else None,
                after=service.after if first.name in service.after else (*service.after, first.name),
            )
        merged[name] = service
    return {name: merged[name] for name in services}


def calling(source: Source, services: Services) -> Services:
    """Mark services that others call inside, and deploy them first: a task knows the names that are there before it.

    Raises UsageError for a call of what cannot be called. Two services cannot call each other: each would have to be
    the first, as `check_order` then says.
    """
    called = {name for caller in services.values() for name in caller.calls}
    for caller in services.values():
        key = ("services", caller.name, "calls")
        for name in caller.calls:
            if name not in services:
                source.refuse(key, f"there is no service {name!r}", f"there are: {', '.join(services)}")
            if name == caller.name:
                source.refuse(key, "names the service itself", "its own tasks reach it by their own port")
            if services[name].schedule is not None:
                source.refuse(key, f"{name} has a schedule: a job answers no calls")
            if services[name].port is None:
                source.refuse(key, f"{name} listens nowhere", f"say where it listens: services.{name}.port: 8080")
            if caller.name in services[name].calls:
                problem = f"{name} calls it, too: each would have to be deployed before the other"
                source.refuse(key, problem, "let one of the two call the other by the load balancer")
    return {
        name: replace(each, called=name in called, after=tuple(dict.fromkeys((*each.after, *each.calls))))
        for name, each in services.items()
    }


def recipe(service: Service) -> tuple[object, ...]:
    """Return what makes an image what it is."""
    return (service.folder, service.dockerfile, service.stage, service.platform, tuple(sorted(service.args.items())))


def check_databases(source: Source, service: Service, databases: Mapping[str, str]) -> None:
    """Refuse a service's databases that do not exist, or that would share a file for their URLs."""
    key = ("services", service.name, "database")
    for name in service.databases:
        if name not in databases:
            known = f"there are: {', '.join(databases)}" if databases else "add `databases: {main: {engine: postgres}}`"
            source.refuse(key, f"there is no database {name!r}", known)
    if len(set(service.databases)) < len(service.databases):
        source.refuse(key, "names a database twice", "once is enough")
    first = next((name for name in service.databases if databases[name] in engines.SQL), None)
    if first not in (None, "database") and "database" in service.databases:
        problem = f"the URLs of {first} and of database would both be the file {engines.FILE}"
        source.refuse(key, problem, "call the second one otherwise")


def check_shared(source: Source, services: Services, shared: Collection[str]) -> None:
    """Refuse a service called as a database that is shared: their roles in the server would be one."""
    for name in shared:
        if name in services:
            problem = f"its user would have the name of the database that the services of {name} share"
            source.refuse(("services", name), problem, "call the service or the database otherwise")


def check_references(
    source: Source, services: Services, databases: Mapping[str, str], buckets: Collection[str]
) -> None:
    """Refuse variables that refer to services, databases or buckets that a service cannot reach. Raises UsageError."""
    balanced = {name for name, service in services.items() if service.balanced}
    for service in services.values():
        reachable = [name for name in services if name in balanced or name in service.calls]
        for variable, secret in service.container.secrets.items():
            if secret.vault and (other := secret.vault.partition("/")[0]) not in services:
                place = ("services", service.name, "secrets", variable, "vault")
                source.refuse(place, f"there is no service {other!r}", f"there are: {', '.join(services)}")
            if wrong := references.secret_problem(secret.value_from, service.databases):
                source.refuse(("services", service.name, "secrets", variable, "from"), *wrong)
        blocks: dict[tuple[str, ...], Mapping[str, str]] = {("environment",): service.container.environment}
        blocks |= {("sidecars", name, "environment"): each.environment for name, each in service.sidecars.items()}
        for inner, environment in blocks.items():
            for variable, text in environment.items():
                key = ("services", service.name, *inner, variable)
                for name, _ in references.names(text):
                    if name in services and name not in reachable and services[name].port is not None:
                        problem = f"{{{name}.url}}: {name} has no path, so only services that call it reach it"
                        source.refuse(key, problem, f"services.{service.name}.calls: [{name}]")
                if wrong := references.problem(text, reachable, databases, buckets):
                    source.refuse(key, *wrong)


def with_bare_paths(source: Source, services: Services) -> Services:
    """Give each path to one service; `/x` comes with `/x/*` where it is nobody else's and the rule has room."""
    taken: dict[tuple[object, ...], str] = {}
    for service in services.values():
        for pattern in service.paths:
            place = (pattern, *conditions(service))
            if place in taken:
                other = taken[place]
                line = source.lines.get(("services", other))
                source.refuse(
                    ("services", service.name, "path"),
                    f"{pattern} belongs to {other} (line {line})",
                    "give one of them another path; its routes begin with that path too",
                )
            taken[place] = service.name
    check_priorities(source, services)
    return {name: replace(service, bare_paths=bare_paths(service, taken)) for name, service in services.items()}


def bare_paths(service: Service, taken: Mapping[tuple[object, ...], str]) -> tuple[str, ...]:
    """Return the paths that `/x/*` patterns get beside them, as many as the rule has room for, or none."""
    room = MOST_VALUES - len(service.paths) - len(service.routing.hosts) - len(service.routing.headers)
    candidates = [path[:-2] for path in service.paths if path.endswith("/*") and len(path) > 2]
    plain = [path for path in candidates if not set(path) & set("*?") and (path, *conditions(service)) not in taken]
    return tuple(plain) if len(plain) <= room else ()


def conditions(service: Service) -> tuple[object, ...]:
    """Return what makes two equal paths different ones."""
    return tuple(sorted(service.routing.hosts)), tuple(sorted(service.routing.headers.items()))


def check_priorities(source: Source, services: Services) -> None:
    """Refuse a priority that two services have. Raises UsageError."""
    taken: dict[int, str] = {}
    for service in services.values():
        number = service.routing.priority
        if number is not None and number in taken:
            problem = f"{number} is the priority of {taken[number]}, and two rules cannot have the same"
            source.refuse(("services", service.name, "priority"), problem)
        if number is not None:
            taken[number] = service.name


def check_order(source: Source, services: Services) -> None:
    """Refuse an `after` that names no service, or goes in a circle."""
    for service in services.values():
        for other in service.after:
            if other not in services:
                source.refuse(("services", service.name, "after"), f"there is no service {other!r}")
            if services[other].schedule is not None and service.schedule is None:
                source.refuse(("services", service.name, "after"), f"{other} has a schedule: jobs are deployed last")
        before, edge = set(), set(service.after)
        while edge:
            if service.name in edge:
                source.refuse(("services", service.name, "after"), "goes in a circle: it would wait for itself")
            before |= edge
            edge = {later for name in edge for later in services[name].after if later in services} - before
