"""Which page an address shows: reads what it needs and hands records to its view."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from htpy import Node

from culm.core.decide.listener_rules import Request
from culm.core.model.instance_types import INSTANCE_TYPES
from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.operate.snapshot import routes as routing
from culm.operate.snapshot.records import Snapshot
from culm.operate.snapshot.routes import Trial
from culm.plan import what_if
from culm.plan.what_if import Estimate, Question
from culm.web import jobs
from culm.web.jobs import Jobs
from culm.web.reads import Reads, headers_of
from culm.web.views import confirm, events, logs, others, overview, routes, service, tasks
from culm.web.views import what_if as view_what_if
from culm.web.views.routes import Composed, Reply, Tried
from culm.web.watcher import Watcher

DEFAULT_TYPE = "t2.micro"
PLAIN = {"/": "Overview", "/tasks": "Tasks", "/events": "Events", "/migrations": "Migrations", "/cost": "Cost"}
"""Pages of the snapshot alone."""
ADDRESSES = (*PLAIN, "/services/NAME", "/logs", "/routes?path=/x", "/images", "/plan?load=2", "/vault")
"""Of pages that have data."""
STILL = ("/logs", "/routes", "/plan", "/confirm", "/images", "/vault")
"""Pages that stay as they are until they are asked for again; a log follows by itself."""


@record
class Shown:
    title: str
    content: Node
    live: bool
    status: int = 200


@record
class Site:
    """Everything that pages are made from."""

    watcher: Watcher
    reads: Reads
    jobs: Jobs
    folder: Path
    may_act: bool
    token: str
    """What the page's own forms carry."""

    def page(self, path: str, query: Mapping[str, str]) -> Shown:
        """Return the page of an address. Reads from the target: not for the event loop's thread."""
        snapshot = self.watcher.snapshot()
        if path in PLAIN:
            return Shown(title=PLAIN[path], content=self._plain(path, query, snapshot), live=True)
        match path.strip("/").split("/"):
            case ["services", name] if (each := snapshot.service(name)) is not None:
                content = service.service(snapshot, each, self.reads.detail(each), may_act=self.may_act)
                return Shown(title=name, content=content, live=True)
            case ["logs"]:
                return Shown(
                    title="Logs", content=logs.logs(snapshot, query, self.reads.logs(snapshot, query)), live=False
                )
            case ["routes"]:
                asked = asked_of(query)
                return Shown(title="Routes", content=self.routes(snapshot, asked), live=False)
            case ["images"]:
                return Shown(title="Images", content=others.images(self.reads.images(snapshot)), live=False)
            case ["vault"]:
                return Shown(title="Vault", content=others.vault(self.reads.vault()), live=False)
            case ["plan"]:
                text, problem = self.reads.plan(self.folder)
                content = [others.plan(text, problem), self._what_if(snapshot, query)]
                return Shown(title="Plan", content=content, live=False)
            case ["confirm"] if self.may_act:
                return self._confirm(snapshot, query)
            case ["jobs", id] if (job := self.jobs.get(id)) is not None:
                return Shown(title=" ".join(job.words), content=confirm.job(job, back=self.back(id)), live=True)
            case _:
                content = confirm.refused("There is no such page", f"{path} is not on {snapshot.target} (any more).")
                return Shown(title="Not here", content=content, live=False, status=404)

    def data(self, path: str, query: Mapping[str, str]) -> object:
        """Return the records that the page of an address shows. Raises UsageError where there is no such page."""
        snapshot = self.watcher.snapshot()
        match path.strip("/").split("/"):
            case [_] if path in PLAIN:
                return snapshot
            case ["services", name] if (each := snapshot.service(name)) is not None:
                return {"service": each, "tasks": snapshot.tasks_of(name), "detail": self.reads.detail(each)}
            case ["logs"]:
                return self.reads.logs(snapshot, query)
            case ["routes"]:
                asked = asked_of(query)
                request = request_of(asked, self._host())
                trials = routing.route(self.watcher.observed, request) if asked.target else ()
                return {"rules": snapshot.rules, "trials": trials}
            case ["images"]:
                return self.reads.images(snapshot)
            case ["vault"]:
                return self.reads.vault()
            case ["plan"] if (asked_if := self._question(snapshot, query)) is not None:
                question, _ = asked_if
                return {"question": question, "answer": self._answer(question)}
            case ["plan"]:
                return {"question": None, "answer": None}
            case _:
                raise UsageError(f"there is no page {path}", f"pages: {', '.join(ADDRESSES)}")

    def _what_if(self, snapshot: Snapshot, query: Mapping[str, str]) -> Node:
        """Answer the plan's sliders, which begin at what is there."""
        if (asked := self._question(snapshot, query)) is None:
            return None
        question, kinds = asked
        return view_what_if.what_if(question, self._answer(question), kinds)

    def _answer(self, question: Question) -> Estimate:
        assert self.watcher.prices is not None  # else there is no question
        return what_if.answer(question, self.reads.demands(), self.watcher.prices)

    def _question(self, snapshot: Snapshot, query: Mapping[str, str]) -> tuple[Question, Sequence[str]] | None:
        """Return what the sliders ask, and the types to choose from; None without prices or loads."""
        prices, demands = self.watcher.prices, self.reads.demands()
        types = [each.type for each in snapshot.instances if each.type in INSTANCE_TYPES]
        chosen = query.get("type", "")
        kind = chosen if chosen in INSTANCE_TYPES else next(iter(types), DEFAULT_TYPE)
        kinds = what_if.kinds(prices, INSTANCE_TYPES[kind].architecture) if prices is not None else []
        if prices is None or not demands or not kinds:
            return None
        question = Question(
            factor=_number(query.get("load", ""), 1.0, most=view_what_if.MOST_FACTOR),
            instance_type=kind,
            count=max(int(_number(query.get("count", ""), len(types) or 1, most=view_what_if.MOST_COUNT)), 1),
        )
        return question, kinds if kind in kinds else [kind, *kinds]

    def _plain(self, path: str, query: Mapping[str, str], snapshot: Snapshot) -> Node:
        match path:
            case "/tasks":
                return tasks.tasks(snapshot, query, may_act=self.may_act)
            case "/events":
                return events.events(snapshot, query)
            case "/migrations":
                return others.migrations(snapshot, may_act=self.may_act)
            case "/cost":
                return others.cost(snapshot)
            case _:
                return overview.overview(snapshot, may_act=self.may_act)

    def _confirm(self, snapshot: Snapshot, query: Mapping[str, str]) -> Shown:
        words = [*query.get("do", "").split(), *([query["count"]] if query.get("count") else [])]
        given = jobs.order(words, snapshot)
        if given is None:
            refused = confirm.refused(
                "That cannot be done", f"“culm {' '.join(words)}” does not fit what there is now."
            )
            return Shown(title="Not possible", content=refused, live=False, status=404)
        back = f"/services/{given.service}" if given.service else "/"
        plan, problem = self.reads.plan(self.folder, given.service) if given.words[0] == "deploy" else ("", "")
        content = confirm.confirm(
            snapshot,
            confirm.Proposal(
                words=given.words,
                consequences=given.consequences,
                instead=given.instead,
                protected=self.jobs.protect,
                plan=plan or problem,
            ),
            token=self.token,
            back=back,
        )
        return Shown(title="Do this?", content=content, live=False)

    def routes(self, snapshot: Snapshot, asked: Composed, *, send: bool = False) -> Node:
        """Return the composer with where the request would go; with `send`, what came back as well."""
        problem, answer = "", None
        steps: Sequence[Trial] = ()
        try:
            if asked.target:
                steps = routing.route(self.watcher.observed, request_of(asked, self._host()))
            if send and asked.target:
                answer = self._send(snapshot, asked)
        except (ValueError, OSError, CulmError) as error:
            problem = str(error)
        tried = Tried(asked=asked, trials=steps, reply=answer, problem=problem)
        return routes.routes(snapshot, tried, may_act=self.may_act, token=self.token)

    def _host(self) -> str:
        return self.watcher.observed.url.partition("://")[2] or "localhost"

    def _send(self, snapshot: Snapshot, asked: Composed) -> Reply:
        url = self.watcher.observed.url
        if not url:
            raise ValueError("there is no load balancer to send it to")
        return self.reads.send(url, asked, [each.log_group for each in snapshot.services if each.log_group])

    def back(self, id: str) -> str:
        name = self.jobs.service_of(id)
        return f"/services/{name}" if name else "/"


def _number(text: str, usual: float, *, most: int) -> float:
    """Read a slider: `usual` where it is not there or no number, and never out of its bounds."""
    try:
        value = float(text)
    except ValueError:
        value = usual
    return min(max(value, 0.5), most) if value == value else usual


def asked_of(form: Mapping[str, str]) -> Composed:
    target = form.get("path", "").strip()
    return Composed(
        method=form.get("method", "GET") if form.get("method") in routes.METHODS else "GET",
        target=target if not target or target.startswith("/") else f"/{target}",
        headers=form.get("headers", ""),
        body=form.get("body", ""),
    )


def request_of(asked: Composed, host: str) -> Request:
    """Return the request as the load balancer would see it.

    Raises ValueError on a header that is none, or a path that is none.
    """
    if not asked.target.isascii() or any(c.isspace() or not c.isprintable() for c in asked.target):
        raise ValueError("a path is printable ASCII without blanks; write %20 and the like")
    path, question, query = asked.target.partition("?")
    headers = headers_of(asked.headers)
    if not any(name.lower() == "host" for name in headers):
        headers = {"Host": host, **headers}
    return Request(
        method=asked.method,
        path=path,
        query=query if question else None,
        headers=list(headers.items()),
        source="127.0.0.1",
    )
