"""What culm.yml leaves out, from the service folders; and what no schema can say: do the parts fit together?"""

from collections.abc import Mapping
from pathlib import Path

from culm.project import engines, together
from culm.project.checks import checked_name
from culm.project.infer_service import Setting, service
from culm.project.nodes import Source
from culm.project.project import ElastiCache, Project, Service, Strategy, TargetSettings, Volume
from culm.project.schema import ManifestBlock, Placement, TargetBlock
from culm.project.targets import LOCAL, check_sleepers, places_of_their_own, rds, target

PLACEMENTS = {
    "spread": (Strategy(type="spread", field="instanceId"),),
    "binpack": (Strategy(type="binpack", field="memory"),),
}
USUAL_FIELD = {"spread": "instanceId", "binpack": "memory", "random": None}


def project(source: Source, block: ManifestBlock, root: Path) -> Project:
    """Return the project that culm.yml describes, all that it leaves out inferred. Raises UsageError."""
    if not block.services:
        source.refuse(("services",), "there is none", "name one: `accounts: {build: accounts}`, or run `culm init`")
    databases = checked_databases(source, block)
    at = Setting(source=source, project=block.name, root=root, defaults=block.defaults)
    services = {name: service(at, name, written) for name, written in block.services.items()}
    services = together.shared(services, block.services)
    for each in services.values():
        together.check_databases(source, each, databases)
    shared = frozenset(name for name, database in (block.databases or {}).items() if database.shared)
    together.check_shared(source, services, shared)
    services = together.with_bare_paths(source, services)
    services = together.calling(source, services)
    together.check_order(source, services)
    buckets = checked_buckets(source, block, services)
    together.check_references(source, services, databases, buckets)
    check_volumes(source, block, services)
    jobs = {name: each for name, each in services.items() if each.schedule is not None}
    services = {name: each for name, each in services.items() if each.schedule is None}
    if not services:
        source.refuse(("services",), "all of them have a schedule", "a project has a service that runs always, too")
    targets = {LOCAL: TargetBlock(), **(block.targets or {})}
    resolved = {name: target(source, name, written) for name, written in targets.items()}
    check_sleepers(source, resolved, services)
    named = places_of_their_own(source, block.name, resolved, services)
    measure_buckets(source, buckets, named)
    measure_caches(source, databases, services | jobs, named)
    return Project(
        name=block.name,
        root=root,
        targets=named,
        placement=strategies(block.placement),
        databases=databases,
        services=services,
        jobs=jobs,
        buckets=buckets,
        volumes={name: Volume(efs=volume.efs) for name, volume in (block.volumes or {}).items()},
        rds={
            name: rds(source, ("databases", name, "rds"), database.rds)
            for name, database in (block.databases or {}).items()
            if database.rds is not None
        },
        elasticache={
            name: ElastiCache(instance=database.elasticache.instance)
            for name, database in (block.databases or {}).items()
            if database.elasticache is not None
        },
        extensions={
            name: database.extensions for name, database in (block.databases or {}).items() if database.extensions
        },
        shared=shared,
    )


def strategies(written: Placement) -> tuple[Strategy, ...]:
    """Return the placement strategies, from a word of culm.yml's or spelled out."""
    if isinstance(written, str):
        return PLACEMENTS[written]
    return tuple(Strategy(type=s.type, field=s.field or USUAL_FIELD[s.type]) for s in written)


def checked_databases(source: Source, block: ManifestBlock) -> dict[str, str]:
    """Return engines by name; raise UsageError for a key that does nothing for its engine."""
    for name, database in (block.databases or {}).items():
        key = ("databases", name)
        checked_name(source, key, name)
        if name in engines.TAKEN:
            source.refuse(key, f"its URL's file would be {name}.url, which is another one", "give it another name")
        title = engines.TITLES[database.engine]
        if database.rds is not None and database.engine in engines.CACHES:
            source.refuse((*key, "rds"), f"RDS has no {title}", "elasticache: {instance: cache.t4g.micro}")
        if database.elasticache is not None and database.engine in engines.SQL:
            source.refuse((*key, "elasticache"), f"ElastiCache has no {title}", "rds: {instance: db.t4g.micro}")
        if database.extensions and database.engine != "postgres":
            source.refuse((*key, "extensions"), f"{title} has none", "they are PostgreSQL's")
        if database.shared and database.engine in engines.CACHES:
            problem = f"the services of one {title} see the same keys anyway"
            source.refuse((*key, "shared"), problem, "leave it out; a server of its own keeps a service apart")
    return {name: database.engine for name, database in (block.databases or {}).items()}


LONGEST_CACHE_USER = 40
"""https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/API_CreateUser.html"""


def measure_caches(
    source: Source,
    databases: Mapping[str, str],
    services: Mapping[str, Service],
    targets: Mapping[str, TargetSettings],
) -> None:
    """Refuse users of a cache whose names ElastiCache does not take.

    They are looked at under each name that the project has on a target.
    """
    for settings in targets.values():
        for each in services.values():
            for name in each.databases:
                user = f"{settings.project}-{name}-{each.name}"
                if databases[name] in engines.CACHES and len(user) > LONGEST_CACHE_USER:
                    problem = f"its user of {name}, {user}, has {len(user)} characters; AWS takes {LONGEST_CACHE_USER}"
                    source.refuse(("services", each.name, "database"), problem, "a shorter name of one of them")


LONGEST_BUCKET = 34
"""Characters of project and bucket together: the account and the longest region take the rest of S3's 63."""


def checked_buckets(source: Source, block: ManifestBlock, services: Mapping[str, Service]) -> tuple[str, ...]:
    """Return the project's buckets.

    Raises UsageError for a name that S3 refuses, and for one that nobody has declared.
    """
    buckets = block.buckets or ()
    for name in buckets:
        checked_name(source, ("buckets",), name)
        if name in services or name in (block.databases or {}):
            source.refuse(("buckets",), f"{name} is a service or a database, too", "references need names of their own")
    for user in services.values():
        for name in user.buckets:
            if name not in buckets:
                known = f"there are: {', '.join(buckets)}" if buckets else f"at the top of the file: buckets: [{name}]"
                source.refuse(("services", user.name, "buckets"), f"there is no bucket {name!r}", known)
    return buckets


def measure_buckets(source: Source, buckets: tuple[str, ...], targets: Mapping[str, TargetSettings]) -> None:
    """Refuse buckets whose names S3 does not take, under each name that the project has on a target."""
    for settings in targets.values():
        for name in buckets:
            if len(settings.project) + len(name) > LONGEST_BUCKET:
                begin = f"{settings.project}-{name}"
                problem = f"{begin}, an account and a region are more than the 63 characters of a bucket's name"
                source.refuse(("buckets",), problem, "a shorter name")


def check_volumes(source: Source, block: ManifestBlock, services: Mapping[str, Service]) -> None:
    """Refuse any of `volumes` that no service mounts: a name that is misspelled would be another volume."""
    mounted = {name for service in services.values() for name in service.container.volumes}
    mounted |= {name for service in services.values() for each in service.sidecars.values() for name in each.volumes}
    for name in block.volumes or {}:
        checked_name(source, ("volumes", name), name)
        if name not in mounted:
            known = f"there are: {', '.join(sorted(mounted))}" if mounted else "volumes: {data: /data} of a service"
            source.refuse(("volumes", name), "no service mounts it", known)
