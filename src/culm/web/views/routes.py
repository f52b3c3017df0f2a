"""The load balancer's rules in order, and where a request would go and why."""

from collections.abc import Mapping, Sequence

import htpy
from htpy import (
    Element,
    Node,
    a,
    div,
    form,
    input,
    label,
    li,
    ol,
    option,
    p,
    pre,
    select,
    span,
    table,
    tbody,
    td,
    textarea,
    th,
    thead,
    tr,
)

from culm.core.model.record import record
from culm.operate.logs import LogLine
from culm.operate.snapshot.records import RouteRule, Snapshot
from culm.operate.snapshot.routes import Trial
from culm.operate.snapshot.words import latency
from culm.web.views.logs import log_lines
from culm.web.views.parts import empty, ident, link, panel, service_link, state

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


@record
class Composed:
    """What the composer's form holds."""

    method: str = "GET"
    target: str = ""
    """Path with query, as on the wire."""
    headers: str = ""
    """One a line: `Name: value`."""
    body: str = ""


@record
class Reply:
    """What came back. Seconds."""

    status: int
    reason: str
    headers: Sequence[tuple[str, str]]
    body: str
    connect: float
    wait: float
    read: float
    trace_id: str
    lines: Sequence[LogLine] = ()


@record
class Tried:
    """What the page shows of a request."""

    asked: Composed
    trials: Sequence[Trial] = ()
    reply: Reply | None = None
    problem: str = ""
    """Why it could not be judged or sent."""


def routes(snapshot: Snapshot, tried: Tried, *, may_act: bool, token: str = "") -> Node:
    """Draw the page of routes; `token` is what the form that sends a request carries."""
    trials, reply = tried.trials, tried.reply
    met = trials[-1].rule if trials and trials[-1].matched else None
    return [
        htpy.h1(".sr")["Routes"],
        panel(
            "Where would a request go?",
            _composer(tried.asked, may_act, token),
            _verdict(snapshot, tried),
        ),
        reply is not None and panel("Answer", _answer(snapshot, reply), id="answer"),
        panel("Rules, in the order they are tried", _rules(snapshot, trials, met), id="rules"),
    ]


def _composer(asked: Composed, may_act: bool, token: str) -> Element:
    return form(".composer", action="/routes", method="get")[
        div(".line")[
            label(".sr", for_="method")["Method"],
            select(id="method", name="method")[
                (option(value=each, selected=each == asked.method)[each] for each in METHODS)
            ],
            label(".sr", for_="path")["Path"],
            input(
                id="path",
                name="path",
                value=asked.target,
                placeholder="/orders/42?full=1",
                autocomplete="off",
                required=True,
            ),
            htpy.button["Where to?"],
            may_act
            and htpy.button(".quiet", formaction="/routes/send", formmethod="post", name="token", value=token)[
                "Send it"
            ],
        ],
        htpy.details(open=bool(asked.headers or asked.body))[
            htpy.summary["headers and body"],
            label(for_="headers")["Headers, one a line"],
            textarea(
                id="headers",
                name="headers",
                rows="3",
                placeholder="Host: shop.example\nAuthorization: …",
                spellcheck="false",
            )[asked.headers],
            label(for_="body")["Body"],
            textarea(id="body", name="body", rows="3", spellcheck="false")[asked.body],
        ],
    ]


def _verdict(snapshot: Snapshot, tried: Tried) -> Node:
    asked, steps = tried.asked, tried.trials
    if tried.problem:
        return p(".banner", role="alert")["▲ ", tried.problem]
    if not asked.target or not steps:
        return None
    last = steps[-1]
    where = last.rule
    service = snapshot.service(where.service)
    return div(".verdict", role="status")[
        p[
            span(".strong")[f"{asked.method} {asked.target}"],
            " meets ",
            span(".strong")["the default rule" if where.priority is None else f"rule {where.priority}"],
            ": ",
            where.action,
            service is not None and (" ", state(service.state), span(".muted")[service.summary]),
        ],
        ol(".steps")[
            (
                li(class_="met" if step.matched else "")[
                    span(".strong")["default" if step.rule.priority is None else str(step.rule.priority)],
                    " ",
                    "; ".join(step.why),
                ]
                for step in steps
            )
        ],
    ]


def _answer(snapshot: Snapshot, answer: Reply) -> Node:
    names = {each.log_group: each.name for each in snapshot.services if each.log_group}
    tasks = sorted({(names.get(line.group, ""), line.stream.rpartition("/")[2]) for line in answer.lines})
    return [
        p[
            None if 400 <= answer.status < 500 else state("well" if answer.status < 400 else "wrong"),
            span(".strong")[f" {answer.status} {answer.reason}"],
            span(".muted")[
                f" · connect {latency(answer.connect)} · wait {latency(answer.wait)} "
                f"· body {latency(answer.read)} · trace "
            ],
            ident(answer.trace_id, shown=answer.trace_id),
        ],
        htpy.details[
            htpy.summary[f"{len(answer.headers)} headers"],
            pre(".lines")["\n".join(f"{name}: {value}" for name, value in answer.headers)],
        ],
        pre(".lines", tabindex="0", aria_label="Body")[answer.body or "(no body)"],
        htpy.h3["The log lines of this request"],
        tasks
        and p(".muted")[
            "written by ",
            (
                (
                    ", " if index else "",
                    f"{name}, task ",
                    a(href=link("/logs", service=name, task=id, since="1h"))[id[:8]],
                )
                for index, (name, id) in enumerate(tasks)
            ),
        ],
        log_lines(answer.lines, names)
        if answer.lines
        else empty("No service wrote a line with this trace id: it may not log it, or the request met no service."),
    ]


def _rules(snapshot: Snapshot, steps: Sequence[Trial], met: RouteRule | None) -> Node:
    if not snapshot.rules:
        return empty("There is no load balancer yet, or it has no rule.")
    why: Mapping[int | None, Trial] = {step.rule.priority: step for step in steps}
    return div(".scroll")[
        table(".rows")[
            thead[
                tr[
                    [
                        th(scope="col")[name or span(".sr")["What to do"]]
                        for name in ("Rule", "When", "Then", "Service", "")
                    ]
                ]
            ],
            tbody[
                (
                    tr(class_="row met" if met is not None and rule.priority == met.priority else "row")[
                        th(".rule", scope="row")["default" if rule.priority is None else str(rule.priority)],
                        td(data_label="When")[" and ".join(rule.conditions) or span(".muted")["no other rule matches"]],
                        td(data_label="Then")[rule.action],
                        td(data_label="Service")[service_link(rule.service)],
                        td[
                            met is not None and rule.priority == met.priority and span(".tag")["this one"],
                            rule.priority in why and not why[rule.priority].matched and span(".muted")["not this one"],
                        ],
                    ]
                    for rule in snapshot.rules
                )
            ],
        ]
    ]
