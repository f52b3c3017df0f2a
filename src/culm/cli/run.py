"""`culm run`."""

import signal
import sys
from types import FrameType

import click

from culm.cli.context import service_folders
from culm.console import Console
from culm.direct.parts import needs_of, part
from culm.direct.run import Run
from culm.direct.target import Laptop
from culm.errors import UsageError
from culm.target import faults


@click.command()
@click.argument("service", required=False)
@click.option("--reload/--no-reload", default=True, show_default=True, help="Start again when files change.")
def run(service: str | None, reload: bool) -> None:
    """Run SERVICE directly, without Docker, from its conf/.

    With the neighbours that its compose file names, each migrated; their PostgreSQL is the local cluster's, which is
    started if need be, on the port that conf/database.url names. In a service's folder SERVICE may be left out.
    """
    folders = service_folders([service] if service else [])
    if len(folders) > 1:
        raise UsageError("which service?", f"culm run {next(iter(folders))}; there are: {', '.join(folders)}")
    [(name, folder)] = folders.items()
    own = part(name, folder)
    needed = needs_of(own)
    names = [each.name for each in (*needed.neighbours, own)]
    console = Console(sys.stdout, width=max(map(len, names)))
    for each in needed.lacking:
        click.echo(f"culm: {own.name} also needs {each}, which only an engine can run: start it yourself", err=True)
    signal.signal(signal.SIGTERM, leave)
    laptop = Laptop(console)
    with faults.translated():
        try:
            Run((*needed.neighbours, own), laptop.target, console).forever(reload=reload)
        finally:
            laptop.leave()


def leave(signum: int, frame: FrameType | None) -> None:
    """Leave as at Ctrl-C: what runs is stopped first."""
    raise KeyboardInterrupt
