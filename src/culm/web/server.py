"""The page over HTTP: judges each request, shows pages, sends them anew as things change, starts what is confirmed."""

import asyncio
import contextlib
import hashlib
import json
import logging
import re
import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import htpy
import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from culm.core.model.record import record
from culm.errors import CulmError
from culm.operate.sentences import sentence
from culm.web import jobs, prometheus, security
from culm.web.feed import Feed
from culm.web.pages import Shown, Site, asked_of
from culm.web.security import Door, Visit
from culm.web.views import confirm, layout
from culm.web.views.layout import PageFrame
from culm.web.views.logs import line_item, wanted_level

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
SETTLE_SECONDS = 0.1
"""Changes that come together are sent together."""
SHARED_SECONDS = 1.0
"""How long a version serves others: what a job writes and what is read for a page alone changes without a beat."""
RESTS = 8
"""A page rests so many times as long as its newest version took to make: a large one must not busy this process."""
MOST_FORM = 256 * 1024
MEDIA = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
THEMES = ("light", "dark")


class Pulse:
    """Wakes all who wait for a change; `beat` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()
        self.beats = 0

    def bind(self) -> None:
        self._loop = asyncio.get_running_loop()

    def beat(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self.beats += 1
        before, self._changed = self._changed, asyncio.Event()
        before.set()

    @property
    def over(self) -> bool:
        return self._ended.is_set()

    def end(self) -> None:
        """Wake all who wait or rest, for good; from the loop's own thread."""
        self._ended.set()
        self._wake()

    async def rest(self, seconds: float) -> None:
        """Sleep for so long, or until the end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ended.wait()

    async def wait(self, beats: int, seconds: float) -> bool:
        """Return True when there was a beat since there were `beats`, False after so long without."""
        changed = self._changed
        if self.beats != beats:
            return True
        try:
            async with asyncio.timeout(seconds):
                await changed.wait()
        except TimeoutError:
            return False
        return True


@record
class Version:
    """A page's inside, as it was made after so many beats."""

    beats: int
    text: str
    digest: str
    seconds: float
    """How long the processor was busy with it."""
    at: float
    """When that was, on the monotonic clock."""


class Versions:
    """Makes the newest version of a page once for all who look at it, and one page at a time."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Version] = {}
        self._making = asyncio.Lock()

    async def newest(self, key: tuple[str, ...], beats: int, render: Callable[[], str]) -> Version:
        """Return the page of `key` as it is after so many beats."""
        async with self._making:
            kept = self._kept.get(key)
            if kept is not None and kept.beats >= beats and time.monotonic() - kept.at < SHARED_SECONDS:
                return kept
            made = await run_in_threadpool(self._make, beats, render)
            self._kept = {which: each for which, each in self._kept.items() if each.beats >= beats - 1}
            self._kept[key] = made
            return made

    def _make(self, beats: int, render: Callable[[], str]) -> Version:
        began = time.thread_time()
        text = render()
        digest = hashlib.sha256(text.encode()).hexdigest()
        return Version(beats=beats, text=text, digest=digest, seconds=time.thread_time() - began, at=time.monotonic())


class Guard:
    """The first thing that a request meets: its host, session and origin are judged, and every answer gets HEADERS."""

    def __init__(self, app: ASGIApp, door: Door, keys: "Keys") -> None:
        self.app = app
        self.door = door
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name.lower() for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in security.HEADERS.items()
                        if name.lower().encode() not in names
                    ),
                ]
            await send(message)

        request = Request(scope)
        response: ASGIApp = self.app
        asked = asked_by(request)
        refusal = security.judge(self.door, asked)
        if (
            refusal is not None
            and asked.method == "GET"
            and refusal.status == 403
            and self.keys.take(request.query_params.get("token", ""))
        ):
            response = self._let_in(request)
        elif refusal is not None:
            response = HTMLResponse(
                f"<!doctype html><meta charset=utf-8><title>culm</title><h1>{refusal.what}</h1><p>{refusal.hint}</p>",
                refusal.status,
            )
        elif "token" in request.query_params and request.method == "GET":  # let in before: the address forgets it, too
            response = RedirectResponse(without_token(request), 303)
        await response(scope, receive, guarded)

    def _let_in(self, request: Request) -> Response:
        response = RedirectResponse(without_token(request), 303)
        response.set_cookie(
            self.door.cookie, self.door.session, httponly=True, samesite="lax" if self.keys.many else "strict", path="/"
        )
        return response


class Keys:
    """The tokens that let a browser in: the owner's work once, a shared one as long as the page is served."""

    def __init__(self, first: str, *, many: bool) -> None:
        self._left = {first}
        self.many = many

    def take(self, given: str) -> bool:
        match = next((token for token in self._left if security.same(given, token)), None)
        if match is not None and not self.many:
            self._left.discard(match)
        return match is not None

    def fresh(self) -> str:
        token = secrets.token_urlsafe(24)
        self._left.add(token)
        return token


def without_token(request: Request) -> str:
    rest = "&".join(f"{quote(k)}={quote(v)}" for k, v in request.query_params.multi_items() if k != "token")
    path = "/" + request.url.path.lstrip("/")  # `//elsewhere` would lead away from here
    return f"{path}?{rest}" if rest else path


def asked_by(request: Request) -> Visit:
    scheme, _, bearer = request.headers.get("authorization", "").partition(" ")
    return Visit(
        method=request.method,
        path=request.url.path,
        host=request.headers.get("host", ""),
        origin=request.headers.get("origin", ""),
        fetch_site=request.headers.get("sec-fetch-site", ""),
        cookies=request.cookies,
        bearer=bearer if scheme.lower() == "bearer" else "",
    )


class Web:
    """The endpoints."""

    def __init__(self, site: Site, feed: Feed, door: Door, pulse: Pulse) -> None:
        self.site = site
        self.feed = feed
        self.door = door
        self.pulse = pulse
        self.versions = Versions()
        self._drawing = threading.Lock()
        """One page is drawn at a time: threads would gain nothing, and what each needs for it would add up."""

    def routes(self) -> list[Route]:
        return [
            Route("/static/{name:path}", self.static),
            Route("/live", self.live),
            Route("/live-logs", self.live_logs),
            Route("/snapshot.json", self.json),
            Route("/metrics", self.metrics),
            Route("/theme", self.theme),
            Route("/do", self.do, methods=["POST"]),
            Route("/routes/send", self.send, methods=["POST"]),
            Route("/{path:path}", self.page),
        ]

    async def page(self, request: Request) -> Response:
        return HTMLResponse(*await run_in_threadpool(self._document, request.url.path, request.query_params, request))

    def _document(self, path: str, query: Mapping[str, str], request: Request) -> tuple[str, int]:
        page = self._page(path, query)
        frame, snapshot = self._frame(request, path, page), self.site.watcher.snapshot()
        with self._drawing:
            return layout.document(frame, snapshot, page.content), page.status

    def _page(self, path: str, query: Mapping[str, str]) -> Shown:
        try:
            return self.site.page(path, query)
        except Exception as error:
            log.warning("%s: %s", path, error)
            what = error.what if isinstance(error, CulmError) else str(error)
            return Shown(
                title="Not now", content=confirm.refused("This cannot be shown now", what), live=True, status=502
            )

    def _frame(self, request: Request, path: str, page: Shown) -> PageFrame:
        theme = request.cookies.get("culm-theme", "")
        query = f"?{request.url.query}" if request.url.query else ""
        return PageFrame(
            path=path,
            title=page.title,
            theme=theme if theme in THEMES else "",
            may_act=self.site.may_act,
            live=f"/live?at={quote(path + query, safe='')}" if page.live else "",
        )

    async def live(self, request: Request) -> Response:
        """Send the inside of a page, now and whenever it has changed."""
        parts = urlsplit(request.query_params.get("at", "/"))
        path, query = parts.path or "/", dict(parse_qsl(parts.query))

        def render() -> str:
            page = self._page(path, query)
            frame, snapshot = self._frame(request, path, page), self.site.watcher.snapshot()
            with self._drawing:
                return str(htpy.fragment[layout.inside(frame, snapshot, page.content)])

        async def events() -> AsyncIterator[str]:
            sent = ""
            while not self.pulse.over:
                beats = self.pulse.beats
                key = (parts.path, parts.query, request.cookies.get("culm-theme", ""))
                version = await self.versions.newest(key, beats, render)
                yield event("page", version.text) if version.digest != sent else ": still here\n\n"
                sent = version.digest
                await self.pulse.wait(beats, HEARTBEAT_SECONDS)
                self.site.watcher.awake()
                await self.pulse.rest(max(SETTLE_SECONDS, RESTS * version.seconds))

        return StreamingResponse(events(), media_type="text/event-stream")

    async def live_logs(self, request: Request) -> Response:
        """Send new log lines as they come."""
        query = request.query_params
        service, words, level, task = (query.get(key, "") for key in ("service", "q", "level", "task"))
        newest = request.headers.get("last-event-id") or query.get("after", "")  # the first: a stream that broke
        after = int(newest) if re.fullmatch(r"[0-9]{1,15}", newest) else 0

        async def events() -> AsyncIterator[str]:
            snapshot = await run_in_threadpool(self.site.watcher.snapshot)
            names = {each.log_group: each.name for each in snapshot.services if each.log_group}
            followed = [group for group, name in names.items() if service in ("", name)]
            with self.feed.reader() as lines:
                taken = await run_in_threadpool(self.feed.newer, followed, after) if after else []
                twice = Counter(taken)
                yield event("ready", "")
                quiet = 0.0
                while not self.pulse.over:
                    for _ in range(min(lines.qsize(), 500)):
                        line = lines.get_nowait()
                        if twice[line] > 0:
                            twice[line] -= 1
                        else:
                            taken.append(line)
                    wanted = [
                        line
                        for line in taken
                        if service in ("", names.get(line.group, ""))
                        and words.lower() in line.text.lower()
                        and (not task or line.stream.endswith(task))
                        and wanted_level(sentence(line.text), level)
                    ]
                    if wanted:
                        html = "".join(str(line_item(line, names.get(line.group, ""), words=words)) for line in wanted)
                        yield event("lines", html, id=str(max(line.at for line in wanted)))
                        quiet = 0.0
                    elif quiet >= HEARTBEAT_SECONDS:
                        yield ": still here\n\n"
                        self.site.watcher.awake()
                        quiet = 0.0
                    taken = []
                    await self.pulse.rest(0.15)
                    quiet += 0.15

        return StreamingResponse(events(), media_type="text/event-stream")

    async def json(self, request: Request) -> Response:
        snapshot = await run_in_threadpool(self.site.watcher.snapshot)
        return Response(msgspec.json.encode(snapshot), media_type="application/json")

    async def metrics(self, request: Request) -> Response:
        snapshot = await run_in_threadpool(self.site.watcher.snapshot)
        return Response(prometheus.text(snapshot), media_type=prometheus.MEDIA_TYPE)

    async def theme(self, request: Request) -> Response:
        """Keep the colours that were chosen, and go back to where that was done."""
        to = request.query_params.get("to", "")
        back = request.query_params.get("back", "/")
        response = RedirectResponse(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/", 303)
        response.set_cookie("culm-theme", to if to in THEMES else "", samesite="strict", max_age=365 * 86400)
        return response

    async def do(self, request: Request) -> Response:
        """Start what was confirmed."""
        form = await form_of(request)
        if not security.is_form_token(self.door, form.get("token", "")):
            return await self._refused(
                request, "This form is from an earlier page", "Go back and press the button again.", 403
            )
        snapshot = await run_in_threadpool(self.site.watcher.snapshot)
        order = jobs.order(form.get("do", "").split(), snapshot)
        if order is None:
            return await self._refused(request, "That cannot be done", "It does not fit what there is now.", 409)
        if not self.site.jobs.may_start(form.get("name", "")):
            what = f"{self.site.jobs.target} is protected, and this is not its name"
            return await self._refused(request, what, "Nothing was done. Go back and type the target's name.", 409)
        return RedirectResponse(f"/jobs/{self.site.jobs.start(order)}", 303)

    async def send(self, request: Request) -> Response:
        """Send the composed request and show what came back."""
        form = await form_of(request)
        if not security.is_form_token(self.door, form.get("token", "")):
            return await self._refused(
                request, "This form is from an earlier page", "Go back and press the button again.", 403
            )

        def answer() -> str:
            snapshot = self.site.watcher.snapshot()
            content = self.site.routes(snapshot, asked_of(form), send=True)
            page = Shown(title="Routes", content=content, live=False)
            return layout.document(self._frame(request, "/routes", page), snapshot, content)

        return HTMLResponse(await run_in_threadpool(answer))

    async def _refused(self, request: Request, what: str, hint: str, status: int) -> Response:
        page = Shown(title=what, content=confirm.refused(what, hint), live=False, status=status)
        snapshot = await run_in_threadpool(self.site.watcher.snapshot)
        return HTMLResponse(layout.document(self._frame(request, "", page), snapshot, page.content), status)

    async def static(self, request: Request) -> Response:
        name = request.path_params["name"]
        data = STATIC.get(name)
        if data is None:
            return Response("not here", 404, media_type="text/plain")
        headers = {"Cache-Control": "no-cache", "ETag": f'"{hashlib.sha256(data).hexdigest()[:16]}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=MEDIA[name.rpartition(".")[2]], headers=headers)


def _static() -> dict[str, bytes]:
    """The page's own files and the vendored ones; nothing else can be asked for."""
    folder = files("culm.web") / "static"
    contents = {each.name: each.read_bytes() for each in folder.iterdir() if each.name.endswith(tuple(MEDIA))}
    vendor = folder / "vendor"
    return contents | {
        f"vendor/{each.name}": each.read_bytes() for each in vendor.iterdir() if each.name.endswith(".js")
    }


STATIC: Mapping[str, bytes] = _static()


def event(name: str, data: str, id: str = "") -> str:
    """Return a server-sent event; a browser whose stream breaks tells the last `id` that it got.

    https://html.spec.whatwg.org/multipage/server-sent-events.html
    """
    lines = "".join(f"data: {line}\n" for line in data.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return (f"id: {id}\n" if id else "") + f"event: {name}\n{lines}\n"


async def form_of(request: Request) -> dict[str, str]:
    """Return an urlencoded form's fields; empty when it is too large or something else."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > MOST_FORM:
            return {}
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        return {}
    return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))


def application(web: Web, keys: Keys) -> ASGIApp:
    app = Starlette(routes=web.routes(), middleware=[Middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)])
    app.router.redirect_slashes = False
    return Guard(app, web.door, keys)


class PageServer(uvicorn.Server):
    """Ends at once: streams that browsers hold open are told that it is over."""

    def __init__(self, config: uvicorn.Config, pulse: Pulse, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self.pulse = pulse
        self.ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.pulse.bind()
        await super().startup(sockets)
        self.ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.pulse.end()
        await super().shutdown(sockets)


def serve(app: ASGIApp, listening: socket.socket, pulse: Pulse, ready: Callable[[], None]) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=1, lifespan="off"
    )
    PageServer(config, pulse, ready).run(sockets=[listening])


def described(snapshot: Any) -> str:
    """Return a snapshot as JSON, indented."""
    return json.dumps(msgspec.to_builtins(snapshot), indent=2)
