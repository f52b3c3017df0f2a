"""What `culm top` and `culm status --watch` show: a snapshot as lines of a terminal. Pure.

Everything fits into 80 columns, and says the same without colours: states are shapes, used memory is a block, what is
reserved and not used is shaded, what is free is dots.
"""

from collections.abc import Iterator, Sequence
from textwrap import wrap

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
TABLE = 77
"""Columns of a task's line without its sparks."""
MOST_MINUTES = 30
POINTER = {True: "›", False: " "}
"""Beside the selected row's shape: it is to be seen without reversed colours, too."""
MOST_TROUBLES = 3
EVENTS_KEPT = 3
"""Events that are shown below however many tasks there are, unless the screen is low."""
MOST_FITTING = 4
"""So many instances are named where one more task fits."""
KEYS = "m c r s sort   j k move   Enter cause   l logs   e exec   R restart   q quit"

Piece = tuple[str, str]
"""A text with its style."""


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
        *_troubles(snapshot),
        Text(),
        *_instances(snapshot, view),
    ]
    heads, *rows = _tasks(snapshot, view)
    unfolded = [*_unfolded(snapshot, view)] if view.unfolded else []
    foot = [Text(view.asks, style="bold reverse")] if view.asks else [Text(KEYS, style="dim")] if view.row >= 0 else []
    room = view.height - len(head) - len(unfolded) - len(foot) - 2
    kept = min(len(snapshot.events), EVENTS_KEPT) + 1 if room > 3 * EVENTS_KEPT else 0
    rows = _window(rows, view.row, max(room - kept, 2))
    events = [*_events(snapshot, max(room - len(rows) - 1, 0))]
    lines = [*head, Text(), heads, *rows, *unfolded, *([Text()] if events else []), *events]
    lines = lines[: max(view.height - len(foot), 1)]
    if view.row >= 0:
        lines += [Text()] * (view.height - len(foot) - len(lines))
    return [*lines, *foot]


def _window(rows: list[Text], row: int, most: int) -> list[Text]:
    """Return at most `most` rows, the selected one among them; the last line counts those below."""
    if len(rows) <= most:
        return rows
    first = max(0, min(row - most // 2, len(rows) - most))
    below = len(rows) - first - most
    shown = rows[first : first + most]
    return [*shown[:-1], Text(f"  and {below + 1} more", style="dim")] if below and row < first + most - 1 else shown


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
    """Write `scaled: front 2 (1-3, requests 6000) · api 1 (1-4, cpu 60)`."""
    counts = [f"{each.name} {each.running} ({each.scaling})" for each in snapshot.services if each.scaling]
    if counts:
        yield Text(f"scaled: {' · '.join(counts)}", style="dim")


def _troubles(snapshot: Snapshot) -> Iterator[Text]:
    for trouble in snapshot.troubles[:MOST_TROUBLES]:
        line = Text("▲ ", style="red")
        line.append(f"{trouble.service}: " if trouble.service else "", style="bold red")
        line.append(trouble.text)
        if trouble.since is not None:
            line.append(f" · {ago(snapshot.at - trouble.since)} ago", style="dim")
        yield line
    if (more := len(snapshot.troubles) - MOST_TROUBLES) > 0:
        yield Text(f"  and {more} more", style="red")


def _instances(snapshot: Snapshot, view: View) -> Iterator[Text]:
    """Yield each with a line of names over a line of bars, a column as many MiB on all of them.

    They take half of the screen at most. Where there are too many, each has its bar alone; where there are more than
    that, those that do not answer come first, and the last ones are counted.
    """
    scale = (view.width - LABEL) / max((instance.memory for instance in snapshot.instances), default=1)
    most = max(view.height // 2, 1)
    folded = 2 * len(snapshot.instances) > most
    shown = list(snapshot.instances)
    if len(shown) > most:
        shown = sorted(shown, key=lambda instance: instance.connected)[: most - 1]
    for instance in shown:
        names, bar = _instance(instance, snapshot.running, scale)
        label = f"{instance.name} {instance.type}"
        if folded:
            yield Text.assemble((_labelled(label if instance.connected else f"▲ {label}"), "bold"), *bar)
        else:
            yield Text.assemble((_labelled(label), "bold"), *names)
            yield Text.assemble((_labelled("" if instance.connected else "▲ no answer"), "red"), *bar)
    if hidden := [each for each in snapshot.instances if each not in shown]:
        yield Text(f"and {len(hidden)} more, {sum(each.free for each in hidden):,} MiB free", style="dim")
    if snapshot.room is not None and snapshot.instances:
        names_of = snapshot.room.instances
        fits = f"yes, on {_listed(names_of)}" if names_of else "no"
        style = "green" if names_of else "red"
        yield Text.assemble((f"one more {snapshot.room.memory} MiB task fits: ", "dim"), (fits, style))


def _labelled(label: str) -> str:
    return label[: LABEL - 1].ljust(LABEL)


def _listed(names: Sequence[str]) -> str:
    """Return `#1 or #2`; of many the first ones and how many more."""
    first = " or ".join(names[:MOST_FITTING])
    return first if len(names) <= MOST_FITTING else f"{first} or {len(names) - MOST_FITTING} more"


def _instance(instance: Instance, running: Sequence[Task], scale: float) -> tuple[list[Piece], list[Piece]]:
    """Return the names of an instance's tasks, and the bar below them."""
    names: list[Piece] = []
    bar: list[Piece] = []
    drawn = 0.0
    for task in running:
        if task.instance != instance.name:
            continue
        wide = round((drawn + (task.memory or 0)) * scale) - round(drawn * scale)
        drawn += task.memory or 0
        if wide < 2:
            continue
        used = f" {task.memory_used}/{task.memory}" if task.memory_used is not None else f" {task.memory}"
        kind = " migration" if task.kind == "migration" else ""
        names.append((_fit(f"{task.service or task.group}{kind}", used, wide), ""))
        full = round((wide - 1) * (task.memory_used or 0) / (task.memory or 1))
        near = task.memory_used is not None and task.memory_used >= 0.9 * (task.memory or 1)
        bar.append(("▏", "dim"))
        bar.append(("█" * full, "red" if near else "green"))
        bar.append(("░" * (wide - 1 - full), "yellow" if task.status != "RUNNING" else "dim"))
    free = max(round(instance.memory * scale) - round(drawn * scale), 0)
    if free > 1:
        names.append((_fit(f"free {instance.free} MiB", "", free), "dim"))
        bar.append(("▏" + "·" * (free - 1), "dim"))
    return names, bar


def _fit(name: str, amount: str, wide: int) -> str:
    """Return the name with the amount behind it where both fit, else as much of the name as does."""
    text = f"{name}{amount}" if len(name) + len(amount) < wide else name
    return text[: wide - 1].ljust(wide)


def _tasks(snapshot: Snapshot, view: View) -> Iterator[Text]:
    marks = {key: "↓" if key == view.sort else " " for key in SORTS}
    minutes = min((view.width - TABLE) // 2 - 2, MOST_MINUTES) if view.width >= TABLE + 30 else 0
    sparks = f"  {'REQUESTS':<{minutes}}  ERRORS" if minutes else ""
    yield Text(
        f"  {'SERVICE' + marks['s']:<15}{'REV':<5}{'ON':<4}{'MEM MiB' + marks['m']:>9}{'CPU' + marks['c']:>6}"
        f"{'FAIL' + marks['r']:>6}{'UP':>7}{'REQ/S':>8}{'ERR':>7}{'P95':>8}{sparks}",
        style="dim",
    )
    for number, row in enumerate(rows_of(snapshot, view.sort)):
        service, selected = snapshot.service(row.service), number == view.row
        line = _task(row.task, service, snapshot.at, selected) if row.task else _idle(service, selected)
        if service is not None and row.task is not None and minutes > 0:
            line.append(f"  {spark(service.traffic.requests_series, minutes):<{minutes}}", style="green")
            line.append(f"  {spark(service.traffic.errors_series, minutes)}", style="red")
        if selected:
            line.stylize("reverse")
        yield line


def _task(task: Task, service: ServiceState | None, now: float, selected: bool) -> Text:
    serves = task.status == "RUNNING" and task.target_health in ("", "healthy")
    look = "well" if serves else "wrong" if task.target_health == "unhealthy" else "moving"
    used = f"{task.memory_used}/{task.memory}" if task.memory_used is not None else f"{task.memory or '—'}"
    name = f"{task.service or task.group}{'*' if task.kind == 'migration' else ''}"
    line = Text.assemble(
        (f"{GLYPHS[look]}{POINTER[selected]}", STYLES[look]),
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


def _idle(service: ServiceState | None, selected: bool) -> Text:
    if service is None:
        return Text()
    return Text(
        f"{GLYPHS[service.state]}{POINTER[selected]}{service.name[:14]:<15}{service.summary}",
        style=STYLES[service.state],
    )


def spark(series: Series | None, most: int = MOST_MINUTES) -> str:
    """Return the last `most` minutes as eight heights; empty where there was nothing."""
    values = series.values[-most:] if series is not None else ()
    if not any(values):
        return ""
    top = max(value or 0.0 for value in values)
    return "".join(BARS[min(int((value or 0.0) / top * 7.99), 7)] for value in values)


def _unfolded(snapshot: Snapshot, view: View) -> Iterator[Text]:
    """Of the selected task's service: why it is not well, and its deployments."""
    rows = rows_of(snapshot, view.sort)
    service = snapshot.service(rows[view.row].service) if 0 <= view.row < len(rows) else None
    if service is None:
        return
    yield Text(f"─ {service.name} ".ljust(view.width, "─"), style="dim")
    if service.cause is None:
        for line in wrap(f"{service.summary}; {service.health_check}", view.width):
            yield Text(line)
    else:
        for line in wrap(service.cause.text, view.width):
            yield Text(line, style="bold red")
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


def _events(snapshot: Snapshot, room: int) -> Iterator[Text]:
    for event in snapshot.events[:room]:
        line = Text(f"{ago(snapshot.at - event.at):>7}  ", style="dim")
        line.append(f"{event.service:<10} ", style="bold")
        line.append(event.message, style="red" if event.wrong else "")
        yield line
