"""All containers in one table: sortable, filterable, with how the stopped ones ended."""

from collections.abc import Callable, Mapping

import htpy
from htpy import Element, Node, a, div, form, input, span, table, tbody, td, th, thead, tr

from culm.operate.snapshot.records import Snapshot, State, Task
from culm.operate.snapshot.words import span_of
from culm.web.views.parts import action_link, clamped, empty, ident, link, moment, panel, revision, service_link, state

BY: Mapping[str, Callable[[Task], tuple[bool, float | str]]] = {
    "service": lambda task: (False, task.service),
    "memory": lambda task: (task.memory_used is None, -(task.memory_used or 0) / (task.memory or 1)),
    "cpu": lambda task: (task.cpu is None, -(task.cpu or 0.0)),
    "restarts": lambda task: (False, 0.0),
    "age": lambda task: (task.started_at is None, -(task.started_at or 0.0)),
}


def tasks(snapshot: Snapshot, query: Mapping[str, str], *, may_act: bool) -> Node:
    """Draw the page of tasks; in `query`, `q` filters by any word, and `sort` is one of BY."""
    words, sort = query.get("q", ""), query.get("sort", "service")
    failures = {service.name: service.failures for service in snapshot.services}
    chosen = [task for task in snapshot.tasks if matches(task, words)]
    living = [task for task in chosen if task.stopped_at is None]
    if sort == "restarts":
        living.sort(key=lambda task: -failures.get(task.service, 0))
    elif sort != "service":
        living.sort(key=BY.get(sort, BY["service"]))
    ended = [task for task in chosen if task.stopped_at is not None]
    return [
        htpy.h1(".sr")["Tasks"],
        _filter("/tasks", words, sort),
        panel(
            "Running",
            _running(living, snapshot, query, may_act) if living else empty(_none(words)),
            note=f"{len(living)} of {len(snapshot.running)}",
        ),
        panel(
            "Stopped within the hour",
            _stopped(ended) if ended else empty("No task has stopped." if not words else _none(words)),
            note="ECS forgets a stopped task after an hour",
        ),
    ]


def _none(words: str) -> str:
    return f"No task matches “{words}”." if words else "No task runs."


def matches(task: Task, words: str) -> bool:
    """Return whether every word is somewhere in what the page shows of a task."""
    text = " ".join(
        (task.id, task.service, task.kind, task.revision, task.status, task.instance, task.image, task.ending)
    ).lower()
    return all(word in text for word in words.lower().split())


def _filter(path: str, words: str, sort: str) -> Element:
    return form(".filter", action=path, method="get", role="search")[
        htpy.label(".sr", for_="q")["Filter"],
        input(
            id="q", name="q", value=words, type="search", placeholder="filter: orders #2 exited…", autocomplete="off"
        ),
        input(type="hidden", name="sort", value=sort),
        htpy.button["Filter"],
        words and a(href=link(path, sort=sort))["clear"],
    ]


def _running(living: list[Task], snapshot: Snapshot, query: Mapping[str, str], may_act: bool) -> Element:
    words, sort = query.get("q", ""), query.get("sort", "service")
    failures = {service.name: service.failures for service in snapshot.services}
    ended = [task for task in snapshot.tasks if task.stopped_at is not None and task.kind == "service"]
    last_end = {task.service: task for task in reversed(ended)}

    def column(name: str, key: str, *, number: bool = False) -> Element:
        return th(class_="num" if number else "", scope="col", aria_sort="descending" if sort == key else None)[
            a(href=link("/tasks", q=words, sort=key))[name, sort == key and " ↓"]
        ]

    return div(".scroll")[
        table(".rows.tasks")[
            thead[
                tr[
                    column("Service", "service"),
                    th(scope="col")["Task"],
                    th(scope="col")["Status"],
                    th(scope="col")["On"],
                    column("Memory", "memory"),
                    column("CPU", "cpu", number=True),
                    column("Failed", "restarts", number=True),
                    column("Up since", "age"),
                    th(scope="col")["Last stop"],
                    th(scope="col")[span(".sr")["Action"]],
                ]
            ],
            tbody[(_row(task, failures.get(task.service, 0), last_end.get(task.service), may_act) for task in living)],
        ]
    ]


def _row(task: Task, failures: int, previous: Task | None, may_act: bool) -> Element:
    status = task.status.lower() + (f", {task.target_health}" if task.target_health not in ("", "healthy") else "")
    return tr(".row", id=f"t-{task.id}")[
        th(scope="row")[
            state(task_state(task)),
            service_link(task.service),
            task.kind == "migration" and span(".tag")["migration"],
            " ",
            span(".muted")[revision(task.revision)],
        ],
        td(data_label="Task")[ident(task.id)],
        td(data_label="Status", title=task.target_reason)[status],
        td(data_label="On")[task.instance, span(".muted")[f":{task.port}"] if task.port else None],
        td(data_label="Memory")[memory(task)],
        td(".num", data_label="CPU")["—" if task.cpu is None else f"{task.cpu:.0f} %"],
        td(class_="num is-wrong" if failures else "num", data_label="Failed")[failures],
        td(data_label="Up since")[moment(task.started_at, suffix="")],
        td(".why", data_label="Last stop")[
            span(".one-line", title=previous.ending)[span(".muted")[moment(previous.stopped_at), " "], previous.ending]
            if previous
            else None
        ],
        td(".acts")[
            may_act and task.kind == "service" and action_link(("stop-task", task.id), "Stop", allowed=True, quiet=True)
        ],
    ]


def task_state(task: Task) -> State:
    if task.stopped_at is not None:
        return "wrong" if task.failed else "off"
    if task.target_health == "unhealthy":
        return "wrong"
    return "well" if task.status == "RUNNING" and task.target_health in ("", "healthy") else "moving"


def memory(task: Task) -> Node:
    """Draw what is used of the limit, and say it in numbers."""
    if task.memory is None:
        return "—"
    if task.memory_used is None:
        return f"{task.memory} MiB"
    part = 100 * task.memory_used / task.memory
    return span(".meter")[
        htpy.svg(width="60", height="8", aria_hidden="true")[
            htpy.rect(class_="whole", width="100%", height="8"),
            htpy.rect(class_="done near" if part >= 90 else "done", width=f"{part:.0f}%", height="8"),
        ],
        f" {task.memory_used}/{task.memory} MiB",
    ]


def _stopped(ended: list[Task]) -> Element:
    return div(".scroll")[
        table(".rows.tasks")[
            thead[
                tr[
                    [
                        th(scope="col")[name or span(".sr")["What to do"]]
                        for name in ("Service", "Task", "Ended", "On", "Life", "How it ended", "")
                    ]
                ]
            ],
            tbody[
                (
                    tr(class_="row is-wrong" if task.failed else "row", id=f"t-{task.id}")[
                        th(scope="row")[
                            state("wrong" if task.failed else "off"),
                            service_link(task.service),
                            task.kind == "migration" and span(".tag")["migration"],
                            " ",
                            span(".muted")[revision(task.revision)],
                        ],
                        td(data_label="Task")[ident(task.id)],
                        td(data_label="Ended")[moment(task.stopped_at)],
                        td(data_label="On")[task.instance],
                        td(data_label="Life")[lived(task)],
                        td(".why", data_label="How")[clamped(task.ending)],
                        td(".acts")[
                            task.service
                            and a(href=link("/logs", service=task.service, task=task.id, since="3h"))["log"]
                        ],
                    ]
                    for task in ended
                )
            ],
        ]
    ]


def lived(task: Task) -> str:
    if task.started_at is None or task.stopped_at is None:
        return "never started"
    return f"lived {span_of(task.stopped_at - task.started_at)}"
