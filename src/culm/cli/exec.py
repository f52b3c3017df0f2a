"""`culm exec`."""

import sys

import click

from culm.cli.commands_of_others import RunsCommand
from culm.cli.context import open_project, open_target, services_of, target_option
from culm.operate.exec.task_session import Command, begin
from culm.target import faults

SHELL = ("sh",)


@click.command(cls=RunsCommand)
@click.option("--task", help="The task's id, or how it begins.  [default: the newest]")
@target_option
@click.argument("service")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
def exec(service: str, command: tuple[str, ...], task: str | None, target_name: str) -> None:
    """Run COMMAND in a task of SERVICE; a shell, if none is named.

    On a terminal it is as if you sat before it: sizes, Ctrl-C and the exit status are handed on. Without one, what is
    piped in and out is passed on byte by byte; both outputs come as one. The same on AWS, where it is ECS Exec, and on
    the local cluster. Needs `exec:` in culm.yml, which is on unless it is turned off, and the right ecs:ExecuteCommand.

    \b
    culm exec accounts
    culm exec accounts -- python -m pdb -c continue app.py
    culm exec accounts -- tar -c /data > data.tar
    culm exec accounts --target stg -- env
    """
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    target = open_target(project, target_name)
    words = command[1:] if command[:1] == ("--",) else command
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    with faults.translated():
        session = begin(target, project, chosen, Command(words=words or SHELL, terminal=terminal), task=task)
    from culm.operate.exec.stream import carry  # loads websockets

    sys.exit(carry(session, terminal=terminal))
