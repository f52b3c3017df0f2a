"""The frame of every page: top line, rail, main part."""

from collections.abc import Sequence

import htpy
from htpy import Element, Node, a, body, div, head, header, html, main, meta, nav, script, span, title

from culm.core.model.record import record
from culm.operate.snapshot.records import Snapshot
from culm.operate.snapshot.troubles import headline
from culm.operate.snapshot.words import dollars
from culm.web.views.parts import moment

PLACES = (
    ("/", "Overview", "o"),
    ("/tasks", "Tasks", "t"),
    ("/events", "Events", "e"),
    ("/logs", "Logs", "l"),
    ("/routes", "Routes", "r"),
    ("/migrations", "Migrations", "m"),
    ("/images", "Images", "i"),
    ("/plan", "Plan", "p"),
    ("/vault", "Vault", "v"),
    ("/cost", "Cost", "c"),
)
"""Address, name, and the key after `g`."""
THEMES = {"": "dark", "dark": "light", "light": ""}
"""Which colours come after which; empty: as the system has them."""
ON_A_PHONE = 4
"""As many places are in the bar at the bottom; the rest is behind "More"."""


@record
class PageFrame:
    """What a page is shown in."""

    path: str
    title: str
    theme: str = ""
    """`light`, `dark`, or empty: as the system has it."""
    may_act: bool = True
    live: str = ""
    """The address that sends the page anew as things change; empty: it stays as it is."""
    targets: Sequence[str] = ()


def document(frame: PageFrame, snapshot: Snapshot, content: Node) -> str:
    """Return a whole page."""
    page = html(lang="en", data_theme=frame.theme or None)[
        head[
            meta(charset="utf-8"),
            meta(name="viewport", content="width=device-width, initial-scale=1"),
            title[f"{frame.title} · {snapshot.project} · culm"],
            htpy.link(rel="stylesheet", href="/static/culm.css"),
            htpy.link(rel="icon", href="/static/culm.svg", type="image/svg+xml"),
            script(src="/static/vendor/idiomorph.min.js", defer=True),
            script(src="/static/culm.js", type="module"),
        ],
        body(data_live=frame.live or None)[
            a(".skip", href="#main")["Skip to the page"],
            div(".lost", id="lost", hidden=True, role="alert"),
            div(id="page")[inside(frame, snapshot, content)],
            _keys(),
        ],
    ]
    return str(page)


def inside(frame: PageFrame, snapshot: Snapshot, content: Node) -> Node:
    """Return all that changes while a page is open; what is sent anew."""
    return [
        _top(frame, snapshot),
        div(".columns")[
            _rail(frame.path),
            main(id="main", tabindex="-1")[
                snapshot.unreachable
                and div(".banner", role="status")[
                    "▲ the cluster does not answer since ",
                    moment(snapshot.unreachable_since, suffix=""),
                    f": {snapshot.unreachable}. ",
                    "What you see is from before; trying again." if snapshot.exists else "Trying again.",
                ],
                snapshot.unknown
                and div(".banner", role="status")[
                    f"not shown, because it cannot be had: {'; '.join(snapshot.unknown)}"
                ],
                content,
            ],
        ],
    ]


def _headline(snapshot: Snapshot) -> str:
    if snapshot.exists:
        return headline(snapshot.services, snapshot.troubles)
    return "not known yet" if snapshot.unreachable else "nothing is deployed here yet"


def _top(frame: PageFrame, snapshot: Snapshot) -> Element:
    wrong = bool(snapshot.troubles or snapshot.unreachable) or any(each.state == "wrong" for each in snapshot.services)
    moving = any(service.state == "moving" for service in snapshot.services)
    glyph = "wrong" if wrong else "moving" if moving else "well"
    other = THEMES[frame.theme]
    return header(".top")[
        a(".brand", href="/")["culm"],
        span(".where")[snapshot.project, span(".muted")[" · ", snapshot.target]],
        a(class_=f"headline is-{glyph}", href="/")[
            span(aria_hidden="true")[{"wrong": "▲ ", "moving": "◌ ", "well": "● "}[glyph]],
            _headline(snapshot),
        ],
        span(".grow"),
        not frame.may_act and span(".tag")["read only"],
        a(".muted.money", href="/cost", title="what the instances and what stands around them cost on Amazon")[
            f"{dollars(snapshot.cost.dollars)}/month"
        ]
        if snapshot.cost
        else None,
        a(
            ".switch",
            href=f"/theme?to={other}",
            aria_label=f"Colours: {frame.theme or 'as the system has them'}; switch to {other or 'the system’s'}",
            title=f"Colours: {frame.theme or 'as the system has them'}",
        )[frame.theme or "auto"],
        htpy.button(".keys", type="button", data_keys="", aria_label="Keys", title="All keys")["?"],
    ]


def _rail(path: str) -> Element:
    def place(address: str, name: str, key: str) -> Element:
        here = path == address or (address != "/" and path.startswith(address + "/"))
        here = here or (address == "/" and path.startswith("/services/"))
        return a(href=address, aria_current="page" if here else None, data_key=key)[name]

    first, more = PLACES[:ON_A_PHONE], PLACES[ON_A_PHONE:]
    return nav(".rail", aria_label="Places")[
        [place(*each) for each in first],
        htpy.details(".more")[htpy.summary["More"], div[[place(*each) for each in more]]],
        div(".wide")[[place(*each) for each in more]],
    ]


def _keys() -> Element:
    keys = [
        ("/", "search or filter"),
        *((f"g {key}", f"go to {name}") for _, name, key in PLACES),
        ("j k", "next, previous row"),
        ("Enter", "open the row"),
        ("Esc", "back"),
        ("d", "deploys"),
        ("?", "these keys"),
    ]
    return htpy.dialog(id="keys", aria_label="Keys")[
        htpy.h2["Keys"],
        htpy.dl(".keylist")[[div[htpy.dt[htpy.kbd[key]], htpy.dd[words]] for key, words in keys]],
        htpy.form(method="dialog")[htpy.button["Close"]],
    ]
