"""`culm task`."""

import sys

import click

from culm.cli.commands_of_others import RunsCommand
from culm.cli.context import open_project, open_target, services_of, target_option
from culm.operate import one_off
from culm.operate.exec.task_session import Command
from culm.target import faults


@click.command(cls=RunsCommand)
@click.option("-i", "--input", "has_input", is_flag=True, help="Pass what is piped in on to COMMAND.")
@target_option
@click.argument("service")
@click.argument("command", nargs=-1, type=click.UNPROCESSED, required=True, metavar="-- COMMAND...")
def task(service: str, command: tuple[str, ...], has_input: bool, target_name: str) -> None:
    """Run COMMAND as a one-time task of SERVICE, with its output and its exit status.

    The task has the image, role and configuration of what SERVICE runs now, and needs as much memory. On a terminal, or
    with --input, the command is run by ECS Exec in a container that waits for it; otherwise the image's entrypoint
    starts it, and its lines come from CloudWatch Logs. Ctrl-C stops the task.

    \b
    culm task accounts -- python manage.py createsuperuser
    culm task accounts -- python manage.py check | tee check.txt
    culm task -i accounts -- python manage.py loaddata - < data.json
    """
    words = command[1:] if command[:1] == ("--",) else command
    if not words:
        raise click.UsageError("Missing argument '-- COMMAND...'.")
    project = open_project(target_name)
    [chosen] = services_of(project, [service])
    target = open_target(project, target_name)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    attended = terminal or has_input
    with faults.translated():
        started = one_off.start(target, project, chosen, words, attended=attended)
        try:
            if not attended:
                sys.exit(one_off.follow(target, project, started, click.echo))
            session = one_off.attend(target, project, chosen, started, Command(words=words, terminal=terminal))
            from culm.operate.exec.stream import carry  # loads websockets

            sys.exit(carry(session, terminal=terminal))
        finally:
            one_off.stop(target, project, started)
