"""ecs.RegisterTaskDefinition: a service's, and its migration's. Pure."""

import hashlib
from collections.abc import Collection, Mapping
from types import MappingProxyType

from culm.project.engines import CERTIFICATES
from culm.project.project import Check, Project, Service
from culm.project.references import resolve
from culm.project.values import MountPath
from culm.render import files as vault_files
from culm.render.load_balancers import entrances
from culm.render.names import bucket, execution_role_name, family, log_group, secret_parameter
from culm.render.surroundings import Aliases, Input, Surroundings

MIGRATION_LABEL = "io.culm.migration"
"""The digest of the migration's image that goes before a revision."""
COMMAND_SEPARATOR = "+"
"""In that label, before the digest of a command that is run in the service's own image."""
MIGRATION_FILES_LABEL = "io.culm.migration-files"
"""The fingerprint of that migration's files, as `project.migration_files` has it."""
LONGEST_START = 300
"""Seconds of a container health check's startPeriod.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html
"""
NOT_KNOWN = "known-once-it-is-there"
"""Stands for an address that the target has not given yet."""
PROXY_MEMORY = 64
"""MiB that Service Connect's proxy gets in each task, the least that AWS recommends.
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-connect-concepts-deploy.html
"""
NOTHING_GIVEN: Mapping[str, str] = MappingProxyType({})
CONDITIONS = {"start": "START", "healthy": "HEALTHY", "complete": "COMPLETE", "success": "SUCCESS"}


def task_definition(
    project: Project, service: Service, image: str, migration_image: str | None, surroundings: Surroundings
) -> Input:
    """Return the input of ecs.RegisterTaskDefinition for the service: its container first, then sidecars.

    It names the migration that goes before it: a revision that is live tells that its migration has succeeded.
    """
    container = container_definition(project, service, image, surroundings, service.name) | own(
        project, service, surroundings
    )
    if migration_image:
        container["dockerLabels"] = {MIGRATION_LABEL: migration_label(service, migration_image)}
        if (files := surroundings.migration_files.get(service.name)) is not None:
            container["dockerLabels"][MIGRATION_FILES_LABEL] = files
    beside = [sidecar(project, service, name, image, surroundings) for name in service.sidecars]
    made = definition(project, service, family(project, service), container, surroundings)
    made["containerDefinitions"] += beside
    mounted = {
        *service.container.volumes,
        *(name for companion in service.sidecars.values() for name in companion.volumes),
    }
    if mounted or service.container.files:
        made["volumes"] = [volume(project, name, surroundings) for name in sorted(mounted)] + vault_files.volumes(
            service
        )
    if service.container.files:
        base = container_definition(project, service, image, surroundings, service.name)
        made["containerDefinitions"].append(vault_files.container(service, base, surroundings))
    if service.connected:
        # the proxy gets what the task's limit leaves; a limit of CPU would slow the service's own bursts
        reserved = sum(each.get("memoryReservation", each["memory"]) for each in made["containerDefinitions"])
        made["memory"] = str(max(reserved, *(each["memory"] for each in made["containerDefinitions"])) + PROXY_MEMORY)
    return made


def migration_label(service: Service, image: str) -> str:
    """Return what a revision calls the migration before it: its image's digest, and one of its command if any."""
    digest = image.rpartition("@")[2]
    if service.migration_command is None:
        return digest
    given = service.migration_command
    command = repr((given.entrypoint or service.container.entrypoint, given.command))
    return f"{digest}{COMMAND_SEPARATOR}{hashlib.sha256(command.encode()).hexdigest()[:12]}"


def migration_image(label: str) -> str:
    """Return the image's digest in what `migration_label` has written."""
    return label.partition(COMMAND_SEPARATOR)[0]


def own(project: Project, service: Service, surroundings: Surroundings) -> Input:
    """Return what the service's own container has besides what every container has."""
    given = service.container
    named = {"name": service.name, "appProtocol": "http"} if service.called else {}
    main = {"containerPort": service.port, "hostPort": 0, "protocol": "tcp", **named}
    ports = [main] if service.port is not None else []
    ports += [{"containerPort": each.number, "hostPort": 0, "protocol": each.protocol} for each in given.ports]
    members: Input = {
        "portMappings": ports,
        "stopTimeout": given.stop,
        "command": words(given.command),
        "entryPoint": words(given.entrypoint),
        "secrets": secrets(project, service, surroundings),
        "user": given.user,
        "readonlyRootFilesystem": given.read_only,
        "ulimits": [
            {"name": name, "softLimit": limit.soft, "hardLimit": limit.hard} for name, limit in given.ulimits.items()
        ],
        "linuxParameters": linux_parameters(service),
        "mountPoints": mount_points(project, given.volumes) + vault_files.mount_points(service),
        "healthCheck": health_check(service.check, service.grace),
        "dependsOn": [
            {"containerName": name, "condition": CONDITIONS[companion.ready]}
            for name, companion in service.sidecars.items()
            if companion.ready is not None
        ]
        + vault_files.depends_on(service),
    }
    return {key: value for key, value in members.items() if value not in (None, [], {}, False)} | {
        "environment": variables(project, service, given.environment, surroundings)
        + encrypted(project, service, {*given.environment, *given.secrets}, surroundings, verifies=True)
    }


def linux_parameters(service: Service) -> Input:
    """Return init and scratch file systems, empty where neither is asked for."""
    given = service.container
    scratch = [{"containerPath": path, "size": size} for path, size in given.tmpfs.items()]
    return ({"initProcessEnabled": True} if given.init else {}) | ({"tmpfs": scratch} if scratch else {})


def sidecar(project: Project, service: Service, name: str, image: str, surroundings: Surroundings) -> Input:
    """Return the definition of a sidecar of `service`; it logs into the service's group, under its own name.

    `image` is the service's, for a sidecar without one of its own.
    """
    settings = service.sidecars[name]
    members: Input = {
        **container_definition(project, service, settings.image or image, surroundings, service.name),
        "name": name,
        "essential": settings.essential,
        "memory": settings.memory,
        "cpu": settings.cpu,
        "environment": variables(project, service, settings.environment, surroundings)
        + encrypted(project, service, settings.environment, surroundings),
        "command": words(settings.command),
        "entryPoint": words(settings.entrypoint),
        "user": settings.user,
        "mountPoints": mount_points(project, settings.volumes),
        "healthCheck": health_check(settings.check, service.grace),
        "stopTimeout": service.container.stop,
        "linuxParameters": {"initProcessEnabled": True} if settings.init else {},
    }
    return {key: value for key, value in members.items() if value not in (None, [], {})}


def migration(project: Project, service: Service, image: str, surroundings: Surroundings) -> Input:
    """Return the input of ecs.RegisterTaskDefinition for the migration: a one-time task, never a service.

    In the service's own image it has its user and volumes as well.
    """
    container = container_definition(project, service, image, surroundings, "migrate")
    given = service.container.environment
    container["environment"] = variables(project, service, given, surroundings)
    container["environment"] += encrypted(project, service, {*given, *service.container.secrets}, surroundings)
    if service.container.secrets:
        container["secrets"] = secrets(project, service, surroundings)
    mounted: list[str] = []
    if service.migration_command is not None:
        called = service.migration_command
        members = {
            "command": words(called.command),
            "entryPoint": words(called.entrypoint or service.container.entrypoint),
            "user": service.container.user,
            "mountPoints": mount_points(project, service.container.volumes),
        }
        container |= {key: value for key, value in members.items() if value not in (None, [])}
        mounted = sorted(service.container.volumes)
    made = definition(project, service, family(project, service, migrate=True), container, surroundings)
    return made | ({"volumes": [volume(project, name, surroundings) for name in mounted]} if mounted else {})


def words(given: tuple[str, ...] | None) -> list[str] | None:
    return None if given is None else list(given)


def surely(surroundings: Surroundings, given: Mapping[str, str] = NOTHING_GIVEN) -> list[Input]:
    """Return the variables that every container gets: the environment's name, where the vault is, and the region.

    The SDKs need a region, and on EC2 instances ECS's agent names none; the local cluster's does. `given` is what the
    service sets itself, which may be another region.
    """
    usual = [{"name": "MYENV", "value": surroundings.env}, {"name": "VAULT", "value": f"s3://{surroundings.vault}"}]
    if surroundings.provider != "aws" or "AWS_REGION" in given:
        return usual
    return [*usual, {"name": "AWS_REGION", "value": surroundings.region}]


def secrets(project: Project, service: Service, surroundings: Surroundings) -> list[Input]:
    """Return `secrets:`; one whose value is in the vault is a parameter of the deploy's own."""
    return [
        {
            "name": name,
            "valueFrom": secret_parameter(project, service, name, surroundings.env)
            if each.composed
            else each.value_from,
        }
        for name, each in service.container.secrets.items()
    ]


def variables(
    project: Project, service: Service, environment: Mapping[str, str], surroundings: Surroundings
) -> list[Input]:
    """Return what every container gets, and `environment:` with its references resolved for this target."""

    def value(name: str, what: str) -> str:
        if name in project.databases:
            address, port = surroundings.databases.get(name, (NOT_KNOWN, 0))
            return str(port) if what == "port" else address
        if name in project.buckets:
            return bucket(project, name, surroundings.account, surroundings.region)
        other = project.called(name)
        return inner_url(other, surroundings) if name in service.calls else service_url(other, surroundings)

    own = [{"name": name, "value": resolve(text, value)} for name, text in environment.items()]
    return [*surely(surroundings, environment), *own]


def encrypted(
    project: Project, service: Service, given: Collection[str], surroundings: Surroundings, *, verifies: bool = False
) -> list[Input]:
    """Return the variables by which clients encrypt what they say to a database in RDS, which wants it.

    Clients of PostgreSQL by libpq read PGSSLMODE, and so do asyncpg, pgx, sqlx and node-postgres; in a URL others would
    fail on a word that they do not know. `verifies`: a container that has Amazon's certificates among its `files:` has
    the server verified, too. `given` is what the container sets itself, which goes first.
    https://www.postgresql.org/docs/current/libpq-envars.html
    """
    engines_there = {project.databases[name] for name in service.databases if name in project.rds}
    if surroundings.provider != "aws" or not engines_there:
        return []
    path = next((path for path, file in service.container.files.items() if file == CERTIFICATES), None)
    made: dict[str, str] = {}
    if "postgres" in engines_there:
        made["PGSSLMODE"] = "require"
    if path is not None and verifies:
        made |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": path} if "postgres" in engines_there else {}
        made["NODE_EXTRA_CA_CERTS"] = path
    return [{"name": name, "value": value} for name, value in made.items() if name not in given]


def service_url(service: Service, surroundings: Surroundings) -> str:
    """Return a service's URL: the load balancer and the fixed beginning of the service's path, without a final `/`."""
    return (surroundings.load_balancer or f"http://{NOT_KNOWN}") + entrances(service)[0].rstrip("/")


def inner_alias(service: Service, inner: Aliases) -> tuple[str, int]:
    """Return the host and port at which other services call this one without the load balancer."""
    return inner.get(service.name, (service.name, service.port or 0))


def inner_url(service: Service, surroundings: Surroundings) -> str:
    """Return the URL for inner calls, without a final `/`: no load balancer strips or adds a path on this way."""
    host, port = inner_alias(service, surroundings.inner)
    return f"http://{host}:{port}"


def health_check(check: Check | None, grace: int) -> Input | None:
    """Return a container's health check. ECS uses this one only, and ignores the image's."""
    if check is None or check.command is None:
        return None
    return {
        "command": list(check.command),
        "interval": check.interval,
        "timeout": check.timeout,
        "retries": check.retries,
        "startPeriod": min(grace, LONGEST_START),
    }


def volume_name(project: Project, name: str) -> str:
    """Return a volume's name, with the project's in it: an instance has the volumes of all projects."""
    return f"{project.name}-{name}"


def mount_points(project: Project, volumes: Mapping[str, MountPath]) -> list[Input]:
    return [
        {"sourceVolume": volume_name(project, name), "containerPath": mount.path, "readOnly": mount.read_only}
        for name, mount in volumes.items()
    ]


def volume(project: Project, name: str, surroundings: Surroundings) -> Input:
    """Return a folder that outlives tasks: an EFS file system on aws, one of the machine's own locally.

    https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-volume-config.html
    """
    settings = project.volumes.get(name)
    named = volume_name(project, name)
    if settings is not None and settings.scratch:
        return {"name": named, "host": {}}
    if surroundings.provider == "aws" and settings is not None and settings.efs is not None:
        return {"name": named, "efsVolumeConfiguration": {"fileSystemId": settings.efs, "transitEncryption": "ENABLED"}}
    return {"name": named, "dockerVolumeConfiguration": {"scope": "shared", "autoprovision": True, "driver": "local"}}


def container_definition(
    project: Project, service: Service, image: str, surroundings: Surroundings, log_prefix: str
) -> Input:
    """Return the definition of the service's own container. `log_prefix` begins its streams' names."""
    return {
        "name": service.name,
        "image": image,
        "essential": True,
        "memory": service.memory,
        "cpu": service.cpu,
        "environment": surely(surroundings),
        "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
                "awslogs-group": log_group(project, service),
                "awslogs-region": surroundings.region,
                "awslogs-stream-prefix": log_prefix,
            },
        },
    }


def definition(
    project: Project, service: Service, family_name: str, container: Input, surroundings: Surroundings
) -> Input:
    """Return the input of ecs.RegisterTaskDefinition with this one container."""
    return {
        "family": family_name,
        "taskRoleArn": f"arn:aws:iam::{surroundings.account}:role/{family(project, service)}",
        "executionRoleArn": f"arn:aws:iam::{surroundings.account}:role/{execution_role_name(project)}",
        "networkMode": "bridge",
        "requiresCompatibilities": ["EC2"],
        "containerDefinitions": [container],
    }
