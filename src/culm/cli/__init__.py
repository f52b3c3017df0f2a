"""The `culm` command. Commands are loaded when they are called: `culm --help` imports none of them."""

import errno
import gc
import importlib
import keyword
import os
import shutil
import sys
import textwrap
from pathlib import Path
from typing import Any

import click

from culm import __version__
from culm.errors import CulmError
from culm.vault.redaction import guard

GROUPS = {
    "Start": {
        "new": "Write a new service folder, complete and running, and its line in culm.yml.",
        "init": "Write a culm.yml from what is here: a compose file, Dockerfiles, a Procfile.",
        "import": "Write a culm.yml from compose FILEs, beside the first, and report each thing that does not map.",
        "run": "Run SERVICE directly, without Docker, from its conf/.",
        "test": "Run services' unit and integration tests as CI does.",
        "doctor": "Look at what `culm up` needs of this machine, and say how to fix what is missing.",
    },
    "Deploy": {
        "plan": "Show what a deploy would do, whether it fits and what it costs.",
        "diff": "Show differences between culm.yml and what runs.",
        "up": "Bring the whole project up: build, push, migrate, roll out.",
        "deploy": "Deploy some of the services.",
        "migrate": "Run migrations alone.",
        "env": "Previews: some services once more beside the shared ones, for a branch, with data of their own.",
        "promote": "Deploy to one target what runs on another, by the same image.",
        "rollback": "Go back to an earlier revision of SERVICE.",
        "down": "Remove the project's services, or some of them, from their target.",
    },
    "Look": {
        "status": "Show services, instances, rules and last events.",
        "open": "Show the whole staging environment on one page, live.",
        "top": "Show instances, tasks, requests and events, full screen and live.",
        "logs": "Show what services write, interleaved by time.",
        "events": "Show what has happened to services and jobs, in one timeline.",
        "history": "Show the revisions of SERVICE, and how to go back to each.",
        "bench": "Measure how many requests a second SERVICE answers in time.",
        "advise": "Say what would make a target cheaper, from what was measured there.",
    },
    "Operate": {
        "exec": "Run COMMAND in a task of SERVICE; a shell, if none is named.",
        "task": "Run COMMAND as a one-time task of SERVICE, with its output and its exit status.",
        "db": "Open SERVICE's database in psql, mariadb, valkey-cli or redis-cli.",
        "run-now": "Run JOB now, whatever its schedule says.",
        "scale": "Run COUNT tasks of SERVICE.",
        "sleep": "Put services to sleep: no tasks, and all else as it is.",
        "wake": "Wake services that sleep, and all that they call.",
        "restart": "Start new tasks of the same revision, side by side where there is room.",
        "unlock": "Open a target's lock, whoever has it.",
    },
    "Configure": {
        "vault": "Configuration files by environment and service, versioned.",
        "lint": "Look for secrets in files that others can read.",
        "schema": "Print the JSON Schema of culm.yml, for editors and checks.",
        "completion": "Print the script that lets SHELL complete commands and options.",
        "ci": "What CI needs: a workflow for GitHub or GitLab, and what its jobs call.",
    },
    "Where it runs": {
        "cluster": "The local cluster: AWS on this machine.",
        "uninstall": "Remove what culm has put on this machine: its home with all data, keys, caches, images.",
        "aws": "The base on Amazon: one CloudFormation stack a target.",
    },
}
"""What a user wants to do, with its commands by name and the first line of each one's help (a test compares them)."""

COMMANDS = {name: line for commands in GROUPS.values() for name, line in commands.items()}
"""Each has a file of its name here."""

OF_MACHINE = {
    errno.EACCES: "look at its owner and mode; CULM_HOME names the folder where culm keeps its data",
    errno.EPERM: "look at its owner and mode; CULM_HOME names the folder where culm keeps its data",
    errno.EROFS: "it is on a file system that is read only; CULM_HOME names the folder where culm keeps its data",
    errno.ENOTDIR: "a file stands where a folder is wanted; CULM_HOME names the folder where culm keeps its data",
    errno.EISDIR: "a folder stands where a file is wanted",
    errno.ELOOP: "its symbolic links go round in a circle",
    errno.ENAMETOOLONG: "move the folder to a shorter path",
    errno.ENOSPC: "culm cluster prune, or free some space elsewhere on that disk",
    errno.EDQUOT: "culm cluster prune, or free some space: your quota of that disk is used up",
    errno.EMFILE: "raise the limit of open files: ulimit -n 4096",
}
"""Refusals of the operating system, and what to try."""
NAMELESS = (errno.ENOSPC, errno.EDQUOT, errno.EMFILE)
"""Those that say enough without the name of a file."""

FIRST_SCREEN = """\
culm: all microservices of a project on the fewest small machines, behind one load balancer.

  culm init       Write a culm.yml from what is in this folder.
  culm plan       Show what a deploy would do, whether it fits and what it costs.
  culm up         Bring everything up, on this machine or with --target elsewhere.
  culm status     Show what runs, where, and what happened last.
  culm logs       Show what the services write.

All commands: culm --help. One of them: culm COMMAND --help.
"""
"""What `culm` alone prints, before it is folded."""


def first_screen(width: int) -> str:
    """Return what `culm` alone prints, on so many columns."""
    indent = " " * 18
    return "\n".join(
        textwrap.fill(line, width, subsequent_indent=indent if line.startswith("  ") else "")
        for line in FIRST_SCREEN.splitlines()
    )


class SuggestingGroup(click.Group):
    """A group that names the nearest command where somebody mistypes one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begin with; raises UsageError, naming the nearest, where there is none."""
        names = self.list_commands(ctx)
        if args[0] not in names and not ctx.resilient_parsing:
            import difflib

            if near := difflib.get_close_matches(args[0], names, 1):
                ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(ctx, args)


class Commands(SuggestingGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name.replace("-", "_")
        command: click.Command = getattr(importlib.import_module(f"culm.cli.{name}"), name)
        if not gc.isenabled():
            gc.freeze()
            gc.enable()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, COMMANDS))
        for group, commands in GROUPS.items():
            with formatter.section(group):
                formatter.write_dl([(name.ljust(widest), line) for name, line in commands.items()])


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="culm")
@click.option(
    "--trace",
    metavar="FILE",
    envvar="CULM_TRACE",
    show_envvar=True,
    help="Append every call of the AWS API to FILE, a JSON object a line.",
)
@click.pass_context
def culm(context: click.Context, trace: str | None) -> None:
    """All microservices of a project on the fewest small machines, behind one load balancer."""
    if trace is not None:
        from culm.target import trace as traces

        context.obj = traces.to_file(Path(trace))
        context.call_on_close(context.obj.close)
    if "NO_COLOR" in os.environ:  # https://no-color.org
        context.color = False
    if context.invoked_subcommand is None:
        click.echo(first_screen(shutil.get_terminal_size().columns))


def main() -> None:
    """Run `culm`. Prints an error as `culm: what` and `try: hint`, and exits with its status: 130 after Ctrl-C."""
    guard()
    gc.disable()  # what is loaded stays: to look through it again and again takes a tenth of a short command's time
    try:
        status: Any = culm.main(prog_name="culm", standalone_mode=False)
    except CulmError as error:
        complain(error)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = 2 if isinstance(error, click.UsageError) else 1
    except (click.Abort, KeyboardInterrupt):
        click.echo("culm: interrupted", err=True)
        status = 130
    except BrokenPipeError:  # `culm logs | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        if (fault := of_machine(error)) is None:
            raise
        complain(fault)
        status = fault.exit_status
    sys.exit(status if isinstance(status, int) else 0)


def of_machine(error: OSError) -> CulmError | None:
    """Return what the user can fix: a file or a disk that this machine does not let culm use. None: it may be a bug."""
    hint = OF_MACHINE.get(error.errno or 0)
    if hint is None or (error.errno not in NAMELESS and not isinstance(error.filename, str)):
        return None
    where = f"cannot use {error.filename}: " if isinstance(error.filename, str) else ""
    return CulmError(f"{where}{os.strerror(error.errno or 0)}", hint)


def complain(error: CulmError) -> None:
    """Print an error to stderr, with its hint."""
    click.echo(f"culm: {error.what}", err=True)
    if error.hint:
        click.echo(f"try: {error.hint}", err=True)
