"""`services.<name>` of culm.yml and the blocks inside it; `schema` has the rest of the file."""

from collections.abc import Mapping
from typing import Annotated, Literal

from culm.core.model.record import record
from culm.project import sizes, values
from culm.project.keys import Default, Key

DURATION = "`30s`, `5m`, `1h`"


@record
class HealthBlock:
    """`health` in full: a page that the load balancer asks, or a command that is run in the container."""

    path: Annotated[
        str | None,
        Key(doc="The page that the load balancer asks."),
        Default(text="`defaults`, unless `command` is there"),
    ] = None
    command: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Run in the container; exit status 0 is healthy. A text is run by the container's shell.",
            written="text, or a list of words",
            parse=lambda text: ("CMD-SHELL", text),
            words=True,
        ),
        Default(text="where there is no `path`: the image's HEALTHCHECK"),
    ] = None
    interval: Annotated[
        int | None, Key(doc="Time between two checks.", written=DURATION, parse=values.duration), Default(text="5s")
    ] = None
    timeout: Annotated[
        int | None,
        Key(doc="Time that an answer may take.", written=DURATION, parse=values.duration),
        Default(text="2s"),
    ] = None
    healthy: Annotated[
        int | None, Key(doc="Good answers in a row that make a task healthy; a page alone."), Default(text="2")
    ] = None
    unhealthy: Annotated[
        int | None, Key(doc="Bad answers in a row that make it unhealthy."), Default(text="2; of a command 3")
    ] = None
    codes: Annotated[
        str | None,
        Key(doc="Status codes that are good; a page alone.", written="`200-299`, `200,204`"),
        Default(text="200-299"),
    ] = None


@record
class SecretBlock:
    """`secrets.<NAME>`: a variable that ECS fills from Secrets Manager or Parameter Store when the container starts."""

    value: Annotated[
        str | None,
        Key(
            doc="Where its value is: an ARN, a parameter's name, or a text with parts of the URL of the service's "
            "database: `{main.url}`, `postgresql+asyncpg://{main.user}:{main.password}@{main.host}:{main.port}/{main.name}`.",
            parse=values.reference,
            name="from",
        ),
        Default(text="`vault` says where"),
    ] = None
    vault: Annotated[
        str | None,
        Key(
            doc="The file of the vault that has its value, in the service's own folder, or as `SERVICE/FILE` in "
            "another's. `up` says how to put it there as long as it is missing.",
            parse=values.secret_file,
        ),
        Default(text="`from` says where"),
    ] = None
    reason: Annotated[
        str | None,
        Key(doc="Why it cannot be a file from the vault. Lint shows it."),
        Default(text="with `vault`: its code reads it from the environment; `from` needs one"),
    ] = None


@record
class SidecarBlock:
    """`sidecars.<name>`: a container beside the service's own, in each of its tasks."""

    image: Annotated[str | None, Key(doc="A ready image.", parse=values.image), Default(text="the service's own")] = (
        None
    )
    command: Annotated[
        tuple[str, ...] | None,
        Key(doc="Instead of the image's.", written="text, or a list of words", parse=values.command, words=True),
        Default(text="the image's"),
    ] = None
    entrypoint: Annotated[
        tuple[str, ...] | None,
        Key(doc="Instead of the image's.", written="text, or a list of words", parse=values.command, words=True),
        Default(text="the image's"),
    ] = None
    environment: Annotated[
        Mapping[str, str] | None, Key(doc="As of the service.", parse=values.text, each=True), Default(text="none")
    ] = None
    memory: Annotated[int, Key(doc="Its hard limit.", written="MiB, or `256 MB`, `1 GB`", parse=sizes.memory)] = 64
    cpu: Annotated[int, Key(doc="CPU units; 1024 are one vCPU.")] = 32
    essential: Annotated[Literal[True, False], Key(doc="Whether its end is the task's end.")] = True
    ready: Annotated[
        Literal["start", "healthy", "complete", "success"] | None,
        Key(
            doc="The service's container starts after this one has started, is healthy, has ended, or has ended with 0."
        ),
        Default(text="both start together"),
    ] = None
    health: Annotated[HealthBlock | None, Key(doc="Its `command`."), Default(text="none")] = None
    volumes: Annotated[
        Mapping[str, values.MountPath] | None,
        Key(doc="As of the service.", parse=values.mount, each=True),
        Default(text="none"),
    ] = None
    user: Annotated[str | None, Key(doc="As of the service."), Default(text="the image's")] = None


@record
class ScheduleBlock:
    """`schedule` in full: when a one-time task is run, and what is done when it cannot be."""

    when: Annotated[str, Key(doc="As in `schedule` itself.", written='`"0 6 * * mon-fri Europe/Berlin"`')]
    overlap: Annotated[
        Literal["allow", "skip", "queue"],
        Key(
            doc="What happens when the run before still goes on: `allow` starts the next one beside it, `skip` leaves "
            "it out, `queue` starts it afterwards, if that is within `missed`. EventBridge Scheduler knows `allow` "
            "alone, so the others are refused for a target on aws."
        ),
    ] = "allow"
    missed: Annotated[
        int, Key(doc="How late a run may still start.", written=DURATION, parse=values.duration), Default(text="`15m`")
    ] = 900
    retries: Annotated[int, Key(doc="How often a run that could not be started is tried again.")] = 2
    timeout: Annotated[
        int | None,
        Key(
            doc="A run that is not done by then is stopped. A second container counts the time by the image's `sleep`; "
            "it takes 16 MiB more.",
            written=DURATION,
            parse=values.duration,
        ),
        Default(text="none"),
    ] = None


@record
class MigrateBlock:
    """`migrate` without an image of its own: a command that the service's image runs before its new tasks start."""

    command: Annotated[
        tuple[str, ...],
        Key(
            doc="Run once in the service's image, with its `environment`, `secrets`, `user` and `volumes`.",
            written="text, or a list of words",
            parse=values.command,
            words=True,
        ),
    ]
    entrypoint: Annotated[
        tuple[str, ...] | None,
        Key(doc="Instead of the service's.", written="text, or a list of words", parse=values.command, words=True),
        Default(text="the service's"),
    ] = None


@record
class ServiceBlock:
    """`services.<name>`: one service folder or ready image. `catalog:` alone is enough where a folder has that name."""

    build: Annotated[
        str | None,
        Key(
            doc="The service's folder, seen from culm.yml. Services with the same folder, `dockerfile`, `target` and "
            "`args` share one image."
        ),
        Default(text="the service's name"),
    ] = None
    image: Annotated[
        str | None,
        Key(doc="A ready image instead of a folder. A bare name is one of Docker Hub's library.", parse=values.image),
        Default(text="built from the folder"),
    ] = None
    dockerfile: Annotated[str, Key(doc="Its image, in that folder.")] = "Dockerfile"
    target: Annotated[str | None, Key(doc="The Dockerfile's stage to build."), Default(text="the last one")] = None
    platform: Annotated[
        str | None,
        Key(doc="What the image is built for.", written="`linux/amd64`, `linux/arm64`", parse=values.platform),
        Default(text="the instances'"),
    ] = None
    command: Annotated[
        tuple[str, ...] | None,
        Key(doc="Instead of the image's CMD.", written="text, or a list of words", parse=values.command, words=True),
        Default(text="the image's"),
    ] = None
    entrypoint: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Instead of the image's ENTRYPOINT.",
            written="text, or a list of words",
            parse=values.command,
            words=True,
        ),
        Default(text="the image's"),
    ] = None
    migrate: Annotated[
        str | Literal[False] | MigrateBlock | None,
        Key(
            doc="Its migration: a Dockerfile of its folder, the block below, or `false`: it has none.",
            written="`Dockerfile.migrate`, `{command: [python, manage.py, migrate]}`, `false`",
        ),
        Default(text="`Dockerfile.migrate` if it is there; of several services with one folder the first one's alone"),
    ] = None
    migrations: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Files and folders that tell whether its migration brings anything new, seen from its folder. A new "
            "migration image without a change in them leaves the way back open when a roll fails.",
            written="`db/migrate`, or a list",
            parse=values.text,
            each=True,
        ),
        Default(
            text="where the tool that `migrate` runs keeps its own (alembic, dbmate, Django, Flyway, golang-migrate, "
            "knex, Prisma, Rails), else what `migrate` copies and `dockerfile` does not"
        ),
    ] = None
    schema_change: Annotated[
        Literal["expand", "contract"] | None,
        Key(
            doc="`expand`: the version before works with the schema of a new migration, and a roll that fails goes "
            "back to it. `contract`: it does not, and nothing goes back. A comment `culm: expand` or `culm: contract` "
            "in a migration says it of that one.",
            name="schema-change",
        ),
        Default(text="a failed roll goes back only where nothing would serve otherwise"),
    ] = None
    path: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Requests that are its own; `/x/*` takes `/x` as well, `/` what no other service takes. "
            "`none`: it is behind no load balancer.",
            written="`/accounts/*`, a list, or `none`",
            parse=values.path,
            each=True,
        ),
        Default(text="`/<service>/*`"),
    ] = None
    host: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Only requests for these host names.",
            written="`shop.example.com`, or a list",
            parse=values.host,
            each=True,
        ),
        Default(text="any"),
    ] = None
    headers: Annotated[
        Mapping[str, str] | None,
        Key(doc="Only requests with these headers; `*` and `?` are wildcards.", parse=values.text, each=True),
        Default(text="any"),
    ] = None
    priority: Annotated[
        int | None,
        Key(doc="Its rule's place among all rules; the smallest is tried first."),
        Default(text="the longer path first"),
    ] = None
    strip: Annotated[
        Literal[True, False],
        Key(doc="Whether the load balancer takes the path's beginning away: `/x/a` arrives as `/a`."),
    ] = False
    port: Annotated[
        int | None, Key(doc="Where it listens."), Default(text="`EXPOSE` of its Dockerfile; with `path: none`, none")
    ] = None
    ports: Annotated[
        tuple[values.PortNumber, ...] | None,
        Key(
            doc="Further ports, open on the instance.",
            written="`9090`, `8125/udp`, or a list",
            parse=values.port,
            each=True,
        ),
        Default(text="none"),
    ] = None
    environment: Annotated[
        Mapping[str, str] | None,
        Key(
            doc="Variables that are no secret. `{catalog.url}` is where service `catalog` is reached, "
            "`{main.host}` and `{main.port}` where database `main` is.",
            parse=values.text,
            each=True,
        ),
        Default(text="none"),
    ] = None
    secrets: Annotated[
        Mapping[str, SecretBlock] | None,
        Key(
            doc="For programs of others that read a secret from the environment only. Of a database's URL, and of a "
            "file of the vault, `up` makes a parameter of Parameter Store, which only ECS reads."
        ),
        Default(text="none"),
    ] = None
    database: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Those of `databases` that it uses. The URL of the first SQL one is the file `database.url` of its "
            "configuration, of every other one `<name>.url`.",
            written="a name, or a list of names",
            parse=values.text,
            each=True,
        ),
        Default(text="none"),
    ] = None
    after: Annotated[
        tuple[str, ...], Key(doc="Services that are deployed before it; the others deploy side by side.")
    ] = ()
    memory: Annotated[
        int | None,
        Key(doc="As in `defaults`.", written="MiB, or `256 MB`, `1 GB`", parse=sizes.memory),
        Default(text="`defaults`"),
    ] = None
    cpu: Annotated[int | None, Key(doc="As in `defaults`."), Default(text="`defaults`")] = None
    health: Annotated[
        str | HealthBlock | None,
        Key(doc="The page that the load balancer asks, or the block below.", written="`/health`, or a block"),
        Default(text="`defaults`; with `path: none`, the image's HEALTHCHECK"),
    ] = None
    count: Annotated[
        int | values.Range | None,
        Key(
            doc="Tasks, or with `scale` the fewest and the most of them.",
            written="`2`, or `1-4`",
            parse=values.count,
            pattern=values.COUNT,
        ),
        Default(text="`defaults`"),
    ] = None
    grace: Annotated[int | None, Key(doc="As in `defaults`."), Default(text="`defaults`")] = None
    settle: Annotated[int | None, Key(doc="As in `defaults`."), Default(text="`defaults`")] = None
    steady_timeout: Annotated[
        int | None,
        Key(doc="As in `defaults`.", written=DURATION, parse=values.duration, name="steady-timeout"),
        Default(text="`defaults`"),
    ] = None
    migrate_timeout: Annotated[
        int | None,
        Key(doc="As in `defaults`.", written=DURATION, parse=values.duration, name="migrate-timeout"),
        Default(text="`defaults`"),
    ] = None
    stop: Annotated[
        int | None,
        Key(doc="Time between SIGTERM and SIGKILL.", written=DURATION, parse=values.duration),
        Default(text="30s"),
    ] = None
    drain: Annotated[
        int | None,
        Key(
            doc="How long the load balancer lets requests of a stopping task finish.",
            written=DURATION,
            parse=values.duration,
        ),
        Default(text="5s; on local as long as `stop`"),
    ] = None
    exec: Annotated[bool | None, Key(doc="As in `defaults`."), Default(text="`defaults`")] = None
    roll: Annotated[
        sizes.Roll | None,
        Key(
            doc="As in `defaults`.",
            written="`auto`, `start-first`, `stop-first`, `50/150`",
            parse=sizes.roll,
        ),
        Default(text="`defaults`"),
    ] = None
    load: Annotated[
        float | None,
        Key(
            doc="Requests that it gets now; `culm plan --capacity` plans from it.",
            written="requests a second: `12`, `0.5`, `40/min`",
            parse=sizes.rate,
        ),
        Default(text="it is left out of `--capacity`"),
    ] = None
    args: Annotated[
        Mapping[str, str] | None,
        Key(doc="Added to those of `defaults`.", parse=values.text, each=True),
        Default(text="none"),
    ] = None
    user: Annotated[str | None, Key(doc="Whom its processes run as."), Default(text="the image's USER")] = None
    read_only: Annotated[
        Literal[True, False],
        Key(doc="Whether its file system is read-only, but for `tmpfs` and `volumes`.", name="read-only"),
    ] = False
    init: Annotated[Literal[True, False], Key(doc="Whether an init process reaps what its processes leave behind.")] = (
        False
    )
    tmpfs: Annotated[
        Mapping[str, int] | None,
        Key(doc="Folders in memory, with their sizes.", written="`{/tmp: 64 MB}`", parse=values.scratch, each=True),
        Default(text="none"),
    ] = None
    ulimits: Annotated[
        Mapping[str, values.Limit] | None,
        Key(
            doc="Limits of its processes.",
            written="`{nofile: 4096}`, `{nofile: 1024/4096}`",
            parse=values.limit,
            each=True,
        ),
        Default(text="Docker's"),
    ] = None
    volumes: Annotated[
        Mapping[str, values.MountPath] | None,
        Key(
            doc="Folders that outlive its tasks, by name.",
            written="`{data: /data}`, `{data: /data:ro}`",
            parse=values.mount,
            each=True,
        ),
        Default(text="none"),
    ] = None
    sidecars: Annotated[
        Mapping[str, SidecarBlock] | None, Key(doc="Containers beside its own."), Default(text="none")
    ] = None
    files: Annotated[
        Mapping[str, str] | None,
        Key(
            doc="For images of others that read their configuration from a path: files of the service's own folder in "
            "the vault, by where they are put. Their folder in the container holds nothing else. `main.password` is a "
            "part of the URL of the database `main`, which culm makes.",
            written="`{/etc/nginx/conf.d/site.conf: site.conf}`",
            parse=values.vault_file,
            each=True,
        ),
        Default(text="the image's entrypoint fetches them"),
    ] = None
    calls: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Services that it calls without the load balancer, by HTTP: `{catalog.url}` is then where they answer "
            "inside. They are deployed before it. Each task of both takes 64 MiB more, for Service Connect's proxy."
        ),
        Default(text="none"),
    ] = None
    schedule: Annotated[
        str | ScheduleBlock | None,
        Key(
            doc="When it is run, as a one-time task: minute, hour, day, month, weekday and time zone; "
            "`every 5 minutes`; `at 2027-01-31T06:00 Europe/Berlin`; or an expression of EventBridge Scheduler.",
            written='`"0 6 * * mon-fri Europe/Berlin"`, or a block',
        ),
        Default(text="it runs always"),
    ] = None
    scale: Annotated[
        values.Scale | None,
        Key(
            doc="What Application Auto Scaling keeps its tasks at, between the ends of `count: 1-4`: per cent of their "
            "CPU or memory, or requests a minute that each of them gets.",
            written="`cpu 60`, `memory 70`, `requests 600`",
            parse=values.scale,
            pattern=values.SCALE,
        ),
        Default(text="as many tasks as `count` says, always"),
    ] = None
    buckets: Annotated[
        tuple[str, ...] | None,
        Key(
            doc="Those of `buckets` that its tasks may read and write. `{uploads.bucket}` in `environment` is the name."
        ),
        Default(text="none"),
    ] = None


MISPLACED = {
    "env_file": "`environment:` for what is no secret; secrets are files: conf/ on a laptop, the vault elsewhere",
    "depends_on": "that is `after:` here",
    "expose": "that is `port:` here",
    "replicas": "that is `count:` here",
    "desired_count": "that is `count:` here",
    "context": "that is `build:` here",
    "healthcheck": "that is `health: {command: ...}` here",
    "stop_grace_period": "that is `stop:` here",
    "mem_limit": "that is `memory:` here",
    "cpus": "that is `cpu:` here, in units: 1024 are one vCPU",
    "cron": "that is `schedule:` here",
    "read_only": "that is `read-only:` here",
    "shm_size": "that is `tmpfs: {/dev/shm: 64 MB}` here",
}
"""Keys of other tools' files, and what they are here."""
