"""What a stack costs in a month, before it is made. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain

from culm.plan.bill import Assumptions, Bill, BillItem, PriceList, bill
from culm.project import engines
from culm.project.project import ElastiCache, Project, Rds, TargetSettings


def cost(project: Project, settings: TargetSettings, prices: PriceList) -> Bill:
    """Return the planner's bill and what only the stack has: the vault's key and databases."""
    fleet = [group.instance_type for group in settings.instances for _ in range(group.count)]
    hosts = bill(fleet, prices, Assumptions())
    servers: Mapping[str, Rds | ElastiCache] = {**project.rds, **project.elasticache}
    unpriced = [
        f"{server.instance} ({engines.TITLES[project.databases[name]]})"
        for name, server in servers.items()
        if prices.hourly.of_database(project.databases[name], server.instance) is None
    ]
    return replace(
        hosts,
        lines=(*hosts.lines, *chain.from_iterable(more(project, prices))),
        unpriced=(*hosts.unpriced, *unpriced),
    )


def more(project: Project, prices: PriceList) -> Iterator[list[BillItem]]:
    yield [BillItem(name="the vault's key", units=1, unit="KMS key", price=prices.monthly.kms_key)]
    for name, rds in project.rds.items():
        hourly = prices.hourly.of_database(project.databases[name], rds.instance)
        if hourly is not None:
            yield [BillItem(name=f"database {name}", units=1, unit=rds.instance, price=hourly * prices.hours_a_month)]
        yield [
            BillItem(name="its storage", units=rds.storage, unit="GB gp3", price=prices.monthly.rds_gb),
            BillItem(name="its password", units=1, unit="secret", price=prices.monthly.secret),
        ]

    for name, cache in project.elasticache.items():
        hourly = prices.hourly.of_database(project.databases[name], cache.instance)
        if hourly is not None:
            yield [BillItem(name=f"cache {name}", units=1, unit=cache.instance, price=hourly * prices.hours_a_month)]


def screen(month: Bill, settings: TargetSettings, prices: PriceList) -> str:
    """Return the bill as lines of text: each item with its units, the sum, and what was assumed."""
    width = max(len(line.name) for line in month.lines)
    lines = [
        f"  {line.name:<{width}}  {f'${line.dollars:,.2f}':>8}  {line.units:g} {line.unit}"
        for line in month.lines
        if line.dollars >= 0.005
    ]
    lines.append(f"  {'a month':<{width}}  {f'${month.dollars:,.2f}':>8}")
    lines.append(f"prices of {prices.region}, {prices.date}; assumed: {Assumptions()}")
    if settings.spot:
        lines.append("spot instances cost less than is shown, usually a third of it")
    if month.unpriced:
        lines.append(f"without {', '.join(month.unpriced)}: the price list lacks it")
    return "\n".join(lines)
