"""A manifest with everything filled in: what the rest of the client half works on."""

from collections.abc import Mapping
from dataclasses import field, replace
from pathlib import Path
from typing import Literal

from culm.core.model.record import record
from culm.project import engines, references
from culm.project.schema import Provider
from culm.project.sizes import Fleet, Roll
from culm.project.values import Limit, MountPath, PortNumber, Range, Scale

EVERYWHERE = ("0.0.0.0/0",)


@record
class Notify:
    """`targets.<name>.notify`, resolved: one of the two at least."""

    email: str | None
    webhook: str | None
    """Name of the secret with the URL."""
    errors: int
    """Percent of answers with status 5xx that are too many."""


@record
class Sleep:
    """`targets.<name>.sleep`, resolved."""

    after: int | None = None
    """Seconds without a request; None: nobody sleeps for want of them."""
    hours: str | None = None
    """Office hours, as `core.decide.office_hours` writes them; None: nobody wakes or sleeps by the clock."""
    holidays: tuple[str, ...] = ()
    """Dates without office hours: `2026-12-25`."""
    ignore: tuple[str, ...] = ()
    """Parts of User-Agents and, with a slash, beginnings of paths: such requests do not count."""
    never: tuple[str, ...] = ()
    """Services that do not sleep by themselves."""
    on_request: bool = False
    """On aws: whether a request wakes all services, when all sleep."""
    by_stack: bool = False
    """Whether the clock is the stack's: EventBridge Scheduler's on aws, which knows each count when it is made."""


@record
class TargetSettings:
    """`targets.<name>`, resolved."""

    name: str
    provider: Provider
    instances: Fleet
    env: str
    """`MYENV` of every task."""
    region: str | None
    profile: str | None
    endpoint_url: str | None
    port: int | None
    """The load balancer's HTTP port; None: not said."""
    project: str = ""
    """What the project is called there: see `named`."""
    account: str | None = None
    """Twelve digits; None: any."""
    role: str | None = None
    """ARN of the role to assume."""
    vpc: str | None = None
    """`default`, an id, or None: a network of its own."""
    subnets: tuple[str, ...] = ()
    private_subnets: tuple[str, ...] = ()
    """For instances and databases; empty: they are in `subnets`."""
    internal: bool = False
    """Whether the load balancer has private addresses alone."""
    cidr: str | None = None
    """Of the stack's own network; None: a small one that is always the same."""
    allow: tuple[str, ...] = EVERYWHERE
    domain: str | None = None
    certificate: str | None = None
    """ARN."""
    zone: str | None = None
    """Id of the hosted zone."""
    spot: bool = False
    retention: int = 14
    """Days of logs."""
    github: str | None = None
    """`owner/name`."""
    gitlab: str | None = None
    """`group/name` of a project on gitlab.com."""
    environment: str | None = None
    """GitHub's or GitLab's, whose jobs alone may deploy; None: pushes to main may."""
    protect: bool = False
    """Whether commands that change what runs ask for the target's name."""
    notify: Notify | None = None
    ci_changes_stack: bool = False
    """Whether CI may add services to the stack and remove them."""
    sleep: Sleep | None = None
    """None: services sleep when they are told to."""
    previews: bool = False
    """Whether jobs of pull requests may make previews."""


@record
class Rds:
    """`databases.<name>.rds`, resolved."""

    instance: str
    storage: int
    """GiB."""
    backups: int
    """Days."""
    sleep: bool = False
    """Whether it is stopped while all services sleep."""


@record
class ElastiCache:
    """`databases.<name>.elasticache`, resolved."""

    instance: str
    """The node type."""


@record
class Strategy:
    """A placement strategy as ECS takes it."""

    type: Literal["spread", "binpack", "random"]
    field: str | None


HEALTH_SECONDS = 5
"""Between two probes: the least that an ALB takes. AWS's own default, 30, is most of a slow deploy."""
PROBE_TIMEOUT_SECONDS = 2
GOOD_PROBES = BAD_PROBES = 2
BAD_COMMANDS = 3
STOP_SECONDS = 30
"""From SIGTERM to SIGKILL, for a service that finishes its requests."""


@record
class Check:
    """How a task's health is found out. Times in seconds."""

    path: str | None = None
    """The page that the load balancer asks; None: `command` alone tells."""
    command: tuple[str, ...] | None = None
    """Run in the container, as ECS takes it: `("CMD-SHELL", "...")`. None: no command is run."""
    interval: int = HEALTH_SECONDS
    timeout: int = PROBE_TIMEOUT_SECONDS
    healthy: int = GOOD_PROBES
    unhealthy: int = BAD_PROBES
    """Bad answers in a row of the page."""
    retries: int = BAD_COMMANDS
    """Bad results in a row of the command."""
    codes: str = "200-299"


@record
class SecretSource:
    """A variable that ECS fills when the container starts."""

    value_from: str
    """An ARN, a parameter's name, or a text with references to a database's URL: `{main.url}`; empty with `vault`."""
    reason: str
    vault: str = ""
    """SERVICE/FILE of the vault that its value is in; empty: `value_from` says where it is."""

    @property
    def composed(self) -> bool:
        """Whether the deploy makes its parameter: from parts of a database's URL, or from a file of the vault."""
        return bool(self.vault) or any(references.names(self.value_from))


@record
class Sidecar:
    """A container beside the service's own."""

    image: str | None
    """None: the service's own."""
    command: tuple[str, ...] | None
    entrypoint: tuple[str, ...] | None
    environment: Mapping[str, str]
    memory: int
    cpu: int
    essential: bool
    ready: Literal["start", "healthy", "complete", "success"] | None
    """What the service's container waits for; None: nothing."""
    check: Check | None
    volumes: Mapping[str, MountPath]
    user: str | None
    init: bool = False


@record
class Routing:
    """What a request needs besides its path, and what becomes of it."""

    hosts: tuple[str, ...] = ()
    headers: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)
    """By name; of several values any will do."""
    priority: int | None = None
    """None: as the length of its path says."""
    strip: bool = False


@record
class Container:
    """What a service's own container is given besides its image, memory and CPU."""

    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    """With references: `{catalog.url}`."""
    secrets: Mapping[str, SecretSource] = field(default_factory=dict)
    ports: tuple[PortNumber, ...] = ()
    """Besides the service's own."""
    user: str | None = None
    read_only: bool = False
    init: bool = False
    tmpfs: Mapping[str, int] = field(default_factory=dict)
    """MiB by folder."""
    ulimits: Mapping[str, Limit] = field(default_factory=dict)
    volumes: Mapping[str, MountPath] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    """Names of files of the service's folder in the vault, by their path in the container."""
    stop: int = STOP_SECONDS


@record
class MigrationCommand:
    """A migration in the service's own image."""

    command: tuple[str, ...]
    entrypoint: tuple[str, ...] | None = None
    """None: the service's."""


@record
class Schedule:
    """When a job is run, as EventBridge Scheduler takes it. Times in seconds."""

    expression: str
    zone: str
    missed: int
    """How late a run may still start."""
    retries: int
    overlap: Literal["allow", "skip", "queue"] = "allow"
    """What happens when the run before still goes on."""
    timeout: int | None = None
    """None: a run may take as long as it wants."""


@record
class Scaling:
    """`count: 1-4` and `scale:`, resolved: Application Auto Scaling changes the count between the two bounds."""

    bounds: Range
    by: Scale

    def clamped(self, count: int) -> int:
        """Return `count`, or the bound that is nearest to it."""
        return min(max(count, self.bounds.least), self.bounds.most)

    def __str__(self) -> str:
        """`1-4, cpu 60`."""
        return f"{self.bounds}, {self.by}"


@record
class Service:
    """`services.<name>`, resolved. Sizes in MiB and CPU units, times in seconds."""

    name: str
    folder: Path
    """That it is built from; of a ready image the folder of culm.yml."""
    dockerfile: Path | None
    """None: it is a ready image."""
    migration: Path | None
    """The Dockerfile of its migration's own image; None: it has none, see `migrates`."""
    migration_command: MigrationCommand | None = None
    """Its migration in its own image; None: it has an image of its own, or there is nothing to migrate."""
    migrations: tuple[str, ...] = ()
    """Where the files are that the migration carries out, below `folder`; empty: see `migration_files`."""
    promoted_migration: str | None = None
    """The fingerprint of those files where the migration's image comes from another target; empty: not known there."""
    schema_change: Literal["expand", "contract"] | None = None
    """What a new migration does to the version before; None: not said."""
    paths: tuple[str, ...]
    """Empty: it is behind no load balancer."""
    port: int | None
    """None: it listens nowhere."""
    databases: tuple[str, ...]
    """Names of the servers that it uses."""
    after: tuple[str, ...]
    memory: int
    cpu: int
    check: Check
    count: int
    """With `scaling`: how many tasks it begins with, the lower bound."""
    grace: int
    settle: int
    steady_timeout: int
    migrate_timeout: int
    exec: bool
    """Whether ECS Exec can enter its tasks."""
    roll: Roll
    load: float | None
    """Requests a second that it gets now; None: not said."""
    args: Mapping[str, str]
    image: str | None = None
    """The ready image; None: it is built."""
    stage: str | None = None
    """The Dockerfile's stage; None: the last one."""
    platform: str | None = None
    built_by: str = ""
    """The service whose image it runs; empty: its own."""
    shares: str = ""
    """The service whose configuration it reads besides its own: the first of the same folder; empty: none."""
    bare_paths: tuple[str, ...] = ()
    """Paths that come with those that are written: `/x` with `/x/*`."""
    routing: Routing = Routing()
    container: Container = Container()
    sidecars: Mapping[str, Sidecar] = field(default_factory=dict)
    drain: int | None = None
    """None: the target's own."""
    buckets: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()
    """Services that it calls without the load balancer."""
    called: bool = False
    """Whether another service calls it without the load balancer."""
    schedule: "Schedule | None" = None
    """None: it runs always."""
    scaling: Scaling | None = None
    """None: it has `count` tasks, always."""
    sleep: Sleep | None = None
    """When it sleeps by itself, on the target that the project is `named` for; None: never."""
    asleep: bool = False
    """Whether it sleeps on the target: it has no tasks, and `count` is how many it has when it is awake."""
    preview_of: str = ""
    """The service of culm.yml that this is a preview of; empty: it is that service itself."""
    entries: tuple[Routing, ...] = ()
    """Further rules that lead to it, besides that of `routing`: a preview has several."""

    @property
    def original(self) -> str:
        """Its name in culm.yml: that of its folder in the vault, and of its image's repository."""
        return self.preview_of or self.name

    @property
    def migrates(self) -> bool:
        """Whether a migration goes before its new tasks."""
        return self.migration is not None or self.migration_command is not None

    @property
    def patterns(self) -> tuple[str, ...]:
        """All that its rule matches."""
        return (*self.paths, *self.bare_paths)

    @property
    def balanced(self) -> bool:
        """Whether the load balancer sends it requests."""
        return bool(self.paths)

    @property
    def connected(self) -> bool:
        """Whether it takes part in inner calls, as the one that calls or is called."""
        return bool(self.calls) or self.called

    @property
    def health(self) -> str | None:
        """The page that the load balancer asks."""
        return self.check.path


@record
class Volume:
    """`volumes.<name>`, resolved."""

    efs: str | None = None
    """Id of an EFS file system, for aws."""
    scratch: bool = False
    """Whether it is each task's own, empty when the task begins and gone with it."""


@record
class Preview:
    """What makes a project a preview: see `previews`."""

    name: str
    env: str
    """`MYENV` of the environment that it stands beside."""
    host: str | None
    """The host whose requests it answers; None: headers and cookies alone lead to it."""
    copies: bool = False
    """Whether its databases begin as copies of the shared environment's; otherwise they begin empty."""
    beside: Mapping[str, Service]
    """The services of culm.yml that it has not: requests for them fall through to the shared ones."""


@record
class Project:
    name: str
    root: Path
    """The folder that holds culm.yml."""
    targets: Mapping[str, TargetSettings]
    placement: tuple[Strategy, ...]
    databases: Mapping[str, str]
    """Server name to engine."""
    services: Mapping[str, Service]
    rds: Mapping[str, Rds] = field(default_factory=dict)
    """By the name of their database: servers that the base stack makes on aws."""
    elasticache: Mapping[str, ElastiCache] = field(default_factory=dict)
    """By the name of their database, as `rds`."""
    extensions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By the name of their database: PostgreSQL's."""
    shared: frozenset[str] = frozenset()
    """SQL servers whose services have one database together."""
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    buckets: tuple[str, ...] = ()
    """Short names of S3 buckets."""
    jobs: Mapping[str, Service] = field(default_factory=dict)
    """Those with a schedule, by name: they are run as one-time tasks and are no ECS services."""
    preview: Preview | None = None
    """None: it is the project itself."""

    @property
    def everything(self) -> Mapping[str, Service]:
        """Services and jobs."""
        return {**self.services, **self.jobs}

    @property
    def caches(self) -> tuple[str, ...]:
        """Names of the databases that are Valkey or Redis."""
        return tuple(name for name, engine in self.databases.items() if engine in engines.CACHES)

    @property
    def bases(self) -> tuple[str, ...]:
        """Names of the databases that are SQL servers."""
        return tuple(name for name, engine in self.databases.items() if engine in engines.SQL)

    def called(self, name: str) -> Service:
        """Return a service that another one refers to: of a preview its own, else the shared one of that name."""
        if self.preview is not None and name not in self.services:
            return self.preview.beside[name]
        return self.services[name]

    def made_on_aws(self, database: str) -> bool:
        """Return whether the base stack makes the database; if not, its URLs are brought."""
        return database in self.rds or database in self.elasticache

    def users(self, database: str) -> list[Service]:
        """Return the services and jobs that use a database."""
        return [service for service in self.everything.values() if database in service.databases]

    def url_file(self, service: Service, database: str) -> str:
        """Return the vault's file of a URL: `database.url` for a service's first SQL database, else `<name>.url`."""
        first = next((name for name in service.databases if self.databases[name] in engines.SQL), None)
        written = database if self.preview is None else database.removesuffix(f"-{self.preview.name}")
        return engines.FILE if database == first else f"{written}.url"


def named(project: Project, target: TargetSettings) -> Project:
    """Return the project as it is on a target: two in one account have a name each, and services sleep as it says."""
    sleep = target.sleep
    if sleep is None:
        return replace(project, name=target.project or project.name)
    services = {
        name: replace(service, sleep=sleep) if name not in sleep.never else service
        for name, service in project.services.items()
    }
    return replace(project, name=target.project or project.name, services=services)
