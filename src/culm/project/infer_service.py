"""One service of culm.yml with everything filled in: from its block, the defaults and its folder."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from culm.core.model.record import record
from culm.project import dockerfile, health, schedules
from culm.project.checks import check_port, checked_name
from culm.project.dockerfile import Instruction
from culm.project.nodes import Source
from culm.project.project import (
    STOP_SECONDS,
    Container,
    MigrationCommand,
    Routing,
    Scaling,
    Schedule,
    SecretSource,
    Service,
    Sidecar,
)
from culm.project.schema import DefaultsBlock
from culm.project.service_schema import MigrateBlock, ScheduleBlock, SecretBlock, ServiceBlock, SidecarBlock
from culm.project.targets import LONGEST_TARGET_GROUP
from culm.project.values import FILE, NONE, Range, variable

MOST_VALUES = 5
"""Of a rule's conditions together, and of its wildcards.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
"""
HIGHEST_PRIORITY = 50_000
LONGEST_DRAIN = 3600
OWN_VARIABLES = ("MYENV", "VAULT")
"""culm sets them itself."""
BALANCED_KEYS = ("host", "headers", "priority", "strip", "drain", "load")
"""Those that only the load balancer heeds."""
LONGEST_TIMEOUT = 7 * 86_400
TIMEOUT = "timeout"
"""The container that counts a job's time."""
READS = "its code reads it from the environment"
"""Why a secret of the vault is a variable, where culm.yml does not say it."""
FILES = "files"
"""The container that fetches a task's files."""
SYSTEM_ROOTS = ("/bin", "/boot", "/dev", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr/bin", "/usr/lib")
SYSTEM_FOLDERS = frozenset(
    {
        "/",
        "/etc",
        "/home",
        "/opt",
        "/root",
        "/tmp",
        "/usr",
        "/usr/local",
        "/usr/sbin",
        "/usr/share",
        "/var",
        *SYSTEM_ROOTS,
    }
)
"""Folders that images keep their own files in."""
SECRETS_FOLDER = "/run/secrets"
"""Where compose puts secrets, and nobody else anything."""
TIMEOUT_MEMORY = 16
"""MiB; Docker takes no less than 6."""
TIMEOUT_CPU = 2
"""The least that Docker takes of its shares."""
SERVING_KEYS = (
    *("port", "ports", "roll", "grace", "health", "calls", "steady_timeout"),
    *("migrate", "migrations", "schema_change", "migrate_timeout"),
)
"""Those that a job does not heed, besides."""
BUILD_KEYS = ("build", "dockerfile", "target", "args", "platform", "migrate", "migrations", "schema_change")
ULIMITS = frozenset(
    {"core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio"}
    | {"rttime", "sigpending", "stack"}
)
"""https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Ulimit.html"""


@record
class Setting:
    """Where a service's block stands, and what it is read against."""

    source: Source
    project: str
    root: Path
    defaults: DefaultsBlock

    def key(self, name: str, *more: str) -> tuple[str, ...]:
        """Return where the key of a service stands in culm.yml, for errors."""
        return ("services", name, *more)


def service(at: Setting, name: str, written: ServiceBlock) -> Service:
    """Return the service; raise UsageError, with file, line and key, for what no single value tells."""
    source = at.source
    checked_name(source, at.key(name), name)
    if len(group := f"{at.project}-{name}") > LONGEST_TARGET_GROUP:
        problem = f"its target group, {group}, has {len(group)} characters; AWS takes {LONGEST_TARGET_GROUP}"
        source.refuse(at.key(name), problem)
    folder, image = origin(at, name, written)
    args = {**(at.defaults.args or {}), **(written.args or {})}
    paths = paths_of(at, name, written)
    stage = instructions(at, name, image, written.target)
    defaults = at.defaults
    when = schedule(at, name, written)
    scaled = scaling(at, name, written, paths)
    inferred = Service(
        name=name,
        folder=folder,
        dockerfile=image,
        migration=migration(at, name, written, folder) if written.schedule is None else None,
        migration_command=migration_command(written),
        migrations=migrations(at, name, written, folder),
        schema_change=written.schema_change,
        paths=paths,
        port=port(at, name, written, stage, args) if paths or written.port is not None else None,
        databases=written.database or (),
        after=written.after,
        memory=written.memory or defaults.memory,
        cpu=written.cpu if written.cpu is not None else defaults.cpu,
        check=health.check(source, at.key(name, "health"), written.health, health.of(name, defaults, stage, paths)),
        count=count(written, defaults),
        scaling=scaled,
        grace=written.grace if written.grace is not None else defaults.grace,
        settle=written.settle if written.settle is not None else defaults.settle,
        steady_timeout=written.steady_timeout or defaults.steady_timeout,
        migrate_timeout=written.migrate_timeout or defaults.migrate_timeout,
        exec=written.exec if written.exec is not None else defaults.exec,
        roll=written.roll or defaults.roll,
        load=written.load,
        args=args,
        image=written.image,
        stage=written.target,
        platform=written.platform,
        routing=routing(at, name, written, paths),
        container=container(at, name, written),
        sidecars=sidecars(at, name, written, when),
        drain=written.drain,
        buckets=written.buckets or (),
        calls=written.calls or (),
        schedule=when,
    )
    for key, given in (("migrations", inferred.migrations), ("schema-change", inferred.schema_change)):
        if given and not inferred.migrates:
            hint = "`migrate:` names its Dockerfile or its command"
            source.refuse(at.key(name, key), "does nothing without a migration", hint)
    if inferred.port is not None:
        check_port(source, at.key(name, "port"), inferred.port)
    if inferred.drain is not None and inferred.drain > LONGEST_DRAIN:
        source.refuse(at.key(name, "drain"), f"{inferred.drain} s is longer than {LONGEST_DRAIN} s, the most of an ALB")
    return inferred


def origin(at: Setting, name: str, written: ServiceBlock) -> tuple[Path, Path | None]:
    """Return the folder and the Dockerfile; a ready image has none."""
    if written.image is not None:
        usual = ServiceBlock()
        for word in BUILD_KEYS:
            if word in ("migrate", "schema_change") and isinstance(written.migrate, MigrateBlock):
                continue
            if getattr(written, word) not in (getattr(usual, word), False):
                at.source.refuse(at.key(name, key_of(word)), "does nothing beside `image:`", "keep one of the two")
        return at.root, None
    folder = at.root / (written.build or name)
    if not folder.is_dir():
        hint = "build: names the folder that holds its Dockerfile, seen from culm.yml; image: names a ready image"
        at.source.refuse(at.key(name, "build"), f"there is no folder {folder}", hint)
    image = folder / written.dockerfile
    if not image.is_file():
        hint = "dockerfile: names it, if it is called otherwise"
        at.source.refuse(at.key(name, "dockerfile"), f"there is no {image}", hint)
    return folder, image


def key_of(field: str) -> str:
    """Return a field's key in culm.yml."""
    return field.replace("_", "-")


def instructions(at: Setting, name: str, image: Path | None, target: str | None) -> list[Instruction] | None:
    """Return the instructions up to the end of the stage that is built; None for a ready image."""
    if image is None:
        return None
    try:
        every = dockerfile.read(image)
    except dockerfile.DockerfileError as error:
        at.source.refuse(at.key(name, "dockerfile"), f"{image} cannot be read: {error}", "fix the Dockerfile")
    try:
        return dockerfile.until_stage(every, target) if target else every
    except dockerfile.DockerfileError:
        stages = [stage.name for stage in dockerfile.stages(every, {}) if stage.name]
        hint = f"it has: {', '.join(stages)}" if stages else "none of its FROM lines has AS"
        at.source.refuse(at.key(name, "target"), f"the Dockerfile has no stage {target!r}", hint)


MOST_TASKS = 5000
"""Of a service. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html"""


def count(written: ServiceBlock, defaults: DefaultsBlock) -> int:
    """Return the number of tasks that a service begins with."""
    match written.count:
        case Range(least=least):
            return least
        case None:
            return defaults.count
        case number:
            return number


def scaling(at: Setting, name: str, written: ServiceBlock, paths: tuple[str, ...]) -> Scaling | None:
    """Read `count` and `scale` together, as neither a range nor a target does anything alone. Raises UsageError."""
    bounds, by = written.count, written.scale
    if written.schedule is not None and (isinstance(bounds, Range) or by is not None):
        word = "scale" if by is not None else "count"
        at.source.refuse(at.key(name, word), "does nothing beside `schedule:`: a job is run to its end", "count: 1")
    if not isinstance(bounds, Range):
        if by is not None:
            problem = "needs a range of tasks to scale between"
            at.source.refuse(at.key(name, "scale"), problem, "count: 1-4 beside it, or leave it out")
        return None
    if by is None:
        problem = f"{bounds} is a range, and nothing says what to scale by"
        hint = f"scale: cpu 60 beside it, or one number: count: {max(bounds.least, 1)}"
        at.source.refuse(at.key(name, "count"), problem, hint)
    if bounds.least < 1:
        problem = f"{bounds} begins with 0: without a task there is no load to measure, so none would start again"
        at.source.refuse(at.key(name, "count"), problem, f"count: 1-{bounds.most}")
    if bounds.most > MOST_TASKS:
        at.source.refuse(at.key(name, "count"), f"{bounds.most} tasks are more than {MOST_TASKS}, the most of ECS")
    if by.metric == "requests" and not paths:
        problem = "counts requests of the load balancer, which does not know a service with `path: none`"
        at.source.refuse(at.key(name, "scale"), problem, "scale: cpu 60, or give it a path")
    return Scaling(bounds=bounds, by=by)


def migration(at: Setting, name: str, written: ServiceBlock, folder: Path) -> Path | None:
    """Return the Dockerfile of the migration, if there is one. Raises UsageError where one is named and missing."""
    if written.migrate is False or written.image is not None or isinstance(written.migrate, MigrateBlock):
        return None
    image = folder / (written.migrate if isinstance(written.migrate, str) else "Dockerfile.migrate")
    if image.is_file():
        return image
    if written.migrate is not None:
        at.source.refuse(
            at.key(name, "migrate"), f"there is no {image}", "migrate: false, if it has nothing to migrate"
        )
    return None


def migration_command(written: ServiceBlock) -> MigrationCommand | None:
    """Return the migration that is run in the service's own image, None where there is none of that kind."""
    match written.migrate:
        case MigrateBlock(command=command, entrypoint=entrypoint) if written.schedule is None:
            return MigrationCommand(command=command, entrypoint=entrypoint)
        case _:
            return None


def migrations(at: Setting, name: str, written: ServiceBlock, folder: Path) -> tuple[str, ...]:
    """Return the paths of migrations; raise UsageError for one that leads out of the service's folder or to nothing."""
    for path in written.migrations or ():
        clean = path.strip("/")
        if not clean or clean == "." or ".." in Path(clean).parts:
            problem = f"{path!r} is not a part of the service's folder"
            at.source.refuse(at.key(name, "migrations"), problem, "seen from its folder: db/migrate")
        if not any(folder.glob(clean)):
            at.source.refuse(at.key(name, "migrations"), f"there is no {folder / clean}", "seen from its folder")
    return written.migrations or ()


def paths_of(at: Setting, name: str, written: ServiceBlock) -> tuple[str, ...]:
    """Return a service's paths; empty for `path: none`."""
    if written.schedule is not None:
        return no_paths_of_job(at, name, written)
    paths = written.path or (f"/{name}/*",)
    if NONE not in paths:
        return paths
    if len(paths) > 1:
        at.source.refuse(at.key(name, "path"), "has `none` beside a path", "keep one of the two")
    for word in BALANCED_KEYS:
        if getattr(written, word):
            problem = "does nothing with `path: none`: the load balancer does not know the service"
            at.source.refuse(at.key(name, word), problem, "leave it out, or give it a path")
    return ()


def no_paths_of_job(at: Setting, name: str, written: ServiceBlock) -> tuple[str, ...]:
    """Return no paths, and refuse all that only a service has: a job serves nothing, and is run to its end."""
    if written.path not in (None, (NONE,)):
        at.source.refuse(
            at.key(name, "path"), "does nothing beside `schedule:`: a job is run to its end", "leave it out"
        )
    for word in (*SERVING_KEYS, *BALANCED_KEYS):
        if getattr(written, word):
            at.source.refuse(
                at.key(name, key_of(word)), "does nothing beside `schedule:`: a job is run to its end", "leave it out"
            )
    return ()


def schedule(at: Setting, name: str, written: ServiceBlock) -> Schedule | None:
    """Return when a job runs; None for a service.

    Raises UsageError for what is no schedule, and for times that EventBridge Scheduler does not take.
    """
    if written.schedule is None:
        return None
    block = ScheduleBlock(when=written.schedule) if isinstance(written.schedule, str) else written.schedule
    try:
        timing = schedules.when(block.when)
    except ValueError as error:
        at.source.refuse(at.key(name, "schedule"), str(error))
    try:
        ZoneInfo(timing.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "a name of the time zone database, such as Europe/Berlin or UTC"
        at.source.refuse(at.key(name, "schedule"), f"{timing.zone!r} is not a time zone that this machine knows", hint)
    if not 60 <= block.missed <= 86_400:
        at.source.refuse(at.key(name, "schedule", "missed"), f"{block.missed} s is not from 1m to 24h")
    if not 0 <= block.retries <= 185:
        at.source.refuse(at.key(name, "schedule", "retries"), f"{block.retries} is not from 0 to 185")
    if block.timeout is not None and not 1 <= block.timeout <= LONGEST_TIMEOUT:
        at.source.refuse(at.key(name, "schedule", "timeout"), f"{block.timeout} s is not from 1s to 168h, a week")
    return Schedule(
        expression=timing.expression,
        zone=timing.zone,
        missed=block.missed,
        retries=block.retries,
        overlap=block.overlap,
        timeout=block.timeout,
    )


def port(
    at: Setting,
    name: str,
    written: ServiceBlock,
    stage: list[Instruction] | None,
    args: Mapping[str, str],
) -> int:
    """Return where it listens: as written, else the one port that the Dockerfile EXPOSEs."""
    if written.port is not None:
        return written.port
    key = at.key(name, "port")
    if stage is None:
        at.source.refuse(key, f"is not known of the ready image {written.image}", "say where it listens: port: 8080")
    ports = dockerfile.exposed_ports(stage, args)
    image = at.root / (written.build or name) / written.dockerfile
    if not ports:
        hint = "say where it listens, `port: 8080`, or EXPOSE it; a worker that listens nowhere has `path: none`"
        at.source.refuse(key, f"is not known: {image} has no EXPOSE", hint)
    if len(ports) > 1:
        listed = " and ".join(map(str, ports))
        at.source.refuse(key, f"is not clear: {image} EXPOSEs {listed}", "say which one the load balancer talks to")
    return ports[0]


def routing(at: Setting, name: str, written: ServiceBlock, paths: tuple[str, ...]) -> Routing:
    """Return by what requests reach the service. Raises UsageError where ELB's limits do not allow it."""
    hosts, headers = written.host or (), dict(written.headers or {})
    values = len(paths) + len(hosts) + len(headers)
    if values > MOST_VALUES:
        what = "patterns" if len(paths) == values else "paths, hosts and headers"
        at.source.refuse(at.key(name, "path"), f"has {values} {what}; a listener rule takes {MOST_VALUES}")
    if written.priority is not None and not 1 <= written.priority <= HIGHEST_PRIORITY:
        at.source.refuse(at.key(name, "priority"), f"{written.priority} is not from 1 to {HIGHEST_PRIORITY}")
    if written.strip and (len(paths) != 1 or not paths[0].endswith("/*") or set(paths[0][:-1]) & set("*?")):
        hint = "path: /x/* is stripped to what follows /x"
        at.source.refuse(at.key(name, "strip"), "needs one path that ends with /* and has no other wildcard", hint)
    return Routing(hosts=hosts, headers=headers, priority=written.priority, strip=written.strip and paths != ("/*",))


def container(at: Setting, name: str, written: ServiceBlock) -> Container:
    """Return the settings of the service's own container. Raises UsageError."""
    environment = variables(at, at.key(name, "environment"), written.environment)
    for variable_name in written.secrets or {}:
        if variable_name in environment:
            at.source.refuse(at.key(name, "secrets", variable_name), "is in `environment:`, too", "keep one of the two")
    variables(at, at.key(name, "secrets"), dict.fromkeys(written.secrets or {}, ""))
    for word in written.ulimits or {}:
        if word not in ULIMITS:
            at.source.refuse(at.key(name, "ulimits", word), "is no ulimit", f"one of {', '.join(sorted(ULIMITS))}")
    for folder in written.tmpfs or {}:
        if not folder.startswith("/"):
            at.source.refuse(at.key(name, "tmpfs"), f"{folder!r} is not a folder: it begins with /")
    return Container(
        command=written.command,
        entrypoint=written.entrypoint,
        environment=environment,
        secrets={
            key: secret(at, at.key(name, "secrets", key), name, block) for key, block in (written.secrets or {}).items()
        },
        ports=written.ports or (),
        user=written.user,
        read_only=written.read_only,
        init=written.init,
        tmpfs=written.tmpfs or {},
        ulimits=written.ulimits or {},
        volumes=volumes(at, at.key(name, "volumes"), written.volumes),
        files=files(at, name, written),
        stop=written.stop if written.stop is not None else STOP_SECONDS,
    )


def secret(at: Setting, key: tuple[str, ...], service: str, block: SecretBlock) -> SecretSource:
    """Return where a variable's value is: in a file of the vault, or where `from:` says. Raises UsageError."""
    if block.vault is not None:
        if block.value is not None:
            at.source.refuse(key, "has both `vault:` and `from:`", "keep one of the two")
        file = block.vault if "/" in block.vault else f"{service}/{block.vault}"
        return SecretSource(value_from="", reason=block.reason or READS, vault=file)
    if block.value is None:
        at.source.refuse(key, "does not say where its value is", "{vault: FILE}, or {from: ARN, reason: ...}")
    if block.reason is None:
        at.source.refuse((*key, "reason"), "is missing", "why it cannot be a file from the vault; lint shows it")
    return SecretSource(value_from=block.value, reason=block.reason)


def files(at: Setting, name: str, written: ServiceBlock) -> Mapping[str, str]:
    """Return the files of the vault: their folders become volumes, which hide what the image has there."""
    if not written.files:
        return {}
    for holder, key in (
        (name, at.key(name)),
        *((each, at.key(name, "sidecars", each)) for each in written.sidecars or ()),
    ):
        if holder == FILES:
            at.source.refuse(key, "is what culm calls the container that fetches `files:`", "rename it")
    taken = {*(written.tmpfs or {}), *(mount.path for mount in (written.volumes or {}).values())}
    for path in written.files:
        where, folder = at.key(name, "files"), posixpath.dirname(path)
        if (
            not path.startswith("/")
            or posixpath.normpath(path) != path
            or not re.fullmatch(FILE, posixpath.basename(path))
        ):
            at.source.refuse(where, f"{path!r} is not the path of a file: /etc/nginx/conf.d/site.conf")
        of_the_system = folder in SYSTEM_FOLDERS or any(folder.startswith(f"{each}/") for each in SYSTEM_ROOTS)
        if of_the_system and folder != SECRETS_FOLDER:
            hint = "its folder would hide what the image has there: put it in a folder of its own, and tell the program"
            at.source.refuse(where, f"{path}: nothing but `files:` would be left in {folder} of the container", hint)
        if folder in taken:
            at.source.refuse(where, f"{path}: {folder} is a volume or tmpfs, too", "another folder for one of the two")
    return written.files


def sidecars(at: Setting, name: str, written: ServiceBlock, when: Schedule | None) -> dict[str, Sidecar]:
    """Return those of culm.yml, and the one that ends a job when its time is over."""
    made = {key: sidecar(at, name, key, block) for key, block in (written.sidecars or {}).items()}
    if when is None or when.timeout is None:
        return made
    if TIMEOUT in made:
        at.source.refuse(
            at.key(name, "sidecars", TIMEOUT), "is what culm calls the container of `timeout:`", "rename it"
        )
    if name == TIMEOUT:
        at.source.refuse(at.key(name), "is what culm calls the container of `timeout:`", "rename the job")
    return {**made, TIMEOUT: countdown(when.timeout, written.user)}


def countdown(seconds: int, user: str | None) -> Sidecar:
    """Return an essential container that sleeps for `seconds`: when it ends, ECS stops what is left of the task."""
    return Sidecar(
        image=None,
        command=(str(seconds),),
        entrypoint=("sleep",),
        environment={},
        memory=TIMEOUT_MEMORY,
        cpu=TIMEOUT_CPU,
        essential=True,
        ready=None,
        check=None,
        volumes={},
        user=user,
        init=True,  # as the first process of a container `sleep` would not heed SIGTERM
    )


def sidecar(at: Setting, service_name: str, name: str, written: SidecarBlock) -> Sidecar:
    """Return a container beside the service's own. Raises UsageError."""
    key = at.key(service_name, "sidecars", name)
    checked_name(at.source, key, name)
    if name == service_name:
        at.source.refuse(key, "is called as the service's own container is", "give it another name")
    if written.essential and written.ready in ("complete", "success"):
        problem = "waits for its end, and it is essential: its end would be the task's end"
        at.source.refuse((*key, "ready"), problem, "essential: false")
    check = health.command_only(at.source, (*key, "health"), written.health)
    if written.ready == "healthy" and check is None:
        at.source.refuse((*key, "ready"), "waits for its health, and nothing checks it", "health: {command: ...}")
    return Sidecar(
        image=written.image,
        command=written.command,
        entrypoint=written.entrypoint,
        environment=variables(at, (*key, "environment"), written.environment),
        memory=written.memory,
        cpu=written.cpu,
        essential=written.essential,
        ready=written.ready,
        check=check,
        volumes=volumes(at, (*key, "volumes"), written.volumes),
        user=written.user,
    )


def variables(at: Setting, key: tuple[str, ...], written: Mapping[str, str] | None) -> dict[str, str]:
    """Return environment variables: their names are names, and culm's own are not among them."""
    for name in written or {}:
        try:
            variable(name)
        except ValueError as error:
            at.source.refuse((*key, name), str(error))
        if name in OWN_VARIABLES:
            at.source.refuse((*key, name), "is set by culm: it says where the configuration is", "another name")
    return dict(written or {})


def volumes(at: Setting, key: tuple[str, ...], written: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """Return the volumes, each of whose names AWS takes. Raises UsageError."""
    for name in written or {}:
        checked_name(at.source, (*key, name), name)
    return written or {}
