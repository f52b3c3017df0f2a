"""Every command that tells something tells it as JSON, too."""

from collections.abc import Iterator

import click
import pytest

from culm.cli import culm

WITHOUT = {
    "aws bootstrap": "a stack in plain words, and a question; its template: --print",
    "aws destroy": "asks and removes; what is there before: culm status --json",
    "aws policy": "JSON anyway",
    "aws shell": "a terminal's own, as exec",
    "aws refresh": "replaces instances one by one, and asks",
    "ci github": "writes files; status and names alone",
    "ci gitlab": "writes files; status and names alone",
    "ci comment": "Markdown is what it is for; the plan: culm plan --json",
    "ci summary": "Markdown is what it is for",
    "cluster backup": "does one thing",
    "cluster env": "lines for a shell's eval",
    "cluster prune": "does one thing",
    "cluster reset": "does one thing, and asks",
    "cluster restore": "does one thing",
    "cluster rotate-key": "does one thing",
    "cluster start": "does one thing; culm cluster status --json tells of it",
    "cluster stop": "does one thing",
    "cluster trust": "does one thing",
    "completion": "a script for a shell",
    "db": "what the database's own client prints",
    "exec": "what the command prints",
    "import": "writes culm.yml, with its notes as comments",
    "init": "writes culm.yml, with its notes as comments",
    "new": "writes files",
    "run": "what the services print, until Ctrl-C",
    "run-now": "what the job prints, with its exit status",
    "schema": "JSON anyway",
    "task": "what the command prints, with its exit status",
    "test": "--junit has the results",
    "unlock": "does one thing",
    "vault diff": "differences as `diff` has them",
    "vault edit": "an editor",
    "vault get": "the file itself",
    "vault rm": "does one thing",
}
"""Commands without --json, and why."""


def leaves(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", command


COMMANDS = dict(leaves(culm))


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_json_or_a_reason_why_not(name: str) -> None:
    has = any("--json" in parameter.opts for parameter in COMMANDS[name].params)
    assert has != (name in WITHOUT), f"{name}: {'has it' if has else 'has neither'}"


def test_every_reason_is_of_a_command_that_there_is() -> None:
    assert set(WITHOUT) - set(COMMANDS) == set()
