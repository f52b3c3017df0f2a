"""What services write: the newest lines, found by words or a filter pattern, followed live."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, datetime

import htpy
from htpy import Element, Node, a, code, div, form, input, label, li, ol, option, select, span

from culm.core.model.record import record
from culm.operate.logs import LogLine
from culm.operate.sentences import Level, Sentence, in_reading_order, sentence
from culm.operate.snapshot.records import Snapshot
from culm.web.views.parts import clock, empty, link, moment, panel

SINCE = (
    ("10m", "10 minutes"),
    ("1h", "hour"),
    ("6h", "6 hours"),
    ("1d", "day"),
    ("7d", "7 days"),
    ("30d", "30 days"),
)
LEVELS: Sequence[tuple[str, str]] = (("", "every level"), ("warning", "warnings and errors"), ("error", "errors"))
NAME_WIDTHS = (10, 16)
"""Characters that a column of names can have, but for the widest; the style sheet knows them, too."""
ORDER: Mapping[str, int] = {"debug": 0, "info": 1, "": 1, "warning": 2, "error": 3}


@record
class Found:
    """A search's answer."""

    lines: Sequence[LogLine] = ()
    problem: str = ""
    """Why the search could not be made: a pattern that cannot be read."""
    cut: bool = False
    """There are older ones that match."""
    errors: Mapping[str, tuple[int, float | None]] = field(default_factory=dict)
    """Of each service: how many errors in the hour, and when the last one was."""
    middle: int | None = None
    """In context: the moment of the line that it is about, epoch milliseconds."""


def logs(snapshot: Snapshot, query: Mapping[str, str], result: Found) -> Node:
    """Draw the page of logs.

    `query`: `service`, `since`, `q`, `level`, `task`; `at` and `stream` show a line in its context.
    """
    service, words, level = query.get("service", ""), query.get("q", ""), query.get("level", "")
    names = {each.log_group: each.name for each in snapshot.services if each.log_group}
    in_context = "stream" in query
    after = max((line.at for line in result.lines), default=int(snapshot.at * 1000))
    return [
        htpy.h1(".sr")["Logs"],
        _filter(snapshot, query),
        div(".logs-columns")[
            panel(
                "In context" if in_context else "Lines",
                result.problem and div(".banner", role="alert")["▲ ", result.problem],
                result.cut
                and div(".older")[a(href=link("/logs", **{**query, "end": str(result.lines[0].at)}))["older lines"]],
                log_lines(
                    result.lines,
                    names,
                    words=words,
                    middle=result.middle,
                    follow="" if in_context or "end" in query else follow_address(query, after),
                )
                if result.lines or not in_context
                else empty("Nothing is stored there."),
                not result.lines and not result.problem and empty(_nothing(words, service, level)),
                note=a(href=link("/logs", service=service))["back to the search"]
                if in_context
                else div[
                    span(id="follow", aria_live="polite")["follows" if "end" not in query else "stands still"],
                    f" · {len(result.lines)} lines",
                ],
            ),
            _errors(result.errors, counting=bool(names) and not result.errors),
        ],
    ]


def _nothing(words: str, service: str, level: str) -> str:
    what = f"No line of {service or 'any service'}"
    return f"{what} matches in this time." if words or level else f"{what} in this time."


def _filter(snapshot: Snapshot, query: Mapping[str, str]) -> Element:
    service, since, level = query.get("service", ""), query.get("since", "1h"), query.get("level", "")
    return form(".filter", action="/logs", method="get", role="search")[
        label(".sr", for_="q")["Words or a filter pattern"],
        input(
            id="q",
            name="q",
            type="search",
            value=query.get("q", ""),
            autocomplete="off",
            size="34",
            placeholder="words, or a pattern: { $.status >= 500 }",
        ),
        label(".sr", for_="service")["Service"],
        select(id="service", name="service")[
            option(value="")["all services"],
            (option(value=each.name, selected=each.name == service)[each.name] for each in snapshot.services),
        ],
        label(".sr", for_="level")["Level"],
        select(id="level", name="level")[
            (option(value=value, selected=value == level)[name] for value, name in LEVELS)
        ],
        label(".sr", for_="since")["Since"],
        select(id="since", name="since")[
            (option(value=value, selected=value == since)[f"last {name}"] for value, name in SINCE)
        ],
        query.get("task") and input(type="hidden", name="task", value=query["task"]),
        htpy.button["Search"],
        query.get("task") and span(".tag")[f"task {query['task'][:8]}"],
        any(query.get(key) for key in ("q", "service", "level", "task", "end")) and a(href="/logs")["clear"],
    ]


def _errors(errors: Mapping[str, tuple[int, float | None]], *, counting: bool) -> Element:
    """At the side: errors of each service within the hour, and how long ago the last was."""
    return panel(
        "Errors",
        htpy.ul(".errors")[
            (
                li(class_="is-wrong" if count else "")[
                    a(href=link("/logs", service=name, level="error"))[name],
                    span[f"▲ {count}{'+' if count >= 1000 else ''}" if count else "none"],
                    span(".muted")[moment(last) if last else ""],
                ]
                for name, (count, last) in errors.items()
            )
        ],
        empty("Still counting: there are many lines. Look again in a moment.") if counting else None,
        note="in the last hour",
        id="errors",
    )


def wanted_level(read: Sentence, level: str) -> bool:
    return not level or ORDER[read.level] >= ORDER[level]


def log_lines(
    lines: Iterable[LogLine],
    names: Mapping[str, str],
    *,
    words: str = "",
    middle: int | None = None,
    follow: str = "",
) -> Element:
    """Draw lines, oldest first. The browser lays out only what is in sight, so thousands of them scroll well.

    `names`: services by log group. `follow`: the address that sends new lines.
    """
    longest = max(map(len, names.values()), default=0)
    wide = str(sum(longest > most for most in NAME_WIDTHS)) if longest else None
    return ol(".log", id="log", tabindex="0", aria_label="Log lines", data_follow=follow or None, data_wide=wide)[
        (line_item(line, names.get(line.group, ""), words=words, middle=middle) for line in lines)
    ]


def last_lines(lines: Iterable[LogLine]) -> Element:
    """Return a few lines of one service, whose name is not said in each."""
    return ol(".log", aria_label="Last log lines")[(line_item(line, "", short_head=True) for line in lines)]


def follow_address(query: Mapping[str, str], after: int) -> str:
    """Return where lines come from that are newer than those shown. `after`: epoch milliseconds."""
    chosen = {key: query[key] for key in ("service", "q", "level", "task") if key in query}
    return link("/live-logs", **chosen, after=str(after))


def line_item(
    line: LogLine, service: str, *, words: str = "", middle: int | None = None, short_head: bool = False
) -> Element:
    read = sentence(line.text)
    at = line.at / 1000
    head = [clock(at), not short_head and span(".svc", data_hue=str(hue(service)))[service], _level(read.level)]
    context = link("/logs", service=service, stream=line.stream, group=line.group, at=str(line.at))
    return li(class_=f"line lv-{read.level or 'none'}{' here' if middle == line.at else ''}")[
        htpy.details[
            htpy.summary[
                head,
                span(".text")[marked(read.text, words)],
                " ",
                (_pair(key, value) for key, value in in_reading_order(read.fields)),
            ],
            htpy.dl(".unfolded-line")[
                div[htpy.dt["at"], htpy.dd[datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")]],
                div[htpy.dt["stream"], htpy.dd[code[line.stream]]],
                (div[htpy.dt[key], htpy.dd[code[value]]] for key, value in read.fields),
                div[htpy.dt["line"], htpy.dd[code[line.text]]],
                div[htpy.dt[""], htpy.dd[a(href=context)["see in context"]]],
            ],
        ]
    ]


def hue(name: str) -> int:
    """Return one of eight colours, the same for a name wherever it is shown."""
    return sum(ord(letter) * (index + 1) for index, letter in enumerate(name)) % 8


def _level(level: Level) -> Element:
    return span(".lv")[{"error": "▲ error", "warning": "warning", "info": "info", "debug": "debug", "": ""}[level]]


def _pair(key: str, value: str) -> Node:
    return span(".pair")[span(".muted")[f"{key}="], value if len(value) <= 120 else value[:119] + "…", " "]


def marked(text: str, words: str) -> Node:
    """Return the text with what was searched for set off."""
    at = text.lower().find(words.lower()) if words else -1
    if at < 0:
        return text or "\u200b"
    return [text[:at], htpy.mark[text[at : at + len(words)]], text[at + len(words) :]]
