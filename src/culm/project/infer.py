"""What culm.yml leaves out, from the service folders; and what no schema can say: do the parts fit together?"""

from collections.abc import Mapping
from pathlib import Path

from culm.project import dockerfile
from culm.project.checks import check_port, checked_name
from culm.project.nodes import Source
from culm.project.project import Project, Service, Strategy
from culm.project.schema import DefaultsBlock, ManifestBlock, Placement, ServiceBlock, TargetBlock
from culm.project.targets import LOCAL, LONGEST_TARGET_GROUP, places_of_their_own, rds, target

PLACEMENTS = {
    "spread": (Strategy(type="spread", field="instanceId"),),
    "binpack": (Strategy(type="binpack", field="memory"),),
}
USUAL_FIELD = {"spread": "instanceId", "binpack": "memory", "random": None}


def project(source: Source, block: ManifestBlock, root: Path) -> Project:
    if not block.services:
        source.refuse(("services",), "there is none", "name one: `accounts: {build: accounts}`, or run `culm init`")
    databases = {name: database.engine for name, database in (block.databases or {}).items()}
    for name in databases:
        checked_name(source, ("databases", name), name)
    services = {
        name: service(source, block.name, name, written, block.defaults, root)
        for name, written in block.services.items()
    }
    for one in services.values():
        check_database(source, one, databases)
    check_paths(source, services)
    check_order(source, services)
    targets = {LOCAL: TargetBlock(), **(block.targets or {})}
    resolved = {name: target(source, name, written) for name, written in targets.items()}
    return Project(
        name=block.name,
        root=root,
        targets=places_of_their_own(source, block.name, resolved, services),
        placement=strategies(block.placement),
        databases=databases,
        services=services,
        rds={
            name: rds(source, ("databases", name, "rds"), database.rds)
            for name, database in (block.databases or {}).items()
            if database.rds is not None
        },
    )


def service(
    source: Source, project_name: str, name: str, written: ServiceBlock, defaults: DefaultsBlock, root: Path
) -> Service:
    key = ("services", name)
    checked_name(source, key, name)
    if len(group := f"{project_name}-{name}") > LONGEST_TARGET_GROUP:
        source.refuse(key, f"its target group, {group}, has {len(group)} characters; AWS takes {LONGEST_TARGET_GROUP}")
    folder = root / (written.build or name)
    if not folder.is_dir():
        hint = "build: names the folder that holds its Dockerfile, seen from culm.yml"
        source.refuse((*key, "build"), f"there is no folder {folder}", hint)
    image = folder / written.dockerfile
    if not image.is_file():
        source.refuse((*key, "dockerfile"), f"there is no {image}", "dockerfile: names it, if it is called otherwise")
    args = {**(defaults.args or {}), **(written.args or {})}
    found = Service(
        name=name,
        folder=folder,
        dockerfile=image,
        migration=migration(source, (*key, "migrate"), folder, written.migrate),
        paths=written.path or (f"/{name}/*",),
        port=written.port if written.port is not None else exposed(source, (*key, "port"), image, args),
        database=written.database,
        after=written.after,
        memory=written.memory or defaults.memory,
        cpu=written.cpu if written.cpu is not None else defaults.cpu,
        health=(written.health or defaults.health).replace("{service}", name),
        count=written.count if written.count is not None else defaults.count,
        grace=written.grace if written.grace is not None else defaults.grace,
        exec=written.exec if written.exec is not None else defaults.exec,
        roll=written.roll or defaults.roll,
        load=written.load,
        args=args,
    )
    check_port(source, (*key, "port"), found.port)
    if not found.health.startswith("/"):
        source.refuse((*key, "health"), f"{found.health!r} is not a path: it begins with /")
    if len(found.paths) > 5:
        source.refuse((*key, "path"), f"has {len(found.paths)} patterns; a listener rule takes 5")
    return found


def migration(source: Source, key: tuple[str, ...], folder: Path, written: str | bool | None) -> Path | None:
    if written is False:
        return None
    image = folder / (written if isinstance(written, str) else "Dockerfile.migrate")
    if image.is_file():
        return image
    if written is not None:
        source.refuse(key, f"there is no {image}", "migrate: false, if it has nothing to migrate")
    return None


def exposed(source: Source, key: tuple[str, ...], image: Path, args: dict[str, str]) -> int:
    """The one port that the Dockerfile EXPOSEs."""
    try:
        ports = dockerfile.exposed_ports(dockerfile.read(image), args)
    except dockerfile.DockerfileError as error:
        source.refuse(key, f"cannot be read from {image}, {error}", "fix the Dockerfile")
    if not ports:
        source.refuse(key, f"is not known: {image} has no EXPOSE", "say where it listens, `port: 8080`, or EXPOSE it")
    if len(ports) > 1:
        listed = " and ".join(map(str, ports))
        source.refuse(key, f"is not clear: {image} EXPOSEs {listed}", "say which one the load balancer talks to")
    return ports[0]


def strategies(written: Placement) -> tuple[Strategy, ...]:
    if isinstance(written, str):
        return PLACEMENTS[written]
    return tuple(Strategy(type=s.type, field=s.field or USUAL_FIELD[s.type]) for s in written)


def check_database(source: Source, one: Service, databases: Mapping[str, str]) -> None:
    if one.database is not None and one.database not in databases:
        known = f"there are: {', '.join(databases)}" if databases else "add `databases: {main: {engine: postgres}}`"
        source.refuse(("services", one.name, "database"), f"there is no database {one.database!r}", known)


def check_paths(source: Source, services: dict[str, Service]) -> None:
    taken: dict[str, str] = {}
    for one in services.values():
        for pattern in one.paths:
            if pattern in taken:
                other = taken[pattern]
                line = source.lines.get(("services", other))
                source.refuse(
                    ("services", one.name, "path"),
                    f"{pattern} belongs to {other} (line {line})",
                    "give one of them another path; its routes begin with that path too",
                )
            taken[pattern] = one.name


def check_order(source: Source, services: dict[str, Service]) -> None:
    """`after` names services, and no circle."""
    for one in services.values():
        for other in one.after:
            if other not in services:
                source.refuse(("services", one.name, "after"), f"there is no service {other!r}")
        seen, edge = set(), set(one.after)
        while edge:
            if one.name in edge:
                source.refuse(("services", one.name, "after"), "goes in a circle: it would wait for itself")
            seen |= edge
            edge = {later for name in edge for later in services[name].after if later in services} - seen
