"""Puts the page's parts together and serves it."""

import secrets
import socket
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import msgspec

from culm import render
from culm.core.model.record import record
from culm.errors import CulmError, UsageError
from culm.operate.snapshot.look import Looker
from culm.plan.bill import PriceList
from culm.project.project import Project
from culm.target import faults
from culm.target.clock import now
from culm.target.connection import Target
from culm.web import security
from culm.web.feed import Feed
from culm.web.jobs import Jobs
from culm.web.pages import Site
from culm.web.reads import Reads
from culm.web.security import Door
from culm.web.server import Keys, Pulse, Web, application, serve
from culm.web.watcher import Watcher


@record
class Options:
    token: str
    """Lets the first browser in."""
    read_only: bool
    shared: bool
    """The token works for several browsers."""
    hosts: frozenset[str]
    port: int


def data(project: Project, target: Target, prices: PriceList, page: str) -> str:
    """Return as JSON what a page shows, given its address: `/routes?path=/orders/7`.

    Raises UsageError for an address that is of no page, and CulmError when the target does not answer.
    """
    site = Site(
        watcher=Watcher(Looker(target, project, now), prices, lambda: None),
        reads=Reads(target, project, now),
        jobs=Jobs(project.root, target.settings, now=now, done=lambda: None, stop_task=lambda id: None),
        folder=project.root,
        may_act=False,
        token="",
    )
    parts = urlsplit(page)
    if why := site.watcher.snapshot().unreachable:
        raise CulmError(f"{target.settings.name} does not answer: {why}")
    try:
        with faults.translated():
            value = site.data(parts.path, dict(parse_qsl(parts.query)))
    except ValueError as error:  # a path or a header that is none
        raise UsageError(str(error)) from None
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=str)).decode()


def run(
    project: Project,
    target: Target,
    prices: PriceList,
    listening: socket.socket,
    options: Options,
    ready: Callable[[], None],
) -> None:
    """Serve the page until Ctrl-C; `ready` is called when it answers."""
    door = Door(
        hosts=options.hosts,
        cookie=f"culm-{options.port}",
        session=secrets.token_urlsafe(32),
        secret=secrets.token_bytes(32),
        read_only=options.read_only,
    )
    pulse = Pulse()
    watcher = Watcher(Looker(target, project, now), prices, pulse.beat)
    reads = Reads(target, project, now)
    feed = Feed(target, lambda: [render.log_group(project, each) for each in project.services.values()], now)

    def done() -> None:
        watcher.again()
        pulse.beat()

    jobs = Jobs(project.root, target.settings, now=now, done=done, stop_task=reads.stop_task)
    site = Site(
        watcher=watcher,
        reads=reads,
        jobs=jobs,
        folder=project.root,
        may_act=not options.read_only,
        token=security.form_token(door),
    )
    watcher.start()
    try:
        serve(
            application(Web(site, feed, door, pulse), Keys(options.token, many=options.shared)), listening, pulse, ready
        )
    finally:
        watcher.stop()
        feed.stop()
