"""One feed of everything that happened, of all services."""

from collections.abc import Mapping

import htpy
from htpy import Node, a, form, input, option, select

from culm.operate.snapshot.records import Snapshot
from culm.web.views.parts import empty, event_list, panel


def events(snapshot: Snapshot, query: Mapping[str, str]) -> Node:
    """Draw the page of events; `query` has `service`, `kind` (`wrong` as well) and `q`."""
    service, kind, words = query.get("service", ""), query.get("kind", ""), query.get("q", "")
    chosen = [
        event
        for event in snapshot.events
        if service in ("", event.service)
        and (kind in ("", event.kind) or (kind == "wrong" and event.wrong))
        and all(word in f"{event.service} {event.message}".lower() for word in words.lower().split())
    ]
    return [
        htpy.h1(".sr")["Events"],
        form(".filter", action="/events", method="get", role="search")[
            htpy.label(".sr", for_="q")["Filter"],
            input(
                id="q", name="q", type="search", value=words, placeholder="filter: unable to place", autocomplete="off"
            ),
            htpy.label(".sr", for_="service")["Service"],
            select(id="service", name="service")[
                option(value="")["all services"],
                (option(value=each.name, selected=each.name == service)[each.name] for each in snapshot.services),
            ],
            htpy.label(".sr", for_="kind")["Kind"],
            select(id="kind", name="kind")[
                (
                    option(value=value, selected=value == kind)[label]
                    for value, label in (
                        ("", "every kind"),
                        ("wrong", "only what went wrong"),
                        ("event", "ECS's own events"),
                        ("deployment", "deployments"),
                        ("task", "tasks that stopped"),
                    )
                )
            ],
            htpy.button["Filter"],
            (service or kind or words) and a(href="/events")["clear"],
        ],
        panel(
            "Events",
            event_list(chosen, in_full=True)
            if chosen
            else empty("Nothing has happened yet." if not (service or kind or words) else "No event matches."),
            note=f"{len(chosen)} of {len(snapshot.events)}; ECS keeps 100 of each service",
        ),
    ]
