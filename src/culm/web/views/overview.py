"""The first page: what is wrong, what fits, what changed last."""

import htpy
from htpy import Element, Node, a, div, li, span, table, tbody, td, th, thead, tr, ul

from culm.operate.snapshot.records import Deployment, ServiceState, Snapshot, Trouble
from culm.operate.snapshot.words import plural, rate, share, short, typical
from culm.web.views import bars
from culm.web.views.parts import (
    action_link,
    cause,
    command,
    empty,
    event_list,
    moment,
    panel,
    revision,
    rollout_state,
    rollout_words,
    spark,
    state,
)

EVENTS = 14
DEPLOYS = 8
"""The newest."""
MOST_TROUBLES = 5
"""More are folded away: what else the page shows must not be pushed out of sight."""


def overview(snapshot: Snapshot, *, may_act: bool) -> Node:
    if not snapshot.exists and snapshot.unreachable:
        return empty(htpy.h1["Nothing is known yet"], htpy.p["This page fills by itself once there is an answer."])
    if not snapshot.exists:
        return nothing_yet(snapshot)
    return [
        htpy.h1(".sr")["Overview"],
        troubles(snapshot, may_act=may_act),
        bars.instances(snapshot),
        services(snapshot, may_act=may_act),
        div(".two")[
            panel("Events", _events(snapshot), note=a(href="/events")["all events"]),
            panel("Deploys", _deploys(snapshot), note="newest first"),
        ],
    ]


def nothing_yet(snapshot: Snapshot) -> Element:
    return empty(
        htpy.h1["Nothing is deployed here yet"],
        htpy.p[f"{snapshot.target} has no cluster named {snapshot.project}."],
        htpy.p["Bring everything up: ", command("up", *_target(snapshot))],
        htpy.p["Write a first service: ", command("new", "web")],
    )


def _target(snapshot: Snapshot) -> tuple[str, ...]:
    return () if snapshot.target == "local" else ("--target", snapshot.target)


def troubles(snapshot: Snapshot, *, may_act: bool) -> Node:
    """Return what is wrong right now, in words."""
    if not snapshot.troubles:
        return None
    first, more = snapshot.troubles[:MOST_TROUBLES], snapshot.troubles[MOST_TROUBLES:]
    return htpy.section(".troubles", aria_label="What is wrong right now")[
        ul[(_trouble(each, may_act) for each in first)],
        htpy.details[htpy.summary[f"{len(more)} more to look at"], ul[(_trouble(each, may_act) for each in more)]]
        if more
        else None,
    ]


def _trouble(trouble: Trouble, may_act: bool) -> Element:
    action = trouble.action
    return li[
        span(".state.is-wrong", aria_hidden="true")["▲"],
        span[
            trouble.service and a(href=f"/services/{trouble.service}")[trouble.service],
            trouble.service and ": ",
            trouble.text,
            (" · ", moment(trouble.since)) if trouble.since else None,
        ],
        action_link(action.command, action.label, allowed=may_act, quiet=True) if action else None,
    ]


def services(snapshot: Snapshot, *, may_act: bool) -> Element:
    if not snapshot.services:
        return panel("Services", empty("No service runs. ", command("up", *_target(snapshot))))
    rows: list[Node] = []
    for service in snapshot.services:
        rows.append(_row(service))
        if service.cause is not None:
            rows.append(
                tr(".unfolded", id=f"why-{service.name}")[
                    td(colspan="9")[cause(service.cause, service=service.name, may_act=may_act)]
                ]
            )
    missing = (
        snapshot.missing
        and htpy.p(".fits")[
            "in culm.yml, not deployed: ", ", ".join(snapshot.missing), " ", command("up", *_target(snapshot))
        ]
    )
    return panel(
        "Services",
        div(".scroll")[
            table(".rows.services")[
                thead[
                    tr[
                        th(scope="col")["Service"],
                        th(scope="col")["Path"],
                        th(scope="col")["Tasks"],
                        th(scope="col")["Version"],
                        th(scope="col")["Deployed"],
                        th(".num", scope="col")["Requests"],
                        th(".num", scope="col")["Errors"],
                        th(".num", scope="col")["p95"],
                        th(scope="col")["Last 30 min"],
                    ]
                ],
                tbody[rows],
            ]
        ],
        missing,
        note=plural(len(snapshot.services), "service"),
    )


def _row(service: ServiceState) -> Element:
    errors = service.traffic.errors
    return tr(class_=f"row is-{service.state}", id=f"s-{service.name}")[
        th(scope="row")[state(service.state), a(href=f"/services/{service.name}", data_row="")[service.name]],
        td(data_label="Path")[
            a(href=service.url, rel="noreferrer", target="_blank")[service.paths[0] if service.paths else service.url]
            if service.url
            else span(".muted")["no route"]
        ],
        td(data_label="Tasks", title=service.summary)[
            f"{service.running}/{service.desired}" if service.asleep is None else f"asleep ({service.asleep})",
            span(".muted")[f" ({service.scaling})"] if service.scaling else None,
            span(".muted")[f" +{service.pending}"] if service.pending else None,
            _failures(service),
        ],
        td(data_label="Version")[
            f"{revision(service.revision)} ", htpy.code(".muted", title=service.image)[short(service.image)]
        ],
        td(data_label="Deployed")[moment(service.deployed_at)],
        td(".num", data_label="Requests")[rate(service.traffic.requests)],
        td(class_="num is-wrong" if errors else "num", data_label="Errors")["▲ " if errors else "", share(errors)],
        td(".num", data_label="p95")[typical(service.traffic.mean, service.traffic.p95)],
        td(".graphcell")[
            spark(
                service.traffic.requests_series,
                service.traffic.errors_series,
                label=f"requests and errors of {service.name}, last 30 minutes",
            )
        ],
    ]


def _failures(service: ServiceState) -> Node:
    """Tasks that failed within the hour; a matter of concern only while there is a cause."""
    if not service.failures:
        return None
    words = "tasks that failed in the last hour"
    if service.cause is None:
        return span(".muted", title=words)[f" {service.failures} failed"]
    return span(".is-wrong", title=words)[f" ▲{service.failures}"]


def _events(snapshot: Snapshot) -> Node:
    if not snapshot.events:
        return empty("Nothing has happened yet.")
    return event_list(snapshot.events[:EVENTS])


def _deploys(snapshot: Snapshot) -> Node:
    """Return every deployment that ECS still tells of, with how far it is."""
    every = [(service, each) for service in snapshot.services for each in service.deployments]
    if not every:
        return empty("No deploy yet.")
    every.sort(key=lambda pair: pair[1].created_at, reverse=True)
    return ul(".deploys")[(_deploy(service, each) for service, each in every[:DEPLOYS])]


def _deploy(service: ServiceState, deployment: Deployment) -> Element:
    return li[
        state(rollout_state(deployment)),
        span(".what")[
            a(href=f"/services/{service.name}#deployments")[service.name],
            f" {revision(deployment.revision)} ",
            span(".muted")[rollout_words(deployment), " · ", moment(deployment.created_at)],
            service.deployed_by and deployment.status == "PRIMARY" and span(".muted")[f" by {service.deployed_by}"],
        ],
        None if rollout_state(deployment) == "well" else _progress(deployment),
    ]


def _progress(deployment: Deployment) -> Element:
    """Return a filled part for tasks that run, a hatched one for those that start."""
    whole = max(deployment.desired, deployment.running + deployment.pending, 1)
    ran, coming = 100 * deployment.running / whole, 100 * deployment.pending / whole
    return htpy.svg(
        ".progress",
        width="88",
        height="8",
        role="img",
        aria_label=f"{deployment.running} of {deployment.desired} running, {deployment.failed} failed",
    )[
        htpy.rect(class_="whole", width="100%", height="8"),
        htpy.rect(class_="done", width=f"{ran:.0f}%", height="8"),
        htpy.rect(class_="coming", x=f"{ran:.0f}%", width=f"{coming:.0f}%", height="8") if coming else None,
    ]
