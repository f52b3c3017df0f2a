"""What a target or its runtime cannot do of what culm.yml asks for; said before anything is changed. Pure."""

import re
from collections.abc import Iterable
from typing import Literal

from culm.core.model.instance_types import INSTANCE_TYPES
from culm.errors import UsageError
from culm.prefixes import official
from culm.project.project import Project, Service, TargetSettings

PLATFORMS = {"x86_64": "linux/amd64", "arm64": "linux/arm64"}

IN_CONTAINERS = re.compile(
    r"(?:^|/)(?:mongo(?:db)?(?:-\w+)*|rabbitmq|(?:cp-)?kafka|redpanda|(?:cp-)?zookeeper|elasticsearch|opensearch|kibana|memcached"
    r"|cassandra|scylla|neo4j|couchdb|clickhouse(?:-server)?|adminer|pgadmin4?|phpmyadmin|mongo-express|redis-?commander"
    r"|keycloak|wordpress|nextcloud|ghost|nginx|httpd|mysql|mariadb|postgres|redis|localstack|activemq\S*)(?::|@|$)"
)
"""Ready images whose programs stand on their own system's files: a host cannot run them as its processes."""


def demand(
    project: Project, settings: TargetSettings, builder: Literal["docker", "host"] | None, names: Iterable[str]
) -> None:
    """Raise UsageError for the first service that the target cannot run as culm.yml has it.

    `builder` tells the local target's runtime: what builds on this host is run as host processes. None: not known yet.
    """
    for name in names:
        service = project.everything[name]
        key = f"services.{name}"
        if settings.provider == "aws":
            demand_volumes(project, service, settings.name)
            demand_overlap(service, settings.name)
        elif builder == "host" and needs_container(service):
            others = without_containers(project)
            rest = f"; or leave it out for now: culm deploy {' '.join(others)}" if others else ""
            raise UsageError(
                f"{key}.image: {service.image} runs in a container alone, and no container engine is used here",
                f"start Docker or Podman, then: culm up --runtime docker{rest}",
            )
        elif builder == "host" and service.container.read_only:
            raise UsageError(
                f"{key}.read-only: host processes cannot be kept from writing in their image's files",
                "run it with Docker: culm up --runtime docker; or leave it out",
            )
        demand_platform(service, settings)


def notes(project: Project, builder: Literal["docker", "host"] | None, names: Iterable[str]) -> list[str]:
    """Return what is run otherwise than culm.yml has it: ready images that host processes have no use for."""
    if builder != "host":
        return []
    images = {name: project.everything[name].image for name in names}
    return [
        f"{name}: {image} is not pulled: without an engine this machine's own programs stand for it"
        for name, image in images.items()
        if image is not None and official.configuration(image) is not None
    ]


def needs_container(service: Service) -> bool:
    """Return whether it is a ready image whose programs stand on their own system's files."""
    return service.image is not None and IN_CONTAINERS.search(service.image.lower()) is not None


def without_containers(project: Project) -> list[str]:
    """Return the services that can be deployed without an engine: they need no container, nor any service that does."""
    out = {name for name, service in project.services.items() if needs_container(service)}
    while more := {
        each.name
        for each in project.services.values()
        if each.name not in out and not out.isdisjoint((*each.after, *each.calls))
    }:
        out |= more
    return [name for name in project.services if name not in out]


def demand_volumes(project: Project, service: Service, target: str) -> None:
    """Raise UsageError for a volume on an instance's own disk on aws: a task that moves would lose it.

    There it has to be an EFS file system.
    """
    mounted = {*service.container.volumes, *(name for each in service.sidecars.values() for name in each.volumes)}
    for name in sorted(mounted):
        volume = project.volumes.get(name)
        if volume is None or (volume.efs is None and not volume.scratch):
            raise UsageError(
                f"services.{service.name}.volumes: {name} is no EFS file system, and target {target} has no others",
                f"at the top of culm.yml: volumes: {{{name}: {{efs: fs-...}}}}, a file system that the instances reach",
            )


def demand_overlap(service: Service, target: str) -> None:
    """Raise UsageError for a job that may not overlap, on a target that cannot see to that.

    EventBridge Scheduler starts a run whatever the one before does, and nothing in ECS keeps it from that.
    """
    if service.schedule is not None and service.schedule.overlap != "allow":
        raise UsageError(
            f"services.{service.name}.schedule.overlap: {service.schedule.overlap} cannot be done on target {target}: "
            "EventBridge Scheduler starts a run whatever the one before does",
            "overlap: allow, with a lock that the job takes itself (of a database: pg_try_advisory_lock), or with a "
            "`timeout:` that is shorter than the time between two runs",
        )


def demand_platform(service: Service, settings: TargetSettings) -> None:
    """Raise UsageError for a service whose image is not for the architecture of the target's instances."""
    known = [
        INSTANCE_TYPES[group.instance_type] for group in settings.instances if group.instance_type in INSTANCE_TYPES
    ]
    platforms = {PLATFORMS[each.architecture] for each in known if each.architecture in PLATFORMS}
    if settings.provider == "aws" and service.platform is not None and platforms and service.platform not in platforms:
        listed = ", ".join(sorted(platforms))
        raise UsageError(
            f"services.{service.name}.platform: {service.platform} does not run on target {settings.name}, whose "
            f"instances are {listed}",
            f"take instances of that architecture, or set platform: {listed}",
        )
