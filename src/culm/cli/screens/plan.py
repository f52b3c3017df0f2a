"""A plan as a person reads it, on one screen of a given width."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from culm.core.model.arn import last
from culm.plan.bill import BillItem
from culm.plan.differences import Difference
from culm.plan.plan import Host, Plan, ServicePlan
from culm.plan.steps import tasks, text_of
from culm.plan.waves import Moment, Obstacle

IMAGES = {"image": "service", "migration image": "migration"}
"""What a difference of an image is called in the short form."""
FIELDS = 4
"""Differences of a service that the short form shows."""
MOVES = "Moves, and the MiB left on each instance"
WIDE = 100
"""Columns from which instances' ids are shown."""
HARD = "\x00"
"""Stands for a blank at which no line is broken: textwrap takes any of Unicode's for one."""
MIB_A_COLUMN = 21.0
"""An instance's picture is no finer than this."""


def screen(plan: Plan, width: int = 80, *, short: bool = False) -> str:
    """Return the whole plan; the short form has the waves instead of every move, and leaves out what stays as it is."""
    parts = [
        "\n".join(_title(plan, width)),
        "\n".join(_services(plan, width, short=short)),
        "\n".join(_hosts(plan, width)),
        "\n".join(_waves(plan, width) if short else _moments(plan, width)),
        "" if short else steps(plan, width),
        "\n".join(_money(plan, width, short=short)),
        "\n".join(_wrapped(note, width, "note: ") for note in plan.notes),
        "\n".join(refusal(plan, width)),
    ]
    return "\n\n".join(part for part in parts if part)


def refusal(plan: Plan, width: int = 80) -> Iterator[str]:
    """Yield what does not fit, and the ways out; nothing when everything fits."""
    if plan.fits:
        return
    never = all(obstacle.step == "configuration" for obstacle in plan.moves.obstacles)
    yield f"It {'can never finish' if never else 'does not fit'}; nothing is changed."
    numbers = _numbers(plan)
    names = _column([obstacle.name for obstacle in plan.moves.obstacles])
    for obstacle in plan.moves.obstacles:
        yield _wrapped(objection(obstacle, numbers), width, f"  {obstacle.name:<{names}}  ")
    yield ""
    if not plan.remedies:
        yield "No smaller memory, parked service or other fleet that culm knows would make it fit."
        return
    yield "Ways out, cheapest first, with what they change a month:"
    written = _column([remedy.write for remedy in plan.remedies])
    for remedy in plan.remedies:
        what = remedy.what + (f"; {remedy.but}" if remedy.but else "")
        dollars = f"  {money(remedy.dollars, signed=True):>9}  "
        if written > (width - len(dollars)) // 2:  # beside it there would be a word a line
            yield _wrapped(remedy.write, width, dollars)
            yield _wrapped(what, width, " " * (len(dollars) + 2))
        else:
            yield _wrapped(what, width, f"{dollars}{remedy.write:<{written}}  ")


def objection(obstacle: Obstacle, numbers: Mapping[str, str]) -> str:
    if obstacle.step == "configuration":
        return obstacle.message
    what = {"migration": "its migration", "maximum": "at its maximum, a new task"}.get(obstacle.step, "a new task")
    words = []
    for arn, why in obstacle.reasons.items():
        left = f", {obstacle.free[arn]} MiB left" if why == "RESOURCE:MEMORY" else ""
        words.append(f"{numbers[arn]} {why}{left}")
    needs = f"{what} needs {obstacle.need.memory} MiB and {obstacle.need.cpu} CPU units"
    return f"{needs}: {'; '.join(words) or 'there is no instance'}"


def money(dollars: float, *, signed: bool = False) -> str:
    """Return dollars as text, `$53.78`; signed: `+$4.46`, `-$9.27`, `$0`."""
    amount = f"{abs(dollars):,.2f}"
    if signed and amount == "0.00":
        return "$0"
    sign = "-" if dollars < 0 else "+" if signed else ""
    return f"{sign}${amount}"


def _title(plan: Plan, width: int) -> Iterator[str]:
    yield _wrapped(f"{plan.project} on {plan.target}, {plan.fleet}: {summary(plan)}", width)


def summary(plan: Plan) -> str:
    """Return what changes: `2 of 5 services change, and nightly changes`. Services are counted, jobs named."""
    changing = sum(service.changes for service in plan.services)
    words = [f"{changing} of {len(plan.services)} services change"] if changing else []
    words += [f"{', '.join(plan.jobs)} {'changes' if len(plan.jobs) == 1 else 'change'}"] if plan.jobs else []
    return ", and ".join(words) or "nothing changes"


def _services(plan: Plan, width: int, *, short: bool) -> Iterator[str]:
    names = _column([service.name for service in plan.services])
    still = [service.name for service in plan.services if not service.changes]
    for service in plan.services:
        if short and not service.changes:
            continue
        yield _wrapped(sentence(service, plan), width, f"  {service.name:<{names}}  ")
        if short:
            if service.differences:
                yield _wrapped(_fields(service.differences), width, f"  {'':<{names}}  ")
            continue
        fields = _column([difference.field for difference in service.differences])
        for difference in service.differences:
            yield _wrapped(arrow(difference), width, f"  {'':<{names}}    {difference.field:<{fields}}  ")
    if short and still:
        yield _wrapped(f"unchanged: {', '.join(still)}", width, "  ")


def sentence(service: ServicePlan, plan: Plan) -> str:
    """Return what becomes of a service.

    `its migration, then a new task on #1, then the old one stops; route /x/*`.
    """
    numbers = _numbers(plan)
    for obstacle in plan.moves.obstacles:
        if obstacle.name == service.name:
            return "can never finish" if obstacle.step == "configuration" else "does not fit"
    where = f" on {', '.join(numbers[arn] for arn in service.places)}" if service.places else ""
    migrates = service.migration in ("runs", "may run")
    migration = "its migration" if service.migration == "runs" else "its migration (if its image changed)"
    match service.how:
        case "new":
            words = [f"new: {migration}, then a task{where}" if migrates else f"new{where}"]
        case "start-first":
            words = [f"a new task{where}, then the old one stops"]
        case "stop-first" if service.lends:
            words = [f"is down while {migration} runs, then starts{where}"]
        case "stop-first":
            words = [f"stops, then starts{where}"]
        case "settings":
            words = [f"new settings{where}"]
        case _ if service.rescales:
            words = [
                f"its tasks stay{where}, its scaling changes" if where else "sleeps on, with another count when awake"
            ]
        case _:
            words = [f"unchanged,{where}" if where else "unchanged"]
    if migrates and not service.lends and service.how not in ("new", "unchanged"):
        words[0] = f"{migration}; {words[0]}"
    if service.count[0] != service.count[1] and service.how != "new":
        words.append(f"{tasks(service.count[0])} become{'s' if service.count[0] == 1 else ''} {service.count[1]}")
    if service.rule is not None:
        words.append(service.rule)
    if migrates and service.how in ("start-first", "stop-first"):
        words.append(f"if it fails: {way_back(service)}")
    return "; ".join(words)


def way_back(service: ServicePlan) -> str:
    """Say what becomes of a service that migrates and then fails: `back to the version before`."""
    if service.goes_back:
        schema = {"none": " (no new migration)", "expand": "", "unknown": ", on the newer schema", "contract": ""}
        return f"back to the version before{schema[service.effect]}"
    if service.effect == "contract":
        return "it stays down: its migration is marked `contract`" if service.down else "nothing goes back: `contract`"
    if service.effect == "unknown" and service.how == "start-first":
        return "the old tasks serve on; nothing else goes back, as a migration has run"
    return "nothing goes back: the version before did not complete"


def _hosts(plan: Plan, width: int) -> Iterator[str]:
    if not plan.hosts:
        return
    numbers = _numbers(plan)
    memory, _ = plan.slot
    yield _wrapped(f"Where tasks will run, and what is left; a slot (one usual task) is {memory} MiB", width)
    heads = [f"  {numbers[h.arn]} {h.instance_type}" + (f" {h.label}" if width >= WIDE else "") for h in plan.hosts]
    tails = [f"{h.free} of {h.memory} MiB, {counted(h.slots, 'slot')}" for h in plan.hosts]
    head, tail = _column(heads), _column(tails)
    room = width - head - tail - 6
    finest = max(h.memory for h in plan.hosts) / max(room, 8)
    for host, before, after in zip(plan.hosts, heads, tails, strict=True):
        yield f"{before:<{head}}  {picture(host, max(MIB_A_COLUMN, finest))}  {after}"


def picture(host: Host, mib_a_column: float) -> str:
    """Draw an instance's memory: `[accounts|+orders |........]`.

    Each task is as wide as its memory, `+` stands before those that come, dots for what is free.
    """
    boxes = []
    for sitter in host.sitters:
        width = max(int(sitter.memory / mib_a_column) - 1, 1)
        boxes.append(f"{('+' if sitter.new else '') + sitter.name:<{width}.{width}}")
    whole = int(host.memory / mib_a_column)
    used = sum(len(box) + 1 for box in boxes)
    return "[" + "".join(f"{box}|" for box in boxes) + "." * max(whole - used, 0) + "]"


def _waves(plan: Plan, width: int) -> Iterator[str]:
    """Write the waves: a line for what moves together, and one for services that do the same in turn."""
    runs: list[tuple[str, list[str]]] = []
    for wave in plan.moves.waves:
        first = wave.parts[0]
        verb = {"new": "start", "settings": "update"}.get(first.how, "roll")
        what = f"migrate, then {verb}" if any(part.migrates for part in wave.parts) else verb
        if first.lends:
            what = "down while its migration runs, then start"
        if len(wave.parts) > 1:
            runs.append((f"side by side: {what}", [part.name for part in wave.parts]))
        elif runs and runs[-1][0] == what:
            runs[-1][1].append(first.name)
        else:
            runs.append((what, [first.name]))
    for number, (what, names) in enumerate(runs, 1):
        joined = ", ".join(names) if what.startswith("side") else ", then ".join(names)
        yield _wrapped(f"{joined}: {what}", width, f"  {number}  ")


def _moments(plan: Plan, width: int) -> Iterator[str]:
    moments = [moment for wave in plan.moves.waves for moment in wave.moments if moment.move.verb != "stop"]
    if not moments:
        return
    numbers = _numbers(plan)
    columns = [h.arn for h in plan.hosts]
    shown = columns if len(columns) * 6 <= width - 40 else []
    words = [moment_line(moment, numbers, plan.project) for moment in moments]
    room = min(width - 6 * len(shown) - 8, max(_column(words), len(MOVES) - 6))
    yield f"{MOVES:<{room + 6}}" + "".join(f"{numbers[a]:>6}" for a in shown)
    now = "".join(f"{h.free_now:>6}" for h in plan.hosts if h.arn in shown)
    yield f"      {'now':<{room}}{now}"
    for number, (moment, word) in enumerate(zip(moments, words, strict=True), 1):
        left = "".join(f"{moment.free[arn]:>6}" for arn in shown)
        if not shown:
            left = f"  {moment.move.free_memory} MiB left there"
        yield f"{number:>4}  {word:<{room}.{room}}{left}".rstrip()


def moment_line(moment: Moment, numbers: Mapping[str, str], project: str) -> str:
    """Return a move as text: `start accounts on #2`."""
    move = moment.move
    where = numbers[move.container_instance_arn]
    kind, _, name = move.group.partition(":")
    if kind == "service":
        return f"start {name} on {where}" if move.verb == "start" else f"{name} on {where} has stopped"
    name = name.removeprefix(f"{project}-").removesuffix("-migrate")
    return f"migrate {name} on {where}" if move.verb == "start" else f"{name} has migrated"


def steps(plan: Plan, width: int) -> str:
    """Return the list that a deploy carries out; empty where it changes nothing."""
    if not plan.fits or not any(step.writes for step in plan.steps):
        return ""
    head = "Steps, in their order; those of different services go side by side where nothing is `after`"
    indent = " " * (len(str(len(plan.steps))) + 2 + _column([step.lane for step in plan.steps]) + 2)
    lines = (
        textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        for line in text_of(plan.steps).splitlines()
    )
    return "\n".join([textwrap.fill(head, width), *lines])


def _money(plan: Plan, width: int, *, short: bool) -> Iterator[str]:
    then = plan.bill
    yield _wrapped(bill_line(plan), width)
    if not short:
        items = ", ".join(bill_item(line).replace(" ", HARD) for line in then.lines)
        yield _wrapped(items, width, "  ").replace(HARD, " ")
        yield _wrapped(f"assumed: {plan.assumed}", width, "  ")
    if then.unpriced:
        yield f"  without {', '.join(then.unpriced)}: the price list lacks it"


def bill_items(lines: Sequence[BillItem]) -> str:
    """Return a bill's items: `2 x t2.micro $16.94, load balancer $16.43 (1 ALB)`.

    Each has how many units a month it counts.
    """
    return ", ".join(bill_item(line) for line in lines)


def bill_item(line: BillItem) -> str:
    if line.unit == "instances":
        return f"{line.units:g} x {line.name} {money(line.dollars)}"
    return f"{line.name} {money(line.dollars)} ({_units(line.units)} {line.unit})"


def _units(number: float) -> str:
    """Write `0.05`, `56.4` or `1,480`: an assumption has no more digits."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


def bill_line(plan: Plan) -> str:
    """Return the bill in a line: `$53.78 a month, as now (us-east-1, prices of 2026-11-23)`."""
    now, then = plan.bill_now, plan.bill
    change = "" if now is None else ", as now"
    if now is not None and abs(then.dollars - now.dollars) >= 0.005:
        change = f", {money(then.dollars - now.dollars, signed=True)} compared with now"
    return f"{money(then.dollars)} a month{change} ({plan.prices.region}, prices of {plan.prices.date})"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _numbers(plan: Plan) -> dict[str, str]:
    """Number instances: `#1` is the oldest."""
    return {host.arn: f"#{number}" for number, host in enumerate(plan.hosts, 1)}


def _fields(differences: Sequence[Difference]) -> str:
    """`new images: service, migration; memory 256 -> 300 and 2 more`: digests are for the long form."""
    shown = differences[:FIELDS]
    images = [IMAGES[each.field] for each in shown if each.field in IMAGES]
    parts = [f"new image{'s' if len(images) > 1 else ''}: {', '.join(images)}"] if images else []
    others = [f"{each.field} {arrow(each)}" for each in shown if each.field not in IMAGES]
    if others:
        parts.append(", ".join(others))
    hidden = len(differences) - len(shown)
    return "; ".join(parts) + (f" and {hidden} more" if hidden else "")


def arrow(difference: Difference) -> str:
    if difference.old is None:
        return f"{_short(difference.new)} (new)"
    return (
        f"{_short(difference.old)} -> {_short(difference.new)}"
        if difference.new is not None
        else f"{_short(difference.old)} (removed)"
    )


def _short(value: str | None) -> str:
    """Cut digests to their first twelve digits, which are enough to tell them apart."""
    text = (value or "").rpartition("@")[2]
    return last(text).removeprefix("sha256:")[:12] if "sha256:" in text else text


def _column(texts: Sequence[str]) -> int:
    return max(map(len, texts), default=0)


def _wrapped(text: str, width: int, head: str = "") -> str:
    return textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
