"""Pieces that several pages share: states, times, ids, tables, bars and small graphs.

The page's policy forbids inline styles, so whatever is drawn to scale is SVG, whose geometry is attributes.
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from urllib.parse import urlencode

import htpy
from htpy import Element, Node, a, button, code, div, h2, p, section, span

from culm.core.model.record import record
from culm.operate.sentences import one_line, sentence
from culm.operate.snapshot.records import Cause, Deployment, Event, Series, State
from culm.operate.snapshot.words import short

GLYPHS = {"well": "●", "wrong": "▲", "moving": "◌", "asleep": "☾", "off": "○"}
WORDS = {"well": "well", "wrong": "wrong", "moving": "on its way", "asleep": "asleep", "off": "off"}


def state(which: State) -> Element:
    """Draw a state by shape and colour, with a word for whoever sees neither."""
    return span(class_=f"state is-{which}", title=WORDS[which])[
        span(aria_hidden="true")[GLYPHS[which]], span(".sr")[WORDS[which]]
    ]


def moment(at: float | None, *, suffix: str = " ago") -> Node:
    """Draw a time of day that the script turns into an age (`40 s ago`) and keeps current."""
    if at is None:
        return span(".muted")["—"]
    exact = datetime.fromtimestamp(at, UTC)
    local = exact.astimezone()
    return htpy.time(
        datetime=exact.isoformat(timespec="seconds"),
        title=f"{local:%a %d %b %Y %H:%M:%S}",
        data_suffix=suffix,
    )[f"{local:%H:%M:%S}"]


def clock(at: float) -> Element:
    """Draw a time of day that stays one."""
    exact = datetime.fromtimestamp(at, UTC)
    return htpy.time(
        ".clock", datetime=exact.isoformat(timespec="milliseconds"), title=f"{exact.astimezone():%a %d %b}"
    )[f"{exact.astimezone():%H:%M:%S}"]


def ident(text: str, *, shown: str = "") -> Element:
    """Draw an id, shortened, with the whole of it to copy."""
    return span(".id")[
        code(title=text)[shown or short(text)],
        button(".copy", type="button", data_copy=text, aria_label=f"Copy {text}", title="Copy"),
    ]


def clamped(text: str) -> Element:
    """Draw two lines of a long text, all of it to whoever points at it."""
    return span(".clamp", title=text)[text]


def revision(name: str) -> str:
    """Return `#7` for `bamboo-orders:7`."""
    return f"#{name.rpartition(':')[2]}" if ":" in name else name


def rollout_state(deployment: Deployment) -> State:
    if deployment.rollout == "FAILED":
        return "wrong"
    return "moving" if deployment.rollout == "IN_PROGRESS" or deployment.status != "PRIMARY" else "well"


def rollout_words(deployment: Deployment) -> str:
    if deployment.status != "PRIMARY":
        return "being replaced"
    return {"IN_PROGRESS": "rolling out", "COMPLETED": "completed", "FAILED": "failed"}.get(
        deployment.rollout, deployment.rollout
    )


def service_link(name: str) -> Node:
    return a(href=f"/services/{name}", data_row="")[name] if name else span(".muted")["—"]


def link(path: str, /, **query: str) -> str:
    """Return an address with a query; empty values are left out."""
    given = {key: value for key, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def panel(title: str, *content: Node, note: Node = None, id: str = "") -> Element:
    """Draw a titled section with an anchor of its own."""
    anchor = id or title.lower().replace(" ", "-")
    return section(".panel", id=anchor, aria_labelledby=f"{anchor}-h")[
        div(".head")[h2(id=f"{anchor}-h")[title], note and div(".note")[note]],
        *content,
    ]


def empty(*content: Node) -> Element:
    """Draw what to show, and what to type, where there is nothing yet."""
    return div(".empty")[content]


def command(*words: str) -> Element:
    """Draw a command of culm's, to copy."""
    text = " ".join(("culm", *words))
    return span(".command")[
        code[text], button(".copy", type="button", data_copy=text, aria_label=f"Copy {text}", title="Copy")
    ]


def action_link(words: Sequence[str], label: str, *, allowed: bool, quiet: bool = False) -> Node:
    """Link to the page that asks before anything is done; show the command to type where the page may only read."""
    if not allowed:
        return command(*words)
    return a(class_="button quiet" if quiet else "button", href=link("/confirm", do=" ".join(words)))[label]


def spoken(lines: Iterable[str]) -> Node:
    """Draw log lines as sentences, errors set off; in one element, so that the box around it can begin at its end."""
    read = [sentence(line) for line in lines]
    return span[(span(class_="in-error" if each.level == "error" else None)[one_line(each), "\n"] for each in read)]


def cause(why: Cause, *, service: str, may_act: bool, its_page: bool = False) -> Element:
    """Draw why a service is not well: unfolded, with the one action that fits; on `its_page` no link to that page."""
    return div(".cause")[
        p(".why")[why.text, (", ", moment(why.at)) if why.at else None],
        why.health and p[span(".muted")["health check: "], why.health],
        why.lines
        and (
            p(".muted")["its last lines:"],
            htpy.pre(".lines.ended", tabindex="0", aria_label=f"Last lines of {service}")[spoken(why.lines)],
        ),
        p(".acts")[
            action_link(why.action.command, why.action.label, allowed=may_act) if why.action else None,
            span(".muted")[why.action.why] if why.action and why.action.why else None,
            a(".button.quiet", href=link("/logs", service=service, since="1h"))["Its logs"],
            None if its_page else a(".button.quiet", href=f"/services/{service}")["The service"],
        ],
    ]


def _message(event: Event, *, in_full: bool) -> Element:
    """Say what happened in plain words; ECS's own, which people search for, behind them or to whoever points at it."""
    words, _, own = event.message.partition(" (ECS: ")
    own = own.removesuffix(")")
    return span(".message", title=f"ECS: {own}" if own and not in_full else None)[
        event.wrong and span(".state.is-wrong", title="wrong")["▲ "],
        words,
        span(".own")[own] if own and in_full else None,
    ]


def event_list(events: Iterable[Event], *, with_service: bool = True, in_full: bool = False) -> Element:
    """List events; `in_full` shows ECS's own words, too."""
    return htpy.ol(".events")[
        (
            htpy.li(class_="is-wrong" if event.wrong else "", id=f"e-{digest(event.key)}")[
                moment(event.at),
                with_service and service_link(event.service),
                _message(event, in_full=in_full),
            ]
            for event in events
        )
    ]


def digest(text: str) -> str:
    """Return an id that is an id whatever the text has in it."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def spark(requests: Series | None, errors: Series | None = None, *, label: str) -> Node:
    """Draw requests a second as bars, the share that were errors over each from the bottom."""
    if requests is None or not any(requests.values):
        return htpy.svg(".spark", viewBox="0 0 90 22", aria_hidden="true")[
            htpy.line(class_="axis", x1="0", x2="90", y1="21.5", y2="21.5")
        ]
    top = max(value or 0.0 for value in requests.values) or 1.0
    wide = 90 / len(requests.values)
    good: list[str] = []
    bad: list[str] = []
    for index, value in enumerate(requests.values):
        tall = 20 * (value or 0.0) / top
        wrong = tall * (errors.values[index] or 0.0) if errors and index < len(errors.values) else 0.0
        for bars, height in ((good, tall), (bad, max(wrong, 1.5) if wrong else 0.0)):
            if height:
                bars.append(f"M{index * wide:.1f} 21v-{height:.1f}h{max(wide - 0.6, 0.5):.1f}v{height:.1f}z")
    return htpy.svg(".spark", viewBox="0 0 90 22", preserveAspectRatio="none", role="img", aria_label=label)[
        htpy.line(class_="axis", x1="0", x2="90", y1="21.5", y2="21.5"),
        htpy.path(class_="bar", d="".join(good)),
        bad and htpy.path(class_="bad", d="".join(bad)),
    ]


@record
class Measure:
    """One measure over time, for `graph`."""

    title: str
    series: Series | None
    unit: str
    scale: float = 1.0
    """What the series' values are multiplied with to be in `unit`."""
    limit: float | None = None
    limit_label: str = ""
    peak: float | None = None


def graph(measure: Measure, markers: Sequence[tuple[float, str]] = ()) -> Element:
    """Draw a measure with its limit and the moments of deploys, which all graphs of a page share."""
    series, scale, unit, limit = measure.series, measure.scale, measure.unit, measure.limit
    known = [value * scale for value in (series.values if series else ()) if value is not None]
    latest = series.latest if series else None
    head = div(".graph-head")[
        span(".muted")[measure.title],
        span(".now")[f"{latest * scale:,.1f} {unit}" if latest is not None and known else "not measured yet"],
        span(".muted")[f"peak {measure.peak * scale:,.1f} {unit}"] if measure.peak is not None else None,
    ]
    if series is None or not known:
        return div(".graph")[head, div(".graph-empty.muted")["no values in the last 30 minutes"]]
    top = max([*known, limit or 0.0, 1e-9]) * 1.08
    count = max(len(series.values) - 1, 1)
    end = series.start + count * series.step

    def x(at: float) -> float:
        return 300 * (at - series.start) / (end - series.start)

    pieces: list[list[str]] = [[]]
    for index, value in enumerate(series.values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append(f"{300 * index / count:.1f},{80 - 78 * value * scale / top:.1f}")
    drawn = [
        htpy.polyline(class_="curve" if len(piece) > 1 else "curve dot", points=" ".join([*piece, piece[-1]]))
        for piece in pieces
        if piece
    ]
    return div(".graph")[
        head,
        htpy.svg(
            viewBox="0 0 300 82", preserveAspectRatio="none", role="img", aria_label=f"{measure.title}, last 30 minutes"
        )[
            htpy.line(class_="axis", x1="0", x2="300", y1="81", y2="81"),
            limit is not None
            and htpy.line(
                class_="limit", x1="0", x2="300", y1=f"{80 - 78 * limit / top:.1f}", y2=f"{80 - 78 * limit / top:.1f}"
            ),
            (
                htpy.line(class_="marker", x1=f"{x(at):.1f}", x2=f"{x(at):.1f}", y1="0", y2="81")[htpy.title[words]]
                for at, words in markers
                if series.start <= at <= end
            ),
            drawn,
        ],
        div(".graph-foot.muted")[
            span["30 min ago"],
            measure.limit_label and span[measure.limit_label],
            any(series.start <= at <= end for at, _ in markers) and span["┊ deploy"],
            span["now"],
        ],
    ]


def fields(pairs: Iterable[tuple[str, Node]]) -> Element:
    """Draw names and values, one beside the other."""
    return htpy.dl(".fields")[(div[htpy.dt[name], htpy.dd[value]] for name, value in pairs if value not in (None, ""))]
