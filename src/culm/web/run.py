"""Puts the page's parts together and serves it."""

import secrets
import socket
from collections.abc import Callable

from culm import render
from culm.core.model.record import record
from culm.operate.snapshot.look import Looker
from culm.plan.bill import PriceList
from culm.project.project import Project
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
