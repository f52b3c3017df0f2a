"""culm.yml as it may be written: one record a block, one annotated field a key. Services are in `service_schema`.

`nodes` reads by it, `reference` prints it; what is left out is None here and is filled in by `infer`.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from culm.core.model.record import record
from culm.project import engines, places, sizes, values
from culm.project.keys import Default, Key
from culm.project.service_schema import ServiceBlock

Provider = Literal["local", "aws"]


@record
class NotifyBlock:
    """`targets.<name>.notify`: who is told of failed deploys, lost instances, tasks without memory or room, errors."""

    email: Annotated[
        str | None,
        Key(doc="aws: an address, which SNS asks once whether it wants this.", parse=places.email),
        Default(text="none"),
    ] = None
    webhook: Annotated[
        str | None,
        Key(
            doc="The name of the secret in the target's Secrets Manager whose text is the URL, such as Slack's; "
            'it gets `{"text": "..."}`.',
            parse=places.secret_name,
        ),
        Default(text="none"),
    ] = None
    errors: Annotated[
        int, Key(doc="Percent of answers with status 5xx, of 20 in five minutes at least, that are too many.")
    ] = 5


@record
class SleepBlock:
    """`targets.<name>.sleep`: when services sleep by themselves; `culm sleep` and `culm wake` work without it."""

    hours: Annotated[
        str | None,
        Key(
            doc="Office hours. At their beginning all services wake, at their end they go to sleep; on aws the "
            "instances and databases with `sleep: true` do, too.",
            written="`mon-fri 08:00-20:00 Europe/Berlin`",
            parse=places.hours,
        ),
        Default(text="nobody wakes or sleeps by the clock"),
    ] = None
    holidays: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="local: days without office hours.",
            written="a list of dates: `2026-12-25`",
            parse=places.day,
            each=True,
        ),
        Default(text="none"),
    ] = None
    after: Annotated[
        int | None,
        Key(
            doc="local: a service sleeps when it and all that call it had no request for so long. A request wakes it.",
            written="`30m`, `2h`",
            parse=values.duration,
        ),
        Default(text="nobody sleeps for want of requests"),
    ] = None
    ignore: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Requests that keep nobody awake, and on aws wake nobody, such as those of a monitor: a part of their "
            "User-Agent, or, with a slash, how their path begins.",
            written="a list such as `UptimeRobot`, `/shop/ping`",
            parse=places.ignored,
            each=True,
        ),
        Default(text="none; the load balancer's own checks never count"),
    ] = None
    never: Annotated[
        tuple[str, ...] | None,
        Key(doc="Services that do not sleep by themselves.", written="a list of names"),
        Default(text="none"),
    ] = None
    wake: Annotated[
        Literal["on-request"] | None,
        Key(doc="aws: whether a request wakes a target that sleeps, by a Lambda function of the stack."),
        Default(text="aws: office hours and `culm wake`; local: every request, too"),
    ] = None
    load_balancer: Annotated[
        str | None,
        Key(
            doc="Whether the load balancer goes too.",
            name="load-balancer",
            not_yet="it stays: one that is deleted loses its name in DNS and its rules, and nobody would be there to "
            "say who sleeps",
        ),
        Default(text="it stays"),
    ] = None
    rds: Annotated[
        str | None,
        Key(
            doc="Whether RDS instances are stopped.",
            not_yet="each database says so by itself: databases.<name>.rds: {sleep: true}",
        ),
        Default(text="those whose `databases.<name>.rds` has `sleep: true`"),
    ] = None


@record
class TargetBlock:
    """`targets.<name>`: a place to deploy to. `local` is always there."""

    provider: Annotated[Provider | None, Key(doc="Whose machines."), Default(text="`local` for the target `local`")] = (
        None
    )
    instances: Annotated[
        sizes.Fleet | None,
        Key(doc="The container instances.", written="`2 x t2.micro`", parse=sizes.fleet),
        Default(text="`2 x t2.micro`"),
    ] = None
    env: Annotated[
        str | None,
        Key(doc="`MYENV` of every task: whose configuration the vault hands out."),
        Default(text="the target's name"),
    ] = None
    region: Annotated[str | None, Key(doc="AWS region."), Default(text="the SDK's, else `us-east-1`")] = None
    profile: Annotated[str | None, Key(doc="Profile of `~/.aws/config` to use."), Default(text="the SDK's")] = None
    endpoint_url: Annotated[
        str | None, Key(doc="Another AWS than Amazon's: a running cluster of culm's."), Default(text="none")
    ] = None
    port: Annotated[int | None, Key(doc="The load balancer's HTTP port."), Default(text="local 8080, aws 80")] = None
    name: Annotated[
        str | None,
        Key(doc="aws: what the project is called there: its stack, cluster and all else bear this name."),
        Default(text="the project's name; `<project>-<target>` from the second aws target on"),
    ] = None
    account: Annotated[
        str | None,
        Key(doc="aws: the account that it has to be; in another one nothing is written.", parse=places.account),
        Default(text="any"),
    ] = None
    role: Annotated[
        str | None, Key(doc="aws: the ARN of a role to assume for it.", parse=places.role), Default(text="none")
    ] = None
    vpc: Annotated[
        str | None,
        Key(doc="aws: the network.", written="`default`, or a VPC's id", parse=places.vpc),
        Default(text="a small one of its own, without NAT"),
    ] = None
    subnets: Annotated[
        tuple[str, ...] | None,
        Key(doc="aws: two or more public subnets of `vpc`, in two zones at least.", parse=places.subnet, each=True),
        Default(text="those of its own network, or two of the default one"),
    ] = None
    private_subnets: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="aws: two or more private subnets of `vpc`, in zones of `subnets`, for instances and databases; they "
            "need a NAT or endpoints of yours.",
            parse=places.subnet,
            each=True,
            name="private-subnets",
        ),
        Default(text="instances are in `subnets`, with public addresses"),
    ] = None
    internal: Annotated[
        Literal[True, False],
        Key(doc="aws: whether the load balancer has private addresses alone, for your VPC and what is joined to it."),
    ] = False
    cidr: Annotated[
        str | None,
        Key(doc="aws: the block of addresses of the stack's own network, from /16 to /26.", parse=places.cidr),
        Default(text="`10.99.0.0/24`"),
    ] = None
    allow: Annotated[
        tuple[str, ...] | None,
        Key(doc="aws: who reaches the load balancer, as CIDR blocks.", parse=places.cidr, each=True),
        Default(text="the whole world"),
    ] = None
    domain: Annotated[
        str | None,
        Key(doc="aws: the name that people use: HTTPS, and HTTP is redirected to it.", parse=places.domain),
        Default(text="HTTP alone, under the load balancer's own name"),
    ] = None
    certificate: Annotated[
        str | None,
        Key(doc="aws: the ARN of an ACM certificate for `domain`.", parse=places.certificate),
        Default(text="one is made, if `zone` is given"),
    ] = None
    zone: Annotated[
        str | None,
        Key(
            doc="aws: the id of the Route 53 zone of `domain`: gets its address, and proves it to ACM.",
            parse=places.zone,
        ),
        Default(text="DNS is yours"),
    ] = None
    spot: Annotated[Literal[True, False], Key(doc="aws: spot instances; tasks are moved when one is taken back.")] = (
        False
    )
    retention: Annotated[int | None, Key(doc="aws: days that logs are kept."), Default(text="14")] = None
    github: Annotated[
        str | None,
        Key(doc="aws: the repository whose workflows may deploy here.", written="`owner/name`", parse=places.github),
        Default(text="none"),
    ] = None
    gitlab: Annotated[
        str | None,
        Key(
            doc="aws: the project on gitlab.com whose pipelines may deploy here.",
            written="`group/name`",
            parse=places.gitlab,
        ),
        Default(text="none"),
    ] = None
    environment: Annotated[
        str | None,
        Key(
            doc="aws: the environment of GitHub whose jobs alone may deploy here, once its reviewers have approved; "
            "with `gitlab:` the deploy is started by hand in it.",
            parse=places.environment,
        ),
        Default(text="with `protect: true` the target's name; otherwise every push to main deploys"),
    ] = None
    protect: Annotated[
        Literal[True, False],
        Key(doc="Whether `up`, `deploy` and `down` ask for the target's name first; with `--yes` they do not."),
    ] = False
    notify: Annotated[
        NotifyBlock | None, Key(doc="Who is told of what goes wrong, and how."), Default(text="nobody")
    ] = None
    sleep: Annotated[
        SleepBlock | None, Key(doc="When services sleep by themselves."), Default(text="when they are told to")
    ] = None
    ci_changes_stack: Annotated[
        Literal[True, False],
        Key(
            doc="aws: whether CI may add services to the stack and remove them, by way of a role that can do no more.",
            name="ci-changes-stack",
        ),
    ] = False
    previews: Annotated[
        Literal[True, False],
        Key(doc="aws: whether jobs of pull requests may make previews, by a role that changes nothing shared."),
    ] = False


@record
class RdsBlock:
    """`databases.<name>.rds`: the server on aws. Without it the services' URLs come from the vault."""

    instance: Annotated[str, Key(doc="Its class.", parse=places.rds_class)] = "db.t4g.micro"
    storage: Annotated[int, Key(doc="GiB of gp3.")] = 20
    backups: Annotated[int, Key(doc="Days that its daily backups are kept.")] = 7
    sleep: Annotated[
        Literal[True, False],
        Key(
            doc="Whether it is stopped while all services sleep. RDS itself starts one that was stopped for 7 days.",
        ),
    ] = False


@record
class ElastiCacheBlock:
    """`databases.<name>.elasticache`: the server on aws. Without it the services' URLs come from the vault."""

    instance: Annotated[str, Key(doc="Its node type.", parse=places.cache_node)] = "cache.t4g.micro"


@record
class DatabaseBlock:
    """`databases.<name>`: a server that services share, each with its own user, and of SQL its own database in it.

    `shared: true` gives them one database together.
    """

    engine: Annotated[
        engines.Engine,
        Key(
            doc="What it is. Services of one `valkey` or `redis` see the same keys; a server of their own keeps apart."
        ),
    ] = "postgres"
    extensions: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="postgres: made in each service's database.",
            written=f"a list of: {', '.join(f'`{name}`' for name in engines.EXTENSIONS)}",
            parse=engines.extension,
            each=True,
        ),
        Default(text="none"),
    ] = None
    shared: Annotated[
        Literal[True, False],
        Key(doc="SQL: all services that name it use one database, with the same tables; each still has a user."),
    ] = False
    rds: Annotated[
        RdsBlock | None,
        Key(doc="aws: the stack makes an RDS instance; not of `valkey` and `redis`."),
        Default(text="on aws each service's URL is to be in the vault"),
    ] = None
    elasticache: Annotated[
        ElastiCacheBlock | None,
        Key(doc="aws: the stack makes an ElastiCache node, of `valkey` or `redis`."),
        Default(text="on aws each service's URL is to be in the vault"),
    ] = None


@record
class VolumeBlock:
    """`volumes.<name>`: a folder that outlives tasks. Volumes of services need no entry here, but on aws."""

    efs: Annotated[
        str | None,
        Key(doc="aws: the id of an EFS file system that the instances reach.", parse=places.efs),
        Default(text="the services that mount it are refused on aws"),
    ] = None


@record
class StrategyBlock:
    """An entry of `placement`, as ECS takes it."""

    type: Annotated[Literal["spread", "binpack", "random"], Key(doc="How to choose.")]
    field: Annotated[
        str | None,
        Key(doc="What to spread over or pack by.", written="`instanceId`, `memory`, `attribute:...`"),
        Default(text="`instanceId` for `spread`, `memory` for `binpack`"),
    ] = None


@record
class DefaultsBlock:
    """`defaults`: for every service that does not say otherwise."""

    memory: Annotated[
        int, Key(doc="Hard limit of a container.", written="MiB, or `256 MB`, `1 GB`", parse=sizes.memory)
    ] = 256
    cpu: Annotated[int, Key(doc="CPU units of a container; 1024 are one vCPU.")] = 128
    health: Annotated[str, Key(doc="What the load balancer asks; `{service}` is the service's name.")] = (
        "/{service}/health"
    )
    count: Annotated[int, Key(doc="Tasks of a service.")] = 1
    grace: Annotated[int, Key(doc="Seconds that a new task may be unhealthy while it starts.")] = 30
    settle: Annotated[
        int, Key(doc="Seconds that a service is watched once it is steady: if it dies then, the deploy failed.")
    ] = 5
    steady_timeout: Annotated[
        int,
        Key(
            doc="How long a deploy waits until a service is steady.",
            written="`30s`, `5m`, `1h`",
            parse=values.duration,
            name="steady-timeout",
        ),
        Default(text="5m"),
    ] = 300
    migrate_timeout: Annotated[
        int,
        Key(
            doc="How long a deploy waits for a migration to end. It is not stopped then: the next deploy waits on.",
            written="`30s`, `5m`, `1h`",
            parse=values.duration,
            name="migrate-timeout",
        ),
        Default(text="10m"),
    ] = 600
    exec: Annotated[bool, Key(doc="Whether `culm exec` can enter its tasks: the agent takes memory of theirs.")] = True
    roll: Annotated[
        sizes.Roll,
        Key(
            doc="New task before the old one stops, or after; `auto`: before, when the instances have room for both. "
            "A pair is ECS's minimumHealthyPercent and maximumPercent.",
            written="`auto`, `start-first`, `stop-first`, `50/150`",
            parse=sizes.roll,
        ),
    ] = "auto"
    args: Annotated[
        Mapping[str, str] | None,
        Key(doc="Build arguments of the Dockerfiles.", parse=values.text, each=True),
        Default(text="none"),
    ] = None


Placement = Literal["spread", "binpack"] | tuple[StrategyBlock, ...]


@record
class ManifestBlock:
    """What may stand at the top of the file."""

    name: Annotated[
        str, Key(doc="The project: its cluster, load balancer and repositories bear this name.", parse=sizes.name)
    ]
    targets: Annotated[
        Mapping[str, TargetBlock] | None, Key(doc="Where it can be deployed."), Default(text="`local` alone")
    ] = None
    placement: Annotated[
        Placement,
        Key(
            doc="Where ECS puts tasks: evenly, or on as few instances as hold them.",
            written="`spread`, `binpack`, or ECS's own strategy list",
        ),
    ] = "spread"
    defaults: Annotated[DefaultsBlock, Key(doc="For every service that does not say otherwise.")] = DefaultsBlock()
    databases: Annotated[
        Mapping[str, DatabaseBlock] | None, Key(doc="Servers that services share."), Default(text="none")
    ] = None
    buckets: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="S3 buckets of the project, by short names; services name those that they use.",
            written="a list of names",
        ),
        Default(text="none"),
    ] = None
    volumes: Annotated[
        Mapping[str, VolumeBlock] | None, Key(doc="Folders that outlive tasks."), Default(text="none")
    ] = None
    services: Annotated[Mapping[str, ServiceBlock], Key(doc="The services, by name.")]
