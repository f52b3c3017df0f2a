"""What `culm top` and `culm status --watch` show: a snapshot as lines of a terminal. Pure.

Everything fits into 80 columns, and says the same without colours: states are shapes, used memory is a block, what is
reserved and not used is shaded, what is free is dots.
"""

from collections.abc import Iterator, Sequence

from culm.cli.screens.text import Text
from culm.core.model.record import record
from culm.operate.snapshot.records import Instance, Series, ServiceState, Snapshot, Task
from culm.operate.snapshot.troubles import headline
from culm.operate.snapshot.words import ago, dollars, latency, rate, share

GLYPHS = {"well": "●", "wrong": "▲", "moving": "◌", "asleep": "☾", "off": "○"}
STYLES = {"well": "green", "wrong": "red", "moving": "yellow", "asleep": "dim", "off": "dim"}
SORTS = {"m": "memory", "c": "CPU", "r": "failures", "s": "service"}
BARS = "▁▂▃▄▅▆▇█"
LABEL = 13
"""Columns before an instance's bar."""
MOST_TROUBLES = 3
KEYS = "m c r s sort   j k move   Enter cause   l logs   e exec   R restart   q quit"


@record
class View:
    """How the screen is looked at."""

    width: int
    height: int
    sort: str = "s"
    row: int = 0
    """Which task is selected; -1: none is."""
    unfolded: bool = False
    """The selected task's service is shown with its cause and deployments."""
    asks: str = ""
    """What is asked at the bottom."""


def screen(snapshot: Snapshot, view: View) -> list[Text]:
    """Return the whole screen, at most `view.height` lines; what is wider than `view.width` is cut when it is drawn."""
    head = [
        *_head(snapshot, view.width),
        *_scaled(snapshot),
        *_troubles(snapshot, view.width),
        Text(),
        *_instances(snapshot, view.width),
    ]
    rows = [*_tasks(snapshot, view)]
    unfolded = [*_unfolded(snapshot, view)] if view.unfolded else []
    foot = [Text(view.asks, style="bold reverse")] if view.asks else [Text(KEYS, style="dim")] if view.row >= 0 else []
    room = view.height - len(head) - len(unfolded) - len(foot) - 1
    rows = rows[: max(room, 3)]
    events = [*_events(snapshot, view.width, max(room - len(rows) - 1, 0))]
    lines = [*head, Text(), *rows, *unfolded, *([Text()] if events else []), *events]
    lines = lines[: max(view.height - len(foot), 1)]
    if view.row >= 0:
        lines += [Text()] * (view.height - len(foot) - len(lines))
    return [*lines, *foot]


@record
class Row:
    """A line of the table: a living task, or a service that has none."""

    service: str
    task: Task | None


def rows_of(snapshot: Snapshot, sort: str) -> list[Row]:
    """Return the rows of living tasks, as `sort` says, the most of it first; then services without a task."""
    tasks = ordered(snapshot, sort)
    served = {task.service for task in tasks if task.kind == "service"}
    idle = [Row(service=service.name, task=None) for service in snapshot.services if service.name not in served]
    return [*(Row(service=task.service, task=task) for task in tasks), *idle]


def ordered(snapshot: Snapshot, sort: str) -> list[Task]:
    """Return the living tasks, as `sort` says: the most of it first."""
    failures = {service.name: service.failures for service in snapshot.services}
    tasks = list(snapshot.running)
    match sort:
        case "m":
            tasks.sort(key=lambda task: -(task.memory_used or 0) / (task.memory or 1))
        case "c":
            tasks.sort(key=lambda task: -(task.cpu or 0.0))
        case "r":
            tasks.sort(key=lambda task: -failures.get(task.service, 0))
    return tasks


def _head(snapshot: Snapshot, width: int) -> Iterator[Text]:
    wrong = bool(snapshot.troubles or snapshot.unreachable) or any(each.state == "wrong" for each in snapshot.services)
    moving = any(service.state == "moving" for service in snapshot.services)
    look = "wrong" if wrong else "moving" if moving else "well"
    words = (
        headline(snapshot.services, snapshot.troubles) if snapshot.exists else "nothing is deployed here yet: culm up"
    )
    left = Text.assemble(
        (f"{snapshot.project}", "bold"), (f" · {snapshot.target}  ", "dim"), (f"{GLYPHS[look]} {words}", STYLES[look])
    )
    right = f"{dollars(snapshot.cost.dollars)}/month" if snapshot.cost else ""
    left.append(" " * max(width - left.width - len(right), 2))
    left.append(right, style="dim")
    yield left
    if snapshot.unreachable:
        yield Text(f"▲ the cluster does not answer: {snapshot.unreachable}", style="red")
    for unknown in snapshot.unknown:
        yield Text(f"◌ not shown, because it cannot be had: {unknown}", style="yellow")


def _scaled(snapshot: Snapshot) -> Iterator[Text]:
    """`scaled: front 2 (1-3, requests 6000) · api 1 (1-4, cpu 60)`."""
    counts = [f"{each.name} {each.running} ({each.scaling})" for each in snapshot.services if each.scaling]
    if counts:
        yield Text(f"scaled: {' · '.join(counts)}", style="dim")


def _troubles(snapshot: Snapshot, width: int) -> Iterator[Text]:
    for trouble in snapshot.troubles[:MOST_TROUBLES]:
        line = Text("▲ ", style="red")
        line.append(f"{trouble.service}: " if trouble.service else "", style="bold red")
        line.append(trouble.text)
        if trouble.since is not None:
            line.append(f" · {ago(snapshot.at - trouble.since)} ago", style="dim")
        yield line
    if (more := len(snapshot.troubles) - MOST_TROUBLES) > 0:
        yield Text(f"  and {more} more", style="red")


def _instances(snapshot: Snapshot, width: int) -> Iterator[Text]:
    """Yield each with a line of names over a line of bars, a column as many MiB on all of them."""
    largest = max((instance.memory for instance in snapshot.instances), default=1)
    columns = width - LABEL
    for instance in snapshot.instances:
        tasks = [task for task in snapshot.running if task.instance == instance.name]
        yield from _instance(instance, tasks, columns / largest)
    if snapshot.room is not None and snapshot.instances:
        fits = f"yes, on {' or '.join(snapshot.room.instances)}" if snapshot.room.instances else "no"
        style = "green" if snapshot.room.instances else "red"
        yield Text.assemble((f"one more {snapshot.room.memory} MiB task fits: ", "dim"), (fits, style))


def _instance(instance: Instance, tasks: Sequence[Task], scale: float) -> Iterator[Text]:
    names = Text(f"{instance.name} {instance.type}"[: LABEL - 1].ljust(LABEL), style="bold")
    bar = Text(("" if instance.connected else "▲ no answer")[: LABEL - 1].ljust(LABEL), style="red")
    drawn = 0.0
    for task in tasks:
        wide = round((drawn + (task.memory or 0)) * scale) - round(drawn * scale)
        drawn += task.memory or 0
        if wide < 2:
            continue
        used = f" {task.memory_used}/{task.memory}" if task.memory_used is not None else f" {task.memory}"
        kind = " migration" if task.kind == "migration" else ""
        names.append(_fit(f"{task.service or task.group}{kind}", used, wide))
        full = round((wide - 1) * (task.memory_used or 0) / (task.memory or 1))
        near = task.memory_used is not None and task.memory_used >= 0.9 * (task.memory or 1)
        bar.append("▏", style="dim")
        bar.append("█" * full, style="red" if near else "green")
        bar.append("░" * (wide - 1 - full), style="yellow" if task.status != "RUNNING" else "dim")
    free = max(round(instance.memory * scale) - round(drawn * scale), 0)
    if free > 1:
        names.append(_fit(f"free {instance.free} MiB", "", free), style="dim")
        bar.append("▏" + "·" * (free - 1), style="dim")
    yield names
    yield bar


def _fit(name: str, amount: str, wide: int) -> str:
    """Return the name with the amount behind it where both fit, else as much of the name as does."""
    text = f"{name}{amount}" if len(name) + len(amount) < wide else name
    return text[: wide - 1].ljust(wide)


def _tasks(snapshot: Snapshot, view: View) -> Iterator[Text]:
    marks = {key: "↓" if key == view.sort else " " for key in SORTS}
    yield Text(
        f"  {'SERVICE' + marks['s']:<15}{'REV':<5}{'ON':<4}{'MEM MiB' + marks['m']:>9}{'CPU' + marks['c']:>6}"
        f"{'FAIL' + marks['r']:>6}{'UP':>7}{'REQ/S':>8}{'ERR':>7}{'P95':>8}",
        style="dim",
    )
    for number, row in enumerate(rows_of(snapshot, view.sort)):
        service = snapshot.service(row.service)
        line = _task(row.task, service, snapshot.at) if row.task else _idle(service)
        if service is not None and row.task is not None and view.width >= 110:
            line.append(f"  {spark(service.traffic.requests_series)}", style="green")
        if number == view.row:
            line.stylize("reverse")
        yield line


def _task(task: Task, service: ServiceState | None, now: float) -> Text:
    serves = task.status == "RUNNING" and task.target_health in ("", "healthy")
    look = "well" if serves else "wrong" if task.target_health == "unhealthy" else "moving"
    used = f"{task.memory_used}/{task.memory}" if task.memory_used is not None else f"{task.memory or '—'}"
    name = f"{task.service or task.group}{'*' if task.kind == 'migration' else ''}"
    line = Text.assemble(
        (f"{GLYPHS[look]} ", STYLES[look]),
        f"{name[:14]:<15}{'#' + task.revision.rpartition(':')[2]:<5}{task.instance:<4}{used:>8} ",
        f"{'—' if task.cpu is None else f'{task.cpu:.0f} %':>5} {service.failures if service else 0:>5} ",
        f"{ago(now - task.started_at) if task.started_at else task.status.lower():>6} ",
    )
    if service is not None and task.kind == "service":
        traffic = service.traffic
        line.append(f"{rate(traffic.requests).removesuffix(' req/s'):>7} ")
        line.append(f"{share(traffic.errors):>6} ", style="red" if traffic.errors else "")
        line.append(f"{latency(traffic.mean if traffic.p95 is None else traffic.p95):>7}")
    return line


def _idle(service: ServiceState | None) -> Text:
    if service is None:
        return Text()
    return Text(f"{GLYPHS[service.state]} {service.name[:14]:<15}{service.summary}", style=STYLES[service.state])


def spark(series: Series | None) -> str:
    """Return the last minutes as eight heights; empty where there was nothing."""
    if series is None or not any(series.values):
        return ""
    top = max(value or 0.0 for value in series.values)
    return "".join(BARS[min(int((value or 0.0) / top * 7.99), 7)] for value in series.values)


def _unfolded(snapshot: Snapshot, view: View) -> Iterator[Text]:
    """Of the selected task's service: why it is not well, and its deployments."""
    rows = rows_of(snapshot, view.sort)
    service = snapshot.service(rows[view.row].service) if 0 <= view.row < len(rows) else None
    if service is None:
        return
    yield Text(f"─ {service.name} ".ljust(view.width, "─"), style="dim")
    if service.cause is None:
        yield Text(f"{service.summary}; {service.health_check}")
    else:
        yield Text(service.cause.text, style="bold red")
        for line in service.cause.lines[-6:]:
            yield Text(f"  {line}")
        if service.cause.action is not None:
            yield Text(f"  try: culm {' '.join(service.cause.action.command)}")
    for deployment in service.deployments[:3]:
        yield Text(
            f"  {deployment.revision} {deployment.rollout.lower().replace('_', ' ')} "
            f"{ago(snapshot.at - deployment.created_at)} ago, {deployment.running}/{deployment.desired} running, "
            f"{deployment.failed} failed"
        )


def _events(snapshot: Snapshot, width: int, room: int) -> Iterator[Text]:
    for event in snapshot.events[:room]:
        line = Text(f"{ago(snapshot.at - event.at):>7}  ", style="dim")
        line.append(f"{event.service:<10} ", style="bold")
        line.append(event.message, style="red" if event.wrong else "")
        yield line
