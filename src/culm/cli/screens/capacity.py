"""Print capacity for people and as JSON."""

import textwrap
from collections.abc import Iterator
from typing import Any

from culm.cli.screens.plan import bill_items, money
from culm.cli.screens.report import bill_report
from culm.plan.capacity import LOG_BYTES_PER_REQUEST, Capacity, Demand, LoadStage

QUOTAS = 3
"""So many of the fullest are shown."""
NO_LOAD = "no service has `load:` (requests a second) in culm.yml, so there is no load to plan for"


def screen(needed: Capacity, width: int = 80) -> str:
    """Return the tasks of every stage as a table, then a block for each stage: fleet, bill and quotas.

    Without any `load:` the stages are all what runs now: then there is one line that says what to write, and no blocks.
    """
    if all(demand.load is None for demand in needed.demands):
        return _wrapped(f"{needed.project}: {NO_LOAD}", width)
    blocks = ("\n".join(_stage(stage, needed, width)) for stage in needed.stages)
    return "\n\n".join(["\n".join(_tasks(needed, width)), *blocks])


def _tasks(needed: Capacity, width: int) -> Iterator[str]:
    yield f"{needed.project}: tasks for the load to come ({needed.architecture} instances)"
    name = max((len(d.name) for d in needed.demands), default=0)
    heads = [f"{stage.name} {stage.factor:g}x" for stage in needed.stages]
    yield f"  {'':<{name}}  {'now':>9}  {'a task':>9}" + "".join(f"{head:>15}" for head in heads)
    for demand in needed.demands:
        tasks = "".join(f"{stage.tasks[demand.name]:>15}" for stage in needed.stages)
        yield f"  {demand.name:<{name}}  {_rate(demand.load):>9}  {_rate(demand.throughput):>9}{tasks}"
    for note in notes(needed):
        yield _wrapped(note, width, "  ")


def notes(needed: Capacity) -> list[str]:
    """Return a sentence for services whose tasks are only their `count:`, and why."""

    def names(kept: list[Demand]) -> str:
        return ", ".join(demand.name for demand in kept)

    silent = [d for d in needed.demands if d.load is None]
    unmeasured = [d for d in needed.demands if d.load is not None and d.throughput is None]
    lines = []
    if silent:
        lines.append(f"without `load:` in culm.yml the count stays: {names(silent)}")
    if unmeasured:
        lines.append(f"not measured, so the count stays: {names(unmeasured)}; culm bench SERVICE measures")
    return lines


def _stage(stage: LoadStage, needed: Capacity, width: int) -> Iterator[str]:
    head = f"{stage.name} {stage.factor:g}x, {stage.requests:g} requests/s: "
    if stage.fleet is None or stage.bill is None:
        yield head + "no instance type that has a price holds the largest task"
        return
    proof = "the cheapest there is" if stage.fleet.proven else f"within {stage.fleet.gap:.1%} of the cheapest"
    yield _wrapped(f"{head}{stage.fleet}, {proof}", width)
    yield _wrapped(
        f"{money(stage.bill.dollars)} a month ({needed.prices.region}, {needed.prices.date}): "
        + bill_items(stage.bill.lines),
        width,
        "  ",
    )
    if stage.single and stage.single_bill and stage.single.instances != stage.fleet.instances:
        more = money(stage.single_bill.dollars - stage.bill.dollars, signed=True)
        yield f"  one machine for everything: {stage.single}, {more} a month"
    elif stage.single is None:
        yield "  no single machine holds everything"
    full = [f"{q.name} {q.used} of {q.limit}{'' if q.adjustable else ' (fixed)'}" for q in stage.quotas[:QUOTAS]]
    yield _wrapped(f"quotas, the fullest first: {', '.join(full)}", width, "  ")
    requests = f"every request a connection of its own and {LOG_BYTES_PER_REQUEST} bytes of log"
    yield _wrapped(f"assumed: {stage.assumed}; {requests}", width, "  ")


def report(needed: Capacity) -> dict[str, Any]:
    return {
        "project": needed.project,
        "architecture": needed.architecture,
        "services": [
            {
                "name": d.name,
                "load": d.load,
                "throughput": d.throughput,
                "memory": d.memory,
                "cpu": d.cpu,
                "count": d.count,
            }
            for d in needed.demands
        ],
        "stages": [
            {
                "name": stage.name,
                "factor": stage.factor,
                "requests": stage.requests,
                "tasks": dict(stage.tasks),
                "fleet": dict(stage.fleet.instances) if stage.fleet else None,
                "proven": stage.fleet.proven if stage.fleet else None,
                "gap": round(stage.fleet.gap, 4) if stage.fleet else None,
                "price": bill_report(stage.bill) if stage.bill else None,
                "one_machine": {
                    "fleet": dict(stage.single.instances),
                    "dollars": round(stage.single_bill.dollars, 2),
                }
                if stage.single and stage.single_bill
                else None,
                "quotas": [
                    {"name": q.name, "used": q.used, "limit": q.limit, "adjustable": q.adjustable} for q in stage.quotas
                ],
                "assumed": str(stage.assumed),
            }
            for stage in needed.stages
        ],
        "notes": notes(needed),
    }


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}/s"


def _wrapped(text: str, width: int, head: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head) + "  ")
