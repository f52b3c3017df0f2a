"""`culm open`."""

import secrets
import socket
import webbrowser

import click

from culm.cli import price_lists
from culm.cli.context import json_option, open_project, open_target, target_option
from culm.errors import CulmError, UsageError
from culm.plan.bill import PriceList
from culm.project.project import Project
from culm.target import faults
from culm.target.clock import now
from culm.target.connection import Target

LOOPBACK = "127.0.0.1"


@click.command(name="open")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The page's port. [default: any free one]")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option("--read-only", is_flag=True, help="Show everything, allow nothing.")
@click.option("--listen", metavar="ADDR", help="Also for colleagues: an address of this machine. Needs --read-only.")
@click.option("--page", metavar="ADDRESS", help="With --json: what this page shows: '/routes?path=/orders/7'.")
@json_option
@target_option
def open(
    port: int, no_browser: bool, read_only: bool, listen: str | None, as_json: bool, target_name: str, page: str | None
) -> None:
    """Show the whole staging environment on one page, live.

    Serves the page on this machine until Ctrl-C and opens a browser. Its address lets one browser in, once. --json
    prints what the page shows, once, and serves nothing.

    \b
    culm open
    culm open --target staging
    culm open --read-only --listen 192.0.2.7 --port 8700
    culm open --json --page '/routes?path=/orders/7'
    """
    if page is not None and not as_json:
        raise UsageError("--page says what --json prints", "add --json")
    if listen is not None and not read_only:
        raise UsageError("--listen shows the page to others, so it needs --read-only", "add --read-only")
    project = open_project(target_name)
    target = open_target(project, target_name)
    if as_json and page is not None:
        from culm.web import run

        click.echo(run.data(project, target, prices_of(target), page))
        return
    if as_json:
        print_snapshot(project, target)
        return
    show(project, target, port=port, browser=not no_browser, listen=listen, read_only=read_only)


def prices_of(target: Target) -> PriceList:
    """Return those of the target's region; of the default one where culm brings none."""
    return price_lists.load(price_lists.known(target.region))


def print_snapshot(project: Project, target: Target) -> None:
    """Print one look, as JSON."""
    from culm.operate.snapshot.compose import compose
    from culm.operate.snapshot.look import Looker
    from culm.web.server import described

    looker = Looker(target, project, now)
    with faults.translated():
        click.echo(described(compose(looker.about, looker.look(), prices_of(target))))


def show(project: Project, target: Target, *, port: int, browser: bool, listen: str | None, read_only: bool) -> None:
    """Serve the page until Ctrl-C."""
    from culm.web import security
    from culm.web.run import Options, run

    address = listen or LOOPBACK
    listening = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((address, port))
    except OSError as error:
        raise CulmError(
            f"cannot listen on {address} port {port}: {error.strerror}", "another --port or --listen"
        ) from None
    bound = listening.getsockname()[1]
    token = secrets.token_urlsafe(24)
    named = f"[{address}]" if ":" in address else address
    url = f"http://{named if listen else security.HOST}:{bound}/?token={token}"

    def ready() -> None:
        click.echo(f"the page is at {url}", err=True)
        if listen:
            click.echo("whoever has this address can read everything on it; Ctrl-C ends it", err=True)
        else:
            click.echo(
                f"(it lets one browser in; where {security.HOST} is not found, write 127.0.0.1 in its place)", err=True
            )
        if browser and not listen:
            webbrowser.open(url)

    names = (*security.OWN_NAMES, named) if listen else security.OWN_NAMES
    options = Options(
        token=token, read_only=read_only, shared=listen is not None, hosts=security.hosts(names, bound), port=bound
    )
    run(project, target, prices_of(target), listening, options, ready)
