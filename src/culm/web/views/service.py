"""One service: its deployments, tasks, revisions side by side, route and health, measures, and the end of its log."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import htpy
from htpy import Element, Node, a, div, li, p, span, table, tbody, td, th, thead, tr, ul

from culm.core.model.record import record
from culm.deploy.revisions import OUTCOMES, READY, Earlier, last_good
from culm.deploy.revisions import number as number_of
from culm.lint import rules
from culm.lint.findings import Setting
from culm.operate.logs import LogLine
from culm.operate.snapshot.records import Deployment, ServiceState, Snapshot, Task
from culm.operate.snapshot.words import latency, mebibytes, plural, rate, share, short, span_of
from culm.plan.differences import differences
from culm.vault.redaction import redacted
from culm.vault.secret import REDACTED
from culm.web.views.logs import last_lines
from culm.web.views.parts import (
    Measure,
    action_link,
    cause,
    clamped,
    empty,
    event_list,
    fields,
    graph,
    ident,
    link,
    moment,
    panel,
    revision,
    rollout_state,
    rollout_words,
    state,
)
from culm.web.views.tasks import lived, memory, task_state

IGNORED = ("taskDefinitionArn", "revision", "registeredAt", "registeredBy", "requiresAttributes", "compatibilities",
           "status", "deregisteredAt")  # fmt: skip
"""What is different in every revision and says nothing."""


ORDINARY = re.compile(r"ECS deployment \S+ (in progress|completed)\.")
"""A deployment's reason that says no more than its state."""


@record
class Detail:
    """What a service's page shows besides the snapshot."""

    revisions: Sequence[Mapping[str, Any]] = ()
    """Task definitions, newest first."""
    outcomes: Mapping[str, str] = field(default_factory=dict)
    """How the last deploy of each ended, by its ARN, the newest deploy first."""
    lines: Sequence[LogLine] = ()


def service(snapshot: Snapshot, service: ServiceState, detail: Detail, *, may_act: bool) -> Node:
    tasks = snapshot.tasks_of(service.name)
    events = [event for event in snapshot.events if event.service == service.name]
    return [
        _head(service, detail, may_act),
        service.cause is not None
        and div(".cause-box")[cause(service.cause, service=service.name, may_act=may_act, its_page=True)],
        panel("Deployments", _deployments(service), note="newest first"),
        panel("Tasks", _tasks(tasks, may_act), note=service.summary),
        _measures(service),
        div(".two")[
            panel(
                "Log",
                last_lines(detail.lines),
                note=a(href=link("/logs", service=service.name, since="1h"))["search and follow"],
                id="last-lines",
            ),
            panel("Events", event_list(events[:20], with_service=False) if events else empty("Nothing has happened.")),
        ],
        panel("Route and health", _route(snapshot, service)),
        panel("Revisions", _revisions(service, detail, may_act), note="what changed from each one to the next"),
    ]


def _head(service: ServiceState, detail: Detail, may_act: bool) -> Element:
    live = int(service.revision.rpartition(":")[2] or 0)
    earlier = last_good([each["taskDefinitionArn"] for each in detail.revisions], live, detail.outcomes)
    return div(".service-head")[
        htpy.h1[state(service.state), service.name, " ", span(".muted")[revision(service.revision)]],
        p[
            service.url and a(href=service.url, target="_blank", rel="noreferrer")[service.url],
            span(".muted")[
                service.url and " · ",
                service.summary,
                " · deployed ",
                moment(service.deployed_at),
                service.deployed_by and f" by {service.deployed_by}",
            ],
        ],
        may_act
        and div(".acts")[
            earlier is not None and _back(service, earlier),
            action_link(("restart", service.name), "Restart", allowed=True, quiet=True),
            _scale(service) if service.asleep is None else None,
            service.known and _sleep(service),
            service.known and action_link(("deploy", service.name), "Deploy", allowed=True, quiet=True),
        ],
    ]


def _back(service: ServiceState, earlier: Earlier) -> Node:
    number = str(number_of(earlier.arn))
    words = ("rollback", service.name, number)
    return [
        action_link(words, f"Roll back to #{number}", allowed=True, quiet=True),
        span(".muted")[earlier.why],
    ]


def _sleep(service: ServiceState) -> Node:
    """Offer what changes something: a service without tasks that does not sleep can do neither."""
    if service.asleep is not None:
        return action_link(("wake", service.name), "Wake", allowed=True, quiet=True)
    return action_link(("sleep", service.name), "Sleep", allowed=True, quiet=True) if service.desired else None


def _scale(service: ServiceState) -> Element:
    return htpy.form(".inline", action="/confirm", method="get")[
        htpy.input(type="hidden", name="do", value=f"scale {service.name}"),
        htpy.label(for_="count")["tasks"],
        htpy.input(id="count", name="count", type="number", min="0", max="99", value=str(service.desired)),
        htpy.button(".quiet")["Scale"],
    ]


def _deployments(service: ServiceState) -> Node:
    if not service.deployments:
        return empty("No deployment.")
    return div(".scroll")[
        table(".rows")[
            thead[
                tr[
                    [
                        th(scope="col")[name or span(".sr")["What to do"]]
                        for name in ("Revision", "State", "Began", "Took", "Running", "Failed", "Reason")
                    ]
                ]
            ],
            tbody[(_deployment(each) for each in service.deployments)],
        ]
    ]


def _deployment(deployment: Deployment) -> Element:
    took = deployment.updated_at - deployment.created_at
    return tr(".row")[
        th(scope="row")[state(rollout_state(deployment)), revision(deployment.revision)],
        td(data_label="State")[rollout_words(deployment)],
        td(data_label="Began")[moment(deployment.created_at)],
        td(data_label="Took")[
            span_of(took) if deployment.rollout == "COMPLETED" and deployment.status == "PRIMARY" else "—"
        ],
        td(data_label="Running")[
            f"{deployment.running}/{deployment.desired}",
            f" +{deployment.pending} starting" if deployment.pending else None,
        ],
        td(data_label="Failed", class_="is-wrong" if deployment.failed else "")[deployment.failed],
        td(".why", data_label="Reason")["" if ORDINARY.fullmatch(deployment.reason) else deployment.reason],
    ]


def _tasks(tasks: Sequence[Task], may_act: bool) -> Node:
    if not tasks:
        return empty("No task has run within the hour.")
    return div(".scroll")[
        table(".rows")[
            thead[
                tr[
                    [
                        th(scope="col")[name or span(".sr")["What to do"]]
                        for name in ("Task", "Life", "On", "Memory", "CPU", "How it is", "")
                    ]
                ]
            ],
            tbody[(_task(task, may_act) for task in tasks[:12])],
        ]
    ]


def _task(task: Task, may_act: bool) -> Element:
    over = task.stopped_at is not None
    now = ", ".join(part for part in (task.status.lower(), task.target_health, task.target_reason) if part)
    return tr(class_="row is-wrong" if task.failed else "row")[
        th(scope="row")[
            state(task_state(task)),
            ident(task.id),
            " ",
            span(".muted")[revision(task.revision)],
            task.kind == "migration" and span(".tag")["migration"],
        ],
        td(data_label="Life")[
            (moment(task.stopped_at), span(".muted")[f" {lived(task)}"])
            if over
            else ("up ", moment(task.started_at, suffix=""))
        ],
        td(data_label="On")[task.instance, span(".muted")[f":{task.port}"] if task.port else None],
        td(data_label="Memory")[memory(task) if not over else "—"],
        td(data_label="CPU")["—" if task.cpu is None else f"{task.cpu:.0f} %"],
        td(".why", data_label="How it is")[clamped(task.ending if over else now)],
        td(".acts")[
            a(href=link("/logs", service=task.service, task=task.id, since="3h"))["log"],
            may_act
            and not over
            and task.kind == "service"
            and action_link(("stop-task", task.id), "Stop", allowed=True, quiet=True),
        ],
    ]


def _measures(service: ServiceState) -> Element:
    markers = [(each.created_at, f"deploy of {revision(each.revision)}") for each in service.deployments]
    traffic, use = service.traffic, service.usage
    limit = float(service.memory) if service.memory else None
    scale = (service.memory or 100) / 100
    return panel(
        "Measures",
        div(".graphs")[
            graph(
                Measure(
                    title="Memory",
                    series=use.memory_series,
                    unit="MiB" if limit else "%",
                    scale=scale,
                    limit=limit,
                    limit_label=f"┄ limit {mebibytes(limit)}",
                    peak=use.memory_peak,
                ),
                markers,
            ),
            graph(Measure(title="CPU of a task", series=use.cpu_series, unit="%"), markers),
            graph(Measure(title="Requests", series=traffic.requests_series, unit="req/s"), markers),
            graph(
                Measure(
                    title="p95 of answers",
                    series=traffic.latency_series,
                    unit="ms",
                    scale=1000,
                ),
                markers,
            ),
        ],
        note=f"{rate(traffic.requests)} · errors {share(traffic.errors)} · "
        f"mean {latency(traffic.mean)} · p50 {latency(traffic.p50)} · "
        f"p95 {latency(traffic.p95)} · p99 {latency(traffic.p99)}",
    )


def _route(snapshot: Snapshot, service: ServiceState) -> Node:
    rules = [rule for rule in snapshot.rules if rule.service == service.name]
    return [
        fields(
            [
                (
                    "rule",
                    ul(".plain")[(li[f"{rule.priority}: ", " and ".join(rule.conditions)] for rule in rules)]
                    if rules
                    else "no rule forwards to it",
                ),
                ("health check", service.health_check),
                (
                    "try it",
                    a(href=link("/routes", path=(service.paths or ("/",))[0].removesuffix("*")))[
                        "where would a request go?"
                    ],
                ),
                ("log group", ident(service.log_group, shown=service.log_group) if service.log_group else ""),
                ("image", ident(service.image, shown=short(service.image)) if service.image else ""),
            ]
        ),
        div(".scroll")[
            table(".rows")[
                thead[
                    tr[
                        [
                            th(scope="col")[name or span(".sr")["What to do"]]
                            for name in ("Target", "Health", "What the check got")
                        ]
                    ]
                ],
                tbody[
                    (
                        tr(".row")[
                            th(scope="row")[
                                state(
                                    "well"
                                    if each.state == "healthy"
                                    else "wrong"
                                    if each.state == "unhealthy"
                                    else "moving"
                                ),
                                f"{each.id}:{each.port}",
                            ],
                            td(data_label="Health")[each.state],
                            td(".why", data_label="Got")[each.description or each.reason],
                        ]
                        for each in service.targets
                    )
                ],
            ]
        ]
        if service.targets
        else None,
    ]


def _revisions(service: ServiceState, detail: Detail, may_act: bool) -> Node:
    if not detail.revisions:
        return empty("No revision is registered.")
    pairs = zip(detail.revisions, [*detail.revisions[1:], None], strict=True)
    return ul(".revisions")[(_revision(service, new, old, detail.outcomes, may_act) for new, old in pairs)]


def _revision(
    service: ServiceState,
    new: Mapping[str, Any],
    old: Mapping[str, Any] | None,
    outcomes: Mapping[str, str],
    may_act: bool,
) -> Element:
    number, name = int(new["revision"]), f"{new['family']}:{new['revision']}"
    live = name == service.revision
    changed = changes(old, new) if old is not None else []
    ended = outcomes.get(new.get("taskDefinitionArn", ""), "")
    outcome = "" if live or ended == READY else OUTCOMES.get(ended, "")
    return li(id=f"r-{number}")[
        htpy.details(open=live)[
            htpy.summary[
                state("well" if live else "wrong" if outcome.startswith("failed") else "off"),
                f"#{number} ",
                live and span(".tag")["live"],
                span(".muted")[
                    " registered ", moment(new["registeredAt"].timestamp()) if "registeredAt" in new else ""
                ],
                span(".muted")[
                    f" · {plural(len(changed), 'change')}" if old is not None else " · the first that is kept"
                ],
                outcome
                and span(class_="is-wrong" if outcome.startswith("failed") else "muted")[f" · its deploy: {outcome}"],
            ],
            changed
            and div(".scroll")[
                table(".rows.diff")[
                    thead[
                        tr[
                            th(scope="col")["What"],
                            th(scope="col")[f"#{int(old['revision'])}" if old else ""],
                            th(scope="col")[f"#{number}"],
                        ]
                    ],
                    tbody[
                        (
                            tr[
                                th(scope="row")[htpy.code[what]],
                                td(".old", data_label="before")[before],
                                td(".new", data_label="after")[after],
                            ]
                            for what, before, after in changed
                        )
                    ],
                ]
            ],
            not live
            and may_act
            and p(".acts")[
                action_link(("rollback", service.name, str(number)), f"Run #{number}", allowed=True, quiet=True)
            ],
        ]
    ]


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return only what differs: (where, before, after)."""

    def kept(each: Mapping[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in each.items() if key not in IGNORED}

    return [
        (each.field, _shown(each.field, each.old), _shown(each.field, each.new))
        for each in differences(kept(old), kept(new))
    ]


def _shown(field: str, value: str | None) -> str:
    """A value as a page may show it: of what is called a secret, only that there is one."""
    if value is None:
        return "—"
    name = field.rpartition(".")[2]
    return REDACTED if rules.judge(Setting(line=0, name=name, value=value)) else redacted(value)
