"""`targets` with everything filled in, and what AWS would refuse refused before it is asked."""

import ipaddress
from collections.abc import Mapping
from dataclasses import replace

from culm.core.model.instance_types import INSTANCE_TYPES, resembling
from culm.project import places, sizes
from culm.project.checks import check_port, checked_name
from culm.project.nodes import Source
from culm.project.project import EVERYWHERE, Notify, Rds, Service, Sleep, TargetSettings
from culm.project.schema import NotifyBlock, RdsBlock, SleepBlock, TargetBlock

LOCAL = "local"
LONGEST_TARGET_GROUP = 32
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html"""
ONLY_ON_AWS = (
    *("name", "account", "role", "vpc", "subnets", "private_subnets", "internal", "cidr", "allow", "domain"),
    *("certificate", "zone", "spot", "retention", "github", "gitlab", "environment", "ci_changes_stack", "previews"),
)
RETENTION_DAYS = 14
HTTP, HTTPS = 80, 443
PRIVATE_BLOCKS = tuple(
    ipaddress.IPv4Network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
"""https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""


def target(source: Source, name: str, written: TargetBlock) -> TargetSettings:
    """Return the settings of a target. Raises UsageError where they contradict each other."""
    key = ("targets", name)
    provider = written.provider or ("local" if name == LOCAL else None)
    if provider is None:
        source.refuse((*key, "provider"), "is missing", "provider: aws, or provider: local")
    if written.port is not None:
        check_port(source, (*key, "port"), written.port)
    settings = TargetSettings(
        name=name,
        provider=provider,
        instances=written.instances or sizes.fleet("2 x t2.micro"),
        env=written.env or name,
        region=written.region,
        profile=written.profile,
        endpoint_url=written.endpoint_url,
        port=written.port,
        project=written.name or "",
        account=written.account,
        role=written.role,
        vpc=written.vpc,
        subnets=written.subnets or (),
        private_subnets=written.private_subnets or (),
        internal=written.internal,
        cidr=written.cidr,
        allow=written.allow or EVERYWHERE,
        domain=written.domain,
        certificate=written.certificate,
        zone=written.zone,
        spot=written.spot,
        retention=written.retention if written.retention is not None else RETENTION_DAYS,
        github=written.github,
        gitlab=written.gitlab,
        environment=written.environment or (name if written.protect and (written.github or written.gitlab) else None),
        protect=written.protect,
        ci_changes_stack=written.ci_changes_stack,
        sleep=None if written.sleep is None else sleep(source, (*key, "sleep"), written.sleep, provider),
        previews=written.previews,
        notify=None if written.notify is None else notify(source, (*key, "notify"), written.notify, provider),
    )
    if provider == "aws":
        check_aws(source, key, settings)
    else:
        for word in ONLY_ON_AWS:
            if getattr(written, word):
                source.refuse(
                    (*key, word.replace("_", "-")), "does nothing here", "it is for targets with `provider: aws`"
                )
    return settings


OTHER_PARTITIONS = ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-")
"""How regions begin whose ARNs do not begin with `arn:aws:`; https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html"""
IN_PARTITION = (
    "China, GovCloud and the sovereign clouds have ARNs and endpoints of their own, which culm does not write yet"
)


def check_aws(source: Source, key: tuple[str, ...], settings: TargetSettings) -> None:
    """Refuse keys of one target that do not fit together, which no single value tells."""
    if settings.region and settings.region.startswith(OTHER_PARTITIONS):
        source.refuse((*key, "region"), "is in another partition than `aws`", IN_PARTITION)
    if settings.subnets and settings.vpc in (None, "default"):
        source.refuse((*key, "subnets"), "are of which network?", "say it too: vpc: vpc-...")
    if settings.vpc not in (None, "default") and len(settings.subnets) < 2:
        hint = "subnets: [subnet-..., subnet-...], public and in two zones: a load balancer stands in both"
        source.refuse((*key, "subnets" if settings.subnets else "vpc"), "needs two of its public subnets", hint)
    check_network(source, key, settings)
    if settings.domain is not None and (settings.certificate is None) == (settings.zone is None):
        hint = "certificate: an ACM certificate's ARN; or zone: a Route 53 zone's id, and culm makes one in it"
        source.refuse((*key, "domain"), "needs a certificate, or a zone to make one in: one of the two", hint)
    for word in ("certificate", "zone"):
        if getattr(settings, word) and settings.domain is None:
            source.refuse((*key, word), "is of which domain?", "say it too: domain: staging.example.com")
    if settings.certificate and settings.region and (where := settings.certificate.split(":")[3]) != settings.region:
        source.refuse((*key, "certificate"), f"is in {where}; the load balancer, in {settings.region}, cannot use it")
    if settings.domain is not None and settings.port is not None:
        source.refuse((*key, "port"), f"a domain is served on {HTTPS}, and {HTTP} leads to it", "leave one of them out")
    if settings.github is not None and settings.gitlab is not None:
        source.refuse((*key, "gitlab"), "stands beside github:, and the roles trust one of them", "leave one out")
    if settings.environment is not None and settings.github is None and settings.gitlab is None:
        hint = "say it too: github: owner/name, or gitlab: group/name"
        source.refuse((*key, "environment"), "is of which repository?", hint)
    if settings.ci_changes_stack and settings.github is None and settings.gitlab is None:
        hint = "say it too: github: owner/name, or gitlab: group/name"
        source.refuse((*key, "ci-changes-stack"), "is for the role of which repository?", hint)
    if settings.previews and settings.github is None:
        source.refuse((*key, "previews"), "are for the pull requests of which repository?", "github: owner/name")
    if settings.retention not in places.RETENTIONS:
        listed = ", ".join(map(str, places.RETENTIONS))
        source.refuse((*key, "retention"), f"{settings.retention} days is not one of CloudWatch's: {listed}")
    check_fleet(source, (*key, "instances"), settings)


WIDEST, NARROWEST = 16, 26
"""Of a network that is cut into four: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html"""


def check_network(source: Source, key: tuple[str, ...], settings: TargetSettings) -> None:
    """Refuse subnets and addresses that belong to no network, or to another one. Raises UsageError."""
    if settings.private_subnets and settings.vpc in (None, "default"):
        hint = "say it too: vpc: vpc-..., subnets: [...] for the load balancer"
        source.refuse((*key, "private-subnets"), "are of which network?", hint)
    if settings.private_subnets and len(settings.private_subnets) < 2:
        source.refuse((*key, "private-subnets"), "needs two, in two zones", "private-subnets: [subnet-..., subnet-...]")
    if (both := set(settings.private_subnets) & set(settings.subnets)) and not settings.internal:
        source.refuse(
            (*key, "private-subnets"),
            f"{min(both)} is in `subnets`, too, where a load balancer with public addresses is",
            "other subnets for one of the two, or `internal: true`",
        )
    if settings.internal and settings.vpc is None:
        hint = "vpc: and subnets: of yours, or without `internal: true`"
        source.refuse((*key, "internal"), "is in a network of its own, which nobody else is in", hint)
    if settings.cidr is None:
        return
    if settings.vpc is not None:
        source.refuse((*key, "cidr"), "is for the stack's own network, and `vpc:` names another", "leave one out")
    block = ipaddress.IPv4Network(settings.cidr)
    if not WIDEST <= block.prefixlen <= NARROWEST:
        source.refuse((*key, "cidr"), f"/{block.prefixlen} is not from /{WIDEST} to /{NARROWEST}")
    if not any(block.subnet_of(private) for private in PRIVATE_BLOCKS):
        listed = ", ".join(map(str, PRIVATE_BLOCKS))
        source.refuse((*key, "cidr"), "is of public addresses, which others have", f"a part of {listed}")


def check_fleet(source: Source, key: tuple[str, ...], settings: TargetSettings) -> None:
    """Refuse instance types that are unknown, named twice or of two architectures. Raises UsageError."""
    kinds = [group.instance_type for group in settings.instances]
    for kind in kinds:
        if kind not in INSTANCE_TYPES:
            source.refuse(key, f"instance type {kind} is not known: its memory and processor are not", resembling(kind))
    if len(kinds) != len(set(kinds)):
        source.refuse(key, "names a type twice", "write how many there are together")
    if len({INSTANCE_TYPES[kind].architecture for kind in kinds}) > 1:
        source.refuse(key, "mixes x86_64 and arm64: an image is for one of them", "take types of one architecture")


def places_of_their_own(
    source: Source, project: str, targets: Mapping[str, TargetSettings], services: Mapping[str, Service]
) -> dict[str, TargetSettings]:
    """Return each target with its project's name there: roles are an account's, so no two share a name."""
    by_name: dict[str, TargetSettings] = {}
    taken: dict[str, str] = {}
    for name, target in targets.items():
        if target.provider != "aws":
            by_name[name] = replace(target, project=project)
            continue
        key = ("targets", name, "name") if target.project else ("targets", name)
        called = target.project or (f"{project}-{name}" if taken else project)
        checked_name(source, key, called)
        if called in taken:
            hint = "give it a name of its own: name: ..."
            source.refuse(key, f"is called {called}, as target {taken[called]} is", hint)
        taken[called] = name
        for service in services:
            if len(group := f"{called}-{service}") > LONGEST_TARGET_GROUP:
                problem = f"the target group of {service}, {group}, has {len(group)} characters"
                source.refuse(key, f"{problem}; AWS takes {LONGEST_TARGET_GROUP}", "a shorter one: name: ...")
        by_name[name] = replace(target, project=called)
    for name, target in by_name.items():
        if target.ci_changes_stack:
            others = {other.project: other for other in by_name.values() if other.provider == "aws"}
            apart(source, name, target, others)
    return by_name


def apart(source: Source, name: str, target: TargetSettings, others: Mapping[str, TargetSettings]) -> None:
    """Refuse a name that begins another target's in its account: CI's rights to roles are by their beginning."""
    for called, other in others.items():
        elsewhere = None not in (target.account, other.account) and target.account != other.account
        if called.startswith(f"{target.project}-") and not elsewhere:
            problem = f"CI of {target.project} could use the roles of {called}, target {other.name}, which begin so"
            hint = f"another name: targets.{other.name}.name; `account:` of both; or leave this out"
            source.refuse(("targets", name, "ci-changes-stack"), problem, hint)


def notify(source: Source, key: tuple[str, ...], written: NotifyBlock, provider: str) -> Notify:
    """Return who is told of what goes wrong. Raises UsageError where it is nobody, or cannot be."""
    if written.email is None and written.webhook is None:
        source.refuse(key, "tells nobody", "email: an address; or webhook: the name of a secret with its URL")
    if provider != "aws" and written.email is not None:
        source.refuse((*key, "email"), "does nothing here", "only aws sends e-mail; locally: webhook")
    if not 1 <= written.errors <= 100:
        source.refuse((*key, "errors"), f"{written.errors} is no percentage from 1 to 100")
    return Notify(email=written.email, webhook=written.webhook, errors=written.errors)


LONGEST_IGNORED = 20
"""Each is a tag of every service, and a service of ECS has 50."""
LEAST_SECONDS = 60
MOST_HOLIDAYS = 200
"""Ten tags of each service have them."""


def sleep(source: Source, key: tuple[str, ...], written: SleepBlock, provider: str) -> Sleep:
    """Return when services sleep by themselves. Raises UsageError where nothing would wake them."""
    on_request = provider == "aws" and written.wake is not None
    if provider == "aws":
        check_sleep_on_aws(source, key, written)
    if written.after is None and written.hours is None and not on_request:
        source.refuse(
            key, "says neither when nor after what", "hours: mon-fri 08:00-20:00 Europe/Berlin; or after: 30m"
        )
    if written.after is not None and written.after < LEAST_SECONDS:
        source.refuse((*key, "after"), f"{written.after} s is less than {LEAST_SECONDS} s", "after: 30m")
    if written.ignore and written.after is None and not on_request:
        source.refuse(
            (*key, "ignore"), "is about requests, and nobody sleeps for want of them", "say it too: after: 30m"
        )
    if written.holidays and written.hours is None:
        source.refuse((*key, "holidays"), "are days without office hours", "say it too: hours: mon-fri 08:00-20:00 UTC")
    if len(written.holidays or ()) > MOST_HOLIDAYS:
        source.refuse((*key, "holidays"), f"are {len(written.holidays or ())}, and {MOST_HOLIDAYS} is the most")
    if len(written.ignore or ()) > LONGEST_IGNORED:
        source.refuse((*key, "ignore"), f"has {len(written.ignore or ())} entries, and {LONGEST_IGNORED} is the most")
    return Sleep(
        after=written.after,
        hours=written.hours,
        holidays=tuple(sorted(set(written.holidays or ()))),
        ignore=written.ignore or (),
        never=written.never or (),
        on_request=on_request,
        by_stack=provider == "aws",
    )


def check_sleep_on_aws(source: Source, key: tuple[str, ...], written: SleepBlock) -> None:
    """Refuse what EventBridge Scheduler and CloudWatch cannot do. Raises UsageError."""
    if written.after is not None:
        source.refuse(
            (*key, "after"),
            "does nothing on aws: CloudWatch counts requests, but not whose, so a monitor would keep all awake",
            "hours: mon-fri 08:00-20:00 Europe/Berlin",
        )
    if written.holidays:
        source.refuse(
            (*key, "holidays"),
            "are not known on aws: EventBridge Scheduler has no days that a schedule leaves out",
            "leave them out: culm sleep puts services to sleep on the day",
        )
    if written.ignore and written.wake is None:
        source.refuse((*key, "ignore"), "is about requests, and none wakes anybody", "say it too: wake: on-request")
    if written.wake is not None and written.never:
        source.refuse(
            (*key, "wake"),
            f"needs that all services sleep, and {', '.join(written.never)} never does",
            "leave one of the two out",
        )


def check_sleepers(source: Source, targets: Mapping[str, TargetSettings], services: Mapping[str, Service]) -> None:
    """Raise UsageError for a service that `sleep.never` names and culm.yml has not."""
    for name, target in targets.items():
        for number, service in enumerate(target.sleep.never if target.sleep is not None else ()):
            if service not in services:
                key = ("targets", name, "sleep", "never", str(number))
                source.refuse(key, f"there is no service {service!r}", f"there are: {', '.join(services)}")


def rds(source: Source, key: tuple[str, ...], written: RdsBlock) -> Rds:
    """Return the settings of an RDS database, checked.

    https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html
    """
    if not 20 <= written.storage <= 65536:
        source.refuse((*key, "storage"), f"{written.storage} GiB is not from 20 to 65536")
    if not 0 <= written.backups <= 35:
        source.refuse((*key, "backups"), f"{written.backups} days is not from 0 to 35")
    return Rds(instance=written.instance, storage=written.storage, backups=written.backups, sleep=written.sleep)
