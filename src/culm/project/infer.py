"""What culm.yml leaves out, from the service folders; and what no schema can say: do the parts fit together?"""

from collections.abc import Mapping
from pathlib import Path

from culm.project import together
from culm.project.checks import checked_name
from culm.project.infer_service import Setting, service
from culm.project.nodes import Source
from culm.project.project import Project, Service, Strategy, TargetSettings, Volume
from culm.project.schema import ManifestBlock, Placement, TargetBlock
from culm.project.targets import LOCAL, places_of_their_own, rds, target

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
    at = Setting(source=source, project=block.name, root=root, defaults=block.defaults)
    services = {name: service(at, name, written) for name, written in block.services.items()}
    services = together.shared(services, block.services)
    for one in services.values():
        together.check_database(source, one, databases)
    services = together.with_bare_paths(source, services)
    services = together.calling(source, services)
    together.check_order(source, services)
    buckets = checked_buckets(source, block, services)
    together.check_references(source, services, databases, buckets)
    check_volumes(source, block, services)
    jobs = {name: one for name, one in services.items() if one.schedule is not None}
    services = {name: one for name, one in services.items() if one.schedule is None}
    if not services:
        source.refuse(("services",), "all of them have a schedule", "a project has a service that runs always, too")
    targets = {LOCAL: TargetBlock(), **(block.targets or {})}
    resolved = {name: target(source, name, written) for name, written in targets.items()}
    named = places_of_their_own(source, block.name, resolved, services)
    measure_buckets(source, buckets, named)
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
    )


def strategies(written: Placement) -> tuple[Strategy, ...]:
    if isinstance(written, str):
        return PLACEMENTS[written]
    return tuple(Strategy(type=s.type, field=s.field or USUAL_FIELD[s.type]) for s in written)


LONGEST_BUCKET = 34
"""Characters of project and bucket together: the account and the longest region take the rest of S3's 63."""


def checked_buckets(source: Source, block: ManifestBlock, services: Mapping[str, Service]) -> tuple[str, ...]:
    """The project's buckets; raises UsageError for a name that S3 refuses, and for one that nobody has declared."""
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
    """Under each name that the project has on a target, a bucket's name fits into what S3 takes."""
    for settings in targets.values():
        for name in buckets:
            if len(settings.project) + len(name) > LONGEST_BUCKET:
                begin = f"{settings.project}-{name}"
                problem = f"{begin}, an account and a region are more than the 63 characters of a bucket's name"
                source.refuse(("buckets",), problem, "a shorter name")


def check_volumes(source: Source, block: ManifestBlock, services: Mapping[str, Service]) -> None:
    """Each of `volumes` is mounted somewhere: a name that is misspelled would be another volume."""
    mounted = {name for one in services.values() for name in one.container.volumes}
    mounted |= {name for one in services.values() for beside in one.sidecars.values() for name in beside.volumes}
    for name in block.volumes or {}:
        checked_name(source, ("volumes", name), name)
        if name not in mounted:
            known = f"there are: {', '.join(sorted(mounted))}" if mounted else "volumes: {data: /data} of a service"
            source.refuse(("volumes", name), "no service mounts it", known)
