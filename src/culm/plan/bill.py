"""What a fleet and all that stands around it cost in a month, item by item."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from itertools import chain

from culm.core.decide.office_hours import hours_a_week, parse_hours
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.project import engines
from culm.project.project import Project, TargetSettings

IPV4_OF_A_LOAD_BALANCER = 2
"""An ALB has a public address in each of its zones, and stands in two at least."""


@record
class Hourly:
    load_balancer: float
    lcu: float
    ipv4: float
    instances: Mapping[str, float]
    """By instance type, Linux on demand."""
    databases: Mapping[str, float] = field(default_factory=dict)
    """By RDS instance class, PostgreSQL in one zone."""
    mysql: Mapping[str, float] = field(default_factory=dict)
    """As `databases`, of MySQL and MariaDB."""
    valkey: Mapping[str, float] = field(default_factory=dict)
    """By ElastiCache node type."""
    redis: Mapping[str, float] = field(default_factory=dict)

    def of_database(self, engine: str, kind: str) -> float | None:
        """Return dollars an hour of a server; None when the list lacks it."""
        lists = {"postgres": self.databases, "mysql": self.mysql, "mariadb": self.mysql}
        return {**lists, "valkey": self.valkey, "redis": self.redis}[engine].get(kind)


@record
class Monthly:
    gp3_gb: float
    ecr_gb: float
    logs_stored_gb: float
    rds_gb: float | None = None
    """gp3 of RDS; None: the list lacks it."""
    kms_key: float = 1.0
    secret: float = 0.4
    alarm_metric: float = 0.1
    """Each metric that an alarm looks at: https://aws.amazon.com/cloudwatch/pricing/"""


@record
class Each:
    logs_ingested_gb: float


@record
class PriceList:
    """One region's prices in US dollars; `plan/prices/*.toml` are written so."""

    region: str
    date: str
    source: str
    hours_a_month: float
    hourly: Hourly
    monthly: Monthly
    each: Each

    def of_instance(self, instance_type: str) -> float | None:
        """Return dollars a month; None when the list has no size of its family.

        EC2 prices the sizes of a family in proportion to their memory, so one size that is listed tells the others.
        """
        hourly = self.hourly.instances.get(instance_type)
        if hourly is None and (kind := INSTANCE_TYPES.get(instance_type)) is not None:
            family = instance_type.partition(".")[0] + "."
            listed = next((name for name in self.hourly.instances if name.startswith(family)), None)
            if listed is not None:
                hourly = self.hourly.instances[listed] * kind.memory / INSTANCE_TYPES[listed].memory
        return None if hourly is None else hourly * self.hours_a_month

    def of_host(self, instance_type: str, disk_gb: float) -> float | None:
        """Return an instance's dollars a month, with its disk and public address; None if its price is unknown."""
        alone = self.of_instance(instance_type)
        if alone is None:
            return None
        return alone + disk_gb * self.monthly.gp3_gb + self.hourly.ipv4 * self.hours_a_month


@record
class Assumptions:
    """What a bill rests on besides the fleet."""

    disk_gb: float = 30.0
    """gp3 on each instance: the size of the ECS-optimised image."""
    ecr_gb: float = 2.0
    logs_gb: float = 1.0
    """Written in a month, and kept."""
    lcus: float = 0.05
    """Load balancer capacity units, on average."""
    public_instances: bool = True
    """Whether each instance has a public address; without, a NAT or endpoints of the team's are not priced here."""
    public_balancer: bool = True

    def __str__(self) -> str:
        return (
            f"{self.disk_gb:g} GB gp3 an instance, {self.ecr_gb:g} GB of images, {_rounded(self.logs_gb)} GB of logs, "
            f"{_rounded(self.lcus)} LCU, "
            + ("public subnets in two zones" if self.public_instances else "your NAT or endpoints not counted")
        )


def assumptions(settings: TargetSettings) -> Assumptions:
    """Return what a target's bill rests on."""
    return Assumptions(public_instances=not settings.private_subnets, public_balancer=not settings.internal)


def _rounded(number: float) -> str:
    """Write `0.05`, `56.4` or `1,480`: an assumption has three digits at most."""
    return f"{round(number, -1):,.0f}" if number >= 1000 else f"{number:.3g}"


_SINGULAR = {"instances": "instance", "addresses": "address", "metrics": "metric"}


@record
class BillItem:
    """One item: so many units at so much a month each."""

    name: str
    units: float
    unit: str
    price: float
    """Dollars a unit and month."""

    @property
    def amount(self) -> str:
        """How many units a month: `1 instance`, `40 GB gp3`."""
        return f"{self.units:g} {_SINGULAR.get(self.unit, self.unit) if self.units == 1 else self.unit}"

    @property
    def dollars(self) -> float:
        return self.units * self.price


@record
class Bill:
    lines: tuple[BillItem, ...]
    unpriced: tuple[str, ...] = ()
    """Types of instances and servers that the price list does not have: the total is without them."""

    def __add__(self, other: "Bill") -> "Bill":
        """Return the bill of both."""
        return Bill(lines=(*self.lines, *other.lines), unpriced=(*self.unpriced, *other.unpriced))

    @property
    def dollars(self) -> float:
        return sum(line.dollars for line in self.lines)


def bill(fleet: Sequence[str], prices: PriceList, assumed: Assumptions) -> Bill:
    """Return the bill of a month of these instance types behind one load balancer."""
    month = prices.hours_a_month
    kinds = Counter(fleet)
    ipv4 = prices.hourly.ipv4 * month
    addresses = len(fleet) * assumed.public_instances + IPV4_OF_A_LOAD_BALANCER * assumed.public_balancer
    known = {name: price for name in kinds if (price := prices.of_instance(name)) is not None}
    lines = chain(
        (BillItem(name=name, units=kinds[name], unit="instances", price=price) for name, price in known.items()),
        [
            *([BillItem(name="public IPv4", units=addresses, unit="addresses", price=ipv4)] if addresses else []),
            BillItem(name="load balancer", units=1, unit="ALB", price=prices.hourly.load_balancer * month),
            BillItem(name="its traffic", units=assumed.lcus, unit="LCU", price=prices.hourly.lcu * month),
            BillItem(name="disks", units=len(fleet) * assumed.disk_gb, unit="GB gp3", price=prices.monthly.gp3_gb),
            BillItem(name="images", units=assumed.ecr_gb, unit="GB ECR", price=prices.monthly.ecr_gb),
            BillItem(
                name="logs",
                units=assumed.logs_gb,
                unit="GB",
                price=prices.each.logs_ingested_gb + prices.monthly.logs_stored_gb,
            ),
        ],
    )
    return Bill(lines=tuple(lines), unpriced=tuple(name for name in kinds if name not in known))


WEEK_HOURS = 168
ALARM_METRICS = 3
"""Requests, and answers with status 5xx of tasks and of the load balancer."""


def of_base(settings: TargetSettings, prices: PriceList) -> Bill:
    """Return the bill of a month of what only a stack on aws has: the vault's key, and messages of what goes wrong.

    Rules for events of AWS's own cost nothing, calls of a webhook 0.20 dollars a million, a thousand e-mails nothing:
    https://aws.amazon.com/eventbridge/pricing/ and https://aws.amazon.com/sns/pricing/
    """
    if settings.provider != "aws":
        return Bill(lines=())
    monthly = prices.monthly
    lines = [BillItem(name="the vault's key", units=1, unit="KMS key", price=monthly.kms_key)]
    if settings.notify is not None:
        lines.append(BillItem(name="alarm of errors", units=ALARM_METRICS, unit="metrics", price=monthly.alarm_metric))
        if settings.notify.webhook is not None:
            lines.append(BillItem(name="webhook's URL", units=1, unit="secret", price=monthly.secret))
    return Bill(lines=tuple(lines))


def of_sleep(project: Project, settings: TargetSettings, prices: PriceList, fleet: Sequence[str]) -> Bill:
    """Return what office hours take off a month: these instances and the databases that stop, while all sleep.

    https://aws.amazon.com/eventbridge/pricing/ has 14 million calls of schedules a month at no price.
    """
    sleep = settings.sleep
    if settings.provider != "aws" or sleep is None or sleep.hours is None or sleep.never:
        return Bill(lines=())
    disk = assumptions(settings).disk_gb
    hosts = sum(prices.of_host(kind, disk) or 0.0 for kind in fleet)
    if settings.private_subnets:
        hosts -= len(fleet) * prices.hourly.ipv4 * prices.hours_a_month
    hourly = [
        prices.hourly.of_database(project.databases[name], rds.instance) or 0.0
        for name, rds in project.rds.items()
        if rds.sleep
    ]
    asleep = WEEK_HOURS - hours_a_week(parse_hours(sleep.hours))
    price = (hosts + sum(hourly) * prices.hours_a_month) / WEEK_HOURS
    unit = f"of {WEEK_HOURS} hours a week"
    return Bill(lines=(BillItem(name="asleep", units=-asleep, unit=unit, price=price),) if price else ())


def of_servers(project: Project, prices: PriceList, names: Collection[str]) -> Bill:
    """Return the bill of a month of these databases, as far as the project's stack makes them: RDS and ElastiCache."""
    lines: list[BillItem] = []
    unpriced: list[str] = []
    kinds = {name: each.instance for name, each in project.rds.items()}
    kinds |= {name: each.instance for name, each in project.elasticache.items()}
    for name, kind in kinds.items():
        if name not in names:
            continue
        engine = project.databases[name]
        hourly = prices.hourly.of_database(engine, kind)
        if hourly is None:
            unpriced.append(f"{kind} ({engines.TITLES[engine]})")
        else:
            what = "database" if name in project.rds else "cache"
            lines.append(BillItem(name=f"{what} {name}", units=1, unit=kind, price=hourly * prices.hours_a_month))
        if name in project.rds:
            storage = project.rds[name].storage
            if prices.monthly.rds_gb is None:
                unpriced.append(f"{storage} GB of storage of database {name}")
            else:
                lines.append(BillItem(name="its storage", units=storage, unit="GB gp3", price=prices.monthly.rds_gb))
            lines.append(BillItem(name="its password", units=1, unit="secret", price=prices.monthly.secret))
    return Bill(lines=tuple(lines), unpriced=tuple(unpriced))
